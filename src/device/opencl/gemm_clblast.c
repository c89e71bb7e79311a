/* gemm_clblast.c - matrix products on OpenCL by CLBlast, which is never taken but where the tuning store says so.
 *
 * Its functions enqueue on the device's own queue, in order, and its C interface lets no exception out (one that it
 * meets inside it writes to the standard error, too).  It builds a program at the first call for a type, which takes
 * seconds: so that is made to happen while a plan is prepared, by a small product. */
#include "device/opencl/clblast.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/os.h"
#include "device/opencl/calls.h"
#include "device/opencl/gemm_product.h"
#include "device/opencl/queue.h"
#include "device/opencl/trial.h"

enum {
    ROW_MAJOR = 101,
    AS_IT_IS = 111,
    TURNED = 112,
    MOST = 1 << 30, /* elements, of an operand and in front of it: its kernels count with an int */
    ALIGNED = 4096  /* bytes: where a part of a buffer may begin on every device */
};

/* ---- The library ---- */

static struct {
#define FUNCTION(name, parameters) int(*name) parameters;
#include "device/opencl/clblast.def"
#undef FUNCTION
} clblast;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int is_loaded, is_hidden;
static atomic_size_t far_bytes;

/* Sets *function, a pointer to a function; how many are missing. */
static int find(void *library, const char *name, void *function)
{
    void *symbol = os_symbol(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return !symbol;
}

static void load(void)
{
    void *library = os_library("libclblast.so.1");
    int missing = 0;
    if (!library)
        return;
#define FUNCTION(name, parameters) missing += find(library, "CLBlast" #name, &clblast.name);
#include "device/opencl/clblast.def"
#undef FUNCTION
    if (missing)
        os_library_close(library);
    atomic_store(&is_loaded, !missing);
}

static int is_there(void)
{
    pthread_once(&once, load);
    return atomic_load(&is_loaded) && !atomic_load(&is_hidden);
}

void clblast_forget(void)
{
    if (atomic_load(&is_loaded))
        clblast.ClearCache();
}

void clblast_test(int hidden, size_t far)
{
    atomic_store(&is_hidden, hidden);
    atomic_store(&far_bytes, far);
}

/* ---- A product as CLBlast takes it ---- */

struct matrix {
    int turned;
    int64_t line, step, size; /* size: elements from the first to the last, all of the batch */
};

struct call {
    int64_t m, n, k, count;
    struct matrix a, b, c;
};

/* Element (i, j) is at i * row + j * column: one of the two is 1, and lines don't overlap.  0, or -1. */
static int matrix_of(struct matrix *x, int64_t rows, int64_t columns, int64_t row, int64_t column,
                     int64_t step, int64_t count)
{
    const int64_t line = column == 1 ? row : column, lines = column == 1 ? rows : columns,
                  length = column == 1 ? columns : rows;
    if ((column != 1 && row != 1) || (lines > 1 && line < length) || (count > 1 && step < 1))
        return -1;
    *x = (struct matrix){column == 1 ? AS_IT_IS : TURNED, line > length ? line : length, step, 0};
    x->size = (count - 1) * step + (lines - 1) * x->line + length;
    return x->size < MOST ? 0 : -1;
}

/* 0, or -1: CLBlast does not take it.  Shapes and layouts alone decide, and not where operands lie. */
static int call_of(const struct gemm *p, struct call *out)
{
    const struct gemm_product q = gemm_product_of(p);
    const struct gemm_axis *batch = &q.axes[0];
    *out = (struct call){.m = q.m, .n = p->n, .k = p->k, .count = q.count};
    if (q.naxes > KERNEL_BATCHES || q.axes[1].size != 1 || p->k < 1 || p->a.layout.offset >= MOST ||
        p->b.layout.offset >= MOST || p->c.layout.offset >= MOST)
        return -1;
    if (matrix_of(&out->a, q.m, p->k, q.a_row, p->a_col, batch->a, q.count) ||
        matrix_of(&out->b, p->k, p->n, p->b_row, p->b_col, batch->b, q.count))
        return -1;
    return matrix_of(&out->c, q.m, p->n, q.c_row, 1, batch->c, q.count);
}

static int clblast_applies(const struct device *d, const struct gemm *p)
{
    struct call ignored;
    return (p->dtype == GRADC_F32 || p->dtype == GRADC_F64) && !p->bias && !p->row_sums && !p->epilogue &&
           d->math != MATH_STRICT && call_of(p, &ignored) == 0 && is_there();
}

/* ---- Calls ---- */

/* Where an operand is: a buffer, or a part of one, that part being new. */
struct memory {
    cl_mem buffer, part;
    size_t first; /* element */
};

static gradc_status memory_of(struct opencl_device *d, const struct view *v, int64_t size, struct memory *out,
                              struct failure *f)
{
    const size_t each = gradc_dtype_size(v->dtype), far = atomic_load(&far_bytes);
    cl_buffer_region region = {v->at.offset / ALIGNED * ALIGNED, 0};
    cl_int code;
    *out =
        (struct memory){.buffer = v->at.slab->memory, .first = v->at.offset / each + (size_t)v->layout.offset};
    if (v->at.offset < (far ? far : MOST * each) || region.origin == 0)
        return GRADC_OK;
    out->first -= region.origin / each;
    region.size = (out->first + (size_t)size) * each;
    out->part = cl.CreateSubBuffer(out->buffer, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (code != CL_SUCCESS) {
        out->part = NULL;
        return queue_refused(d, f, code, "clCreateSubBuffer", "an operand for CLBlast");
    }
    out->buffer = out->part;
    return GRADC_OK;
}

/* One function for each type, whose functions of CLBlast differ in alpha and beta alone. */
#define ENQUEUE(type, gemm, batched)                                                                         \
    static int enqueue_##type(const struct call *q, const struct memory at[3], cl_command_queue *queue)      \
    {                                                                                                        \
        const size_t m = (size_t)q->m, n = (size_t)q->n, k = (size_t)q->k;                                   \
        const size_t lines[3] = {(size_t)q->a.line, (size_t)q->b.line, (size_t)q->c.line};                   \
        if (q->count == 1)                                                                                   \
            return clblast.gemm(ROW_MAJOR, q->a.turned, q->b.turned, m, n, k, 1, at[0].buffer, at[0].first,  \
                                lines[0], at[1].buffer, at[1].first, lines[1], 0, at[2].buffer, at[2].first, \
                                lines[2], queue, NULL);                                                      \
        return clblast.batched(ROW_MAJOR, q->a.turned, q->b.turned, m, n, k, 1, at[0].buffer, at[0].first,   \
                               lines[0], (size_t)q->a.step, at[1].buffer, at[1].first, lines[1],             \
                               (size_t)q->b.step, 0, at[2].buffer, at[2].first, lines[2], (size_t)q->c.step, \
                               (size_t)q->count, queue, NULL);                                               \
    }

ENQUEUE(f32, Sgemm, SgemmStridedBatched)
ENQUEUE(f64, Dgemm, DgemmStridedBatched)

/* CLBlast's own codes are below OpenCL's: "error -1009". */
static gradc_status multiply(struct device *device, const struct gemm *p, struct failure *f)
{
    struct opencl_device *d = (struct opencl_device *)device;
    struct memory at[3] = {{0}};
    struct call q = {0};
    call_of(p, &q);
    gradc_status status = queue_check(d, f);
    if (!status)
        status = memory_of(d, &p->a, q.a.size, &at[0], f);
    if (!status)
        status = memory_of(d, &p->b, q.b.size, &at[1], f);
    if (!status)
        status = memory_of(d, &p->c, q.c.size, &at[2], f);
    if (!status) {
        const int code = p->dtype == GRADC_F64 ? enqueue_f64(&q, at, &d->queue) : enqueue_f32(&q, at, &d->queue);
        char about[96];
        snprintf(about, sizeof about, "product of %lld x %lld x %lld, %lld times", (long long)q.m,
                 (long long)q.n, (long long)q.k, (long long)q.count);
        if (code != CL_SUCCESS)
            status = queue_refused(d, f, code, "CLBlast", about);
    }
    for (int i = 0; i < 3; i++)
        if (at[i].part)
            cl.ReleaseMemObject(at[i].part);
    return status;
}

/* Makes CLBlast build what p needs, unless this context saw to that. */
static gradc_status build(struct device *d, const struct gemm *p, struct failure *f)
{
    const int64_t size[3] = {16, 16, 16}, batch = gemm_product_of(p).count > 1 ? 2 : 1;
    const int32_t bit = (p->dtype == GRADC_F64 ? 4 : 1) << (batch > 1);
    struct trial t;
    if (opencl_tuning(d)->clblast & bit)
        return GRADC_OK;
    gradc_status status = trial_gemm(d, p->dtype, size, KIND_A_DEEP, batch, &t, f);
    if (status)
        return status;
    status = multiply(d, &t.gemm, f);
    trial_free(&t);
    if (!status)
        opencl_tuning(d)->clblast |= bit;
    return status;
}

static gradc_status clblast_run(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                                struct failure *f)
{
    (void)workspace;
    return prepare ? build(d, p, f) : multiply(d, p, f);
}

static size_t clblast_workspace(struct device *d, const struct gemm *p)
{
    (void)d;
    (void)p;
    return 0;
}

const struct gemm_form gemm_clblast = {"clblast", clblast_applies, clblast_workspace, clblast_run,
                                       FORM_NEEDS_TEST};
