/* total_norm.c - the norm of many tensors together: the root of the sum of all squares.  Their pieces (pieces.h) are
 * summed each, and then the parts, in their order. */
#include <math.h>
#include <string.h>

#include "device/cpu/half.h"
#include "ops/ops.h"
#include "ops/pieces.h"
#include "ops/reduce.h"

/* ---- Shape rule: any number of tensors of one dtype, without gaps -> [], f32 where they have 16 bits ---- */

static gradc_status total_norm_shape(struct record *r)
{
    r->out[0].dtype = dtype_computes(r->in[0]->dtype);
    r->out[0].layout.ndim = 0;
    return GRADC_OK;
}

static int64_t rows_of(const struct launch *l)
{
    int64_t rows = 0;
    for (int i = 0; i < l->nin; i++)
        rows += piece_rows(layout_numel(&l->in[i].layout));
    return rows;
}

/* The parts: doubles on the CPU. */
static size_t total_norm_workspace(const struct launch *l)
{
    return (size_t)rows_of(l) * sizeof(double);
}

/* ---- CPU ---- */

enum { WIDENED = 2048 }; /* elements of 16 bits at once */

/* A tensor and its first part. */
struct work {
    int64_t first, n;
    const char *x;
};

struct job {
    const struct work *works;
    int64_t count;
    reduce_loop *squares;
    gradc_dtype dtype;
    double *parts;
};

static double number(const void *x, gradc_dtype dtype)
{
    return dtype == GRADC_F64 ? *(const double *)x : (double)*(const float *)x;
}

/* The sum of the squares of n elements, in the dtype that x is computed in. */
static double squares_of(const struct job *j, const void *x, int64_t n)
{
    const struct reduction r = {.nkept = 1, .nreduced = 1, .kept_size = {1}, .size = {n}, .stride = {1}};
    double sum; /* room for a result of either dtype */
    j->squares(x, &r, 0, n, 1, &(struct reduce_map){0}, &sum);
    return number(&sum, dtype_computes(j->dtype));
}

static double halved_squares_of(const struct job *j, const char *x, int64_t n)
{
    float wide[WIDENED];
    double sum = 0;
    for (int64_t i = 0; i < n; i += WIDENED) {
        const int64_t some = n - i < WIDENED ? n - i : WIDENED;
        half_widen(j->dtype, some, x + i * (int64_t)sizeof(uint16_t), 1, wide);
        sum += squares_of(j, wide, some);
    }
    return sum;
}

static void piece_task(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    (void)thread;
    const struct work *w = &j->works[piece_owner(j->works, sizeof *j->works, j->count, task)];
    const int64_t from = (task - w->first) * PIECE, n = w->n - from < PIECE ? w->n - from : PIECE;
    const char *x = w->x + from * (int64_t)gradc_dtype_size(j->dtype);
    j->parts[task] = dtype_is_half(j->dtype) ? halved_squares_of(j, x, n) : squares_of(j, x, n);
}

static gradc_status total_norm_cpu(const struct launch_many *m, struct failure *f)
{
    const struct launch *l = m->one;
    const gradc_dtype dtype = l->in[0].dtype;
    struct work *works = m->scratch;
    struct job j = {.works = works, .squares = reduce_rows(REDUCE_SQUARES, dtype_computes(dtype)), .dtype = dtype};
    int64_t rows = 0;
    double sum = 0;
    (void)f;
    j.parts = place_host(l->workspace);
    for (int i = 0; i < l->nin; i++) {
        const int64_t n = layout_numel(&l->in[i].layout);
        if (n > 0)
            works[j.count++] = (struct work){rows, n, view_host(&l->in[i])};
        rows += piece_rows(n);
    }
    cpu_parallel(l->device, rows, piece_task, &j);
    for (int64_t k = 0; k < rows; k++)
        sum += j.parts[k];
    if (dtype == GRADC_F64)
        *(double *)view_host(&l->out[0]) = sqrt(sum);
    else
        *(float *)view_host(&l->out[0]) = (float)sqrt(sum);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

static size_t total_norm_table(const struct launch_many *m)
{
    const int64_t rows = rows_of(m->one);
    return (size_t)(rows ? rows : 1) * 2 * sizeof(int64_t);
}

static size_t total_norm_scratch(const struct launch_many *m)
{
    const size_t works = (size_t)m->one->nin * sizeof(struct work), table = total_norm_table(m);
    return works > table ? works : table;
}

static struct view parts_of(const struct launch *l)
{
    return (struct view){.at = l->workspace, .dtype = l->out[0].dtype};
}

static gradc_status launch_squares(const struct launch_many *m, const struct slabs *slabs, int64_t first,
                                   int64_t last, struct failure *f)
{
    const struct launch *l = m->one;
    const struct view parts = parts_of(l);
    struct kernel_call k;
    kernel_start(&k, "total_norm", "squares", l->in[0].dtype);
    piece_give(&k, slabs, m->table, first, last);
    kernel_tensor(&k, &parts);
    piece_groups(&k, last - first);
    return launch_kernel(l, &k, f);
}

/* run 0: only the table is written. */
static gradc_status walk_rows(const struct launch_many *m, int run, struct pieces *p, struct failure *f)
{
    const struct launch *l = m->one;
    int64_t first = 0;
    *p = (struct pieces){.table = m->scratch};
    for (int i = 0; i < l->nin; i++) {
        const struct view *const x = &l->in[i];
        const int64_t n = layout_numel(&x->layout);
        if (n == 0 || piece_add(p, &x, 1, 0, n))
            continue;
        if (run && launch_squares(m, &p->slabs, first, p->rows, f))
            return f->status;
        p->slabs.n = 0;
        first = p->rows;
        (void)piece_add(p, &x, 1, 0, n); /* one slab always fits */
    }
    return run && p->rows > first ? launch_squares(m, &p->slabs, first, p->rows, f) : GRADC_OK;
}

static gradc_status launch_total(const struct launch *l, int64_t rows, struct failure *f)
{
    const struct view parts = parts_of(l);
    struct kernel_call k;
    kernel_start(&k, "total_norm", "total_norm", l->out[0].dtype);
    kernel_tensor(&k, rows ? &parts : &l->out[0]); /* without parts none is read */
    kernel_i64(&k, rows);
    kernel_tensor(&k, &l->out[0]);
    kernel_groups(&k, 1, &(size_t){1}, &(size_t){PIECE_GROUP});
    return launch_kernel(l, &k, f);
}

static gradc_status total_norm_opencl(const struct launch_many *m, struct failure *f)
{
    const size_t bytes = total_norm_table(m);
    struct pieces p;
    (void)walk_rows(m, 0, &p, f);
    if (!m->one->prepare)
        piece_write(&p, m->one->device, m->table, bytes, f);
    if (!f->status && !walk_rows(m, 1, &p, f))
        launch_total(m->one, p.rows, f);
    if (f->status || m->one->prepare) /* the table does not hold these rows */
        memset(m->scratch, 0, bytes);
    return f->status;
}

/* ---- Descriptor ---- */

static const struct op_many list = {total_norm_scratch, total_norm_table, total_norm_cpu, total_norm_opencl};

const struct op op_total_norm = {
    .name = "total_norm",
    .nin = -1,
    .nout = 1,
    .flags = OP_LIST | OP_HALF,
    .shape = total_norm_shape,
    .workspace = total_norm_workspace,
    .many = &list,
};
