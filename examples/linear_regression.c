/* linear_regression.c - finds the line y = 3 x - 2 from noisy points.
 * usage: linear_regression [DEVICE]      prints the slope and the intercept; 0 if they are right */
#include <gradc.h>
#include <math.h>
#include <stdio.h>

enum { POINTS = 200 };

int main(int argc, char **argv)
{
    gradc_context *g = gradc_open(argc > 1 ? argv[1] : "cpu");
    gradc_seed(g, 7);

    gradc_tensor *x = gradc_retain(gradc_randn(g, 2, (const int64_t[]){POINTS, 1}));
    gradc_tensor *noise = gradc_mul_scalar(gradc_randn(g, 2, (const int64_t[]){POINTS, 1}), 0.1);
    gradc_tensor *y = gradc_retain(gradc_add(gradc_add_scalar(gradc_mul_scalar(x, 3), -2), noise));

    gradc_tensor *w = gradc_param(g, GRADC_ZEROS, 2, (const int64_t[]){1, 1});
    gradc_tensor *b = gradc_param(g, GRADC_ZEROS, 1, (const int64_t[]){1});
    gradc_optim *optim = gradc_sgd((gradc_tensor *[]){w, b}, 2, 0.1, 0);

    for (int step = 0; step < 200; step++) {
        gradc_tensor *error = gradc_sub(gradc_linear(x, w, b), y);
        gradc_backward(gradc_mean(gradc_mul(error, error), 0, NULL, 0));
        gradc_step(optim);
        gradc_tape_clear(g);
    }

    double slope = gradc_item(w), intercept = gradc_item(b);
    int failed = gradc_check(g) != GRADC_OK;
    if (failed)
        fprintf(stderr, "%s\n", gradc_message(g));
    else
        printf("y = %.2f x %+.2f\n", slope, intercept);

    gradc_optim_free(optim);
    gradc_release(x);
    gradc_release(y);
    gradc_release(w);
    gradc_release(b);
    gradc_close(g);
    return failed || !(fabs(slope - 3) < 0.05) || !(fabs(intercept + 2) < 0.05);
}
