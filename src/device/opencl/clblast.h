/* clblast.h - CLBlast's products, where libclblast.so.1 is there: opened at run time, when a tuning store names its
 * form or gradc_tune tries it.  Private to device/opencl. */
#ifndef GRADC_OPENCL_CLBLAST_H
#define GRADC_OPENCL_CLBLAST_H

#include "device/opencl/engines.h"

/* f32 and f64 without bias, row sums and epilogue, of at most one batch axis, but for "math" "strict".  Its programs
 * are built and kept by itself. */
extern const struct gemm_form gemm_clblast;

/* Forgets its programs: those of a cl_context that goes. */
void clblast_forget(void);

/* For tests: hidden 1: as if it were not there.  An operand that begins so many bytes or more behind its buffer's start
 * is given as a part of the buffer, for CLBlast's kernels count with an int; far 0: as many as that asks for. */
void clblast_test(int hidden, size_t far);

#endif
