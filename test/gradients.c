/* gradients.c - the gradient of every op against central differences in f64, signed, along random directions, to
 * the second order and where an op's way needs it to the third.  An op of op_list that has a gradient and that no row
 * of support/gradient_*.c differentiates is a failure.
 *
 * Order 1 is F(x, v) = <f(x), v>, v an operand as the others are; order k + 1 is the sum of <dF/dx, u> over the
 * operands of order k, u constant.  So each order is a scalar, and its gradient along d is compared with
 * (F(x + h d) - F(x - h d)) / 2h. */
#include <math.h>

#include "core/context.h"
#include "core/tape.h"
#include "support/gradient_rows.h"
#include "support/support.h"

enum { ALL = ROW_OPERANDS + 1, ORDERS = 3, NODES = 4096, LISTED = 256 };

/* One a line, so that additions do not meet. */
/* clang-format off */
static const struct row *const tables[] = {
    gradient_elementwise,
    gradient_views,
    gradient_reductions,
    gradient_layers,
    gradient_losses,
    gradient_indexing,
    gradient_norms,
};
/* clang-format on */
#define TABLES (sizeof tables / sizeof *tables)

/* ---- Which ops were differentiated ---- */

static const struct op *seen[LISTED];
static int nseen;

static void note_op(const struct op *op)
{
    for (int i = 0; i < nseen; i++)
        if (seen[i] == op)
            return;
    assert_in_range(nseen, 0, LISTED - 1);
    seen[nseen++] = op;
}

/* Notes the ops on the way from y to the leaves. */
static void note_ops(gradc_tensor *y)
{
    static const struct node *way[NODES];
    int n = 0;
    const struct tensor *t = tensor_of(y);
    if (t->wants_grad && t->maker)
        way[n++] = t->maker;
    for (int at = 0; at < n; at++) {
        note_op(way[at]->op);
        for (int i = 0; i < way[at]->nin; i++) {
            const struct tensor *x = way[at]->in[i];
            int known = !x->wants_grad || !x->maker;
            for (int k = 0; k < n && !known; k++)
                known = way[k] == x->maker;
            assert_in_range(n, 0, NODES - 1);
            if (!known)
                way[n++] = x->maker;
        }
    }
}

/* ---- One row ---- */

struct check {
    gradc_context *g;
    const struct row *row;
    struct random r;
    int n;                            /* operands, v the last one of them */
    gradc_tensor *x[ALL];             /* leaves */
    double *at[ALL], *direction[ALL]; /* their values; d */
    gradc_tensor *u[ORDERS + 1][ALL]; /* the constants of each order */
};

/* F of an order, a scalar. */
static gradc_tensor *scalar(const struct check *c, int order)
{
    gradc_tensor *dx[ALL], *sum = NULL;
    if (order == 1)
        return gradc_sum(gradc_mul(c->row->f(c->x), c->x[c->n - 1]), 0, NULL, 0);
    gradc_tensor *y = scalar(c, order - 1);
    note_ops(y);
    if (gradc_gradients(y, NULL, c->n, c->x, dx) != GRADC_OK)
        return NULL;
    for (int i = 0; i < c->n; i++) {
        gradc_tensor *part = gradc_sum(gradc_mul(dx[i], c->u[order][i]), 0, NULL, 0);
        sum = i ? gradc_add(sum, part) : part;
    }
    return sum;
}

static double *random_values(struct random *r, int64_t n, double low, double high)
{
    double *values = malloc((size_t)n * sizeof *values + 1);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = random_real(r, low, high);
    return values;
}

static void add_operand(struct check *c, const int64_t *shape, double low, double high)
{
    int i = c->n++;
    gradc_tensor *x = tensor_random(c->g, GRADC_F64, shape, 0, 0, &c->r);
    int64_t n = gradc_numel(x);
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    c->x[i] = x;
    c->at[i] = random_values(&c->r, n, low, high);
    c->direction[i] = random_values(&c->r, n, -1, 1);
    for (int order = 2; order <= ORDERS; order++)
        c->u[order][i] = tensor_random(c->g, GRADC_F64, shape, -1, 1, &c->r);
}

/* Writes x + step d. */
static void move(const struct check *c, double step)
{
    for (int i = 0; i < c->n; i++) {
        int64_t n = gradc_numel(c->x[i]);
        double *values = malloc((size_t)n * sizeof *values + 1);
        assert_non_null(values);
        for (int64_t k = 0; k < n; k++)
            values[k] = c->at[i][k] + step * c->direction[i][k];
        assert_int_equal(gradc_write(c->x[i], values, (size_t)n * sizeof *values), GRADC_OK);
        free(values);
    }
}

static void check_start(struct check *c, gradc_context *g, const struct row *row, uint64_t seed)
{
    double low = row->low, high = row->high;
    int64_t shape[GRADC_MAX_NDIM + 1];
    *c = (struct check){.g = g, .row = row, .r = {seed}};
    if (low >= high) {
        low = -2;
        high = 2;
    }
    for (int i = 0; i < ROW_OPERANDS && row->shape[i][0]; i++)
        add_operand(c, row->shape[i], low, high);
    gradc_tensor *z = row->f(c->x);
    assert_works(g);
    int ndim = gradc_ndim(z);
    for (int axis = 0; axis < ndim; axis++)
        shape[axis] = gradc_size(z, axis);
    shape[ndim] = -1;
    gradc_tape_clear(g);
    add_operand(c, shape, -1, 1);
    move(c, 0);
}

static void check_end(struct check *c)
{
    for (int i = 0; i < c->n; i++) {
        gradc_release(c->x[i]);
        free(c->at[i]);
        free(c->direction[i]);
        for (int order = 2; order <= ORDERS; order++)
            gradc_release(c->u[order][i]);
    }
    gradc_tape_clear(c->g);
}

/* <dF/dx, d> for the operands of the mask. */
static double exactly(const struct check *c, int order, unsigned mask)
{
    gradc_tensor *x[ALL], *dx[ALL];
    int n = 0;
    double along = 0;
    gradc_tensor *y = scalar(c, order);
    note_ops(y);
    for (int i = 0; i < c->n; i++)
        if (mask >> i & 1)
            x[n++] = c->x[i];
    gradc_gradients(y, NULL, n, x, dx);
    if (gradc_check(c->g))
        fail_msg("%s, order %d: %s", c->row->name, order, gradc_message(c->g));
    for (int i = 0, at = 0; i < c->n; i++) {
        if (!(mask >> i & 1))
            continue;
        int64_t count = gradc_numel(c->x[i]);
        double *values = random_values(&(struct random){1}, count, 0, 0);
        assert_int_equal(gradc_read(dx[at++], values, (size_t)count * sizeof *values), GRADC_OK);
        for (int64_t k = 0; k < count; k++)
            along += values[k] * c->direction[i][k];
        free(values);
    }
    gradc_tape_clear(c->g);
    return along;
}

static double by_differences(const struct check *c, int order, double step)
{
    double value[2];
    for (int side = 0; side < 2; side++) {
        move(c, side ? step : -step);
        value[side] = gradc_item(scalar(c, order));
        gradc_tape_clear(c->g);
    }
    move(c, 0);
    return (value[1] - value[0]) / (2 * step);
}

static void check_order(const struct check *c, int order)
{
    const struct row *row = c->row;
    double step = row->step > 0 ? row->step : 1e-5, tolerance = row->tolerance > 0 ? row->tolerance : 1e-7;
    unsigned all = (1u << c->n) - 1;
    double exact = exactly(c, order, all), difference = by_differences(c, order, step);
    if (!(fabs(exact - difference) <= tolerance * (1 + fabs(difference))))
        fail_msg("%s, order %d: the gradient says %.12g, the differences %.12g", row->name, order, exact,
                 difference);
    /* Asked for one by one they are the same. */
    double sum = 0;
    for (int i = 0; i < c->n; i++)
        sum += exactly(c, order, 1u << i);
    if (!(fabs(sum - exact) <= 1e-9 * (1 + fabs(exact))))
        fail_msg("%s, order %d: %.12g together, %.12g one by one", row->name, order, exact, sum);
}

/* Calls for each row of each table, with a seed of its own. */
static void each_row(struct fixture *f, void (*call)(struct check *c))
{
    uint64_t seed = test_seed();
    if (!test_has_f64(f->g)) /* differences of f32 tell too little */
        return;
    for (size_t i = 0; i < TABLES; i++)
        for (const struct row *row = tables[i]; row->name; row++) {
            struct check c;
            check_start(&c, f->g, row, seed++);
            call(&c);
            check_end(&c);
        }
}

static void row_agrees(struct check *c)
{
    for (int order = 1; order <= (c->row->orders ? c->row->orders : 2); order++)
        check_order(c, order);
}

static void rows_agree(struct fixture *f)
{
    each_row(f, row_agrees);
}

/* An operand that wants no gradient gets none, and the others' do not change. */
static void one_wants(struct check *c)
{
    double alone = 0, together = exactly(c, 1, (1u << (c->n - 1)) - 1);
    for (int k = 0; k + 1 < c->n; k++) {
        for (int other = 0; other + 1 < c->n; other++)
            assert_int_equal(gradc_requires_grad(c->x[other], other == k), GRADC_OK);
        alone += exactly(c, 1, 1u << k);
    }
    if (!(fabs(alone - together) <= 1e-9 * (1 + fabs(together))))
        fail_msg("%s: %.12g where all want gradients, %.12g where one does", c->row->name, together, alone);
}

static void one_operand_wants(struct fixture *f)
{
    each_row(f, one_wants);
}

static int is_seen(const struct op *op)
{
    for (int i = 0; i < nseen; i++)
        if (seen[i] == op)
            return 1;
    return 0;
}

/* The last test: what the others differentiated is every op that has a gradient. */
static void no_op_is_missing(struct fixture *f)
{
    if (!test_has_f64(f->g))
        return;
    for (const struct op *const *op = op_list; *op; op++)
        if ((*op)->gradient && !((*op)->flags & OP_ONCE) && !is_seen(*op))
            fail_msg("no row of test/support/gradient_*.c differentiates %s", (*op)->name);
}

int main(void)
{
    static const struct test tests[] = {
        {"gradients are the differences", rows_agree},
        {"one operand wants a gradient", one_operand_wants},
        {"no op is missing", no_op_is_missing},
    };
    return RUN_SUITE("gradients", tests);
}
