/* platform.h - the machine's OpenCL devices, and what all contexts of this process share of one: its
 * cl_context and its programs.  Private to device/opencl. */
#ifndef GRADC_OPENCL_PLATFORM_H
#define GRADC_OPENCL_PLATFORM_H

#include "device/device.h"
#include "device/opencl/loader.h"

struct program;

struct hardware {
    cl_platform_id platform;
    cl_device_id id;
    struct device_info info;
    char version[256]; /* of the platform, for the key of the disk cache */
    int major, minor;  /* OpenCL version */
    int has_compiler;
    int divides_correctly; /* f32 division and square root can be rounded correctly */
    int32_t matrix;        /* its matrix unit: enum matrix_unit */
    int simulated;         /* it is a simulator: times mean nothing */
    int builds_alone;      /* its compiler crashes when two threads use it, or one that runs nothing */

    /* While users > 0: */
    int users;
    cl_context context;
    struct program *programs; /* under the lock of program.c */
    char cache[1024];         /* the folder of compiled programs; "": none */
};

/* How many there are.  Where there are none, f (if given) says why. */
int32_t hardware_count(struct failure *f);

/* Number n, or NULL: then f says what there is. */
struct hardware *hardware_at(int32_t n, struct failure *f);

/* One user more; the first makes the cl_context.  One less; the last frees it and the programs. */
gradc_status hardware_retain(struct hardware *h, struct failure *f);
void hardware_release(struct hardware *h);

#endif
