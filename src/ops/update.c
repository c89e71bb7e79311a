/* update.c - what the optimisers' update ops share.  The formulas are in sgd.c, adam.c and rmsprop.c. */
#include "ops/update.h"

const struct update_table *update_loops(void)
{
    ISA_DECLARE(struct update_table, update_table);
    static const struct update_table *const tables[] = ISA_TABLE(update_table);
    return tables[cpu_isa()];
}

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

/* ---- CPU ---- */

enum { GRAIN = 16384, OPERANDS = 5 };

struct work {
    update_loop *loop;
    void *operand[OPERANDS];
    const double *numbers;
    int64_t n;
    int variant;
};

static void update_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    int64_t first = task * GRAIN, last = first + GRAIN;
    (void)thread;
    w->loop(w->operand, first, last < w->n ? last : w->n, w->numbers, w->variant);
}

gradc_status update_cpu(const struct launch *l, update_loop *const loops[2], int variant)
{
    struct work w = {.loop = loops[l->in[0].dtype == GRADC_F64], .numbers = l->reals, .variant = variant};
    for (int i = 0; i < l->nin; i++)
        w.operand[i] = view_host(&l->in[i]);
    w.n = layout_numel(&l->in[0].layout);
    cpu_parallel(l->device, cpu_tasks(w.n, GRAIN), update_task, &w);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

void update_kernel(struct kernel_call *k, const struct launch *l, const char *source, const char *name)
{
    int64_t n = layout_numel(&l->in[0].layout);
    kernel_start(k, source, name, l->in[0].dtype);
    kernel_place(k, l->word);
    kernel_i64(k, n);
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(k, &l->in[i]);
    for (int i = 0; i < l->nreals; i++)
        kernel_real(k, l->reals[i]);
    kernel_range(k, n);
}
