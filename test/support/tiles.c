/* tiles.c - tiles that are forced on a context, and each of them once. */
#ifndef GRADC_NO_OPENCL
#include "core/context.h"
#include "core/plan/plan.h"
#include "device/opencl/trial.h"
#endif
#include "tiles.h"

#ifdef GRADC_NO_OPENCL
void force_tile(gradc_context *g, const char *form, int tile, int splits)
{
    (void)g;
    (void)form;
    (void)tile;
    (void)splits;
}

void each_tile(struct fixture *f)
{
    (void)f;
}

void some_tiles(struct fixture *f)
{
    (void)f;
}
#else

void force_tile(gradc_context *g, const char *form, int tile, int splits)
{
    static struct choice choice;
    choice = (struct choice){.tile = tile, .splits = splits};
    snprintf(choice.form, sizeof choice.form, "%s", form);
    plans_close(g);
    opencl_tuning(g->device)->forced = tile < 0 ? NULL : &choice;
}

static gradc_tensor *leaf(struct fixture *f, const int64_t *shape)
{
    struct random r = {1};
    gradc_tensor *x = tensor_random(f->g, GRADC_F32, shape, 0.5, 1.5, &r);
    gradc_requires_grad(x, 1);
    return x;
}

/* Backward, and the operands go. */
static void finish(struct fixture *f, gradc_tensor *z, gradc_tensor *const *x)
{
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    for (int i = 0; i < 3; i++)
        gradc_release(x[i]);
    gradc_tape_clear(f->g);
    assert_works(f->g);
}

/* Columns, depths and rows that are no multiples of four, or all of them. */
static void once(struct fixture *f, int tile)
{
    const int64_t n = tile % 3 ? 12 : 9, side = tile % 2 ? 3 : 1;
    gradc_tensor *x[3] = {leaf(f, SHAPE_OF(4, n)), leaf(f, SHAPE_OF(8, n)), leaf(f, SHAPE_OF(8))};
    force_tile(f->g, "tiled", tile, 1);
    finish(f, gradc_linear(x[0], x[1], x[2]), x);
    x[0] = leaf(f, SHAPE_OF(2, 4, 4, n));
    x[1] = leaf(f, SHAPE_OF(8, 4, side, side));
    x[2] = leaf(f, SHAPE_OF(8));
    force_tile(f->g, "direct", tile, 1);
    finish(f, gradc_conv2d(x[0], x[1], x[2], 1, tile % 2), x);
}

static void thin(struct fixture *f, int kind, int turned)
{
    struct trial t;
    const struct candidate c = candidate_gemm(&gemm_skinny, -1, 1);
    const int64_t size[] = {turned ? 9 : 3, turned ? 3 : 9, kind & KIND_A_DEEP ? 11 : 12};
    assert_int_equal(trial_gemm(f->g->device, GRADC_F32, size, kind, 1, &t, NULL), GRADC_OK);
    assert_int_equal(trial_run(&t, &c, 1, NULL, NULL), GRADC_OK);
    trial_free(&t);
}

static void tiles(struct fixture *f, int first, int step)
{
    if (strcmp(f->device, "cpu") == 0 || !test_long())
        return;
    for (int tile = first; tile < TILES; tile += step)
        if (opencl_tile_bytes(tile, GRADC_F32) <= f->g->device->info.local_memory)
            once(f, tile);
    force_tile(f->g, "", -1, 1);
    for (int kind = first % KIND_BATCH; kind < KIND_BATCH; kind += step)
        for (int turned = 0; turned < 2; turned++)
            thin(f, kind, turned);
}

void each_tile(struct fixture *f)
{
    if (test_all())
        tiles(f, 0, 1);
}

void some_tiles(struct fixture *f)
{
    tiles(f, 5, 6);
}
#endif
