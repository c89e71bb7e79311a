/* gradients.c - the gradient of every op against central differences in f64, signed, along random directions, to the
 * second order and where an op's way needs it to the third.  An op of op_list that has a gradient and that no row here
 * differentiates is a failure.
 *
 * Order 1 is F(x, v) = <f(x), v>, v an operand as the others are; order k + 1 is the sum of <dF/dx, u> over the
 * operands of order k, u constant.  So each order is a scalar, and its gradient along d is compared with
 * (F(x + h d) - F(x - h d)) / 2h. */
#include <math.h>

#include "core/context.h"
#include "core/tape.h"
#include "support/support.h"

enum { OPERANDS = 3, ALL = OPERANDS + 1, ORDERS = 3, NODES = 4096, LISTED = 256 };

typedef gradc_tensor *(*function)(gradc_tensor *const *x);

struct row {
    const char *name;
    function f;
    int64_t shape[OPERANDS][6]; /* ended by -1; an operand of {0} is none */
    double low, high;           /* of the operands, off kinks; both 0: -2 and 2 */
    int orders;                 /* 0: two */
    double step, tolerance;     /* 0: the usual */
};

/* ---- The functions ---- */

#define EW1(name, kind, expression, keeps, dx, low, high)   \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0]);                          \
    }
#define EW1A(name, kind, expression, keeps, dx, low, high)  \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0], -0.7);                    \
    }
#define EW1B(name, kind, expression, keeps, dx, low, high)  \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0], -0.9, 1.1);               \
    }
#define EW2(name, kind, expression, keeps, dx, dy, low, high) \
    static gradc_tensor *run_##name(gradc_tensor *const *x)   \
    {                                                         \
        return gradc_##name(x[0], x[1]);                      \
    }
#define EW3(name, expression, keeps, dx, dy, low, high)                   \
    static gradc_tensor *run_##name(gradc_tensor *const *x)               \
    {                                                                     \
        return gradc_##name(gradc_gt(x[0], gradc_exp(x[0])), x[0], x[1]); \
    }
#include "ops/elementwise.def"

/* A tensor that gradients do not flow to; the tape holds it as long as it is needed. */
static gradc_tensor *constant(gradc_tensor *x, gradc_dtype dtype, const int64_t *shape, double high)
{
    struct random r = {3};
    gradc_tensor *t = tensor_random(gradc_context_of(x), dtype, shape, 0, high, &r), *z = gradc_add_scalar(t, 0);
    gradc_release(t);
    return z;
}

static gradc_tensor *where_both(gradc_tensor *const *x)
{
    return gradc_where(gradc_cast(constant(x[0], GRADC_I64, SHAPE_OF(2, 3, 1), 2), GRADC_BOOL), x[0], x[1]);
}

static gradc_tensor *cast_twice(gradc_tensor *const *x)
{
    return gradc_cast(gradc_cast(x[0], GRADC_F32), GRADC_F64);
}

static gradc_tensor *dropout(gradc_tensor *const *x)
{
    gradc_seed(gradc_context_of(x[0]), 5);
    return gradc_dropout(x[0], 0.4);
}

static gradc_tensor *sum_all(gradc_tensor *const *x)
{
    return gradc_sum(x[0], 0, NULL, 0);
}

static gradc_tensor *sum_middle(gradc_tensor *const *x)
{
    return gradc_sum(x[0], 1, (const int[]){1}, 1);
}

static gradc_tensor *mean_two(gradc_tensor *const *x)
{
    return gradc_mean(x[0], 2, (const int[]){-1, 0}, 0);
}

static gradc_tensor *max_all(gradc_tensor *const *x)
{
    return gradc_max(x[0], 0, NULL, 1);
}

static gradc_tensor *max_two(gradc_tensor *const *x)
{
    return gradc_max(x[0], 2, (const int[]){0, 2}, 0);
}

static gradc_tensor *softmax_last(gradc_tensor *const *x)
{
    return gradc_softmax(x[0], -1);
}

static gradc_tensor *softmax_first(gradc_tensor *const *x)
{
    return gradc_softmax(x[0], 0);
}

static gradc_tensor *log_softmax_last(gradc_tensor *const *x)
{
    return gradc_log_softmax(x[0], -1);
}

static gradc_tensor *log_softmax_middle(gradc_tensor *const *x)
{
    return gradc_log_softmax(x[0], 1);
}

static gradc_tensor *cross_entropy(gradc_tensor *const *x)
{
    return gradc_cross_entropy(x[0], constant(x[0], GRADC_I64, SHAPE_OF(5), 4));
}

static gradc_tensor *embedding(gradc_tensor *const *x)
{
    return gradc_embedding(constant(x[0], GRADC_I32, SHAPE_OF(3, 4), 5), x[0]);
}

static gradc_tensor *matmul(gradc_tensor *const *x)
{
    return gradc_matmul(x[0], x[1]);
}

static gradc_tensor *matmul_transposed(gradc_tensor *const *x)
{
    return gradc_matmul(gradc_transpose(x[0], -1, -2), gradc_transpose(x[1], 0, 1));
}

static gradc_tensor *linear(gradc_tensor *const *x)
{
    return gradc_linear(x[0], x[1], x[2]);
}

static gradc_tensor *linear_without(gradc_tensor *const *x)
{
    return gradc_linear(x[0], x[1], NULL);
}

static gradc_tensor *conv2d(gradc_tensor *const *x)
{
    return gradc_conv2d(x[0], x[1], x[2], 1, 1);
}

static gradc_tensor *conv2d_strided(gradc_tensor *const *x)
{
    return gradc_conv2d_full(x[0], x[1], NULL, 2, 3, 1, 2, 2, 1, 2);
}

static gradc_tensor *max_pool2d(gradc_tensor *const *x)
{
    return gradc_max_pool2d(x[0], 2, 0);
}

/* What flows into the backward op's result depends on x then. */
static gradc_tensor *max_pool2d_of_squares(gradc_tensor *const *x)
{
    return gradc_max_pool2d(gradc_mul(x[0], x[0]), 2, 1);
}

static gradc_tensor *max_pool2d_over(gradc_tensor *const *x)
{
    return gradc_max_pool2d_full(x[0], 3, 2, 2, 1, 1, 1);
}

static gradc_tensor *contiguous(gradc_tensor *const *x)
{
    return gradc_contiguous(gradc_transpose(x[0], 0, 2));
}

static gradc_tensor *views(gradc_tensor *const *x)
{
    gradc_tensor *z = gradc_permute(gradc_unsqueeze(x[0], 1), 4, (const int[]){2, 0, 3, 1});
    return gradc_squeeze(gradc_flatten(z, 0, 1), -1);
}

static gradc_tensor *reshape(gradc_tensor *const *x)
{
    return gradc_reshape(gradc_transpose(x[0], 0, 1), 2, (const int64_t[]){-1, 2});
}

static gradc_tensor *expand(gradc_tensor *const *x)
{
    return gradc_expand(x[0], 3, (const int64_t[]){2, 3, 4});
}

static gradc_tensor *slice(gradc_tensor *const *x)
{
    return gradc_slice(gradc_slice(x[0], 0, 1, INT64_MAX, 1), 2, 0, 5, 2);
}

static gradc_tensor *many_places(gradc_tensor *const *x)
{
    return gradc_add(gradc_mul(x[0], gradc_exp(x[0])), x[0]);
}

static gradc_tensor *layers(gradc_tensor *const *x)
{
    return gradc_log_softmax(gradc_matmul(gradc_tanh(gradc_matmul(x[0], x[1])), gradc_sigmoid(x[2])), 1);
}

/* ---- The table ---- */

#define EW1(name, kind, expression, keeps, dx, low, high) \
    {#name, run_##name, {{3, 4, -1}}, low, high, 0, 0, 0},
#define EW1A EW1
#define EW1B EW1
#define EW2(name, kind, expression, keeps, dx, dy, low, high)             \
    {#name, run_##name, {{3, 1, 4, -1}, {2, 1, -1}}, low, high, 0, 0, 0}, \
        {#name " of one shape", run_##name, {{5, -1}, {5, -1}}, low, high, 0, 0, 0},
#define EW3(name, expression, keeps, dx, dy, low, high) \
    {#name, run_##name, {{3, 4, -1}, {4, -1}}, low, high, 0, 0, 0},

/* name, operands; then, where they are not the usual: domain, orders, step and tolerance */
static const struct row rows[] = {
#include "ops/elementwise.def"
    {"where of both", where_both, {{3, 4, -1}, {2, 1, 4, -1}}, 0, 0, 0, 0, 0},
    {"cast", cast_twice, {{3, 4, -1}}, 0, 0, 0, 0.5, 1e-5},
    {"dropout", dropout, {{4, 5, -1}}, 0, 0, 0, 0, 0},
    {"sum", sum_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"sum of 0-d", sum_all, {{-1}}, 0, 0, 0, 0, 0},
    {"sum of an axis", sum_middle, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"mean", mean_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max", max_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max of axes", max_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"softmax", softmax_last, {{3, 4, -1}}, 0, 0, 3, 0, 0},
    {"softmax of axis 0", softmax_first, {{3, 2, 2, -1}}, 0, 0, 0, 0, 0},
    {"log_softmax", log_softmax_last, {{3, 4, -1}}, 0, 0, 3, 0, 0},
    {"log_softmax of axis 1", log_softmax_middle, {{2, 3, 2, -1}}, 0, 0, 0, 0, 0},
    {"cross_entropy", cross_entropy, {{5, 4, -1}}, 0, 0, 3, 0, 0},
    {"embedding", embedding, {{5, 3, -1}}, 0, 0, 3, 0, 0},
    {"matmul", matmul, {{3, 4, -1}, {4, 2, -1}}, 0, 0, 3, 0, 0},
    {"matmul, broadcast", matmul, {{2, 1, 3, 4, -1}, {3, 4, 2, -1}}, 0, 0, 0, 0, 0},
    {"matmul of vectors", matmul, {{4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"matmul of a row", matmul, {{4, -1}, {2, 4, 3, -1}}, 0, 0, 0, 0, 0},
    {"matmul of a column", matmul, {{2, 3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"matmul, transposed", matmul_transposed, {{2, 4, 3, -1}, {2, 4, -1}}, 0, 0, 0, 0, 0},
    {"linear", linear, {{2, 3, 4, -1}, {5, 4, -1}, {5, -1}}, 0, 0, 0, 0, 0},
    {"linear without b", linear_without, {{3, 4, -1}, {2, 4, -1}}, 0, 0, 0, 0, 0},
    {"linear of a vector", linear, {{4, -1}, {5, 4, -1}, {5, -1}}, 0, 0, 0, 0, 0},
    {"conv2d", conv2d, {{2, 3, 5, 4, -1}, {4, 3, 3, 3, -1}, {4, -1}}, 0, 0, 3, 0, 0},
    {"conv2d_full", conv2d_strided, {{2, 4, 7, 8, -1}, {6, 2, 3, 2, -1}}, 0, 0, 0, 0, 0},
    {"max_pool2d", max_pool2d, {{2, 2, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"max_pool2d of squares", max_pool2d_of_squares, {{1, 2, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"max_pool2d_full", max_pool2d_over, {{1, 2, 6, 5, -1}}, 0, 0, 3, 0, 0},
    {"contiguous", contiguous, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"views", views, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"reshape", reshape, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"expand", expand, {{3, 1, -1}}, 0, 0, 0, 0, 0},
    {"slice", slice, {{3, 2, 5, -1}}, 0, 0, 3, 0, 0},
    {"an operand in many places", many_places, {{3, -1}}, 0, 0, 0, 0, 0},
    {"layers", layers, {{2, 3, -1}, {3, 4, -1}, {4, 3, -1}}, 0, 0, 0, 0, 0},
};
#define ROWS (sizeof rows / sizeof *rows)

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
    for (int i = 0; i < OPERANDS && row->shape[i][0]; i++)
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

static void rows_agree(struct fixture *f)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct check c;
        check_start(&c, f->g, &rows[i], test_seed() + i);
        for (int order = 1; order <= (rows[i].orders ? rows[i].orders : 2); order++)
            check_order(&c, order);
        check_end(&c);
    }
}

/* An operand that wants no gradient gets none, and the others' do not change. */
static void one_operand_wants(struct fixture *f)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct check c;
        check_start(&c, f->g, &rows[i], test_seed() + i);
        double alone = 0, together = exactly(&c, 1, (1u << (c.n - 1)) - 1);
        for (int k = 0; k + 1 < c.n; k++) {
            for (int other = 0; other + 1 < c.n; other++)
                assert_int_equal(gradc_requires_grad(c.x[other], other == k), GRADC_OK);
            alone += exactly(&c, 1, 1u << k);
        }
        if (!(fabs(alone - together) <= 1e-9 * (1 + fabs(together))))
            fail_msg("%s: %.12g where all want gradients, %.12g where one does", rows[i].name, together, alone);
        check_end(&c);
    }
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
    (void)f;
    for (const struct op *const *op = op_list; *op; op++)
        if ((*op)->gradient && !((*op)->flags & OP_ONCE) && !is_seen(*op))
            fail_msg("no row of test/gradients.c differentiates %s", (*op)->name);
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
