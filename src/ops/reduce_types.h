/* reduce_types.h - a fold's loops for every element type.  Included by reduce_isa.c once per fold, with
 *   KIND              the fold's name
 *   RESULT            the type of z: ELEMENT, WIDE (a large integer where ELEMENT is one), or another
 *   FOLD, OF, SHORT   as reduce_loops.h takes them
 *   START             it too; LOWEST and HIGHEST are the type's
 *   FLOATS_ONLY       where f32 and f64 are all
 *   HALVES            where f16 and bf16 are folded as they are, too
 * and all are undefined again here. */

#define ELEMENT float
#define WIDE float
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), f32)
#include "ops/reduce_loops.h"
#undef WIDE

#define ELEMENT double
#define WIDE double
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), f64)
#include "ops/reduce_loops.h"
#undef WIDE
#undef LOWEST
#undef HIGHEST

/* Sums of 16-bit floats are f32; the caller rounds them. */
#ifdef HALVES
#undef OF
#define WIDE float
#define ELEMENT uint16_t
#define OF(x, o, m, p) (UNUSED(o, m, p), f16_widen(x))
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), f16)
#include "ops/reduce_loops.h"
#undef OF

#define ELEMENT uint16_t
#define OF(x, o, m, p) (UNUSED(o, m, p), bf16_widen(x))
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), bf16)
#include "ops/reduce_loops.h"
#undef OF
#undef WIDE
#define OF AS_IS
#endif

#ifndef FLOATS_ONLY

/* Unsigned, so that a result too large wraps. */
#define WIDE uint64_t

#define ELEMENT int64_t
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), i64)
#include "ops/reduce_loops.h"
#undef LOWEST
#undef HIGHEST

#define ELEMENT int32_t
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), i32)
#include "ops/reduce_loops.h"
#undef LOWEST
#undef HIGHEST

#define ELEMENT uint8_t
#define LOWEST 0
#define HIGHEST UINT8_MAX
#define NAME(name) ISA_JOIN(ISA_JOIN(name, KIND), u8)
#include "ops/reduce_loops.h"
#undef LOWEST
#undef HIGHEST
#undef WIDE

#endif

#undef KIND
#undef RESULT
#undef FOLD
#undef OF
#undef START
#undef SHORT
#undef FLOATS_ONLY
#undef HALVES
