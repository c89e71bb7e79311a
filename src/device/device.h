/* device.h - what the core and the ops know of a device: memory, kernels, and two engines.
 *
 * A struct device belongs to one context (it holds a queue or a thread's turn in the pool); what is shared by
 * a process (an OpenCL context, built programs, the thread pool) lies behind it.  Nothing here knows tensors'
 * histories: a `struct view` is memory and a layout. */
#ifndef GRADC_DEVICE_H
#define GRADC_DEVICE_H

#include "base/failure.h"

/* Where elements are: number of dimensions, sizes, strides and first element, all counted in elements. */
struct layout {
    int32_t ndim;
    int64_t shape[GRADC_MAX_NDIM];
    int64_t stride[GRADC_MAX_NDIM];
    int64_t offset;
};

/* Whether elements are 16-bit floats (base/half.h), which are computed as f32. */
static inline int dtype_is_half(gradc_dtype dtype)
{
    return dtype == GRADC_F16 || dtype == GRADC_BF16;
}

/* The dtype that elements are computed in. */
static inline gradc_dtype dtype_computes(gradc_dtype dtype)
{
    return dtype_is_half(dtype) ? GRADC_F32 : dtype;
}

/* A piece of device memory that the allocator got in one call. */
struct slab {
    void *memory; /* the CPU: an address; OpenCL: a cl_mem */
    size_t bytes;
};

struct place {
    struct slab *slab; /* NULL: nowhere */
    size_t offset;     /* bytes, a multiple of 256 */
};

/* What a kernel sees of a tensor.  layout.offset counts from place.offset. */
struct view {
    struct place at;
    gradc_dtype dtype;
    struct layout layout;
};

/* The CPU's address of a view's first element, and of a place: NULL where there is no memory. */
void *view_host(const struct view *v);
void *place_host(struct place p);

/* The facts of gradc_device_info. */
struct device_info {
    char device[32], kind[16], name[128], vendor[128], platform[128], driver[128], opencl[64];
    int64_t memory, largest_buffer, local_memory;
    int32_t units;
    int32_t f64;
    int32_t item_sums; /* f32 sums of a product that an item's registers hold beside all else (OpenCL GPUs) */
    int32_t cuts_loops; /* 1: an item's loops end after 65,535 turns, so that longer sums are wrong (Mesa's llvmpipe) */
};

/* ---- A kernel call (OpenCL forms of ops) ----
 * kernel_start, one kernel_* call for each argument in the kernel's order, kernel_range or kernel_groups, then
 * launch_kernel (ops/op.h).  Integer arguments are bound at each call and never part of the program's text. */

enum { KERNEL_ARGS = 96 }; /* of 8 bytes at most: OpenCL promises 1024 bytes */

struct kernel_arg {
    enum { ARG_PLACE, ARG_I32, ARG_I64, ARG_F32, ARG_F64, ARG_LOCAL } kind;
    union {
        struct place place;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        size_t local;
    } u;
};

struct kernel_call {
    const char *source; /* basename of opencl/NAME.cl; it is compiled behind prelude.cl */
    const char *kernel; /* the function */
    gradc_dtype real;  /* what `real` is: f32 or f64, or the dtype that the kernel calls real; of a 16-bit one
                         * `stored` is in memory and `real` float */
    int wide;          /* 1: `index_t` is long: set by kernel_tensor where an int might overflow */
    char options[192]; /* more -D, beginning with a space; "" for none */
    const char *text;  /* compiled in front of the source, behind the prelude; NULL: none */
    uint64_t text_hash; /* kernel_hash(text) */
    int nargs;          /* beyond KERNEL_ARGS: spoilt by too many arguments or options, launch refuses */
    struct kernel_arg args[KERNEL_ARGS];
    int ndim;                   /* of the work size */
    size_t global[3], local[3]; /* local[0] 0: the device chooses */
};

void kernel_start(struct kernel_call *k, const char *source, const char *kernel, gradc_dtype real);
void kernel_option(struct kernel_call *k, const char *format, ...) GRADC_PRINTF(2, 3); /* "-DNAME=%d" */
void kernel_text(struct kernel_call *k, const char *text, uint64_t hash);
uint64_t kernel_hash(const char *text);
void kernel_tensor(struct kernel_call *k, const struct view *v); /* two arguments: buffer, ulong first element */
void kernel_place(struct kernel_call *k, struct place at); /* one argument: buffer; its offset must be 0 */
void kernel_i32(struct kernel_call *k, int32_t value);     /* int */
void kernel_i64(struct kernel_call *k, int64_t value);     /* long */
void kernel_real(struct kernel_call *k, double value);     /* real: float or double as k->real says */
void kernel_local(struct kernel_call *k, size_t bytes);    /* __local memory */
void kernel_range(struct kernel_call *k, int64_t items); /* 1-d, for grid-stride loops: any work size is right */
void kernel_groups(struct kernel_call *k, int ndim, const size_t *groups, const size_t *local); /* exact */

/* ---- The engines ---- */

/* What is done with the finished elements of a contiguous result, counted row-major.  On the CPU they are in their
 * place first; on OpenCL only what this stores is stored.  As a prologue: what makes the elements of an operand; on the
 * CPU they are in their place behind it. */
struct epilogue {
    void (*run)(const struct epilogue *e, int64_t first, int64_t n); /* CPU: of n elements, each once; any thread */
    const char *text; /* OpenCL: for kernel_text (see finish.cl, take.cl, reduce.cl), */
    uint64_t text_hash;
    void (*give)(const struct epilogue *e, struct kernel_call *k); /* and its arguments, the kernel's last */
};

/* CPU: runs it for n elements; e may be NULL. */
static inline void epilogue_run(const struct epilogue *e, int64_t first, int64_t n)
{
    if (e)
        e->run(e, first, n);
}

/* A prologue's text and its arguments, the kernel's last; e may be NULL. */
void kernel_prologue(struct kernel_call *k, const struct epilogue *e);

/* The last arguments of a kernel that ends with RESULT (finish.cl): c, or the epilogue, if there is one; c's elements
 * in front of this kernel's are `done`. */
void kernel_result(struct kernel_call *k, const struct epilogue *e, const struct view *c, int64_t done);

/* C[b,i,j] = sum_k A[b,i,k] B[b,k,j] + bias[j], any strides in A and B, C's columns contiguous.
 * Batch axes: shape, and the stride of each operand (0 repeats).  f32 or f64. */
struct gemm {
    gradc_dtype dtype;
    int64_t m, n, k;
    struct view a, b, c; /* place, dtype and layout.offset count; shapes and strides are these: */
    int64_t a_row, a_col, b_row, b_col, c_row;
    int32_t nbatch;
    int64_t batch[GRADC_MAX_NDIM], a_batch[GRADC_MAX_NDIM], b_batch[GRADC_MAX_NDIM], c_batch[GRADC_MAX_NDIM];
    const struct view *bias; /* [n]; NULL: none */
    const struct view *row_sums; /* [m]: gets sum_k A[i,k] (no batch axes; one of A's strides is 1); NULL: nothing */
    const struct epilogue *epilogue; /* NULL: none */
    int exact; /* 1: the operands are not rounded, whatever "math" says: Winograd's transforms would amplify it */
};

enum conv_kind { CONV_FORWARD, CONV_INPUT, CONV_WEIGHT };

/* 2-d convolution as gradc_conv2d_full says, all operands contiguous (their layout's offset counts).
 * FORWARD: x, w, bias (or NULL) -> z.   INPUT: z (dz), w -> x (dx).   WEIGHT: x, z (dz) -> w (dw), db (or NULL).
 * db[out] is the sum of dz over batch and pixels. */
struct conv {
    enum conv_kind kind;
    gradc_dtype dtype;
    int64_t batch, in, height, width, out, kh, kw, out_height, out_width, groups;
    int64_t stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;
    struct view x, w, z;
    const struct view *bias, *db;
    const struct epilogue *epilogue; /* NULL: none; not for WEIGHT */
    struct place workspace;          /* conv_workspace bytes */
};

/* Where a data error (a label out of range) is written: int64 words {code, serial, index, value}; code 0: none.
 * A kernel that updates a tensor (an assign) does nothing while word[0] is not 0. */
enum { WORD_CODE, WORD_SERIAL, WORD_INDEX, WORD_VALUE, WORD_COUNT };

struct device;

/* gradc_tune's callback. */
typedef int tune_progress(void *payload, const char *line, double before, double after);

/* Every function fills f and returns a status.  All are REQUIRED unless marked. */
struct device_table {
    void (*close)(struct device *d);

    gradc_status (*slab_new)(struct device *d, size_t bytes, struct slab **out, struct failure *f); /* not zeroed */
    void (*slab_free)(struct device *d, struct slab *s);

    /* In the order of the calls.  write copies src before it returns; read waits. */
    gradc_status (*write)(struct device *d, struct place to, const void *src, size_t bytes, struct failure *f);
    gradc_status (*read)(struct device *d, void *dst, struct place from, size_t bytes, struct failure *f);
    gradc_status (*zero)(struct device *d, struct place to, size_t bytes, struct failure *f);
    gradc_status (*flush)(struct device *d, struct failure *f);  /* OpenCL: submit; the CPU: nothing */
    gradc_status (*finish)(struct device *d, struct failure *f); /* wait for everything */

    /* OpenCL only (NULL for the CPU).  prepare: notes which program k needs; prepared: builds what was noted and
     * is not built, several at once, or says why not with the build log; launch: enqueues. */
    gradc_status (*prepare)(struct device *d, const struct kernel_call *k, struct failure *f);
    gradc_status (*prepared)(struct device *d, struct failure *f);
    gradc_status (*launch)(struct device *d, const struct kernel_call *k, struct failure *f);

    /* The engines.  prepare 1: only note the programs (OpenCL) or do nothing (CPU).
     * workspace: bytes that the call needs, a function of shapes and the device alone. */
    size_t (*gemm_workspace)(struct device *d, const struct gemm *p);
    gradc_status (*gemm)(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                         struct failure *f);
    size_t (*conv_workspace)(struct device *d, const struct conv *p);
    gradc_status (*conv)(struct device *d, const struct conv *p, int prepare, struct failure *f);

    /* OPTIONAL: a setting of gradc_set ("threads", "blas").  GRADC_E_ARG for a bad value; GRADC_E_UNSUPPORTED:
     * not mine. */
    gradc_status (*set)(struct device *d, const char *key, const char *value, struct failure *f);

    /* OPTIONAL: programs built and loaded from disk so far. */
    void (*counters)(const struct device *d, int64_t *built, int64_t *loaded);

    /* OPTIONAL, all four: what the device was tuned to.  tuned: its digest, 0 without any.  tune: as gradc_tune says;
     * the forms of products and convolutions, and with them their workspaces, may be others from then on. */
    uint64_t (*tuned)(const struct device *d);
    gradc_status (*tune)(struct device *d, double seconds, tune_progress *progress, void *payload,
                         struct failure *f);
    gradc_status (*tuning_export)(const struct device *d, const char *path, struct failure *f);
    gradc_status (*tuning_import)(struct device *d, const char *path, struct failure *f);
};

/* The setting "math": what products and convolutions may round.  Where a device has nothing that does as TF32 and BF16
 * allow, they are FAST. */
enum math {
    MATH_FAST,   /* f32 sums, Winograd's among them */
    MATH_STRICT, /* f32 sums as they are written */
    MATH_TF32,   /* FAST, and f32 operands may be rounded to 11 bits of precision: TF32 */
    MATH_BF16,   /* FAST, and f32 operands may be rounded to bf16 */
    MATHS
};

/* Its names, as gradc_set has them. */
extern const char *const math_names[MATHS];

/* The first member of each device's own struct. */
struct device {
    const struct device_table *table;
    struct device_info info;
    int32_t index;  /* for gradc_device_info */
    int32_t opencl; /* 1: ops run their OpenCL form; 0: the CPU form */
    int64_t calls;  /* kernel calls prepared so far (OpenCL) */
    enum math math; /* what rounding is allowed */
    int32_t matrix; /* its matrix unit (OpenCL: device/opencl/matrix.h); 0: none */
    int32_t failed; /* 1: lost for good; every call answers GRADC_E_DEVICE */

    int32_t first_use; /* 1: tiles are looked for when a product or convolution is first prepared (OpenCL) */
    int64_t room;      /* bytes that this may take, set before anything is prepared; -1: no limit */
};

/* ---- The list of devices: the CPU is 0 ---- */

int32_t device_count(void);
gradc_status device_describe(int32_t index, struct device_info *info, struct failure *f);

/* Opens by a gradc_open string (not NULL). */
gradc_status device_open(const char *name, struct device **out, struct failure *f);

/* ---- The CPU's own part, for the CPU forms of ops ---- */

/* Calls run(arg, task, thread) for task = 0 .. tasks-1, each once, on up to the context's threads, and returns when
 * all are done.  Tasks are the unit of determinism: split by shape alone.  thread < cpu_threads(d). */
void cpu_parallel(struct device *d, int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg);
int cpu_threads(const struct device *d);

/* The epilogue of n elements that are all there (or the prologue, before any is read); e may be NULL. */
void cpu_epilogue(struct device *d, const struct epilogue *e, int64_t n);

/* How many tasks of `grain` items cover `items`; their bounds. */
int64_t cpu_tasks(int64_t items, int64_t grain);

/* The instruction set that vector loops use: a row of the per-set tables. */
enum cpu_isa { CPU_PLAIN, CPU_AVX2, CPU_AVX512, CPU_NEON, CPU_ISAS };

/* Their names. */
extern const char *const cpu_isa_names[CPU_ISAS];
enum cpu_isa cpu_isa(void);

#endif
