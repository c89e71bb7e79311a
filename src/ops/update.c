/* update.c - what the optimisers' update ops share: one parameter's update, and many in one launch.  The formulas are
 * in sgd.c, adam.c and rmsprop.c. */
#include "ops/update.h"

#include <string.h>

#include "device/cpu/half.h"
#include "ops/pieces.h"

gradc_status update_shape(struct record *r)
{
    const struct tensor *p = r->in[0];
    for (int i = 0; i < r->nin; i++) {
        const struct tensor *t = r->in[i];
        if (!dtype_is_float(t->dtype) || t->dtype != p->dtype)
            return record_fail(r, GRADC_E_DTYPE, "operand %d is %s, the parameter %s", i + 1,
                               gradc_dtype_name(t->dtype), gradc_dtype_name(p->dtype));
        if (!layout_same_shape(&t->layout, &p->layout) || !layout_is_contiguous(&t->layout))
            return record_fail(r, GRADC_E_SHAPE, "operand %d %s does not lie as the parameter %s", i + 1,
                               SHAPE(&t->layout), SHAPE(&p->layout));
    }
    return GRADC_OK;
}

/* op_many is the first member of struct update. */
static const struct update *update_of(const struct launch *l)
{
    return (const struct update *)(const void *)l->op->many;
}

static int variant_of(const struct launch *l)
{
    int variant = 0;
    for (int i = 0; i < l->nints; i++)
        variant |= (l->ints[i] != 0) << i;
    return variant;
}

static int64_t count_of(const struct launch *l)
{
    return layout_numel(&l->in[0].layout);
}

/* A result comes first. */
static int operands_of(const struct launch *l)
{
    return l->nout + l->nin;
}

static const struct view *operand(const struct launch *l, int i)
{
    return i < l->nout ? &l->out[i] : &l->in[i - l->nout];
}

/* ---- CPU ---- */

enum { GRAIN = 16384, WIDENED = 512 };

/* A parameter among those of a job: its tasks are first .. */
struct work {
    int64_t first, n;
    const double *numbers;
    void *operand[PIECE_TENSORS];
};

struct job {
    update_loop *loop;
    int variant;
    int64_t count;
    struct work *works;
    gradc_dtype halved; /* of 16-bit operands, that dtype; else -1 */
    int operands, results;
    unsigned writes, single; /* bit i: operand i is written; is one number, of what the dtype is computed in */
};

/* Block by block, so that the f32 stay in the first cache. */
static void update_halved(const struct job *j, const struct work *w, int64_t first, int64_t last)
{
    _Alignas(64) float blocks[PIECE_TENSORS][WIDENED];
    for (int64_t n; first < last; first += n) {
        void *at[PIECE_TENSORS];
        n = last - first < WIDENED ? last - first : WIDENED;
        for (int i = 0; i < j->operands; i++) {
            at[i] = j->single >> i & 1 ? w->operand[i] : blocks[i];
            if (i >= j->results && !(j->single >> i & 1))
                half_widen(j->halved, n, (const uint16_t *)w->operand[i] + first, 1, blocks[i]);
        }
        j->loop(at, 0, n, w->numbers, j->variant);
        for (int i = 0; i < j->operands; i++)
            if (j->writes >> i & 1)
                half_narrow(j->halved, n, blocks[i], (uint16_t *)w->operand[i] + first);
    }
}

static void update_task(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    (void)thread;
    const struct work *w = &j->works[piece_owner(j->works, sizeof *j->works, j->count, task)];
    int64_t first = (task - w->first) * GRAIN, last = first + GRAIN;
    last = last < w->n ? last : w->n;
    if (j->halved >= 0)
        update_halved(j, w, first, last);
    else
        j->loop(w->operand, first, last, w->numbers, j->variant);
}

static update_loop *loop_of(const struct launch *l)
{
    ISA_DECLARE(struct update_table, update_table);
    static const struct update_table *const tables[] = ISA_TABLE(update_table);
    const char *table = (const char *)tables[cpu_isa()];
    update_loop *const *loops = (update_loop *const *)(const void *)(table + update_of(l)->loops);
    return loops[l->in[0].dtype == GRADC_F64];
}

static gradc_status run_works(const struct launch *l, int64_t count, struct work *works)
{
    const gradc_dtype dtype = l->in[0].dtype;
    struct job j = {.loop = loop_of(l),
                    .variant = variant_of(l),
                    .count = count,
                    .works = works,
                    .halved = dtype_is_half(dtype) ? dtype : -1,
                    .operands = operands_of(l),
                    .results = l->nout,
                    .writes = l->op->writes << l->nout | ((1u << l->nout) - 1),
                    .single = update_of(l)->scalars};
    int64_t tasks = 0;
    for (int64_t k = 0; k < count; k++) {
        works[k] = (struct work){.first = tasks, .n = count_of(&l[k]), .numbers = l[k].reals};
        for (int i = 0; i < operands_of(&l[k]); i++)
            works[k].operand[i] = view_host(operand(&l[k], i));
        tasks += cpu_tasks(works[k].n, GRAIN);
    }
    cpu_parallel(l->device, tasks, update_task, &j);
    return GRADC_OK;
}

gradc_status update_cpu(const struct launch *l, struct failure *f)
{
    struct work one;
    (void)f;
    return run_works(l, 1, &one);
}

gradc_status update_many_cpu(const struct launch_many *m, struct failure *f)
{
    (void)f;
    return run_works(m->one, m->n, m->scratch);
}

/* ---- OpenCL ---- */

static void start(struct kernel_call *k, const struct launch *l, const char *name)
{
    const char *options = update_of(l)->options[variant_of(l)];
    kernel_start(k, update_of(l)->source, name, l->in[0].dtype);
    if (options[0])
        kernel_option(k, "%s", options);
}

/* Operand i, its place counted in elements of the parameter: beside 16-bit ones there may be an f32. */
static struct view counted(const struct launch *l, int i)
{
    struct view v = *operand(l, i);
    v.layout.offset *= (int64_t)(gradc_dtype_size(v.dtype) / gradc_dtype_size(l->in[0].dtype));
    v.dtype = l->in[0].dtype;
    return v;
}

gradc_status update_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    int64_t n = count_of(l);
    start(&k, l, "update_one");
    kernel_place(&k, l->word);
    kernel_i64(&k, n);
    for (int i = 0; i < operands_of(l); i++) {
        const struct view v = counted(l, i);
        kernel_tensor(&k, &v);
    }
    for (int i = 0; i < l->nreals; i++)
        kernel_real(&k, l->reals[i]);
    kernel_range(&k, n);
    return launch_kernel(l, &k, f);
}

size_t update_many_table(const struct launch_many *m)
{
    int64_t rows = 0;
    for (int64_t k = 0; k < m->n; k++)
        rows += piece_rows(count_of(&m->one[k]));
    return (size_t)(rows * (1 + operands_of(m->one))) * sizeof(int64_t);
}

size_t update_many_scratch(const struct launch_many *m)
{
    size_t works = (size_t)m->n * sizeof(struct work), table = update_many_table(m);
    return works > table ? works : table;
}

static int add_rows(const struct launch *l, struct pieces *p)
{
    struct view views[PIECE_TENSORS];
    const struct view *t[PIECE_TENSORS];
    for (int i = 0; i < operands_of(l); i++) {
        views[i] = counted(l, i);
        t[i] = &views[i];
    }
    return piece_add(p, t, operands_of(l), update_of(l)->scalars, count_of(l));
}

static gradc_status launch_rows(const struct launch_many *m, const struct launch *l,
                                const struct slabs *slabs, int64_t first, int64_t last, struct failure *f)
{
    struct kernel_call k;
    start(&k, l, "update_many");
    kernel_place(&k, l->word);
    piece_give(&k, slabs, m->table, first, last);
    for (int i = 0; i < l->nreals; i++)
        kernel_real(&k, l->reals[i]);
    piece_groups(&k, last - first);
    return launch_kernel(l, &k, f);
}

/* Parameters of one launch have the same numbers and few slabs: nearly always that is all of them.  run 0: only the
 * table is written. */
static gradc_status walk_rows(const struct launch_many *m, int run, struct pieces *p, struct failure *f)
{
    int64_t first = 0, from = 0;
    *p = (struct pieces){.table = m->scratch};
    for (int64_t k = 0; k < m->n; k++) {
        const struct launch *l = &m->one[k];
        int same = memcmp(l->reals, m->one[from].reals, (size_t)l->nreals * sizeof *l->reals) == 0;
        if (same && add_rows(l, p))
            continue;
        if (run && launch_rows(m, &m->one[from], &p->slabs, first, p->rows, f))
            return f->status;
        p->slabs.n = 0;
        from = k;
        first = p->rows;
        (void)add_rows(l, p); /* no parameter has more slabs than fit */
    }
    return run ? launch_rows(m, &m->one[from], &p->slabs, first, p->rows, f) : GRADC_OK;
}

gradc_status update_many_opencl(const struct launch_many *m, struct failure *f)
{
    const size_t bytes = update_many_table(m);
    struct pieces p;
    (void)walk_rows(m, 0, &p, f);
    if (!m->one->prepare)
        piece_write(&p, m->one->device, m->table, bytes, f);
    if (!f->status)
        walk_rows(m, 1, &p, f);
    if (f->status || m->one->prepare) /* the table does not hold these rows */
        memset(m->scratch, 0, bytes);
    return f->status;
}
