/* tuning.h - a digest of what decides the bits of a run, besides the program: equal digests, equal bits. */
#ifndef GRADC_TUNING_H
#define GRADC_TUNING_H

#include "gradc.h"

enum { TUNING_TEXT = 17 };

/* Sixteen hexadecimal digits: the library's version, the device and its driver, the setting "math", on the CPU the
 * instruction set and the BLAS, on OpenCL what the device was tuned to. */
void tuning_digest(const gradc_context *g, char text[TUNING_TEXT]);

#endif
