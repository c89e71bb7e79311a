/* elementwise.c - elementwise ops on 1e3, 1e5 and 1e7 elements: NAME-1e5 and so on. */
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
    bench_finish(b);
}

/* ---- Ops ---- */

BENCH_RECORD(add, gradc_add(t[0], t[1]))
BENCH_RECORD(maximum, gradc_maximum(t[0], t[1]))
BENCH_RECORD(pow, gradc_pow(t[0], t[1]))
BENCH_RECORD(fmod, gradc_fmod(t[0], t[1]))
BENCH_RECORD(lerp, gradc_lerp(t[0], t[1], 0.3))
BENCH_RECORD(lt, gradc_lt(t[0], t[1]))
BENCH_RECORD(logical_and, gradc_logical_and(t[0], t[1]))
BENCH_RECORD(abs, gradc_abs(t[0]))
BENCH_RECORD(sign, gradc_sign(t[0]))
BENCH_RECORD(square, gradc_square(t[0]))
BENCH_RECORD(floor, gradc_floor(t[0]))
BENCH_RECORD(ceil, gradc_ceil(t[0]))
BENCH_RECORD(round, gradc_round(t[0]))
BENCH_RECORD(sin, gradc_sin(t[0]))
BENCH_RECORD(cos, gradc_cos(t[0]))
BENCH_RECORD(erf, gradc_erf(t[0]))
BENCH_RECORD(exp, gradc_exp(t[0]))
BENCH_RECORD(expm1, gradc_expm1(t[0]))
BENCH_RECORD(tanh, gradc_tanh(t[0]))
BENCH_RECORD(sigmoid, gradc_sigmoid(t[0]))
BENCH_RECORD(relu, gradc_relu(t[0]))
BENCH_RECORD(gelu, gradc_gelu(t[0]))
BENCH_RECORD(gelu_tanh, gradc_gelu_tanh(t[0]))
BENCH_RECORD(silu, gradc_silu(t[0]))
BENCH_RECORD(softplus, gradc_softplus(t[0]))
BENCH_RECORD(hardswish, gradc_hardswish(t[0]))
BENCH_RECORD(hardsigmoid, gradc_hardsigmoid(t[0]))
BENCH_RECORD(logical_or, gradc_logical_or(t[0], t[1]))
BENCH_RECORD(logical_xor, gradc_logical_xor(t[0], t[1]))
BENCH_RECORD(logical_not, gradc_logical_not(t[0]))
BENCH_RECORD(isnan, gradc_isnan(t[0]))
BENCH_RECORD(log, gradc_log(t[0]))
BENCH_RECORD(log1p, gradc_log1p(t[0]))
BENCH_RECORD(sqrt, gradc_sqrt(t[0]))
BENCH_RECORD(rsqrt, gradc_rsqrt(t[0]))
BENCH_RECORD(reciprocal, gradc_reciprocal(t[0]))
BENCH_RECORD(pow_scalar, gradc_pow_scalar(t[0], 2.5))
BENCH_RECORD(leaky_relu, gradc_leaky_relu(t[0], 0.01))
BENCH_RECORD(elu, gradc_elu(t[0], 1))
BENCH_RECORD(dropout, gradc_dropout(t[0], 0.5))

#define ROWS(op, prepare)                                                         \
    BENCH_ROW(#op "-1e3", "us", prepare, bench_forward, record_##op, 1000),       \
        BENCH_ROW(#op "-1e5", "us", prepare, bench_forward, record_##op, 100000), \
        BENCH_ROW(#op "-1e7", "us", prepare, bench_forward, record_##op, 10000000)

/* ---- A chain with its gradient, and a copy beside it ---- */

static void chain_operands(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 0, NULL);
    bench_tensor(b, 0, NULL);
    bench_tensor(b, 0, NULL);
    bench_want(b, 1);
}

/* gelu(x a + b) c, its sum, and the gradient in x. */
static double gelu_chain(struct bench *b, int64_t rounds)
{
    gradc_tensor **t = b->t;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *z = gradc_mul(gradc_gelu(gradc_add(gradc_mul(t[0], t[1]), t[2])), t[3]);
        gradc_backward(gradc_sum(z, 0, NULL, 0));
        gradc_sync(b->g);
        gradc_zero_grad(t, 1);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

static double copy(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_assign(b->t[0], b->t[1]);
        bench_finish(b);
    }
    return bench_seconds() - start;
}

const struct bench_case elementwise_cases[] = {
    ROWS(add, vectors),
    ROWS(maximum, vectors),
    ROWS(pow, positive),
    ROWS(fmod, positive),
    ROWS(lerp, vectors),
    ROWS(lt, vectors),
    ROWS(logical_and, vectors),
    ROWS(logical_or, vectors),
    ROWS(logical_xor, vectors),
    ROWS(abs, vectors),
    ROWS(sign, vectors),
    ROWS(square, vectors),
    ROWS(floor, vectors),
    ROWS(ceil, vectors),
    ROWS(round, vectors),
    ROWS(sin, vectors),
    ROWS(cos, vectors),
    ROWS(erf, vectors),
    ROWS(exp, vectors),
    ROWS(expm1, vectors),
    ROWS(tanh, vectors),
    ROWS(sigmoid, vectors),
    ROWS(relu, vectors),
    ROWS(gelu, vectors),
    ROWS(gelu_tanh, vectors),
    ROWS(silu, vectors),
    ROWS(softplus, vectors),
    ROWS(hardswish, vectors),
    ROWS(hardsigmoid, vectors),
    ROWS(logical_not, vectors),
    ROWS(isnan, vectors),
    ROWS(log, positive),
    ROWS(log1p, positive),
    ROWS(sqrt, positive),
    ROWS(rsqrt, positive),
    ROWS(reciprocal, positive),
    ROWS(pow_scalar, positive),
    ROWS(leaky_relu, vectors),
    ROWS(elu, vectors),
    ROWS(dropout, vectors),
    BENCH_ROW("gelu_chain-1e5", "us", chain_operands, gelu_chain, NULL, 100000),
    BENCH_ROW("gelu_chain-1e7", "us", chain_operands, gelu_chain, NULL, 10000000),
    BENCH_ROW("gelu_chain-6.4e7", "us", chain_operands, gelu_chain, NULL, 64000000),
    BENCH_ROW("copy-6.4e7", "us", vectors, copy, NULL, 64000000),
    {.name = NULL},
};
