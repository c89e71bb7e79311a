/* loader.c - opens libOpenCL at run time, lets tests make a call fail, and names errors.
 * Nothing here knows platforms or devices. */
#include "device/opencl/loader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "device/opencl/opencl.h"

struct opencl_functions cl;

/* What the loader has; `cl` differs from it in the functions that can be made to fail. */
static struct opencl_functions driver;

/* How many counted calls are left until one fails; 0 and below: none does. */
static atomic_int countdown;

int opencl_fail_after(int n)
{
    int left = atomic_exchange(&countdown, n);
    return left > 0 ? left : 0;
}

static int fails(void)
{
    if (atomic_load_explicit(&countdown, memory_order_relaxed) <= 0)
        return 0;
    return atomic_fetch_sub(&countdown, 1) == 1;
}

static void *no_object(cl_int *status)
{
    *status = CL_OUT_OF_HOST_MEMORY;
    return NULL;
}

#define QUERY(type, name, parameters)
#define STATUS(name, parameters, arguments)                             \
    static cl_int CL_API_CALL counted_##name parameters                 \
    {                                                                   \
        return fails() ? CL_OUT_OF_HOST_MEMORY : driver.name arguments; \
    }
#define CREATE(type, name, parameters, arguments)                         \
    static type CL_API_CALL counted_##name parameters                     \
    {                                                                     \
        return fails() ? (type)no_object(status) : driver.name arguments; \
    }
#include "device/opencl/functions.def"
#undef QUERY
#undef STATUS
#undef CREATE

/* Sets *function, a pointer to a function; its name, or NULL if all is well. */
static const char *find(void *library, const char *name, void *function)
{
    void *symbol = os_symbol(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol ? NULL : name;
}

/* The first function that the library lacks; NULL: it has all. */
static const char *find_all(void *library)
{
    const char *missing = NULL;
#define QUERY(type, name, parameters) \
    if (!missing)                     \
        missing = find(library, "cl" #name, &driver.name);
#define STATUS(name, parameters, arguments) QUERY(cl_int, name, parameters)
#define CREATE(type, name, parameters, arguments) QUERY(type, name, parameters)
#include "device/opencl/functions.def"
#undef QUERY
#undef STATUS
#undef CREATE
    return missing;
}

static void fill_table(void)
{
    cl = driver;
#define QUERY(type, name, parameters)
#define STATUS(name, parameters, arguments) cl.name = counted_##name;
#define CREATE(type, name, parameters, arguments) cl.name = counted_##name;
#include "device/opencl/functions.def"
#undef QUERY
#undef STATUS
#undef CREATE
}

/* The process's own OpenCL first, as one that links it or preloads a simulator (Oclgrind) has; never closed. */
static void *open_library(void)
{
    void *process = os_library(NULL);
    if (process && os_symbol(process, "clGetPlatformIDs"))
        return process;
    os_library_close(process);
    return os_library("libOpenCL.so.1");
}

gradc_status opencl_load(struct failure *f)
{
    static int loaded;
    if (loaded)
        return GRADC_OK;
    /* PoCL 3.1 calls abort where it can't learn the machine's memory, and so would end the host's process. */
    if (!os_describes_hardware())
        return fail(f, GRADC_E_DEVICE, "no OpenCL on this machine: /sys is not mounted, which its drivers need");
    void *library = open_library();
    if (!library)
        return fail(f, GRADC_E_DEVICE, "no OpenCL on this machine: libOpenCL.so.1 was not found");
    const char *missing = find_all(library);
    if (missing)
        return fail(f, GRADC_E_DEVICE, "no usable OpenCL on this machine: libOpenCL.so.1 has no %s", missing);
    fill_table();
    loaded = 1;
    return GRADC_OK;
}

/* Errors of extensions and vendors that a user may meet. */
enum { PLATFORM_NOT_FOUND_KHR = -1001, NVIDIA_KERNEL_FAULT = -9999 };

enum error_class { ERROR_PLAIN, ERROR_LOST, ERROR_MEMORY };

static const struct error {
    cl_int code;
    enum error_class class;
    const char *name;
} errors[] = {
#define ERROR(name) {name, ERROR_PLAIN, #name},
#define LOST(name) {name, ERROR_LOST, #name},
#define MEMORY(name) {name, ERROR_MEMORY, #name},
#include "device/opencl/errors.def"
#undef ERROR
#undef LOST
#undef MEMORY
    {PLATFORM_NOT_FOUND_KHR, ERROR_PLAIN, "CL_PLATFORM_NOT_FOUND_KHR"},
    {NVIDIA_KERNEL_FAULT, ERROR_LOST, "error -9999, NVIDIA's for a kernel that touched memory that is not its own"},
};

static const struct error *find_error(cl_int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].code == code)
            return &errors[i];
    return NULL;
}

const char *opencl_error_name(cl_int code, char text[32])
{
    const struct error *e = find_error(code);
    if (e)
        return e->name;
    snprintf(text, 32, "error %d", (int)code);
    return text;
}

int opencl_is_lost(cl_int code)
{
    const struct error *e = find_error(code);
    return e && e->class == ERROR_LOST;
}

gradc_status opencl_refused(struct failure *f, cl_int code, const char *call, const char *about)
{
    const struct error *e = find_error(code);
    gradc_status status = e && e->class == ERROR_MEMORY ? GRADC_E_MEMORY : GRADC_E_DEVICE;
    char text[32];
    const char *name = opencl_error_name(code, text);
    if (!about)
        return fail(f, status, "%s: %s", call, name);
    return fail(f, status, "%s: %s (%s)", call, name, about);
}
