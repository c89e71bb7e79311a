/* each_winograd.h - the kernels of OpenCL's Winograd form on tiny convolutions, whatever its rule says. */
#ifndef GRADC_TEST_EACH_WINOGRAD_H
#define GRADC_TEST_EACH_WINOGRAD_H

/* Every kernel in f32, and those of 4x4 tiles in f16 and bf16, in parts; values are not looked at.  Nothing on the
 * CPU. */
void run_each_winograd(const char *device);

#endif
