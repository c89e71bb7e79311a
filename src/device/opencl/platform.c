/* platform.c - finds the devices, once, and shares one cl_context per device among the contexts of the
 * process.
 * The list lives in static memory: it is made before the host may have set its allocator. */
#include "device/opencl/platform.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "device/opencl/clblast.h"
#include "device/opencl/matrix.h"
#include "device/opencl/opencl.h"
#include "device/opencl/program.h"

enum { PLATFORMS = 32, DEVICES = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of these, and users and context of each */
static struct hardware list[DEVICES];
static int32_t count = -1;     /* not looked yet */
static struct failure nothing; /* why there is no device */

/* Text without leading, trailing and doubled blanks: Intel's names are padded. */
static void tidy(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || (to > text && to[-1] != ' '))
            *to++ = *from;
    if (to > text && to[-1] == ' ')
        to--;
    *to = 0;
}

/* Cuts what is too long; "" if the driver has no answer. */
static void platform_text(cl_platform_id id, cl_platform_info key, char *text, size_t size)
{
    char all[4096] = "";
    size_t need = 0;
    if (cl.GetPlatformInfo(id, key, sizeof all, all, &need) != CL_SUCCESS || need > sizeof all)
        all[0] = 0;
    all[sizeof all - 1] = 0;
    tidy(all);
    snprintf(text, size, "%s", all);
}

static void device_text(cl_device_id id, cl_device_info key, char *text, size_t size)
{
    char all[8192] = ""; /* a list of extensions may be long */
    size_t need = 0;
    if (cl.GetDeviceInfo(id, key, sizeof all, all, &need) != CL_SUCCESS || need > sizeof all)
        all[0] = 0;
    all[sizeof all - 1] = 0;
    tidy(all);
    snprintf(text, size, "%s", all);
}

/* A fact of at most 8 bytes, 0 if the driver has no answer.  Little-endian machines only, as OpenCL's hosts
 * are. */
static uint64_t device_number(cl_device_id id, cl_device_info key)
{
    uint64_t value = 0;
    if (cl.GetDeviceInfo(id, key, sizeof value, &value, NULL) != CL_SUCCESS)
        return 0;
    return value;
}

static int64_t device_bytes(cl_device_id id, cl_device_info key)
{
    uint64_t value = device_number(id, key);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static const char *kind_of(cl_device_id id)
{
    uint64_t type = device_number(id, CL_DEVICE_TYPE);
    if (type & CL_DEVICE_TYPE_GPU)
        return "gpu";
    return type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator";
}

static int has_extension(cl_device_id id, const char *name)
{
    char extensions[8192];
    device_text(id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    return strstr(extensions, name) != NULL;
}

static int has_f64(cl_device_id id)
{
    return has_extension(id, "cl_khr_fp64") || device_number(id, CL_DEVICE_DOUBLE_FP_CONFIG);
}

/* cl_nv_device_attribute_query's, cl_intel_required_subgroup_size's */
enum { COMPUTE_CAPABILITY_MAJOR_NV = 0x4000, SUB_GROUP_SIZES_INTEL = 0x4108 };

/* The least size of sub-groups: the unit computes in these alone. */
static size_t least_sub_group(cl_device_id id)
{
    size_t sizes[16], bytes = 0, least = 0;
    if (cl.GetDeviceInfo(id, SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) != CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < bytes / sizeof sizes[0] && i < 16; i++)
        if (least == 0 || sizes[i] < least)
            least = sizes[i];
    return least;
}

static int32_t intel_unit(cl_device_id id)
{
    const size_t least = least_sub_group(id);
    if (least == 16)
        return has_extension(id, "cl_intel_subgroup_matrix_multiply_accumulate_tf32") ? MATRIX_INTEL_TF32
                                                                                      : MATRIX_INTEL_16;
    return least == 8 ? MATRIX_INTEL_8 : MATRIX_NONE;
}

/* Where a sub-group is a thread with registers of its own, as on Intel's 4096 bytes, an item has 512 at most. */
static int32_t item_sums(cl_device_id id)
{
    return has_extension(id, "cl_intel_required_subgroup_size") ? 16 : 64;
}

static int32_t nvidia_unit(cl_device_id id)
{
    const uint64_t capability = device_number(id, COMPUTE_CAPABILITY_MAJOR_NV);
    return capability >= 9 ? MATRIX_NVIDIA_ROUNDS : capability == 8 ? MATRIX_NVIDIA : MATRIX_NONE;
}

/* AMD's is found by its compiler, when the device is opened. */
static int32_t matrix_unit(cl_device_id id)
{
    if (has_extension(id, "cl_nv_device_attribute_query"))
        return nvidia_unit(id);
    if (has_extension(id, "cl_intel_subgroup_matrix_multiply_accumulate") &&
        has_extension(id, "cl_intel_required_subgroup_size"))
        return intel_unit(id);
    return MATRIX_NONE;
}

static void describe(struct hardware *h, int32_t n)
{
    struct device_info *info = &h->info;
    char version[256];
    snprintf(info->device, sizeof info->device, "opencl:%d", (int)n);
    snprintf(info->kind, sizeof info->kind, "%s", kind_of(h->id));
    platform_text(h->platform, CL_PLATFORM_NAME, info->platform, sizeof info->platform);
    platform_text(h->platform, CL_PLATFORM_VERSION, h->version, sizeof h->version);
    device_text(h->id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(h->id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(h->id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(h->id, CL_DEVICE_VERSION, version, sizeof version);
    if (sscanf(version, "OpenCL %d.%d", &h->major, &h->minor) != 2)
        h->major = h->minor = 0;
    snprintf(info->opencl, sizeof info->opencl, "%d.%d", h->major, h->minor);
    info->memory = device_bytes(h->id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->largest_buffer = device_bytes(h->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory = device_bytes(h->id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->units = (int32_t)device_number(h->id, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->f64 = has_f64(h->id);
    info->item_sums = item_sums(h->id);
    info->cuts_loops = strcmp(info->platform, "rusticl") == 0 && strcmp(info->kind, "cpu") == 0;
    h->has_compiler = device_number(h->id, CL_DEVICE_COMPILER_AVAILABLE) != 0;
    h->divides_correctly =
        (device_number(h->id, CL_DEVICE_SINGLE_FP_CONFIG) & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    h->matrix = matrix_unit(h->id);
    h->simulated = strcmp(info->platform, "Oclgrind") == 0;
    h->builds_alone = h->simulated; /* 21.10 */
}

static void find_devices(cl_platform_id platform)
{
    cl_device_id ids[DEVICES];
    cl_uint n = 0;
    char name[64];
    platform_text(platform, CL_PLATFORM_NAME, name, sizeof name);
    if (strcmp(name, "Clover") == 0)
        return; /* Mesa's old implementation: it lists devices whose programs it can't build */
    if (cl.GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES, ids, &n) != CL_SUCCESS)
        return;
    for (cl_uint i = 0; i < n && i < DEVICES && count < DEVICES; i++) {
        if (device_number(ids[i], CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CUSTOM)
            continue;
        struct hardware *h = &list[count];
        h->platform = platform;
        h->id = ids[i];
        describe(h, count++);
    }
}

/* With the lock held. */
static void find_all(void)
{
    cl_platform_id platforms[PLATFORMS];
    cl_uint n = 0;
    char text[32];
    count = 0;
    if (opencl_load(&nothing))
        return;
    cl_int code = cl.GetPlatformIDs(PLATFORMS, platforms, &n);
    for (cl_uint i = 0; code == CL_SUCCESS && i < n && i < PLATFORMS; i++)
        find_devices(platforms[i]);
    if (code != CL_SUCCESS)
        fail(&nothing, GRADC_E_DEVICE, "no OpenCL platform on this machine (clGetPlatformIDs: %s)",
             opencl_error_name(code, text));
    else if (count == 0)
        fail(&nothing, GRADC_E_DEVICE, "no OpenCL device on this machine");
}

int32_t hardware_count(struct failure *f)
{
    pthread_mutex_lock(&lock);
    if (count < 0)
        find_all();
    pthread_mutex_unlock(&lock);
    if (count == 0)
        fail(f, nothing.status, "%s", nothing.text);
    return count;
}

struct hardware *hardware_at(int32_t n, struct failure *f)
{
    int32_t all = hardware_count(f);
    if (n >= 0 && n < all)
        return &list[n];
    fail(f, GRADC_E_DEVICE, "opencl:%d is not there: the last device is opencl:%d", (int)n, (int)all - 1);
    return NULL;
}

/* For drivers that say more than a status.  Not every driver hands the payload on. */
static void CL_CALLBACK hear(const char *line, const void *data, size_t bytes, void *payload)
{
    (void)data;
    (void)bytes;
    (void)payload;
    host_log("OpenCL: %s", line);
}

/* Whether a kernel builds. */
static int builds(struct hardware *h, const char *source)
{
    cl_int code;
    cl_program program = cl.CreateProgramWithSource(h->context, 1, &source, NULL, &code);
    if (code != CL_SUCCESS)
        return 0;
    code = cl.BuildProgram(program, 1, &h->id, "-cl-std=CL1.2", NULL, NULL);
    cl.ReleaseProgram(program);
    return code == CL_SUCCESS;
}

/* AMD's compiler has a matrix unit's built-ins only for the devices that have the unit. */
static int32_t amd_unit(struct hardware *h)
{
    if (builds(h, "__kernel void wmma(__global float8 *c, __global const short16 *a)\n"
                  "{ c[0] = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(a[0], a[1], c[0]); }\n"))
        return MATRIX_AMD;
    if (builds(h, "__kernel void mfma(__global float4 *c, __global const float *a)\n"
                  "{ c[0] = __builtin_amdgcn_mfma_f32_16x16x4f32(a[0], a[1], c[0], 0, 0, 0); }\n"))
        return MATRIX_MFMA;
    return MATRIX_NONE;
}

static gradc_status open_context(struct hardware *h, struct failure *f)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)h->platform, 0};
    const struct device_info *info = &h->info;
    char folder[sizeof h->cache - 8];
    cl_int code;
    if (h->major < 1 || (h->major == 1 && h->minor < 2))
        return fail(f, GRADC_E_DEVICE, "%s (%s) has OpenCL %s: 1.2 is needed", info->device, info->name,
                    info->opencl);
    if (!h->has_compiler)
        return fail(f, GRADC_E_DEVICE, "%s (%s) has no compiler for kernels", info->device, info->name);
    h->context = cl.CreateContext(properties, 1, &h->id, hear, NULL, &code);
    if (code != CL_SUCCESS) {
        h->context = NULL;
        return opencl_refused(f, code, "clCreateContext", info->name);
    }
    if (h->matrix == MATRIX_NONE && has_extension(h->id, "cl_amd_device_attribute_query"))
        h->matrix = amd_unit(h);
    h->cache[0] = 0;
    if (os_cache_folder(folder, sizeof folder) == 0)
        snprintf(h->cache, sizeof h->cache, "%s/gradc", folder);
    return GRADC_OK;
}

gradc_status hardware_retain(struct hardware *h, struct failure *f)
{
    pthread_mutex_lock(&lock);
    gradc_status status = h->users ? GRADC_OK : open_context(h, f);
    if (!status)
        h->users++;
    pthread_mutex_unlock(&lock);
    return status;
}

void hardware_release(struct hardware *h)
{
    pthread_mutex_lock(&lock);
    if (--h->users == 0) {
        programs_free(h);
        clblast_forget();
        cl.ReleaseContext(h->context);
        h->context = NULL;
    }
    pthread_mutex_unlock(&lock);
}
