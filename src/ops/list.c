/* list.c - every op's descriptor, in the order of ops.def and elementwise.def. */
#include "ops/elementwise.h"
#include "ops/ops.h"

#define OP(descriptor) &descriptor,
#define EW1(name, ...) &elementwise_ops[EW_##name],
#define EW1A(name, ...) &elementwise_ops[EW_##name],
#define EW1B(name, ...) &elementwise_ops[EW_##name],
#define EW2(name, ...) &elementwise_ops[EW_##name],
#define EWC(name, ...) &elementwise_ops[EW_##name],
#define EW3(name, ...) &elementwise_ops[EW_##name],

const struct op *const op_list[] = {
#include "ops/ops.def"
#include "ops/elementwise.def"
    NULL,
};
