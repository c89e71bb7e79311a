/* tiles.c - the tiles of OpenCL's products and convolutions: each against loops in double, and all with the same bits,
 * whatever the device would choose. */
#ifndef GRADC_NO_OPENCL
#include "core/context.h"
#include "device/opencl/tuning.h"
#endif
#include "support/naive.h"
#include "support/tiles.h"
#ifndef GRADC_NO_OPENCL

enum { WITH_PARTS = 3, RESULTS = 5 };

static int is_opencl(const struct fixture *f)
{
    return f->g->device->opencl;
}

/* Whether a group's slices fit into the local memory. */
static int has_room(const struct fixture *f, int tile)
{
    return opencl_tile_bytes(tile, GRADC_F32) <= f->g->device->info.local_memory;
}

/* ---- What a problem gives, kept to be compared ---- */

struct results {
    int n;
    struct values at[RESULTS], want[RESULTS];
    double tolerance[RESULTS];
};

static void results_free(struct results *r)
{
    for (int i = 0; i < r->n; i++) {
        values_free(&r->at[i]);
        values_free(&r->want[i]);
    }
}

/* Right, and the same bits as the first time; but for a zero's sign where fma(0, -1, 0) is -0, as in Mesa 22.3. */
static void check(const struct fixture *f, struct results *r, gradc_tensor *const *got, const char *what)
{
    const double equal = strcmp(f->g->device->info.platform, "rusticl") == 0 ? 1e-300 : 0;
    for (int i = 0; i < r->n; i++) {
        assert_values(got[i], &r->want[i], r->tolerance[i], what);
        if (r->at[i].n != 0)
            assert_values(got[i], &r->at[i], equal, what);
        else
            r->at[i] = values_read(got[i]);
    }
}

/* ---- Products: linear with a bias, the gradients of weights and bias, which are row sums, and in the long form one
 * of operands in any layout ---- */

struct product {
    int64_t m, n, k;
    enum form forms[2];
    struct random random;
};

static gradc_tensor *strided(struct fixture *f, const struct product *p, struct results *r, struct random *random)
{
    gradc_tensor *x = operand(f->g, GRADC_F32, p->forms[0], SHAPE_OF(p->m, p->k), -1, 1, random);
    gradc_tensor *y = operand(f->g, GRADC_F32, p->forms[1], SHAPE_OF(p->k, p->n), -1, 1, random);
    if (r->n == 4) {
        struct values a = values_read(x), b = values_read(y);
        r->want[4] = naive_matmul(&a, &b);
        r->tolerance[4] = naive_tolerance(GRADC_F32, p->k);
        r->n = 5;
        values_free(&a);
        values_free(&b);
    }
    return gradc_matmul(x, y);
}

/* z, dx, dw and db of random operands. */
static void run_product(struct fixture *f, const struct product *p, struct results *r, const char *what)
{
    struct random random = p->random;
    gradc_tensor *leaf[3], *d[3];
    leaf[0] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(p->m, p->k), -1, 1, &random);
    leaf[1] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(p->n, p->k), -1, 1, &random);
    leaf[2] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(p->n), -1, 1, &random);
    gradc_tensor *dz = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(p->m, p->n), -1, 1, &random);
    for (int i = 0; i < 3; i++)
        gradc_requires_grad(leaf[i], 1);
    gradc_tensor *z = gradc_linear(leaf[0], leaf[1], leaf[2]);
    assert_int_equal(gradc_gradients(z, dz, 3, leaf, d), GRADC_OK);
    if (r->n == 0) {
        struct values x = values_read(leaf[0]), w = values_read(leaf[1]), b = values_read(leaf[2]);
        struct values wt = values_read(gradc_transpose(leaf[1], 0, 1)), flow = values_read(dz);
        struct values flow_t = values_read(gradc_transpose(dz, 0, 1));
        r->n = 4;
        r->want[0] = naive_matmul(&x, &wt);
        r->want[1] = naive_matmul(&flow, &w);
        r->want[2] = naive_matmul(&flow_t, &x);
        r->want[3] = values_new(GRADC_F32, 1, SHAPE_OF(p->n));
        for (int64_t i = 0; i < r->want[0].n; i++) {
            r->want[0].at[i] += b.at[i % p->n];
            r->want[3].at[i % p->n] += flow.at[i];
        }
        const int64_t depths[] = {p->k, p->n, p->m, p->m};
        for (int i = 0; i < r->n; i++)
            r->tolerance[i] = naive_tolerance(GRADC_F32, depths[i]);
        values_free(&x);
        values_free(&w);
        values_free(&b);
        values_free(&wt);
        values_free(&flow);
        values_free(&flow_t);
    }
    gradc_tensor *const got[] = {z, d[0], d[1], d[2], test_long() ? strided(f, p, r, &random) : NULL};
    check(f, r, got, what);
    operands_free(f->g);
}

/* Multiples of four, where fours are read, and others. */
static int64_t some(struct random *r, int64_t most, int even)
{
    const int64_t n = 1 + random_below(r, most);
    return even ? (n + 3) / 4 * 4 : n;
}

static struct product a_product(struct random *r)
{
    const int even = (int)random_below(r, 2);
    struct product p = {some(r, 140, even), some(r, 140, even), some(r, 300, even), {PLAIN, PLAIN}, {0}};
    for (int i = 0; i < 2; i++)
        p.forms[i] = random_below(r, 2) ? PLAIN : (enum form)random_below(r, FORMS);
    p.random = (struct random){(uint64_t)random_below(r, 1 << 30)};
    return p;
}

/* Every tile that the library has, also those that this device would not take, but not those that it has no room for:
 * by default some of them, as each is a program or three to build. */
static void products(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager};
    const int rounds = test_long() ? 40 : 1, share = test_long() ? 1 : 12;
    if (!is_opencl(f))
        return;
    for (int round = 0; round < rounds; round++) {
        const struct product p = a_product(&r);
        struct results results = {0};
        for (int tile = (int)random_below(&r, share); tile < TILES; tile += share) {
            char what[128];
            if (!has_room(f, tile))
                continue;
            snprintf(what, sizeof what, "round %d: %d x %d x %d, tile %d", round, (int)p.m, (int)p.n,
                     (int)p.k, tile);
            force_tile(f->g, "tiled", tile, 1);
            run_product(f, &p, &results, what);
        }
        force_tile(f->g, "", -1, 1);
        results_free(&results);
    }
}

/* The same splits give the same bits, too. */
static void split_products(struct fixture *f)
{
    struct random r = {test_seed() + 5};
    if (!is_opencl(f))
        return;
    struct product p = {700, 36, 900, {PLAIN, PLAIN}, {7}};
    p.random = (struct random){(uint64_t)random_below(&r, 1 << 30)};
    struct results results = {0};
    for (int tile = f->eager; tile < TILES; tile += test_long() ? 1 : 11) {
        if (!has_room(f, tile))
            continue;
        force_tile(f->g, "tiled", tile, WITH_PARTS);
        run_product(f, &p, &results, "split product");
    }
    force_tile(f->g, "", -1, 1);
    results_free(&results);
}

/* ---- Convolutions ---- */

struct problem {
    struct naive_conv c;
    int64_t x[5], w[5], z[5];
    struct random random;
};

static struct problem a_convolution(struct random *r)
{
    struct problem p = {.c.groups = random_below(r, 4) ? 1 : 2};
    const int filter = (int)random_below(r, 3); /* pointwise, 3x3, any */
    const int even = (int)random_below(r, 2);
    do {
        p.x[0] = 1 + random_below(r, 3);
        p.w[1] = some(r, 20, even);
        p.x[1] = p.w[1] * p.c.groups;
        p.w[0] = p.c.groups * some(r, 70, even);
        for (int k = 0; k < 2; k++) {
            p.w[2 + k] = filter == 2 ? 1 + random_below(r, 4) : 1 + 2 * filter;
            p.x[2 + k] = some(r, 14, even);
            p.c.stride[k] = filter == 2 ? 1 + (int)random_below(r, 3) : 1;
            p.c.dilation[k] = filter == 2 ? 1 + (int)random_below(r, 2) : 1;
            p.c.padding[k] = filter == 2 ? (int)random_below(r, 3) : filter;
        }
        naive_conv_shape(&p.c, p.x, p.w, p.z);
    } while (p.z[2] < 1 || p.z[3] < 1);
    p.x[4] = p.w[4] = p.z[4] = -1;
    p.random = (struct random){(uint64_t)random_below(r, 1 << 30)};
    return p;
}

static void want_convolution(const struct problem *p, gradc_tensor *const *leaf, gradc_tensor *dz,
                             struct results *r)
{
    struct values x = values_read(leaf[0]), w = values_read(leaf[1]), b = values_read(leaf[2]),
                  flow = values_read(dz);
    const int64_t pixels = p->z[2] * p->z[3], taps = p->w[2] * p->w[3];
    const int64_t depths[] = {p->w[1] * taps, p->w[0] * taps, p->x[0] * pixels, p->x[0] * pixels};
    r->n = 4;
    r->want[0] = values_new(GRADC_F32, 4, p->z);
    r->want[1] = values_new(GRADC_F32, 4, p->x);
    r->want[2] = values_new(GRADC_F32, 4, p->w);
    r->want[3] = values_new(GRADC_F32, 1, p->w);
    naive_conv(&p->c, NAIVE_Z, &x, &w, &r->want[0]);
    naive_conv(&p->c, NAIVE_X, &r->want[1], &w, &flow);
    naive_conv(&p->c, NAIVE_W, &x, &r->want[2], &flow);
    for (int64_t i = 0; i < flow.n; i++) {
        const int64_t channel = i / pixels % p->z[1];
        r->want[0].at[i] += b.at[channel];
        r->want[3].at[channel] += flow.at[i];
    }
    for (int i = 0; i < r->n; i++)
        r->tolerance[i] = 2 * naive_tolerance(GRADC_F32, depths[i]);
    values_free(&x);
    values_free(&w);
    values_free(&b);
    values_free(&flow);
}

static void run_convolution(struct fixture *f, const struct problem *p, struct results *r, const char *what)
{
    struct random random = p->random;
    gradc_tensor *leaf[3], *d[3];
    leaf[0] = operand(f->g, GRADC_F32, PLAIN, p->x, -1, 1, &random);
    leaf[1] = operand(f->g, GRADC_F32, PLAIN, p->w, -1, 1, &random);
    leaf[2] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(p->w[0]), -1, 1, &random);
    gradc_tensor *dz = operand(f->g, GRADC_F32, PLAIN, p->z, -1, 1, &random);
    for (int i = 0; i < 3; i++)
        gradc_requires_grad(leaf[i], 1);
    gradc_tensor *z =
        gradc_conv2d_full(leaf[0], leaf[1], leaf[2], p->c.stride[0], p->c.stride[1], p->c.padding[0],
                          p->c.padding[1], p->c.dilation[0], p->c.dilation[1], p->c.groups);
    assert_int_equal(gradc_gradients(z, dz, 3, leaf, d), GRADC_OK);
    if (r->n == 0)
        want_convolution(p, leaf, dz, r);
    gradc_tensor *const got[] = {z, d[0], d[1], d[2]};
    check(f, r, got, what);
    operands_free(f->g);
}

static void convolutions(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager + 1};
    const int rounds = test_long() ? 40 : 1, share = test_long() ? 1 : 12;
    if (!is_opencl(f))
        return;
    for (int round = 0; round < rounds; round++) {
        const struct problem p = a_convolution(&r);
        struct results results = {0};
        for (int tile = (int)random_below(&r, share); tile < TILES; tile += share) {
            char what[200];
            if (!has_room(f, tile))
                continue;
            snprintf(what, sizeof what, "round %d: x [%d,%d,%d,%d], w [%d,%d,%d,%d], groups %d, tile %d",
                     round, (int)p.x[0], (int)p.x[1], (int)p.x[2], (int)p.x[3], (int)p.w[0], (int)p.w[1],
                     (int)p.w[2], (int)p.w[3], p.c.groups, tile);
            force_tile(f->g, "direct", tile, 1);
            run_convolution(f, &p, &results, what);
        }
        force_tile(f->g, "", -1, 1);
        results_free(&results);
    }
}

/* ---- What a device can have ---- */

/* As on GPUs of Intel's: where an item has few registers, no tile asks for more, and each shape has some. */
static void registers(struct fixture *f)
{
    struct random r = {test_seed()};
    struct choice choice[TILES];
    if (!is_opencl(f))
        return;
    struct device gpu = *f->g->device;
    snprintf(gpu.info.kind, sizeof gpu.info.kind, "gpu");
    gpu.info.local_memory = 65536;
    gpu.info.item_sums = 16;
    for (int i = 0; i < 500; i++) {
        const int64_t size[4] = {1 + random_below(&r, 3000), 1 + random_below(&r, 3000),
                                 1 + random_below(&r, 50000), 1 + random_below(&r, 3)};
        const int n = opencl_tilings(&gpu, i % 2 ? GRADC_F64 : GRADC_F32, size, choice, TILES);
        assert_true(n > 0);
        for (int k = 0; k < n; k++) {
            const struct tile *t = &opencl_tiles[choice[k].tile];
            const int items = t->m / t->item_m * (t->n / t->item_n);
            assert_true(t->item_m * t->item_n <= 16);
            assert_true(t->m * t->k / items <= 8 && t->n * t->k / items <= 8);
        }
    }
}
#endif

int main(void)
{
#ifdef GRADC_NO_OPENCL
    return 0;
#else
    static const struct test tests[] = {{"products", products},
                                        {"split products", split_products},
                                        {"convolutions", convolutions},
                                        {"registers", registers}};
    return RUN_SUITE("tiles", tests);
#endif
}
