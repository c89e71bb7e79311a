/* opencl.h - the OpenCL devices of this machine, as device.h wants devices.  CL's own headers are not needed
 * here.
 *
 * Nothing of OpenCL is touched before the first call.  The list is made once and stays as it is. */
#ifndef GRADC_OPENCL_DEVICE_H
#define GRADC_OPENCL_DEVICE_H

#include "device/device.h"

/* How many OpenCL devices there are, in the order of the loader's platforms; 0 without a loader or a
 * platform: then opencl_describe and opencl_open say why. */
int32_t opencl_count(void);

/* The facts of device n; info->device is "opencl:N". */
gradc_status opencl_describe(int32_t n, struct device_info *info, struct failure *f);

/* Opens device n: a queue and kernels of one's own over what the process shares (cl_context, programs).
 * base.index is left 0.  Close it with (*out)->table->close. */
gradc_status opencl_open(int32_t n, struct device **out, struct failure *f);

/* For tests: the n-th OpenCL call from now that creates, builds, sets or enqueues something fails with
 * CL_OUT_OF_HOST_MEMORY without being made; later ones do not.  0: none.
 * Returns what was left of the count before: 0: it has struck, or there was none. */
int opencl_fail_after(int n);

#endif
