/* gemm.c - the engines of matrix products against loops: random shapes, batches and layouts, on every device, and on
 * the CPU by an OpenBLAS, where one is installed. */
#include "support/naive.h"

enum { PROBLEMS = 150 };

/* Each dtype has kernels of its own, which take long to build: others than f32 on the CPU, elsewhere in the long form
 * (and in test/half.c). */
static gradc_dtype draw(const struct fixture *f, struct random *r)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_F32, test_widest(f->g), GRADC_F16, GRADC_BF16};
    const gradc_dtype dtype = dtypes[random_below(r, 5)];
    return strcmp(f->device, "cpu") == 0 || test_long() ? dtype : GRADC_F32;
}

/* Mostly small, now and then at and around the sizes of tiles, or long. */
static int64_t size(struct random *r, int64_t longest)
{
    static const int64_t edges[] = {0, 1, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 97, 128, 129};
    switch (random_below(r, 8)) {
    case 0: return 1 + random_below(r, longest);
    case 1:
    case 2:
    case 3: return edges[random_below(r, sizeof edges / sizeof *edges)];
    default: return 1 + random_below(r, 24);
    }
}

/* [batch..., rows, cols], some axes of the batch 1, in any layout: transposed in its last two axes, too. */
static gradc_tensor *matrix(gradc_context *g, gradc_dtype dtype, int nbatch, const int64_t *batch,
                            int64_t rows, int64_t cols, struct random *r)
{
    int64_t shape[GRADC_MAX_NDIM + 1];
    int turned = (int)random_below(r, 2), ndim = nbatch + 2;
    for (int i = 0; i < nbatch; i++)
        shape[i] = random_below(r, 3) ? batch[i] : 1;
    shape[nbatch] = turned ? cols : rows;
    shape[nbatch + 1] = turned ? rows : cols;
    shape[ndim] = -1;
    enum form form = random_below(r, 3) ? PLAIN : (enum form)random_below(r, FORMS);
    gradc_tensor *t = operand(g, dtype, form, shape, -1, 1, r);
    return turned ? gradc_transpose(t, -1, -2) : t;
}

static void one_product(struct fixture *f, struct random *r, int number, gradc_dtype dtype, int nbatch,
                        int64_t m, int64_t n, int64_t k)
{
    char what[128];
    const int64_t batch[2] = {1 + random_below(r, 3), 1 + random_below(r, 4)};
    gradc_tensor *x = matrix(f->g, dtype, nbatch, batch, m, k, r);
    gradc_tensor *y = matrix(f->g, dtype, nbatch, batch, k, n, r);
    struct values a = values_read(x), b = values_read(y), want = naive_matmul(&a, &b);
    snprintf(what, sizeof what, "product %d: %lld x %lld x %lld, %d batch axes, %s", number, (long long)m,
             (long long)n, (long long)k, nbatch, gradc_dtype_name(dtype));
    gradc_tensor *z = gradc_matmul(x, y);
    if (!z)
        fail_msg("%s: %s", what, gradc_message(f->g));
    assert_values(z, &want, naive_tolerance(dtype, k), what);
    values_free(&a);
    values_free(&b);
    values_free(&want);
    operands_free(f->g);
}

/* Another set for each of planned and eager. */
static void random_products(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager};
    for (int i = 0; i < (test_long() ? 20 : 1) * PROBLEMS; i++) {
        const int nbatch = random_below(&r, 3) ? 0 : (int)random_below(&r, 3);
        const gradc_dtype dtype = draw(f, &r);
        const int64_t m = size(&r, 200), n = size(&r, 200);
        one_product(f, &r, i, dtype, nbatch, m, n, size(&r, 700));
    }
}

/* Whether the setting takes no such library, for this reason; the context is without failure again. */
static int refuses(struct fixture *f, const char *path, const char *why)
{
    const int refused = gradc_set(f->g, "blas", path) == GRADC_E_ARG && strstr(gradc_message(f->g), why);
    gradc_recover(f->g);
    return refused;
}

/* The OpenBLAS that a system has, by the name that most give to their usual one, or Debian's sequential one, which
 * takes one call at a time. */
static int set_openblas(struct fixture *f)
{
    static const char *const paths[] = {"libopenblas.so.0",
                                        "/usr/lib/x86_64-linux-gnu/openblas-serial/libopenblas.so.0"};
    for (int i = 0; i < 2; i++) {
        if (gradc_set(f->g, "blas", paths[i]) == GRADC_OK)
            return 1;
        gradc_recover(f->g);
    }
    return 0;
}

/* It computes products of some size; the setting is the process's. */
static void products_by_openblas(struct fixture *f)
{
    struct random r = {test_seed()};
    if (strcmp(f->device, "cpu") != 0)
        return;
    if (!set_openblas(f)) {
        print_message("skipped: there is no OpenBLAS\n");
        return;
    }
    for (int i = 0; i < 24; i++) {
        const int64_t m = 100 + random_below(&r, 200), n = 100 + random_below(&r, 200);
        one_product(f, &r, i, i % 3 ? GRADC_F32 : GRADC_F64, i % 4 ? 0 : 1, m, n, 250 + random_below(&r, 250));
    }
    assert_int_equal(gradc_set(f->g, "blas", ""), GRADC_OK);
}

static void no_such_blas(struct fixture *f)
{
    if (strcmp(f->device, "cpu") != 0)
        return;
    assert_true(refuses(f, "libthere_is_none.so.7", "there is no such library"));
    assert_true(refuses(f, "libm.so.6", "it is not an OpenBLAS"));
    assert_works(f->g);
}

/* The bias in the engine's last step. */
static void random_biases(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager};
    for (int i = 0; i < 30; i++) {
        int64_t m = size(&r, 99), n = size(&r, 99), k = size(&r, 300);
        const gradc_dtype dtype = draw(f, &r);
        gradc_tensor *x = operand(f->g, dtype, PLAIN, SHAPE_OF(m, k), -1, 1, &r);
        gradc_tensor *w = operand(f->g, dtype, PLAIN, SHAPE_OF(n, k), -1, 1, &r);
        gradc_tensor *b = operand(f->g, dtype, (enum form)random_below(&r, FORMS), SHAPE_OF(n), -1, 1, &r);
        struct values p = values_read(x), q = values_read(gradc_transpose(w, 0, 1)), bias = values_read(b);
        struct values want = naive_matmul(&p, &q);
        for (int64_t at = 0; at < want.n; at++)
            want.at[at] += bias.at[at % n];
        assert_values(gradc_linear(x, w, b), &want, naive_tolerance(dtype, k), "linear");
        values_free(&p);
        values_free(&q);
        values_free(&bias);
        values_free(&want);
        operands_free(f->g);
    }
}

static int64_t chosen[3];

static gradc_tensor *product(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(chosen[0], chosen[2]), -1, 1, r);
    return gradc_matmul(x, operand(g, GRADC_F32, PERMUTED, SHAPE_OF(chosen[2], chosen[1]), -1, 1, r));
}

/* Shapes that are cut into tasks by rows, by columns, along the sum, and products with vectors. */
static void devices_agree(struct fixture *f)
{
    static const int64_t shapes[][3] = {
        {257, 130, 67}, {64, 300, 128}, {17, 19, 5000}, {1, 900, 301}, {900, 1, 301}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        memcpy(chosen, shapes[i], sizeof chosen);
        assert_agrees(f, product, 1e-4);
        if (strcmp(f->device, "cpu") == 0) {
            assert_int_equal(gradc_set(f->g, "threads", "4"), GRADC_OK);
            struct values want = values_read(product(f->g, &(struct random){1}));
            assert_int_equal(gradc_set(f->g, "threads", "1"), GRADC_OK);
            assert_values(product(f->g, &(struct random){1}), &want, 0, "one thread");
            values_free(&want);
            operands_free(f->g);
        }
    }
}

int main(void)
{
    static const struct test tests[] = {{"random products", random_products},
                                        {"products by OpenBLAS", products_by_openblas},
                                        {"no such BLAS", no_such_blas},
                                        {"random biases", random_biases},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("gemm", tests);
}
