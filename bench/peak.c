/* peak.c - what a device can do at most, measured: multiply-adds of f32 from registers, and a copy of memory that no
 * cache holds.  The figures of the cases are set against these.
 *
 * The CPU: on as many threads as are asked for.  OpenCL: two kernels of its own, on the device whose platform and name
 * gradc_device_info gives.  This file is compiled with multiply-adds contracted. */
#include "peak.h"

#include <gradc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { RUNS = 7, CHAINS = 12, MOST_THREADS = 256, CPU_STEPS = 4000000 };

static const size_t copy_bytes = (size_t)1 << 28;

/* ---- The CPU ---- */

/* Independent chains hide how long one multiply-add takes. */
#define CHAIN(name, isa, bytes)                                                                \
    isa static float name(int64_t steps)                                                       \
    {                                                                                          \
        typedef float vec __attribute__((vector_size(bytes)));                                 \
        vec sum[CHAINS], x = (vec){0} + 0.999f, y = (vec){0} + 0.001f;                         \
        for (int i = 0; i < CHAINS; i++)                                                       \
            sum[i] = x + (float)i;                                                             \
        for (int64_t step = 0; step < steps; step++)                                           \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + y; \
        vec all = (vec){0};                                                                    \
        for (int i = 0; i < CHAINS; i++)                                                       \
            all += sum[i];                                                                     \
        return all[0];                                                                         \
    }

CHAIN(chain_16, , 16)
#if defined(__x86_64__)
CHAIN(chain_32, __attribute__((target("avx2,fma"))), 32)
CHAIN(chain_64, __attribute__((target("avx512f"))), 64)
#endif

struct job {
    float (*chain)(int64_t steps);
    char *from, *to;
    size_t bytes;
    float result;
};

static void *run_job(void *arg)
{
    struct job *j = arg;
    if (j->chain)
        j->result = j->chain(CPU_STEPS);
    else
        memcpy(j->to, j->from, j->bytes);
    return NULL;
}

/* The least time that the jobs take together. */
static double least(struct job *jobs, int threads)
{
    double best = 1e30;
    for (int run = 0; run < RUNS; run++) {
        pthread_t others[MOST_THREADS];
        const double start = bench_seconds();
        for (int i = 1; i < threads; i++)
            if (pthread_create(&others[i], NULL, run_job, &jobs[i]) != 0)
                exit(1);
        run_job(&jobs[0]);
        for (int i = 1; i < threads; i++)
            pthread_join(others[i], NULL);
        const double took = bench_seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

static int cpu_peak(int threads, struct peak *p)
{
    struct job jobs[MOST_THREADS] = {{0}};
    float (*chain)(int64_t) = chain_16;
    int lanes = 4;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        chain = chain_64;
        lanes = 16;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        chain = chain_32;
        lanes = 8;
    }
#endif
    for (int i = 0; i < threads; i++)
        jobs[i].chain = chain;
    p->flop = 2.0 * CPU_STEPS * CHAINS * lanes * threads / least(jobs, threads);
    char *from = bench_memory(copy_bytes, 1), *to = bench_memory(copy_bytes, 1);
    memset(from, 1, copy_bytes);
    for (int i = 0; i < threads; i++) {
        const size_t part = copy_bytes / (size_t)threads;
        jobs[i] = (struct job){.from = from + (size_t)i * part, .to = to + (size_t)i * part, .bytes = part};
    }
    p->bytes = 2.0 * (double)(copy_bytes / (size_t)threads * (size_t)threads) / least(jobs, threads);
    free(from);
    free(to);
    return 0;
}

/* ---- OpenCL ---- */

#ifndef GRADC_NO_OPENCL
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>

enum { MOST = 16, ITEMS = 1 << 19, STEPS = 512, LOCAL = 256 };

static const char source[] =
    "__kernel void chain(__global float *z, int steps) {\n"
    "    float4 a = (float4)(get_global_id(0)), b = a + 1, c = a + 2, d = a + 3;\n"
    "    for (int i = 0; i < steps; i++) {\n"
    "        a = fma(a, (float4)(0.999f), (float4)(0.001f)); b = fma(b, (float4)(0.999f), (float4)(0.001f));\n"
    "        c = fma(c, (float4)(0.999f), (float4)(0.001f)); d = fma(d, (float4)(0.999f), (float4)(0.001f));\n"
    "    }\n"
    "    a += b + c + d;\n"
    "    z[get_global_id(0)] = a.x + a.y + a.z + a.w;\n"
    "}\n"
    "__kernel void copy(__global const float4 *x, __global float4 *z) {\n"
    "    z[get_global_id(0)] = x[get_global_id(0)];\n"
    "}\n";

/* clang-format off */
#define FUNCTIONS(X)                                                                                   \
    X(GetPlatformIDs) X(GetPlatformInfo) X(GetDeviceIDs) X(GetDeviceInfo) X(CreateContext)             \
    X(CreateBuffer) X(CreateCommandQueue) X(CreateProgramWithSource) X(BuildProgram) X(CreateKernel)   \
    X(SetKernelArg) X(EnqueueNDRangeKernel) X(Finish)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__(cl##name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} cl;

static int load(void)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    if (!library)
        return -1;
#define LOOK(name)                                           \
    *(void **)(void *)&cl.name = dlsym(library, "cl" #name); \
    if (!cl.name)                                            \
        return -1;
    FUNCTIONS(LOOK)
#undef LOOK
    return 0;
}

/* Whether two names are one but for blanks, which the library tidies. */
static int same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (*a != *b || !*a)
            return *a == *b;
    }
}

static cl_device_id find_device(const char *platform, const char *name)
{
    cl_platform_id platforms[MOST];
    cl_uint n = 0, many = 0;
    if (cl.GetPlatformIDs(MOST, platforms, &n) != CL_SUCCESS)
        return NULL;
    for (cl_uint i = 0; i < n && i < MOST; i++) {
        cl_device_id devices[MOST];
        char text[512] = "";
        cl.GetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof text - 1, text, NULL);
        if (!same_name(text, platform) ||
            cl.GetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, MOST, devices, &many) != CL_SUCCESS)
            continue;
        for (cl_uint k = 0; k < many && k < MOST; k++) {
            cl.GetDeviceInfo(devices[k], CL_DEVICE_NAME, sizeof text - 1, text, NULL);
            if (same_name(text, name))
                return devices[k];
        }
    }
    return NULL;
}

/* Seconds of one launch. */
static double launch_time(cl_command_queue queue, cl_kernel kernel, size_t items)
{
    const size_t local = LOCAL;
    double best = 1e30;
    for (int run = 0; run < RUNS; run++) {
        const double start = bench_seconds();
        if (cl.EnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &local, 0, NULL, NULL) != CL_SUCCESS)
            return 0;
        cl.Finish(queue);
        const double took = bench_seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

static int opencl_peak(const char *platform, const char *name, struct peak *p)
{
    const char *text[] = {source};
    cl_device_id device = load() == 0 ? find_device(platform, name) : NULL;
    cl_context context = device ? cl.CreateContext(NULL, 1, &device, NULL, NULL, NULL) : NULL;
    if (!context)
        return -1;
    cl_command_queue queue = cl.CreateCommandQueue(context, device, 0, NULL);
    cl_mem x = cl.CreateBuffer(context, CL_MEM_READ_WRITE, copy_bytes, NULL, NULL);
    cl_mem z = cl.CreateBuffer(context, CL_MEM_READ_WRITE, copy_bytes, NULL, NULL);
    cl_program program = cl.CreateProgramWithSource(context, 1, text, NULL, NULL);
    if (!queue || !x || !z || !program || cl.BuildProgram(program, 1, &device, "", NULL, NULL) != CL_SUCCESS)
        return -1;
    cl_kernel chain = cl.CreateKernel(program, "chain", NULL), copy = cl.CreateKernel(program, "copy", NULL);
    const cl_int steps = STEPS;
    if (!chain || !copy || cl.SetKernelArg(chain, 0, sizeof z, &z) ||
        cl.SetKernelArg(chain, 1, sizeof steps, &steps) || cl.SetKernelArg(copy, 0, sizeof x, &x) ||
        cl.SetKernelArg(copy, 1, sizeof z, &z))
        return -1;
    p->flop = 2.0 * 16 * STEPS * ITEMS / launch_time(queue, chain, ITEMS);
    p->bytes = 2.0 * (double)copy_bytes / launch_time(queue, copy, copy_bytes / 16);
    return 0;
}
#else
static int opencl_peak(const char *platform, const char *name, struct peak *p)
{
    (void)platform;
    (void)name;
    (void)p;
    return -1;
}
#endif

/* ---- Either ---- */

int bench_peak(const char *device, int threads, struct peak *p)
{
    char platform[256], name[256];
    gradc_context *g = gradc_open(device);
    const int32_t index = gradc_context_device(g);
    if (!g || gradc_device_info(index, "platform", platform, sizeof platform) ||
        gradc_device_info(index, "name", name, sizeof name))
        return -1;
    gradc_close(g);
    if (threads < 1 || threads > MOST_THREADS)
        threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return index == 0 ? cpu_peak(threads, p) : opencl_peak(platform, name, p);
}
