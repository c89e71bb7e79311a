/* clblast.c - products by CLBlast, where libclblast.so.1 is there: against double, as the tuning store asks for them,
 * and never without it. */
#include <math.h>

#include "core/context.h"
#include "support/files.h"
#include "support/stores.h"
#include "support/values.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/clblast.h"
#include "device/opencl/trial.h"

/* Building CLBlast's program takes PoCL so long that each type waits for a reason to be tried. */
enum { PRODUCTS = 12 };

static struct gemm any(void)
{
    return (struct gemm){
        .dtype = GRADC_F32, .m = 8, .n = 8, .k = 8, .a_row = 8, .a_col = 1, .b_row = 8, .b_col = 1, .c_row = 8};
}

/* Whether there is something to test. */
static int begin(struct fixture *f)
{
    const struct gemm p = any();
    if (!store_begin(f->g))
        return 0;
    if (gemm_clblast.applies(f->g->device, &p))
        return 1;
    print_message("skipped: there is no libclblast.so.1\n");
    return 0;
}

/* ---- The form against double ---- */

static double at(gradc_dtype dtype, const void *data, int64_t i)
{
    return dtype == GRADC_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void *read_all(struct trial *t, int which, int64_t *n)
{
    const size_t bytes = t->slabs[which]->bytes;
    void *data = malloc(bytes);
    assert_non_null(data);
    assert_int_equal(t->device->table->read(t->device, data, (struct place){t->slabs[which], 0}, bytes, NULL),
                     GRADC_OK);
    *n = (int64_t)(bytes / gradc_dtype_size(t->gemm.dtype));
    return data;
}

/* All of C's memory: the product's elements are right, what lies between them is as it was. */
static void compare(struct trial *t, const char *what)
{
    const struct gemm *p = &t->gemm;
    int64_t sizes[3];
    void *data[3];
    for (int i = 0; i < 3; i++)
        data[i] = read_all(t, i, &sizes[i]);
    char *is_result = calloc((size_t)sizes[2], 1);
    assert_non_null(is_result);
    for (int64_t b = 0; b < (p->nbatch ? p->batch[0] : 1); b++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                double want = 0;
                const int64_t place = p->c.layout.offset + b * p->c_batch[0] + i * p->c_row + j;
                for (int64_t k = 0; k < p->k; k++)
                    want += at(p->dtype, data[0],
                               p->a.layout.offset + b * p->a_batch[0] + i * p->a_row + k * p->a_col) *
                            at(p->dtype, data[1],
                               p->b.layout.offset + b * p->b_batch[0] + k * p->b_row + j * p->b_col);
                const double got = at(p->dtype, data[2], place);
                if (!(fabs(got - want) <= (p->dtype == GRADC_F64 ? 1e-13 : 1e-6) * (double)p->k))
                    fail_msg("%s: element %d, %d of %d is %.9g, not %.9g", what, (int)i, (int)j, (int)b, got,
                             want);
                is_result[place] = 1;
            }
    for (int64_t i = 0; i < sizes[2]; i++) {
        if (!is_result[i] && at(p->dtype, data[2], i) != -7)
            fail_msg("%s: element %d behind or between the results was written", what, (int)i);
    }
    free(is_result);
    for (int i = 0; i < 3; i++)
        free(data[i]);
}

/* C's memory is full of -7. */
static void mark(struct trial *t)
{
    const gradc_dtype dtype = t->gemm.dtype;
    const size_t bytes = t->slabs[2]->bytes;
    const int64_t n = (int64_t)(bytes / gradc_dtype_size(dtype));
    void *data = malloc(bytes);
    assert_non_null(data);
    for (int64_t i = 0; i < n; i++)
        if (dtype == GRADC_F64)
            ((double *)data)[i] = -7;
        else
            ((float *)data)[i] = -7;
    assert_int_equal(t->device->table->write(t->device, (struct place){t->slabs[2], 0}, data, bytes, NULL),
                     GRADC_OK);
    free(data);
}

/* A product that takes up a part of what the trial's operands hold: lines have gaps, the first element is no
 * buffer's. */
static void one_product(struct fixture *f, gradc_dtype dtype, const int64_t size[3], int kind, int64_t batch,
                        int64_t first)
{
    const struct candidate c = candidate_gemm(&gemm_clblast, -1, 1);
    const int64_t gap = first ? 3 : 0, all[3] = {size[0] + gap, size[1] + gap, size[2] + gap};
    struct failure failure = {0};
    struct trial t;
    char what[96];
    snprintf(what, sizeof what, "%s %d x %d x %d, kind %d, %d times, from %d on", gradc_dtype_name(dtype),
             (int)size[0], (int)size[1], (int)size[2], kind, (int)batch, (int)first);
    assert_int_equal(trial_gemm(f->g->device, dtype, all, kind, batch, &t, &failure), GRADC_OK);
    struct gemm *p = &t.gemm;
    p->m = size[0];
    p->n = size[1];
    p->k = size[2];
    p->a.layout.offset = p->b.layout.offset = p->c.layout.offset = first ? 1 : 0;
    mark(&t);
    if (!gemm_clblast.applies(f->g->device, p))
        fail_msg("%s: CLBlast does not take it", what);
    if (trial_run(&t, &c, 1, NULL, &failure))
        fail_msg("%s: %s", what, failure.text);
    compare(&t, what);
    trial_free(&t);
}

static void products(struct fixture *f)
{
    struct random r = {test_seed() + (uint64_t)f->eager};
    const gradc_dtype dtype = f->eager && test_long() && test_has_f64(f->g) ? GRADC_F64 : GRADC_F32;
    if (!begin(f))
        return;
    const int64_t batch = f->eager ? 3 : 1;
    for (int i = 0; i < PRODUCTS; i++) {
        const int64_t size[3] = {1 + random_below(&r, 90), 1 + random_below(&r, 90), 1 + random_below(&r, 120)};
        one_product(f, dtype, size, i % 4, batch, random_below(&r, 2));
    }
    one_product(f, dtype, (const int64_t[]){400, 390, 410}, KIND_A_DEEP, batch, 0); /* by its large kernel */
    one_product(f, dtype, (const int64_t[]){64, 1, 64}, KIND_A_DEEP, batch, 1);
}

/* What begins far behind its buffer's start is given as a part of the buffer. */
static void far_operands(struct fixture *f)
{
    const size_t far = 3 * 4096 + 256;
    struct failure failure = {0};
    struct trial wide;
    const struct candidate c = candidate_gemm(&gemm_clblast, -1, 1);
    if (!begin(f))
        return;
    assert_int_equal(
        trial_gemm(f->g->device, GRADC_F32, (const int64_t[]){120, 120, 120}, 0, 1, &wide, &failure), GRADC_OK);
    mark(&wide);
    wide.gemm.m = 40;
    wide.gemm.n = 50;
    wide.gemm.k = 60;
    wide.gemm.a.at.offset = wide.gemm.b.at.offset = wide.gemm.c.at.offset = far;
    clblast_test(0, 1);
    const gradc_status status = trial_run(&wide, &c, 1, NULL, &failure);
    clblast_test(0, 0);
    if (status)
        fail_msg("%s", failure.text);
    for (int i = 0; i < 3; i++) { /* the same, said in elements */
        struct view *v = i == 0 ? &wide.gemm.a : i == 1 ? &wide.gemm.b : &wide.gemm.c;
        v->at.offset = 0;
        v->layout.offset = (int64_t)(far / sizeof(float));
    }
    compare(&wide, "far operands");
    trial_free(&wide);
}

/* ---- What it does not take ---- */

static void others(struct fixture *f)
{
    struct view bias = {0};
    struct epilogue epilogue = {0};
    if (!begin(f))
        return;
    struct device *d = f->g->device;
    struct gemm p = any();
    p.bias = &bias;
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.row_sums = &bias;
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.epilogue = &epilogue;
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.a_row = 16; /* no axis of A's is contiguous */
    p.a_col = 2;
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.b_row = 7; /* lines that overlap */
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.dtype = GRADC_F16;
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    p.m = 1 << 20;
    p.a_row = 1 << 12; /* an int is too small */
    assert_false(gemm_clblast.applies(d, &p));
    p = any();
    assert_int_equal(gradc_set(f->g, "math", "strict"), GRADC_OK);
    assert_false(gemm_clblast.applies(d, &p));
}

/* An error is a status that says which product; nothing else happens. */
static void an_error(struct fixture *f)
{
    struct failure failure = {0};
    struct trial t;
    if (!begin(f))
        return;
    assert_int_equal(trial_gemm(f->g->device, GRADC_F32, (const int64_t[]){24, 24, 24}, 0, 1, &t, &failure),
                     GRADC_OK);
    t.gemm.c.layout.offset = 24;
    assert_int_equal(gemm_clblast.run(f->g->device, &t.gemm, (struct place){NULL, 0}, 0, &failure),
                     GRADC_E_DEVICE);
    assert_non_null(strstr(failure.text, "CLBlast: error -1009 (product of 24 x 24 x 24"));
    trial_free(&t);
}

/* ---- By the store ---- */

static gradc_tensor *matrix(struct fixture *f, int64_t rows, int64_t columns, uint64_t seed)
{
    struct random r = {seed};
    return tensor_random(f->g, GRADC_F32, SHAPE_OF(rows, columns), -1, 1, &r);
}

/* x y, and linear(x, y', bias), read. */
static void both(struct fixture *f, float *product, float *with_bias)
{
    gradc_tensor *x = matrix(f, 40, 70, 1), *y = matrix(f, 70, 50, 2), *bias = matrix(f, 50, 1, 3);
    gradc_tensor *flat = gradc_reshape(bias, 1, (const int64_t[]){50});
    gradc_tensor *z = gradc_matmul(x, y), *l = gradc_linear(x, gradc_transpose(y, 0, 1), flat);
    assert_int_equal(gradc_read(z, product, 40 * 50 * sizeof(float)), GRADC_OK);
    assert_int_equal(gradc_read(l, with_bias, 40 * 50 * sizeof(float)), GRADC_OK);
    gradc_tape_clear(f->g);
    gradc_release(x);
    gradc_release(y);
    gradc_release(bias);
}

static void assert_near(const float *got, const float *want, const char *what)
{
    for (int i = 0; i < 40 * 50; i++)
        if (!(fabsf(got[i] - want[i]) < 1e-4f))
            fail_msg("%s: element %d is %g, not %g", what, i, (double)got[i], (double)want[i]);
}

/* Only where an entry names it; where it is not there, or does not apply, the default form comes to the default's
 * bits. */
static void by_the_store(struct fixture *f)
{
    static float product[2000], with_bias[2000], got[2000], got_with_bias[2000];
    struct tuned entry = {.choice = {"clblast", -1, 1}};
    if (!begin(f))
        return;
    struct device *d = f->g->device;
    struct tuning *t = opencl_tuning(d);
    both(f, product, with_bias);
    assert_int_equal(t->clblast, 0);

    struct gemm p = {
        .dtype = GRADC_F32, .m = 40, .n = 50, .k = 70, .a_row = 70, .a_col = 1, .b_row = 50, .b_col = 1};
    entry.of = tuned_class_of_gemm(d, &p);
    assert_int_equal(tuning_put(d, &entry), 0);
    assert_int_equal(gradc_set(f->g, "math", "fast"), GRADC_OK); /* plans go */
    clblast_test(1, 0);
    both(f, got, got_with_bias);
    clblast_test(0, 0);
    assert_int_equal(t->clblast, 0);
    assert_memory_equal(got, product, sizeof got);
    assert_memory_equal(got_with_bias, with_bias, sizeof got);

    assert_int_equal(gradc_set(f->g, "math", "fast"), GRADC_OK);
    both(f, got, got_with_bias);
    assert_int_not_equal(t->clblast, 0);
    assert_true(tuning_verdict(d, TUNED_GEMM, GRADC_F32, "clblast")->right);
    assert_near(got, product, "CLBlast's");
    assert_memory_equal(got_with_bias, with_bias, sizeof got);
}
#endif

int main(void)
{
#ifdef GRADC_NO_OPENCL
    return 0;
#else
    static const struct test tests[] = {{"products", products},
                                        {"far operands", far_operands},
                                        {"others", others},
                                        {"an error", an_error},
                                        {"by the store", by_the_store}};
    files_begin();
    const int failed = RUN_SUITE("clblast", tests);
    files_end();
    return failed;
#endif
}
