/* elementwise.c - the ops of elementwise.def: shape rule, forms, gradients, descriptors, public functions, all made
 * from its rows.  The loops themselves are in elementwise_isa.c, the kernel in opencl/elementwise.cl. */
#include "ops/elementwise.h"

#include <math.h>

#include <stdio.h>

#include "core/context.h"
#include "device/cpu/isa.h"
#include "ops/element.h"

ISA_DECLARE(struct elementwise_loops, elementwise_loops);

/* ---- Shape rule ---- */

static int row_of(const struct op *op)
{
    return (int)(op - elementwise_ops);
}

static gradc_status elementwise_dtype(struct record *r, int first)
{
    const struct tensor *x = r->in[first];
    const struct elementwise_row *row = &elementwise_rows[row_of(r->op)];
    if (!(row->dtypes >> x->dtype & 1))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, %s takes %s", gradc_dtype_name(x->dtype), r->op->name,
                           row->dtypes == DTYPES_FLOAT ? "floats" : "floats, i64, i32 and u8");
    if (r->nin == first + 2 && r->in[first + 1]->dtype != x->dtype)
        return record_fail(r, GRADC_E_DTYPE, "x is %s but y is %s", gradc_dtype_name(x->dtype),
                           gradc_dtype_name(r->in[first + 1]->dtype));
    if (first == 1 && r->in[0]->dtype != GRADC_BOOL)
        return record_fail(r, GRADC_E_DTYPE, "c is %s, not bool", gradc_dtype_name(r->in[0]->dtype));
    r->out[0].dtype = row->compares ? GRADC_BOOL : x->dtype;
    return GRADC_OK;
}

static gradc_status elementwise_shape(struct record *r)
{
    int first = r->nin == 3; /* of x: behind c */
    gradc_status status = elementwise_dtype(r, first);
    if (status)
        return status;
    const struct layout *x = &r->in[first]->layout;
    r->out[0].layout = *x;
    if (r->nin == 1)
        return GRADC_OK;
    const struct layout *y = &r->in[first + 1]->layout;
    struct layout both;
    if (layout_broadcast(x, y, &both))
        return record_fail(r, GRADC_E_SHAPE, "x %s and y %s do not broadcast", SHAPE(x), SHAPE(y));
    r->out[0].layout = both;
    if (first && layout_broadcast(&r->in[0]->layout, &both, &r->out[0].layout))
        return record_fail(r, GRADC_E_SHAPE, "c %s does not broadcast with x %s and y %s",
                           SHAPE(&r->in[0]->layout), SHAPE(x), SHAPE(y));
    return GRADC_OK;
}

/* ---- Forms ---- */

double scalar_round(gradc_dtype dtype, double value)
{
    static const double limits[][2] = {
        /* the largest double below 2^63 */
        [GRADC_I64] = {-0x1p63, 0x1.fffffffffffffp62},
        [GRADC_I32] = {INT32_MIN, INT32_MAX},
        [GRADC_U8] = {0, UINT8_MAX},
        [GRADC_BOOL] = {0, 1},
    };
    if (dtype_is_float(dtype))
        return dtype == GRADC_F64 ? value : (double)(float)value;
    if (isnan(value))
        return 0;
    double low = limits[dtype][0], high = limits[dtype][1];
    value = rint(value);
    value = value < low ? low : value;
    return value > high ? high : value;
}

/* z, then the operands. */
static void collect(const struct launch *l, const struct view *views[STRIDED_OPERANDS])
{
    views[0] = &l->out[0];
    for (int i = 0; i < l->nin; i++)
        views[i + 1] = &l->in[i];
}

static const struct elementwise_loops *loops(void)
{
    static const struct elementwise_loops *const tables[] = ISA_TABLE(elementwise_loops);
    return tables[cpu_isa()];
}

static gradc_status elementwise_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    gradc_dtype dtype = l->in[l->nin - 1].dtype;
    double reals[2] = {0, 0};
    for (int i = 0; i < l->nreals; i++)
        reals[i] = scalar_round(dtype, l->reals[i]);
    const struct view *views[STRIDED_OPERANDS];
    collect(l, views);
    strided_compute(l->device, l->nin + 1, views, loops()->loop[row_of(l->op)][dtype_computes(dtype)], reals);
    return GRADC_OK;
}

static gradc_status elementwise_opencl(const struct launch *l, struct failure *f)
{
    const struct elementwise_row *row = &elementwise_rows[row_of(l->op)];
    gradc_dtype dtype = l->in[l->nin - 1].dtype;
    const struct view *views[STRIDED_OPERANDS];
    collect(l, views);
    struct kernel_call k;
    struct strided s;
    kernel_start(&k, "elementwise", "elementwise", dtype);
    kernel_option(&k, "-DOP=f_%s", l->op->name);
    kernel_option(&k, "-DARITY=%d", l->nin);
    kernel_option(&k, "-DSCALARS=%d", row->nreals);
    if (row->compares)
        kernel_option(&k, "-DRESULT_TYPE=uchar");
    strided_start(&s, &k, l->nin + 1, views);
    strided_sizes(&k, &s);
    for (int i = 0; i <= l->nin; i++)
        strided_operand(&k, &s, i);
    for (int i = 0; i < row->nreals; i++) {
        double value = scalar_round(dtype, l->reals[i]);
        if (dtype_is_float(dtype))
            kernel_real(&k, value);
        else
            kernel_i64(&k, (int64_t)value);
    }
    strided_range(&k, &s);
    return launch_kernel(l, &k, f);
}

/* ---- As a step of a chain ---- */

static gradc_dtype computes_in(const struct chain_step *s)
{
    return s->in_dtype[s->nin - 1];
}

static strided_loop *elementwise_loop(const struct chain_step *s)
{
    return loops()->loop[row_of(s->op)][dtype_computes(computes_in(s))];
}

static int elementwise_numbers(const struct chain_step *s, const double *reals, double out[ELEMENT_NUMBERS])
{
    int n = elementwise_rows[row_of(s->op)].nreals;
    for (int i = 0; i < n; i++)
        out[i] = scalar_round(computes_in(s), reals[i]);
    return n;
}

static void elementwise_function(const struct chain *c, const struct chain_step *s, char text[ELEMENT_TEXT])
{
    snprintf(text, ELEMENT_TEXT, "%c_%s", computes_in(s) == c->real ? 'f' : 'b', s->op->name);
}

static const struct element elementwise_element = {
    .loop = elementwise_loop,
    .numbers = elementwise_numbers,
    .function = elementwise_function,
};

/* ---- Gradients ---- */

gradc_tensor *number(gradc_tensor *dz, double value)
{
    gradc_tensor *constant = context_constant(gradc_context_of(dz), gradc_dtype_of(dz), value != 0);
    return value == 0 || value == 1 ? constant : gradc_mul_scalar(constant, value);
}

/* What an operand of maximum gets: nothing where it loses, half of dz where both are equal. */
static gradc_tensor *share(gradc_tensor *dz, gradc_tensor *loses, gradc_tensor *equal)
{
    return gradc_where(loses, number(dz, 0), gradc_where(equal, gradc_mul_scalar(dz, 0.5), dz));
}

static gradc_tensor *zeros(gradc_tensor *dz)
{
    const struct layout *l = &tensor_of(dz)->layout;
    return gradc_expand(number(dz, 0), l->ndim, l->shape);
}

/* The whole part of q. */
static gradc_tensor *toward_zero(gradc_tensor *q)
{
    return gradc_mul(gradc_sign(q), gradc_floor(gradc_abs(q)));
}

/* dz y x^(y - 1), and 0 where y is 0, where that would be 0 * inf for x = 0. */
static gradc_tensor *pow_base(gradc_tensor *dz, gradc_tensor *x, gradc_tensor *y)
{
    gradc_tensor *none = gradc_eq(y, number(dz, 0));
    gradc_tensor *less = gradc_add_scalar(gradc_where(none, number(dz, 1), y), -1);
    return gradc_where(none, number(dz, 0), gradc_mul(dz, gradc_mul(y, gradc_pow(x, less))));
}

/* dz z ln x, and 0 where x is 0 and y is not negative: ln is not asked there. */
static gradc_tensor *pow_exponent(gradc_tensor *dz, gradc_tensor *x, gradc_tensor *y, gradc_tensor *z)
{
    gradc_tensor *none = gradc_logical_and(gradc_logical_not(x), gradc_ge(y, number(dz, 0)));
    gradc_tensor *safe = gradc_where(none, number(dz, 1), x);
    return gradc_where(none, number(dz, 0), gradc_mul(dz, gradc_mul(z, gradc_log(safe))));
}

/* height e^(-sharpness x^2). */
static gradc_tensor *bell(gradc_tensor *x, double sharpness, double height)
{
    return gradc_mul_scalar(gradc_exp(gradc_mul_scalar(gradc_square(x), -sharpness)), height);
}

/* dz (P(x) + x p(x)), P and p the normal distribution and its density. */
static gradc_tensor *gelu_flow(gradc_tensor *dz, gradc_tensor *x)
{
    gradc_tensor *twice = gradc_add_scalar(gradc_erf(gradc_mul_scalar(x, 0.70710678118654752440)), 1);
    gradc_tensor *density = bell(x, 0.5, 0.39894228040143267794); /* 1 / sqrt(2 pi) */
    return gradc_mul(dz, gradc_add(gradc_mul_scalar(twice, 0.5), gradc_mul(x, density)));
}

/* t = tanh(k (x + c x^3)), k = sqrt(2 / pi): dz (1 + t + x (1 - t^2) k (1 + 3 c x^2)) / 2. */
static gradc_tensor *gelu_tanh_flow(gradc_tensor *dz, gradc_tensor *x)
{
    const double k = 0.79788456080286535588, c = 0.044715;
    gradc_tensor *square = gradc_square(x);
    gradc_tensor *inner = gradc_mul(x, gradc_add_scalar(gradc_mul_scalar(square, k * c), k));
    gradc_tensor *t = gradc_tanh(inner);
    gradc_tensor *slope = gradc_add_scalar(gradc_mul_scalar(square, 3 * k * c), k);
    gradc_tensor *bend = gradc_mul(gradc_add_scalar(gradc_neg(gradc_square(t)), 1), gradc_mul(x, slope));
    return gradc_mul(dz, gradc_mul_scalar(gradc_add(gradc_add_scalar(t, 1), bend), 0.5));
}

/* s = sigmoid(x): dz s (1 + x (1 - s)). */
static gradc_tensor *silu_flow(gradc_tensor *dz, gradc_tensor *x)
{
    gradc_tensor *s = gradc_sigmoid(x);
    gradc_tensor *inner = gradc_add_scalar(gradc_mul(x, gradc_add_scalar(gradc_neg(s), 1)), 1);
    return gradc_mul(dz, gradc_mul(s, inner));
}

/* dz (x / 3 + 1 / 2) inside -3 .. 3, 0 up to there, dz from there on. */
static gradc_tensor *hardswish_flow(gradc_tensor *dz, gradc_tensor *x)
{
    gradc_tensor *inside = gradc_mul(dz, gradc_add_scalar(gradc_mul_scalar(x, 1.0 / 3), 0.5));
    gradc_tensor *upward = gradc_where(gradc_lt(x, number(dz, 3)), inside, dz);
    return gradc_where(gradc_le(x, number(dz, -3)), number(dz, 0), upward);
}

/* dz / 6 inside -3 .. 3, and 0 elsewhere. */
static gradc_tensor *hardsigmoid_flow(gradc_tensor *dz, gradc_tensor *x)
{
    gradc_tensor *inside = gradc_lt(gradc_abs(x), number(dz, 3));
    return gradc_where(inside, gradc_mul_scalar(dz, 1.0 / 6), number(dz, 0));
}

/* dz alpha e^x up to 0, dz above: e^x is not asked there, for it may be inf. */
static gradc_tensor *elu_flow(gradc_tensor *dz, gradc_tensor *x, double alpha)
{
    gradc_tensor *below = gradc_exp(gradc_clamp(x, -(double)INFINITY, 0));
    return gradc_where(gradc_le(x, number(dz, 0)), gradc_mul(dz, gradc_mul_scalar(below, alpha)), dz);
}

/* The names that a row's gradient may use. */
#define NAMES(d, nreals)                                                                                 \
    gradc_tensor *x = (d)->x[0], *y = (d)->nin > 1 ? (d)->x[1] : NULL, *z = (d)->z[0], *dz = (d)->dz[0]; \
    double a = (nreals) > 0 ? (d)->reals[0] : 0, b = (nreals) > 1 ? (d)->reals[1] : 0;                   \
    (void)x, (void)y, (void)z, (void)a, (void)b

#define GRADIENT1(name, to_x, nreals)               \
    static void name##_gradient(struct gradient *d) \
    {                                               \
        NAMES(d, nreals);                           \
        if (d->wants[0])                            \
            d->dx[0] = to_x;                        \
    }
#define GRADIENT2(name, first, to_x, to_y)          \
    static void name##_gradient(struct gradient *d) \
    {                                               \
        NAMES(d, 0);                                \
        if (d->wants[first])                        \
            d->dx[first] = to_x;                    \
        if (d->wants[first + 1])                    \
            d->dx[first + 1] = to_y;                \
    }
#define EW1(name, kind, f, keeps, dx, low, high) GRADIENT1(name, dx, 0)
#define EW1A(name, kind, f, keeps, dx, low, high) GRADIENT1(name, dx, 1)
#define EW1B(name, kind, f, keeps, dx, low, high) GRADIENT1(name, dx, 2)
#define EW2(name, kind, f, keeps, dx, dy, low, high) GRADIENT2(name, 0, dx, dy)
#define EW3(name, f, keeps, dx, dy, low, high) GRADIENT2(name, 1, dx, dy)
#include "ops/elementwise.def"

/* ---- Descriptors ---- */

enum { NONE = 0, X = KEEP_IN(0), Y = KEEP_IN(1), Z = KEEP_OUT(0) };

/* What PyTorch's autocast computes in f32: what grows fast, or cancels. */
#define IS_SINGLE(row)                                                                                  \
    ((row) == EW_exp || (row) == EW_expm1 || (row) == EW_log || (row) == EW_log1p || (row) == EW_pow || \
     (row) == EW_pow_scalar || (row) == EW_reciprocal || (row) == EW_rsqrt || (row) == EW_softplus)

#define DESCRIPTOR(title, operands, kept, flow)                           \
    [EW_##title] = {.name = #title,                                       \
                    .nin = operands,                                      \
                    .nout = 1,                                            \
                    .keeps = kept,                                        \
                    .flags = OP_HALF | (IS_SINGLE(EW_##title) ? OP_SINGLE \
                                        : (operands) > 1      ? OP_WIDEST \
                                                              : 0),            \
                    .shape = elementwise_shape,                           \
                    .cpu = elementwise_cpu,                               \
                    .opencl = elementwise_opencl,                         \
                    .gradient = flow,                                     \
                    .element = &elementwise_element},

const struct op elementwise_ops[EW_COUNT] = {
#define EW1(name, kind, f, keeps, dx, low, high) DESCRIPTOR(name, 1, keeps, name##_gradient)
#define EW1A(name, kind, f, keeps, dx, low, high) DESCRIPTOR(name, 1, keeps, name##_gradient)
#define EW1B(name, kind, f, keeps, dx, low, high) DESCRIPTOR(name, 1, keeps, name##_gradient)
#define EW2(name, kind, f, keeps, dx, dy, low, high) DESCRIPTOR(name, 2, keeps, name##_gradient)
#define EWT(name, f) DESCRIPTOR(name, 1, NONE, NULL)
#define EWC(name, f) DESCRIPTOR(name, 2, NONE, NULL)
#define EW3(name, f, keeps, dx, dy, low, high) DESCRIPTOR(name, 3, keeps, name##_gradient)
#include "ops/elementwise.def"
};

const struct elementwise_row elementwise_rows[EW_COUNT] = {
#define EW1(name, kind, f, keeps, dx, low, high) [EW_##name] = {DTYPES_##kind, 0, 0, low, high},
#define EW1A(name, kind, f, keeps, dx, low, high) [EW_##name] = {DTYPES_##kind, 1, 0, low, high},
#define EW1B(name, kind, f, keeps, dx, low, high) [EW_##name] = {DTYPES_##kind, 2, 0, low, high},
#define EW2(name, kind, f, keeps, dx, dy, low, high) [EW_##name] = {DTYPES_##kind, 0, 0, low, high},
#define EWT(name, f) [EW_##name] = {DTYPES_ANY, 0, 1, -2, 2},
#define EWC(name, f) [EW_##name] = {DTYPES_ANY, 0, 1, -2, 2},
#define EW3(name, f, keeps, dx, dy, low, high) [EW_##name] = {DTYPES_ANY, 0, 0, low, high},
#include "ops/elementwise.def"
};

/* ---- Public functions ---- */

static gradc_tensor *record(enum elementwise row, int nin, gradc_tensor *const *in, const double *reals)
{
    struct attributes a = {.nreals = elementwise_rows[row].nreals, .reals = reals};
    return op_record(&elementwise_ops[row], nin, in, &a);
}

#define EW1(name, kind, f, keeps, dx, low, high) \
    gradc_tensor *gradc_##name(gradc_tensor *x)  \
    {                                            \
        return record(EW_##name, 1, &x, NULL);   \
    }
#define EW1A(name, kind, f, keeps, dx, low, high)         \
    gradc_tensor *gradc_##name(gradc_tensor *x, double a) \
    {                                                     \
        return record(EW_##name, 1, &x, &a);              \
    }
#define EW1B(name, kind, f, keeps, dx, low, high)                   \
    gradc_tensor *gradc_##name(gradc_tensor *x, double a, double b) \
    {                                                               \
        return record(EW_##name, 1, &x, (const double[]){a, b});    \
    }
#define EW2(name, kind, f, keeps, dx, dy, low, high)                 \
    gradc_tensor *gradc_##name(gradc_tensor *x, gradc_tensor *y)     \
    {                                                                \
        return record(EW_##name, 2, (gradc_tensor *[]){x, y}, NULL); \
    }
#define EWT(name, f) EW1(name, ANY, f, NONE, , 0, 0)
#define EWC(name, f) EW2(name, ANY, f, NONE, , , 0, 0)
#define EW3(name, f, keeps, dx, dy, low, high)                                    \
    gradc_tensor *gradc_##name(gradc_tensor *c, gradc_tensor *x, gradc_tensor *y) \
    {                                                                             \
        return record(EW_##name, 3, (gradc_tensor *[]){c, x, y}, NULL);           \
    }
#include "ops/elementwise.def"
