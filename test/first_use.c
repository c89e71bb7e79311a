/* first_use.c - tiles that are looked for when products and convolutions are first prepared: they change no bit and no
 * digest, are kept, need room, and may fail. */
#ifndef GRADC_NO_OPENCL
#include "core/context.h"
#include "core/plan/plan.h"
#include "device/opencl/opencl.h"
#include "device/opencl/trial.h"
#endif
#include "io/tuning.h"
#include "support/files.h"
#include "support/stores.h"
#ifndef GRADC_NO_OPENCL

/* Whether there is something to test: what is prepared eagerly is prepared the same way. */
static int begin(struct fixture *f)
{
    return store_begin(f->g) && !f->eager;
}

static gradc_context *another(struct fixture *f, const char *tune)
{
    gradc_context *g = test_open(f->device);
    store_move(g);
    assert_int_equal(gradc_set(g, "tune", tune), GRADC_OK);
    return g;
}

/* ---- Some problems, and the bits that they come to ---- */

enum { RESULTS = 16 };

struct bits {
    int n;
    uint64_t hash[RESULTS];
    int64_t launches; /* of the last plan */
};

static void add_bits(struct bits *b, gradc_tensor *t)
{
    const size_t bytes = (size_t)gradc_bytes(t);
    char *data = malloc(bytes);
    assert_non_null(data);
    if (gradc_read(t, data, bytes))
        fail_msg("%s", gradc_message(gradc_context_of(t)));
    b->hash[b->n++] = tuning_hash(0, data, bytes);
    free(data);
}

static gradc_tensor *leaf(gradc_context *g, const int64_t *shape, struct random *r, int wants)
{
    gradc_tensor *x = tensor_random(g, GRADC_F32, shape, -1, 1, r);
    assert_int_equal(gradc_requires_grad(x, wants || test_long()), GRADC_OK);
    return x;
}

/* z, and the gradients of x, w and bias (in the long form: each has kernels of its own). */
static void add_all(struct bits *b, gradc_tensor *z, gradc_tensor *const *x)
{
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    add_bits(b, z);
    assert_int_equal(gradc_plan_info(gradc_context_of(z), &b->launches, NULL, NULL, NULL), GRADC_OK);
    for (int i = 0; i < 3; i++) {
        if (gradc_grad(x[i]))
            add_bits(b, gradc_grad(x[i]));
        gradc_release(x[i]);
    }
    gradc_tape_clear(gradc_context_of(z));
}

/* A layer whose weights' gradient has sums of rows, and a convolution that is none of Winograd's; in the long form one
 * that is, and a batch. */
static struct bits run(gradc_context *g)
{
    struct random r = {test_seed()};
    struct bits b = {0};
    gradc_tensor *linear[3] = {leaf(g, SHAPE_OF(250, 404), &r, 0), leaf(g, SHAPE_OF(301, 404), &r, 1),
                               leaf(g, SHAPE_OF(301), &r, 1)};
    add_all(&b, gradc_linear(linear[0], linear[1], linear[2]), linear);
    gradc_tensor *conv[3] = {leaf(g, SHAPE_OF(2, 16, 40, 41), &r, 0), leaf(g, SHAPE_OF(24, 16, 5, 5), &r, 0),
                             leaf(g, SHAPE_OF(24), &r, 1)};
    add_all(&b, gradc_conv2d(conv[0], conv[1], conv[2], 1, 2), conv);
    if (!test_long())
        return b;
    gradc_tensor *winograd[3] = {leaf(g, SHAPE_OF(2, 48, 40, 40), &r, 1),
                                 leaf(g, SHAPE_OF(40, 48, 3, 3), &r, 1), leaf(g, SHAPE_OF(40), &r, 1)};
    add_all(&b, gradc_conv2d(winograd[0], winograd[1], winograd[2], 1, 1), winograd);
    gradc_tensor *batch[3] = {leaf(g, SHAPE_OF(3, 100, 330), &r, 1), leaf(g, SHAPE_OF(3, 330, 230), &r, 1),
                              leaf(g, SHAPE_OF(230), &r, 1)};
    add_all(&b, gradc_add(gradc_matmul(batch[0], batch[1]), batch[2]), batch);
    return b;
}

static void assert_same(const struct bits *got, const struct bits *want)
{
    assert_int_equal(got->n, want->n);
    assert_int_equal(got->launches, want->launches); /* a trial's are not counted */
    for (int i = 0; i < want->n; i++)
        if (got->hash[i] != want->hash[i])
            fail_msg("result %d has other bits", i);
}

/* Another tile than each that won, as another device would have it. */
static void turn_tiles(struct device *d)
{
    const struct tuned_list *tiles = &opencl_tuning(d)->tiles;
    for (int64_t i = 0; i < tiles->n; i++) {
        struct choice *c = &tiles->at[i].choice;
        do
            c->tile = (c->tile + 1) % TILES;
        while (!opencl_tile_fits(d, c->tile, GRADC_F32));
    }
}

static void the_same_bits(struct fixture *f)
{
    char before[TUNING_TEXT], after[TUNING_TEXT];
    if (!begin(f))
        return;
    const struct bits want = run(f->g);
    struct tuning *t = opencl_tuning(f->g->device);
    assert_int_equal(t->trials, 0); /* a processor */
    tuning_digest(f->g, before);

    gradc_context *on = another(f, "first-use");
    t = opencl_tuning(on->device);
    t->spent = -1e6; /* however slow the device is */
    struct bits got = run(on);
    assert_same(&got, &want);
    assert_true(t->trials >= 3);
    assert_int_equal(t->tiles.n, t->trials);
    assert_int_equal(t->entries.n, 0);
    tuning_digest(on, after);
    assert_string_equal(after, before);
    const int64_t found = t->tiles.n;
    assert_int_equal(gradc_tune_save(on, files_path("tiles")), GRADC_OK);
    gradc_close(on);

    on = another(f, "first-use"); /* it reads what the first has kept */
    t = opencl_tuning(on->device);
    assert_int_equal(t->tiles.n, found);
    turn_tiles(on->device);
    got = run(on);
    assert_same(&got, &want);
    assert_int_equal(t->trials, 0);
    gradc_close(on);

    assert_int_equal(gradc_tune_load(f->g, files_path("tiles")), GRADC_OK);
    assert_int_equal(opencl_tuning(f->g->device)->tiles.n, found);
    tuning_digest(f->g, after);
    assert_string_equal(after, before);
}

/* ---- Every tile in the place of the default's ---- */

static void every_tile(struct fixture *f)
{
    static const int64_t sizes[][3] = {{64, 60, 3001}, {200, 130, 600}};
    if (!begin(f))
        return;
    struct device *d = f->g->device;
    for (int i = 0; i < (test_long() ? 2 : 1); i++) {
        struct bits want = {0};
        struct random r = {test_seed() + (uint64_t)i};
        gradc_tensor *x = tensor_random(f->g, GRADC_F32, SHAPE_OF(sizes[i][0], sizes[i][2]), -1, 1, &r);
        gradc_tensor *y = tensor_random(f->g, GRADC_F32, SHAPE_OF(sizes[i][2], sizes[i][1]), -1, 1, &r);
        const struct gemm p = {.dtype = GRADC_F32,
                               .m = sizes[i][0],
                               .n = sizes[i][1],
                               .k = sizes[i][2],
                               .a_row = sizes[i][2],
                               .a_col = 1,
                               .b_row = sizes[i][1],
                               .b_col = 1};
        const struct tiling own = opencl_tiling_for(d, NULL, GRADC_F32, p.m, p.n, p.k, 1);
        add_bits(&want, gradc_matmul(x, y));
        for (int tile = 0; tile < TILES; tile += test_long() ? 1 : 2) {
            const struct tuned e = {.of = tuned_class_of_gemm(d, &p), .choice = {"tiled", tile, 0}};
            struct bits got = {0};
            if (!opencl_tile_fits(d, tile, GRADC_F32))
                continue;
            assert_int_equal(tuned_put(&opencl_tuning(d)->tiles, &e), 0);
            const struct tiling its =
                opencl_tiling_for(d, tuning_tile_of_gemm(d, &p), GRADC_F32, p.m, p.n, p.k, 1);
            assert_ptr_equal(its.tile, &opencl_tiles[tile]);
            assert_true(its.chunk == own.chunk && its.splits == own.splits);
            plans_close(f->g);
            add_bits(&got, gradc_matmul(x, y));
            assert_same(&got, &want);
        }
        gradc_release(x);
        gradc_release(y);
    }
}

/* A trial sees when the order of the sums is another. */
static void another_order(struct fixture *f)
{
    struct gemm p = {
        .dtype = GRADC_F32,
        .m = 64,
        .n = 60,
        .k = 3001,
        .a_row = 3001,
        .a_col = 1,
        .b_row = 60,
        .b_col = 1,
        .c_row = 60,
    };
    struct failure failure = {0};
    struct trial t;
    int tiles[2], n = 0;
    if (!begin(f))
        return;
    struct device *d = f->g->device;
    for (int tile = 0; tile < TILES && n < 2; tile += 2)
        if (opencl_tile_fits(d, tile, GRADC_F32))
            tiles[n++] = tile;
    d->room = 1000;
    assert_int_equal(trial_like_gemm(d, &p, &gemm_tiled, &t, &failure), GRADC_E_MEMORY);
    d->room = -1;
    assert_int_equal(trial_like_gemm(d, &p, &gemm_tiled, &t, &failure), GRADC_OK);
    const struct candidate own = candidate_gemm(&gemm_tiled, tiles[0], 0),
                           other = candidate_gemm(&gemm_tiled, tiles[1], 0);
    const struct candidate split = candidate_gemm(&gemm_tiled, tiles[0], 8);
    assert_true(trial_same_bits(&t, &own, &other));
    assert_false(trial_same_bits(&t, &own, &split));
    trial_free(&t);
}

/* Whatever the shape, all tiles that the device has are cut as the default is. */
static void cuts(struct fixture *f)
{
    struct random r = {test_seed()};
    int tiles[TILES];
    if (!store_begin(f->g))
        return;
    struct device gpu = *f->g->device;
    snprintf(gpu.info.kind, sizeof gpu.info.kind, "gpu");
    gpu.info.local_memory = 49152;
    for (int i = 0; i < 2000; i++) {
        const int64_t size[4] = {1 + random_below(&r, 600), 1 + random_below(&r, 600),
                                 1 + random_below(&r, 50000), 1 + random_below(&r, 3)};
        struct tiling own = opencl_cut(&opencl_tiles[random_below(&r, 12)], 1 + random_below(&r, 200),
                                       size[0], size[1], size[2], size[3]);
        int fit = 0;
        for (int tile = 0; tile < TILES; tile++)
            fit += opencl_tile_fits(&gpu, tile, GRADC_F32) && &opencl_tiles[tile] != own.tile;
        assert_int_equal(opencl_tiles_for(&gpu, GRADC_F32, size, &own, tiles, TILES), fit);
        assert_int_equal(opencl_tiles_for(&gpu, GRADC_F32, size, &own, tiles, 3), 3);
    }
}

/* ---- When nothing is looked for ---- */

/* The layer above, forward. */
struct layer {
    gradc_tensor *x, *w, *bias, *z;
};

static struct layer layer(gradc_context *g)
{
    struct random r = {test_seed()};
    struct layer l = {tensor_random(g, GRADC_F32, SHAPE_OF(250, 404), -1, 1, &r),
                      tensor_random(g, GRADC_F32, SHAPE_OF(301, 404), -1, 1, &r),
                      tensor_random(g, GRADC_F32, SHAPE_OF(301), -1, 1, &r), NULL};
    l.z = gradc_linear(l.x, l.w, l.bias);
    return l;
}

static void layer_free(gradc_context *g, struct layer *l)
{
    gradc_tape_clear(g);
    gradc_release(l->x);
    gradc_release(l->w);
    gradc_release(l->bias);
}

static void product(gradc_context *g, struct bits *b)
{
    struct layer l = layer(g);
    add_bits(b, l.z);
    layer_free(g, &l);
}

static int64_t trials_of(gradc_context *g)
{
    struct bits ignored = {0};
    product(g, &ignored);
    const int64_t trials = opencl_tuning(g->device)->trials;
    gradc_close(g);
    return trials;
}

static void not_at_all(struct fixture *f)
{
    if (!begin(f))
        return;
    assert_int_equal(trials_of(another(f, "off")), 0);

    gradc_context *g = another(f, "first-use"); /* room for the operands, and not for a trial's */
    assert_int_equal(gradc_set(g, "memory_limit", "3M"), GRADC_OK);
    assert_int_equal(trials_of(g), 0);

    g = another(f, "first-use"); /* gradc_tune was here */
    struct gemm p = {
        .dtype = GRADC_F32, .m = 250, .n = 301, .k = 404, .a_row = 404, .a_col = 1, .b_row = 1, .b_col = 404};
    const struct tuned e = {.of = tuned_class_of_gemm(g->device, &p), .choice = {"tiled", -1, 1}};
    assert_int_equal(tuning_put(g->device, &e), 0);
    assert_int_equal(trials_of(g), 0);

    g = another(f, "first-use"); /* it took its time already */
    opencl_tuning(g->device)->spent = 1e3;
    assert_int_equal(trials_of(g), 0);

    g = another(f, "first-use");
    assert_int_equal(gradc_set(g, "memory_limit", "1G"), GRADC_OK);
    assert_int_equal(trials_of(g), 1);
}

/* ---- Failures ---- */

/* Whichever call of OpenCL fails, the product is right or says why not; where only a trial fails it is right. */
static void failures(struct fixture *f)
{
    struct bits want = {0};
    int survived = 0, struck = 1;
    if (!begin(f))
        return;
    product(f->g, &want);
    const int step = test_long() ? 1 : 5;
    for (int n = 1; struck && n < 2000; n += step) {
        struct bits got = {0};
        store_begin(f->g); /* nothing is known */
        gradc_context *g = another(f, "first-use");
        struct layer l = layer(g);
        opencl_fail_after(n);
        const gradc_status status = gradc_sync(g);
        struck = opencl_fail_after(0) == 0;
        if (!status) {
            add_bits(&got, l.z);
            assert_same(&got, &want);
            survived += struck;
        }
        gradc_recover(g);
        layer_free(g, &l);
        assert_int_equal(opencl_tuning(g->device)->forced != NULL, 0);
        gradc_close(g);
    }
    assert_false(struck);
    assert_true(survived > 0);
}
#endif

static void the_setting(struct fixture *f)
{
    assert_int_equal(gradc_set(f->g, "tune", "on"), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "tune");
    assert_int_equal(gradc_set(f->g, "tune", "off"), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "tune", "first-use"), GRADC_OK);
    assert_int_equal(setenv("GRADC_TUNE", "first-use", 1), 0);
    gradc_context *g = test_open(f->device);
    unsetenv("GRADC_TUNE");
#ifndef GRADC_NO_OPENCL
    assert_int_equal(g->device->first_use, 1);
#endif
    gradc_close(g);
}

int main(void)
{
    static const struct test tests[] = {
        {"the setting", the_setting},
#ifndef GRADC_NO_OPENCL
        {"the same bits", the_same_bits}, {"every tile", every_tile},
        {"another order", another_order}, {"cuts", cuts},
        {"not at all", not_at_all},       {"failures", failures},
#endif
    };
    files_begin();
    const int failed = RUN_SUITE("first use", tests);
    files_end();
    return failed;
}
