/* ops.h - the descriptors of ops.def, declared. */
#ifndef GRADC_OPS_H
#define GRADC_OPS_H

#include "core/op.h"

#define OP(descriptor) extern const struct op descriptor;
#include "ops/ops.def"
#undef OP

#endif
