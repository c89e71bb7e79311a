/* mlp.c - a network with one hidden layer learns exclusive or, which no straight line can separate.
 * usage: mlp [DEVICE]      prints the four answers; 0 if they are right */
#include <gradc.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const int32_t answers[4] = {0, 1, 1, 0};
    int64_t guesses[4] = {-1, -1, -1, -1};

    gradc_context *g = gradc_open(argc > 1 ? argv[1] : "cpu");
    gradc_seed(g, 1);
    gradc_tensor *x = gradc_new(g, GRADC_F32, 2, (const int64_t[]){4, 2});
    gradc_tensor *y = gradc_new(g, GRADC_I32, 1, (const int64_t[]){4});
    gradc_write(x, inputs, sizeof inputs);
    gradc_write(y, answers, sizeof answers);

    gradc_tensor *p[4] = {
        gradc_param(g, GRADC_KAIMING, 2, (const int64_t[]){16, 2}),
        gradc_param(g, GRADC_ZEROS, 1, (const int64_t[]){16}),
        gradc_param(g, GRADC_KAIMING, 2, (const int64_t[]){2, 16}),
        gradc_param(g, GRADC_ZEROS, 1, (const int64_t[]){2}),
    };
    gradc_optim *optim = gradc_adam(p, 4, 0.02);

    for (int step = 0; step < 500; step++) {
        gradc_tensor *logits = gradc_linear(gradc_tanh(gradc_linear(x, p[0], p[1])), p[2], p[3]);
        gradc_backward(gradc_cross_entropy(logits, y));
        gradc_step(optim);
        gradc_tape_clear(g);
    }
    gradc_tensor *logits = gradc_linear(gradc_tanh(gradc_linear(x, p[0], p[1])), p[2], p[3]);
    gradc_read(gradc_argmax(logits, 1, (const int[]){1}, 0), guesses, sizeof guesses);

    int wrong = gradc_check(g) != GRADC_OK;
    if (wrong)
        fprintf(stderr, "%s\n", gradc_message(g));
    for (int i = 0; i < 4; i++) {
        printf("%g xor %g = %d\n", inputs[i][0], inputs[i][1], (int)guesses[i]);
        wrong |= guesses[i] != answers[i];
    }

    gradc_optim_free(optim);
    for (int i = 0; i < 4; i++)
        gradc_release(p[i]);
    gradc_release(x);
    gradc_release(y);
    gradc_close(g);
    return wrong;
}
