/* cpu.h - the CPU as a device. */
#ifndef GRADC_CPU_H
#define GRADC_CPU_H

#include "device/device.h"

struct cpu {
    struct device base;
    int threads; /* of a job of this context, at most */
};

void cpu_describe(struct device_info *info);
gradc_status cpu_open(struct device **out, struct failure *f);

#endif
