/* elementwise.h - the rows of elementwise.def as numbers, descriptors and facts, and the type of their loops, which
 * are in elementwise_isa.c. */
#ifndef GRADC_ELEMENTWISE_H
#define GRADC_ELEMENTWISE_H

#include "core/op.h"
#include "ops/strided.h"

enum elementwise {
#define EW1(name, kind, f, keeps, dx, low, high) EW_##name,
#define EW1A(name, kind, f, keeps, dx, low, high) EW_##name,
#define EW1B(name, kind, f, keeps, dx, low, high) EW_##name,
#define EW2(name, kind, f, keeps, dx, dy, low, high) EW_##name,
#define EWT(name, f) EW_##name,
#define EWC(name, f) EW_##name,
#define EW3(name, f, keeps, dx, dy, low, high) EW_##name,
#include "ops/elementwise.def"
    EW_COUNT
};

/* op_list takes &elementwise_ops[EW_add] and so on. */
extern const struct op elementwise_ops[EW_COUNT];

/* What else a row says. */
struct elementwise_row {
    unsigned dtypes;  /* bit 1 << dtype: what x and y may be */
    int nreals;       /* scalars */
    int compares;     /* the result is bool */
    double low, high; /* the test domain */
};

extern const struct elementwise_row elementwise_rows[EW_COUNT];

enum {
    DTYPES_FLOAT = 1 << GRADC_F32 | 1 << GRADC_F64 | 1 << GRADC_F16 | 1 << GRADC_BF16,
    DTYPES_NUMBER = DTYPES_FLOAT | 1 << GRADC_I64 | 1 << GRADC_I32 | 1 << GRADC_U8,
    DTYPES_ANY = DTYPES_NUMBER | 1 << GRADC_BOOL
};

/* One instruction set's loops, by row and dtype of x (of c ? x : y: of x): steps as strided_loop has them, but the
 * result's is 1.  NULL where the row does not take the dtype, and for f16 and bf16, which f32's loops compute. */
struct elementwise_loops {
    strided_loop *loop[EW_COUNT][GRADC_BOOL + 1];
};

/* A scalar as dtype has it: to the nearest, saturated, NaN to 0 for integers. */
double scalar_round(gradc_dtype dtype, double value);

/* A 0-d tensor of dz's dtype (a float), for gradients. */
gradc_tensor *number(gradc_tensor *dz, double value);

#endif
