/* loader.h - OpenCL's functions, opened at run time, and the names of its errors.  Private to device/opencl.
 * */
#ifndef GRADC_OPENCL_LOADER_H
#define GRADC_OPENCL_LOADER_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "base/failure.h"

/* clEnqueueFillBuffer is cl.EnqueueFillBuffer, and so on. */
struct opencl_functions {
#define QUERY(type, name, parameters) type(CL_API_CALL *name) parameters;
#define STATUS(name, parameters, arguments) cl_int(CL_API_CALL *name) parameters;
#define CREATE(type, name, parameters, arguments) type(CL_API_CALL *name) parameters;
#include "device/opencl/functions.def"
#undef QUERY
#undef STATUS
#undef CREATE
};

/* Filled by opencl_load; not before. */
extern struct opencl_functions cl;

/* Opens the loader, once; later calls give the same answer.  GRADC_E_DEVICE with a sentence if there is none.
 * The caller holds the lock of the device list. */
gradc_status opencl_load(struct failure *f);

/* "CL_OUT_OF_RESOURCES", or "error -9999" in text (size at least 32). */
const char *opencl_error_name(cl_int code, char text[32]);

/* Fails with "clSetKernelArg: CL_INVALID_ARG_SIZE (about)": GRADC_E_MEMORY if the error is about memory, else
 * GRADC_E_DEVICE.  about may be NULL. */
gradc_status opencl_refused(struct failure *f, cl_int code, const char *call, const char *about);

/* 1: after this error the context will not work again. */
int opencl_is_lost(cl_int code);

#endif
