/* conv.h - convolutions on the CPU, for the device's table. */
#ifndef GRADC_CPU_CONV_H
#define GRADC_CPU_CONV_H

#include "device/device.h"

/* Bytes of workspace that cpu_conv needs for p: by p's shapes, the processor and the context's threads alone. */
size_t cpu_conv_workspace(struct device *d, const struct conv *p);

/* Computes p (see struct conv) in p->workspace.  The result's old contents do not count; it must not overlap the
 * operands.  Its bits do not depend on the number of threads.  It can't fail once it has its workspace. */
gradc_status cpu_conv(struct device *d, const struct conv *p, struct failure *f);

#endif
