/* cnn.c - a small convolutional network tells horizontal stripes from vertical ones under noise.
 * usage: cnn [DEVICE]      prints the loss as it falls and the accuracy on new images; 0 if above 0.95 */
#include <gradc.h>
#include <stdio.h>

enum { BATCH = 32, SIDE = 8 };

/* Stripes of a random phase: class 0 along the rows, class 1 along the columns. */
static void draw(float *images, int32_t *labels, unsigned *seed)
{
    for (int i = 0; i < BATCH; i++) {
        unsigned phase = (*seed = *seed * 1664525u + 1013904223u) >> 30;
        labels[i] = i % 2;
        for (unsigned k = 0; k < SIDE * SIDE; k++) {
            unsigned along = labels[i] ? k % SIDE : k / SIDE;
            float noise = (float)((*seed = *seed * 1664525u + 1013904223u) >> 8) / 16777216.0f;
            images[i * SIDE * SIDE + (int)k] = ((along + phase) % 4 < 2 ? 1.0f : 0.0f) + noise;
        }
    }
}

int main(int argc, char **argv)
{
    static float images[BATCH * SIDE * SIDE];
    int32_t labels[BATCH];
    unsigned seed = 1;
    gradc_context *g = gradc_open(argc > 1 ? argv[1] : "cpu");
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){BATCH, 1, SIDE, SIDE});
    gradc_tensor *y = gradc_new(g, GRADC_I32, 1, (const int64_t[]){BATCH});
    gradc_tensor *conv = gradc_param(g, GRADC_KAIMING, 4, (const int64_t[]){8, 1, 3, 3});
    gradc_tensor *full = gradc_param(g, GRADC_KAIMING, 2, (const int64_t[]){2, 8 * 4 * 4});
    gradc_optim *optim = gradc_adam((gradc_tensor *[]){conv, full}, 2, 0.01);
    double right = 0;

    for (int step = 0; step <= 60; step++) {
        draw(images, labels, &seed);
        gradc_write(x, images, sizeof images);
        gradc_write(y, labels, sizeof labels);
        gradc_tensor *h = gradc_max_pool2d(gradc_relu(gradc_conv2d(x, conv, NULL, 1, 1)), 2, 2);
        gradc_tensor *logits = gradc_linear(gradc_flatten(h, 1, -1), full, NULL),
                     *loss = gradc_cross_entropy(logits, y);
        gradc_tensor *guess = gradc_cast(gradc_argmax(logits, 1, (const int[]){1}, 0), GRADC_I32);
        right = gradc_item(gradc_mean(gradc_cast(gradc_eq(guess, y), GRADC_F32), 0, NULL, 0));
        if (step % 20 == 0)
            printf("step %d: loss %.4f, accuracy %.2f\n", step, gradc_item(loss), right);
        gradc_backward(loss);
        gradc_step(optim);
        gradc_tape_clear(g);
    }
    if (gradc_check(g) != GRADC_OK)
        fprintf(stderr, "%s\n", gradc_message(g));
    int failed = gradc_check(g) != GRADC_OK || right < 0.95;
    gradc_optim_free(optim);
    gradc_tensor *owned[] = {x, y, conv, full};
    for (int i = 0; i < 4; i++)
        gradc_release(owned[i]);
    gradc_close(g);
    return failed;
}
