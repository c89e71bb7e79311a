/* gemm.h - matrix products on the CPU, for the device's table. */
#ifndef GRADC_CPU_GEMM_H
#define GRADC_CPU_GEMM_H

#include "device/device.h"

/* Bytes of workspace that cpu_gemm needs for p: by p's shapes, the processor and the context's threads alone. */
size_t cpu_gemm_workspace(struct device *d, const struct gemm *p);

/* Computes p (see struct gemm).  C's old contents do not count; C must not overlap A or B.  The bits of the result
 * do not depend on the number of threads.  It can't fail once it has its workspace. */
gradc_status cpu_gemm(struct device *d, const struct gemm *p, struct place workspace, struct failure *f);

#endif
