/* update.c - what the optimisers' update ops share: one parameter's update, and many in one launch.  The formulas are
 * in sgd.c, adam.c and rmsprop.c. */
#include "ops/update.h"

#include <string.h>

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

/* ---- CPU ---- */

enum { GRAIN = 16384, OPERANDS = 5 };

/* A parameter among those of a job: its tasks are first .. */
struct work {
    int64_t first, n;
    const double *numbers;
    void *operand[OPERANDS];
};

struct job {
    update_loop *loop;
    int variant;
    int64_t count;
    struct work *works;
};

static void update_task(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    int64_t low = 0, high = j->count;
    (void)thread;
    while (high - low > 1) { /* the last parameter whose tasks begin at or before this one */
        int64_t middle = low + (high - low) / 2;
        if (j->works[middle].first <= task)
            low = middle;
        else
            high = middle;
    }
    const struct work *w = &j->works[low];
    int64_t first = (task - w->first) * GRAIN, last = first + GRAIN;
    j->loop(w->operand, first, last < w->n ? last : w->n, w->numbers, j->variant);
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
    struct job j = {.loop = loop_of(l), .variant = variant_of(l), .count = count, .works = works};
    int64_t tasks = 0;
    for (int64_t k = 0; k < count; k++) {
        works[k] = (struct work){.first = tasks, .n = count_of(&l[k]), .numbers = l[k].reals};
        for (int i = 0; i < l[k].nin; i++)
            works[k].operand[i] = view_host(&l[k].in[i]);
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

gradc_status update_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    int64_t n = count_of(l);
    start(&k, l, "update_one");
    kernel_place(&k, l->word);
    kernel_i64(&k, n);
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(&k, &l->in[i]);
    for (int i = 0; i < l->nreals; i++)
        kernel_real(&k, l->reals[i]);
    kernel_range(&k, n);
    return launch_kernel(l, &k, f);
}

/* The table of opencl/update.cl: its rows are pieces of parameters. */
enum { PIECE = 16384, SLABS = 8, GROUP = 256 };

static int64_t rows_of(const struct launch *l)
{
    int64_t n = count_of(l);
    return n / PIECE + (n % PIECE != 0);
}

size_t update_many_table(const struct launch_many *m)
{
    int64_t rows = 0;
    for (int64_t k = 0; k < m->n; k++)
        rows += rows_of(&m->one[k]);
    return (size_t)(rows * (1 + m->one->nin)) * sizeof(int64_t);
}

size_t update_many_scratch(const struct launch_many *m)
{
    size_t works = (size_t)m->n * sizeof(struct work), table = update_many_table(m);
    return works > table ? works : table;
}

/* The slabs of one launch. */
struct slabs {
    int n;
    struct place at[SLABS];
};

/* The number of the place's slab; -1: there are SLABS others already. */
static int slab_of(struct slabs *s, struct place at)
{
    for (int i = 0; i < s->n; i++)
        if (s->at[i].slab == at.slab)
            return i;
    if (s->n == SLABS)
        return -1;
    s->at[s->n].slab = at.slab;
    s->at[s->n].offset = 0;
    return s->n++;
}

/* Writes the rows of a parameter; 0: its slabs are too many for this launch.  *changed is set where a row was not so
 * before. */
static int write_rows(const struct launch *l, struct slabs *slabs, int64_t *table, int64_t *row, int *changed)
{
    struct slabs with = *slabs;
    int64_t size = (int64_t)gradc_dtype_size(l->in[0].dtype), n = count_of(l), values[1 + OPERANDS];
    for (int i = 0; i < l->nin; i++) {
        int slab = slab_of(&with, l->in[i].at);
        if (slab < 0)
            return 0;
        values[1 + i] = ((int64_t)l->in[i].at.offset / size + l->in[i].layout.offset) << 3 | slab;
    }
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t *at = table + (*row)++ * (1 + l->nin);
        size_t bytes = (size_t)(1 + l->nin) * sizeof *at;
        values[0] = n - first < PIECE ? n - first : PIECE;
        *changed |= memcmp(at, values, bytes) != 0;
        memcpy(at, values, bytes);
        for (int i = 0; i < l->nin; i++)
            values[1 + i] += (int64_t)PIECE << 3;
    }
    *slabs = with;
    return 1;
}

static gradc_status launch_rows(const struct launch_many *m, const struct launch *l,
                                const struct slabs *slabs, int64_t first, int64_t last, struct failure *f)
{
    struct kernel_call k;
    int64_t groups = last - first < 65535 ? last - first : 65535;
    start(&k, l, "update_many");
    kernel_place(&k, l->word);
    kernel_i64(&k, first);
    kernel_i64(&k, last);
    kernel_tensor(&k, &(struct view){.at = m->table, .dtype = GRADC_I64});
    for (int i = 0; i < SLABS; i++)
        kernel_place(&k, slabs->at[i < slabs->n ? i : 0]);
    for (int i = 0; i < l->nreals; i++)
        kernel_real(&k, l->reals[i]);
    kernel_groups(&k, 1, &(size_t){(size_t)groups}, &(size_t){GROUP});
    return launch_kernel(l, &k, f);
}

/* Parameters of one launch have the same numbers and few slabs: nearly always that is all of them.  run 0: only the
 * table is written. */
static gradc_status walk_rows(const struct launch_many *m, int run, int *changed, struct failure *f)
{
    struct slabs slabs = {0};
    int64_t row = 0, first = 0, from = 0;
    for (int64_t k = 0; k < m->n; k++) {
        const struct launch *l = &m->one[k];
        int same = memcmp(l->reals, m->one[from].reals, (size_t)l->nreals * sizeof *l->reals) == 0;
        if (same && write_rows(l, &slabs, m->scratch, &row, changed))
            continue;
        if (run && launch_rows(m, &m->one[from], &slabs, first, row, f))
            return f->status;
        slabs.n = 0;
        from = k;
        first = row;
        (void)write_rows(l, &slabs, m->scratch, &row, changed); /* no parameter has more slabs than fit */
    }
    return run ? launch_rows(m, &m->one[from], &slabs, first, row, f) : GRADC_OK;
}

gradc_status update_many_opencl(const struct launch_many *m, struct failure *f)
{
    struct device *d = m->one->device;
    const size_t bytes = update_many_table(m);
    int changed = 0;
    (void)walk_rows(m, 0, &changed, f);
    if (changed && !m->one->prepare)
        d->table->write(d, m->table, m->scratch, bytes, f);
    if (!f->status)
        walk_rows(m, 1, &changed, f);
    if (f->status || m->one->prepare) /* the table does not hold these rows */
        memset(m->scratch, 0, bytes);
    return f->status;
}
