/* elementwise.c - the ops of elementwise.def at 1e3, 1e5 and 1e7 elements: NAME-1e5 and so on. */
#include "bench.h"

/* ---- Operands ---- */

static void vectors(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size);
}

/* Numbers in [0.5, 2.5), for logarithms, roots and powers. */
static void positive(struct bench *b)
{
    vectors(b);
    for (int i = 0; i < b->n; i++)
        gradc_assign(b->t[i], gradc_add_scalar(b->t[i], 1.5));
    gradc_sync(b->g);
    gradc_tape_clear(b->g);
}

/* ---- Ops ---- */

/* The call of an op, and its rows. */
#define OP(name, ...)                                          \
    static gradc_tensor *record_##name(gradc_tensor *const *t) \
    {                                                          \
        return gradc_##name(__VA_ARGS__);                      \
    }                                                          \
    static const struct bench_forward name##_row = {record_##name};
#define ROW(name, setup, power, n)                                            \
    {                                                                         \
#name "-" #power, "us", 1, 0, setup, bench_forward, {n }, &name##_row \
    }
#define ROWS(name, setup) \
    ROW(name, setup, 1e3, 1000), ROW(name, setup, 1e5, 100000), ROW(name, setup, 1e7, 10000000)

OP(add, t[0], t[1])
OP(maximum, t[0], t[1])
OP(pow, t[0], t[1])
OP(fmod, t[0], t[1])
OP(lerp, t[0], t[1], 0.3)
OP(lt, t[0], t[1])
OP(logical_and, t[0], t[1])
OP(abs, t[0])
OP(sign, t[0])
OP(square, t[0])
OP(floor, t[0])
OP(ceil, t[0])
OP(round, t[0])
OP(sin, t[0])
OP(cos, t[0])
OP(erf, t[0])
OP(exp, t[0])
OP(expm1, t[0])
OP(tanh, t[0])
OP(sigmoid, t[0])
OP(relu, t[0])
OP(gelu, t[0])
OP(gelu_tanh, t[0])
OP(silu, t[0])
OP(softplus, t[0])
OP(hardswish, t[0])
OP(hardsigmoid, t[0])
OP(logical_not, t[0])
OP(isnan, t[0])
OP(log, t[0])
OP(log1p, t[0])
OP(sqrt, t[0])
OP(rsqrt, t[0])
OP(reciprocal, t[0])
OP(pow_scalar, t[0], 2.5)
OP(leaky_relu, t[0], 0.01)
OP(elu, t[0], 1)

const struct bench_case elementwise_cases[] = {
    ROWS(add, vectors),         ROWS(maximum, vectors),
    ROWS(pow, positive),        ROWS(fmod, positive),
    ROWS(lerp, vectors),        ROWS(lt, vectors),
    ROWS(logical_and, vectors), ROWS(abs, vectors),
    ROWS(sign, vectors),        ROWS(square, vectors),
    ROWS(floor, vectors),       ROWS(ceil, vectors),
    ROWS(round, vectors),       ROWS(sin, vectors),
    ROWS(cos, vectors),         ROWS(erf, vectors),
    ROWS(exp, vectors),         ROWS(expm1, vectors),
    ROWS(tanh, vectors),        ROWS(sigmoid, vectors),
    ROWS(relu, vectors),        ROWS(gelu, vectors),
    ROWS(gelu_tanh, vectors),   ROWS(silu, vectors),
    ROWS(softplus, vectors),    ROWS(hardswish, vectors),
    ROWS(hardsigmoid, vectors), ROWS(logical_not, vectors),
    ROWS(isnan, vectors),       ROWS(log, positive),
    ROWS(log1p, positive),      ROWS(sqrt, positive),
    ROWS(rsqrt, positive),      ROWS(reciprocal, positive),
    ROWS(pow_scalar, positive), ROWS(leaky_relu, vectors),
    ROWS(elu, vectors),         {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
