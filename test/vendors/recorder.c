/* recorder.c - a libOpenCL that runs nothing: one GPU with f64, and with one unit, so that small products take large
 * tiles; with RECORDER_MATRIX=nvidia, amd, mfma, intel-8 or intel-16 one that has such a matrix unit.  Its
 * clBuildProgram writes each program, as it is given to a vendor's driver, to $RECORDER/NNNN.cl, and its options to
 * $RECORDER/NNNN.options.  For vendors.sh. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char thing; /* what every handle but a program's points to */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static cl_int answer(const void *data, size_t bytes, size_t size, void *value, size_t *need)
{
    if (need)
        *need = bytes;
    if (value && size >= bytes)
        memcpy(value, data, bytes);
    return value && size < bytes ? CL_INVALID_VALUE : CL_SUCCESS;
}

cl_int clGetPlatformIDs(cl_uint n, cl_platform_id *ids, cl_uint *count)
{
    if (ids && n)
        ids[0] = (cl_platform_id)(void *)&thing;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id id, cl_platform_info key, size_t size, void *value, size_t *need)
{
    (void)id;
    (void)key;
    return answer("Recorder", 9, size, value, need);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint n, cl_device_id *ids, cl_uint *count)
{
    (void)type;
    (void)platform;
    return clGetPlatformIDs(n, (cl_platform_id *)(void *)ids, count);
}

enum { COMPUTE_CAPABILITY_MAJOR_NV = 0x4000, SUB_GROUP_SIZES_INTEL = 0x4108 };

static int has_unit(const char *name)
{
    const char *unit = getenv("RECORDER_MATRIX");
    return unit && strcmp(unit, name) == 0;
}

/* What is asked of a device to know its matrix unit. */
static const char *extensions(void)
{
    if (has_unit("nvidia"))
        return "cl_khr_fp64 cl_nv_device_attribute_query";
    if (has_unit("amd") || has_unit("mfma"))
        return "cl_khr_fp64 cl_amd_device_attribute_query";
    if (has_unit("intel-8"))
        return "cl_intel_required_subgroup_size cl_intel_subgroup_matrix_multiply_accumulate";
    if (has_unit("intel-16"))
        return "cl_khr_fp64 cl_intel_required_subgroup_size cl_intel_subgroup_matrix_multiply_accumulate "
               "cl_intel_subgroup_matrix_multiply_accumulate_tf32";
    return "cl_khr_fp64";
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info key, size_t size, void *value, size_t *need)
{
    static const cl_device_type gpu = CL_DEVICE_TYPE_GPU;
    static const cl_ulong bytes = (cl_ulong)1 << 33;
    static const cl_uint units = 1, capability = 8;
    static const cl_bool yes = CL_TRUE;
    static const cl_device_fp_config rounding = CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    const size_t sub_groups[] = {32, has_unit("intel-8") ? 8 : 16, 16};
    (void)id;
    switch (key) {
    case CL_DEVICE_TYPE: return answer(&gpu, sizeof gpu, size, value, need);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    case CL_DEVICE_LOCAL_MEM_SIZE: return answer(&bytes, sizeof bytes, size, value, need);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return answer(&units, sizeof units, size, value, need);
    case CL_DEVICE_COMPILER_AVAILABLE: return answer(&yes, sizeof yes, size, value, need);
    case CL_DEVICE_SINGLE_FP_CONFIG:
    case CL_DEVICE_DOUBLE_FP_CONFIG: return answer(&rounding, sizeof rounding, size, value, need);
    case CL_DEVICE_EXTENSIONS: return answer(extensions(), strlen(extensions()) + 1, size, value, need);
    case COMPUTE_CAPABILITY_MAJOR_NV: return answer(&capability, sizeof capability, size, value, need);
    case SUB_GROUP_SIZES_INTEL: return answer(sub_groups, sizeof sub_groups, size, value, need);
    default: return answer("OpenCL 1.2", 11, size, value, need);
    }
}

static void *made(cl_int *status)
{
    if (status)
        *status = CL_SUCCESS;
    return &thing;
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint n, const cl_device_id *ids,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                           void *payload, cl_int *status)
{
    return (void)properties, (void)n, (void)ids, (void)notify, (void)payload, made(status);
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id id,
                                      cl_command_queue_properties properties, cl_int *status)
{
    return (void)context, (void)id, (void)properties, made(status);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *status)
{
    return (void)context, (void)flags, (void)bytes, (void)host, made(status);
}

cl_mem clCreateSubBuffer(cl_mem memory, cl_mem_flags flags, cl_buffer_create_type type, const void *region,
                         cl_int *status)
{
    return (void)memory, (void)flags, (void)type, (void)region, made(status);
}

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *status)
{
    return (void)program, (void)name, made(status);
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint n, const char **texts, const size_t *lengths,
                                     cl_int *status)
{
    (void)context;
    (void)n;
    (void)lengths;
    *status = CL_SUCCESS;
    return (cl_program)(void *)strdup(texts[0]);
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint n, const cl_device_id *ids,
                                     const size_t *lengths, const unsigned char **binaries, cl_int *verdicts,
                                     cl_int *status)
{
    (void)context, (void)n, (void)ids, (void)lengths, (void)binaries, (void)verdicts;
    *status = CL_INVALID_BINARY;
    return NULL;
}

static cl_int keep(const char *folder, int number, const char *ending, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%04d.%s", folder, number, ending);
    FILE *file = fopen(path, "w");
    if (!file)
        return CL_OUT_OF_RESOURCES;
    int bad = fputs(text, file) < 0 || fputc('\n', file) < 0;
    return fclose(file) || bad ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

cl_int clBuildProgram(cl_program program, cl_uint n, const cl_device_id *ids, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *payload)
{
    static int number;
    const char *folder = getenv("RECORDER");
    (void)n, (void)ids, (void)notify, (void)payload;
    if (!folder || (has_unit("mfma") && strstr((const char *)(const void *)program, "__kernel void wmma(")))
        return CL_BUILD_PROGRAM_FAILURE;
    pthread_mutex_lock(&lock);
    cl_int status = keep(folder, ++number, "cl", (const char *)(const void *)program);
    status |= keep(folder, number, "options", options);
    pthread_mutex_unlock(&lock);
    return status;
}

cl_int clReleaseProgram(cl_program program)
{
    free(program);
    return CL_SUCCESS;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes,
                           void *host, cl_uint n, const cl_event *after, cl_event *event)
{
    (void)queue, (void)memory, (void)wait, (void)offset, (void)n, (void)after, (void)event;
    memset(host, 0, bytes);
    return CL_SUCCESS;
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, cl_map_flags flags, size_t offset,
                         size_t bytes, cl_uint n, const cl_event *after, cl_event *event, cl_int *status)
{
    (void)queue, (void)memory, (void)wait, (void)flags, (void)offset, (void)n, (void)after, (void)event;
    void *mapped = malloc(bytes);
    *status = mapped ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    return mapped;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void *mapped, cl_uint n,
                               const cl_event *after, cl_event *event)
{
    (void)queue, (void)memory, (void)n, (void)after, (void)event;
    free(mapped);
    return CL_SUCCESS;
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint n, const cl_event *after, cl_event *event)
{
    (void)queue, (void)n, (void)after;
    *event = (cl_event)(void *)&thing;
    return CL_SUCCESS;
}

cl_int clGetProgramInfo(cl_program program, cl_program_info key, size_t size, void *value, size_t *need)
{
    (void)program, (void)key, (void)size, (void)value, (void)need;
    return CL_INVALID_VALUE; /* gives no binaries away */
}

#define DOES_NOTHING(name, parameters) \
    cl_int name parameters             \
    {                                  \
        return CL_SUCCESS;             \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"
DOES_NOTHING(clGetProgramBuildInfo,
             (cl_program p, cl_device_id d, cl_program_build_info k, size_t s, void *v, size_t *need))
DOES_NOTHING(clReleaseContext, (cl_context c))
DOES_NOTHING(clReleaseCommandQueue, (cl_command_queue q))
DOES_NOTHING(clReleaseMemObject, (cl_mem m))
DOES_NOTHING(clReleaseKernel, (cl_kernel k))
DOES_NOTHING(clReleaseEvent, (cl_event e))
DOES_NOTHING(clSetKernelArg, (cl_kernel k, cl_uint i, size_t s, const void *v))
DOES_NOTHING(clEnqueueNDRangeKernel,
             (cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g, const size_t *l,
              cl_uint n, const cl_event *a, cl_event *e))
DOES_NOTHING(clEnqueueWriteBuffer, (cl_command_queue q, cl_mem m, cl_bool w, size_t o, size_t b,
                                    const void *h, cl_uint n, const cl_event *a, cl_event *e))
DOES_NOTHING(clEnqueueFillBuffer, (cl_command_queue q, cl_mem m, const void *p, size_t s, size_t o, size_t b,
                                   cl_uint n, const cl_event *a, cl_event *e))
DOES_NOTHING(clEnqueueCopyBuffer, (cl_command_queue q, cl_mem s, cl_mem d, size_t a, size_t o, size_t b,
                                   cl_uint n, const cl_event *w, cl_event *e))
DOES_NOTHING(clWaitForEvents, (cl_uint n, const cl_event *e))
DOES_NOTHING(clFlush, (cl_command_queue q))
DOES_NOTHING(clFinish, (cl_command_queue q))
