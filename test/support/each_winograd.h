/* each_winograd.h - the kernels of OpenCL's Winograd forms on tiny convolutions, whatever their rules say. */
#ifndef GRADC_TEST_EACH_WINOGRAD_H
#define GRADC_TEST_EACH_WINOGRAD_H

/* Every kernel in f32, and some in f16 and bf16, in parts; values are not looked at.  Nothing on the
 * CPU. */
void run_each_winograd(const char *device);

#endif
