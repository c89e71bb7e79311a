/* gradc.h - libgradc: train and run neural networks from C, on the CPU or any OpenCL device.
 *
 * This header is the contract: what is not written here is not promised.
 *
 * Model.  Ops record nodes on the context's tape and compute nothing until a value is needed
 * (gradc_read, gradc_item, gradc_step, gradc_sync).  Nothing in here ever ends the process or prints.
 *
 * Ownership.  What you make (gradc_new, gradc_param, gradc_to, gradc_retain, optimisers) you release.
 * What an op returns belongs to the tape: it is good until gradc_tape_clear, or until gradc_tape_rewind
 * takes it away; releasing it earlier only says that you are done with it.
 *
 * Errors.  NULL in, NULL out.  The first failure sticks to the context until gradc_recover: ops then
 * return NULL and writes, reads, backwards and steps return the status and do nothing.  So one
 * gradc_check a step is enough.  A function documented as "the tape's" returns NULL on failure.
 *
 * Threads.  A context belongs to one thread at a time; many contexts may run in many threads.
 * gradc_release and gradc_optim_free may be called from any thread.  After fork, calls in the child
 * answer GRADC_E_DEVICE.
 *
 * Layout.  Row-major.  Images [batch, channels, height, width]; convolution weights
 * [out, in/groups, kh, kw]; linear weights [out, in], as PyTorch has them.  An axis of -1 is the last.
 * Broadcasting follows NumPy.  At most GRADC_MAX_NDIM dimensions; 0-d and empty tensors are tensors.
 */
#ifndef GRADC_H
#define GRADC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(GRADC_BUILD) && defined(__GNUC__)
#define GRADC_API __attribute__((visibility("default")))
#else
#define GRADC_API
#endif

#define GRADC_VERSION_MAJOR 0
#define GRADC_VERSION_MINOR 2
#define GRADC_VERSION_PATCH 0

#define GRADC_MAX_NDIM 8

/* Sugar for C99 callers: gradc_new(g, GRADC_F32, GRADC_SHAPE(64, 784)).  Nothing needs it. */
#ifndef __cplusplus
#define GRADC_SHAPE(...)                                                               \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }
#endif

typedef struct gradc_context gradc_context;
typedef struct gradc_tensor gradc_tensor;
typedef struct gradc_optim gradc_optim;
typedef struct gradc_module gradc_module;
typedef struct gradc_dataset gradc_dataset;
typedef struct gradc_loader gradc_loader;
typedef struct gradc_file gradc_file;

/* ---- Status ------------------------------------------------------------------------------------ */

typedef int32_t gradc_status;

enum {
    GRADC_OK = 0,
    GRADC_E_ARG = -1,         /* an argument, an index or a label is out of its range */
    GRADC_E_SHAPE = -2,       /* shapes do not fit each other or the op */
    GRADC_E_DTYPE = -3,       /* the op does not take this dtype */
    GRADC_E_MEMORY = -4,      /* no room on the host or the device; recoverable */
    GRADC_E_DEVICE = -5,      /* the device is missing, failed, or could not build a kernel */
    GRADC_E_UNSUPPORTED = -6, /* known, but not possible here */
    GRADC_E_IO = -7,          /* a file could not be read or written */
    GRADC_E_GONE = -8,        /* the value was freed and what it came from has changed since */
    GRADC_E_CLEARED = -9,     /* the handle was released, or its tape was cleared */
    GRADC_E_LOST = -10,       /* an update was cut off half way: write the tensor to make it valid */
    GRADC_E_BUSY = -11        /* the context is inside a call */
};

/* The name of a status, such as "GRADC_E_SHAPE"; never NULL. */
GRADC_API const char *gradc_status_name(gradc_status status);

/* The library's version, such as "0.1.0"; static. */
GRADC_API const char *gradc_version(void);

/* ---- Devices ----------------------------------------------------------------------------------- */

/* How many devices this process can open: the CPU, which is number 0, and every OpenCL device. */
GRADC_API int32_t gradc_device_count(void);

/* Writes one fact about a device, as text ended by NUL, to `text` (at most `size` bytes).
 * index  0 .. gradc_device_count() - 1
 * key    "device" (the string for gradc_open), "kind" ("cpu", "gpu", "accelerator"), "name", "vendor",
 *        "platform", "driver", "opencl" (the OpenCL version, "" for the CPU), "memory" and
 *        "largest_buffer" (bytes), "units" (compute units or threads), "f64" ("1" or "0").
 * GRADC_E_ARG for another index or key, or where `text` is too short: the error is thread-local. */
GRADC_API gradc_status gradc_device_info(int32_t index, const char *key, char *text, size_t size);

/* ---- Context ----------------------------------------------------------------------------------- */

/* Opens a context on a device.
 * device  "cpu"; "gpu" or "gpu:1" (the OpenCL GPUs in order); "opencl" (the first OpenCL device, a GPU
 *         before others), "opencl:2" (the number counts OpenCL devices from 0), "opencl:NVIDIA" (the
 *         first whose platform, vendor or name contains the text, case ignored); "auto": a GPU where
 *         there is one, else the CPU.  NULL: the environment variable GRADC_DEVICE, or "auto".
 * Returns NULL on failure, and then gradc_check(NULL) and gradc_message(NULL) say why.
 * Close it with gradc_close. */
GRADC_API gradc_context *gradc_open(const char *device);

/* Closes a context: its tape is cleared and it takes no new work.  Handles that you own stay valid for
 * gradc_release, and the context's memory goes with the last of them.  NULL does nothing. */
GRADC_API void gradc_close(gradc_context *g);

/* The device of this context as an index for gradc_device_info; -1 for NULL. */
GRADC_API int32_t gradc_context_device(const gradc_context *g);

/* The first failure since gradc_open or gradc_recover, or GRADC_OK.
 * g NULL: the last failure of a call without a context in this thread. */
GRADC_API gradc_status gradc_check(const gradc_context *g);

/* The message of that failure: op, arguments and shapes.  "" when there is none; never NULL.
 * Good until the next call on the context (g NULL: the next failing call in this thread). */
GRADC_API const char *gradc_message(const gradc_context *g);

/* Forgets the failure, so that work can go on.  Clears the device's data error (a label out of range)
 * too.  Nodes that were recorded before the failure are still valid unless the message says that they
 * were dropped.  g NULL: forgets this thread's error. */
GRADC_API void gradc_recover(gradc_context *g);

/* Changes a setting.  GRADC_E_ARG for an unknown key or value.
 * "eager"         "0" | "1"      run each op as it is recorded (default: GRADC_EAGER, or "0")
 * "threads"       "1" ...        CPU threads that this context uses at most (default: all)
 * "memory_limit"  bytes, or with K, M, G: what this context may take on its device; "0": the default,
 *                                which on the CPU is 95% of what the machine has left
 * "blas"          path           the OpenBLAS to open (CPU); "" for our own packed product, the default
 * "math"          "strict" | "fast" | "tf32" | "bf16": what products and convolutions that sum in f32 may round.
 *                                "strict": plain sums of f32;
 *                                "fast": 3x3 filters that move by 1 may run by Winograd's method on every device, up
 *                                to three times as fast and with more rounding;
 *                                "tf32", "bf16": operands may also be rounded to TF32 or bf16, sums stay f32, where
 *                                the device has units for it; where it has not they are "fast" (default "fast")
 * "tune"          "first-use" | "off": whether the first product or convolution of its kind (op, dtype, sizes by powers
 *                                of two) that is prepared is timed with a few other tiles.  No bit of a result depends on
 *                                it, nor does a checkpoint; it takes up to 50 ms for each kind and 3 s for a context,
 *                                besides building, and memory for a moment, if "memory_limit" leaves it; what it finds is
 *                                kept for contexts to come and used also under "off" (default: GRADC_TUNE, or "first-use"
 *                                on GPUs and "off" elsewhere, where building takes longer than a tile saves)
 * "pending"       nodes          plan and run on its own when so many nodes wait (default 4096)
 * "plan.fuse" "plan.epilogue" "plan.prologue" "plan.updates" "plan.order" "plan.inplace" "plan.recompute"  "0" | "1"
 *                                passes of the planner: elementwise ops in one kernel; behind a product or
 *                                convolution; in front of a reduction; the updates of many parameters in
 *                                one launch; updates as early as may be; results in the place of operands;
 *                                values made again where a memory_limit was set and they would not fit
 *                                (default "1"; GRADC_PLAN=-fuse-order switches off) */
GRADC_API gradc_status gradc_set(gradc_context *g, const char *key, const char *value);

/* Seeds the context's random numbers (Philox4x32-10; default seed 0).  The same seed gives the same
 * numbers on every device. */
GRADC_API gradc_status gradc_seed(gradc_context *g, uint64_t seed);

/* Where the context's random numbers stand, two numbers, so that a run can go on later: seed and offset.
 * What was recorded already keeps its numbers.  GRADC_E_ARG for NULL. */
GRADC_API gradc_status gradc_rng_state(gradc_context *g, uint64_t *state);
GRADC_API gradc_status gradc_set_rng_state(gradc_context *g, const uint64_t *state);

/* Runs what is pending and waits for the device. */
GRADC_API gradc_status gradc_sync(gradc_context *g);

/* Bytes of device memory: live (in tensors and the arena now), peak (the most that was ever live since
 * gradc_open), cached (held for reuse beyond live).  Any pointer may be NULL. */
GRADC_API gradc_status gradc_memory_info(gradc_context *g, int64_t *live, int64_t *peak, int64_t *cached);

/* What the planner makes of the work that is pending, without running it; where nothing is pending, of the
 * last work that ran.  launches: kernels that are enqueued, on the CPU jobs.  memory: bytes that it needs
 * for temporaries and results, known before anything runs.  bytes: read and written by the launches.
 * flop: additions and multiplications of products and convolutions, and one for each element of the rest.
 * Any pointer may be NULL. */
GRADC_API gradc_status gradc_plan_info(gradc_context *g, int64_t *launches, int64_t *memory, int64_t *bytes,
                                       double *flop);

/* The same as text, a line for each launch or few: launches, bytes, flop, the ops that run as one, and
 * their result's shape.  It ends with "N launches, B bytes, F flop".  Ended by NUL, cut off at `size`
 * bytes.  Returns the bytes needed without the NUL, or -1. */
GRADC_API int64_t gradc_plan_report(gradc_context *g, char *text, size_t size);

/* How often this context made a plan, replayed a cached one, built an OpenCL program, and how many
 * programs it took from the disk cache.  Any pointer may be NULL. */
GRADC_API gradc_status gradc_counters(gradc_context *g, int64_t *planned, int64_t *replayed, int64_t *built,
                                      int64_t *loaded);

/* Looks for the fastest way to compute common products and convolutions on this context's device, for about
 * `seconds`, under the setting "math" as it stands: the layers of VGG16, ResNet-50 and MobileNetV2 and square
 * products, the most important first.  What it finds is checked against the plain way before it may win, used from
 * then on, kept in the folder of the user's caches for contexts to come, and part of what a checkpoint says of the
 * run: another way may round otherwise.
 * progress (NULL: none) is called for each class of problems with what won, and the seconds of the default and of
 * the winner; it ends the search by returning a number other than 0.
 * Where libclblast.so.1 is installed, CLBlast's products of f32 and f64 are tried, too, and used only where they won
 * (not under "strict"); CLBlast builds its programs by itself, so that gradc_counters does not count them.
 * A device that was never tuned here starts from what the library brings for it, if its makers measured one, and else
 * from a model of its time.
 * GRADC_E_UNSUPPORTED on the CPU, which has nothing to tune. */
GRADC_API gradc_status gradc_tune(gradc_context *g, double seconds,
                                  int (*progress)(void *payload, const char *line, double before, double after),
                                  void *payload);

/* What the device was tuned to, to a file; and from one, in place of what there was, also in the folder of caches.
 * A file of another device, driver or version of the library, or a damaged one, is GRADC_E_ARG and changes nothing.
 * GRADC_E_UNSUPPORTED on the CPU. */
GRADC_API gradc_status gradc_tune_save(gradc_context *g, const char *path);
GRADC_API gradc_status gradc_tune_load(gradc_context *g, const char *path);

/* The host's allocator for everything but device memory: resize(payload, old, bytes) behaves as realloc,
 * and as free for bytes 0; it may return NULL.  resize NULL: the C library's.
 * (What zlib, cJSON, libpng and libjpeg-turbo take while they read a file is the C library's.)
 * Call it before the first gradc_open; later it is GRADC_E_BUSY (thread-local). */
GRADC_API gradc_status gradc_set_allocator(void *(*resize)(void *payload, void *old, size_t bytes),
                                           void *payload);

/* Where the library reports what is not an error (a slow fallback, a tape that is never cleared).
 * line has no newline.  It may be called from any thread.  log NULL: nowhere, the default. */
GRADC_API void gradc_set_log(void (*log)(void *payload, const char *line), void *payload);

/* ---- Tensors ----------------------------------------------------------------------------------- */

typedef int32_t gradc_dtype;

enum {
    GRADC_F32 = 0,
    GRADC_F64 = 1,
    GRADC_F16 = 2,  /* IEEE's 16 bits */
    GRADC_BF16 = 3, /* the upper 16 bits of an f32 */
    GRADC_I64 = 4,
    GRADC_I32 = 5,
    GRADC_U8 = 6,
    GRADC_BOOL = 7 /* one byte, 0 or 1 */
};

/* "Floats" are all four of them.  f16 and bf16 are computed in f32, each op's result rounded to the nearest, ties to
 * even; sums and products are added up in f32 and rounded once.  Every op takes them, and its result is of their dtype.
 * Losses other than cross_entropy and nll_loss are compositions, each of whose ops is rounded; the gradients of
 * reductions, and second gradients, are composed in f32 and rounded once.  Operands must agree: see gradc_autocast.
 * gradc_param and models make f32 parameters; 16-bit ones come from gradc_new or a file. */

typedef int32_t gradc_init;

enum {
    GRADC_ZEROS = 0,
    GRADC_ONES = 1,
    GRADC_UNIFORM = 2, /* [0, 1) */
    GRADC_NORMAL = 3,  /* mean 0, deviation 1 */
    GRADC_KAIMING =
        4, /* uniform in +-1/sqrt(fan_in), as PyTorch's Linear and Conv2d start: kaiming_uniform_, a = sqrt(5) */
    GRADC_XAVIER = 5 /* uniform in +-sqrt(6 / (fan_in + fan_out)): xavier_uniform_, gain 1 */
};

/* The bytes of one element, 0 for no dtype; the name, such as "f32", "?" for no dtype. */
GRADC_API size_t gradc_dtype_size(gradc_dtype dtype);
GRADC_API const char *gradc_dtype_name(gradc_dtype dtype);

/* A tensor of zeros.  Yours.  Its memory is reserved here: GRADC_E_MEMORY if it can't be had.
 * GRADC_E_SHAPE, GRADC_E_DTYPE; f64 on a device without it is GRADC_E_UNSUPPORTED. */
GRADC_API gradc_tensor *gradc_new(gradc_context *g, gradc_dtype dtype, int ndim, const int64_t *shape);

/* A parameter: f32, wants a gradient, filled as `how` says.  Yours.
 * fan_in is shape[1] * shape[2] * ... and fan_out shape[0] * shape[2] * ..., as in PyTorch; KAIMING and
 * XAVIER need two dimensions or more (GRADC_E_SHAPE). */
GRADC_API gradc_tensor *gradc_param(gradc_context *g, gradc_init how, int ndim, const int64_t *shape);

/* Adds an owner; returns its argument.  On an op's result: it survives gradc_tape_clear, without its
 * history.  On a gradient (gradc_grad): a snapshot of its value now, under a handle of its own. */
GRADC_API gradc_tensor *gradc_retain(gradc_tensor *t);

/* Takes an owner away; the last one frees the tensor.  From any thread.  NULL does nothing. */
GRADC_API void gradc_release(gradc_tensor *t);

/* Facts about a tensor.  For NULL or a cleared handle: NULL, -1. */
GRADC_API gradc_context *gradc_context_of(const gradc_tensor *t);
GRADC_API gradc_dtype gradc_dtype_of(const gradc_tensor *t);
GRADC_API int gradc_ndim(const gradc_tensor *t);
GRADC_API int64_t gradc_size(const gradc_tensor *t, int axis); /* -1 for an axis that is not there */
GRADC_API int64_t gradc_numel(const gradc_tensor *t);
GRADC_API int64_t gradc_bytes(const gradc_tensor *t); /* what gradc_read and gradc_write expect */

/* Copies a tensor's elements from and to host memory, row-major whatever its strides.
 * bytes must be exactly gradc_bytes(t), else GRADC_E_ARG and nothing is copied.
 * write: t must be a tensor of yours or a view of one (GRADC_E_ARG for an op's result); `src` is copied
 *        before the call returns; work that was recorded before reads the old value.
 * read:  runs what is pending.  GRADC_E_GONE does not stick; GRADC_E_LOST neither. */
GRADC_API gradc_status gradc_write(gradc_tensor *t, const void *src, size_t bytes);
GRADC_API gradc_status gradc_read(gradc_tensor *t, void *dst, size_t bytes);

/* The value of a tensor with one element; NAN on failure, and the error sticks. */
GRADC_API double gradc_item(gradc_tensor *t);

/* A copy of t's current value on context g (which may be t's own).  Yours; without history. */
GRADC_API gradc_tensor *gradc_to(gradc_tensor *t, gradc_context *g);

/* Prints a tensor as NumPy prints arrays (eight significant digits, long ones abbreviated with "...")
 * into text, ended by NUL, cut off at `size` bytes.  Returns the bytes needed without the NUL, or -1. */
GRADC_API int64_t gradc_print(gradc_tensor *t, char *text, size_t size);

/* ---- Views: no copy, the same elements ------------------------------------------------------------ */

/* Views of your tensor follow it through every write and assign.  All are the tape's.
 * reshape: one size may be -1; a tensor whose strides do not allow it is copied first.
 * expand: sizes of 1 are repeated, new axes in front; -1 keeps a size.
 * slice: start, stop and step as Python's x[start:stop:step] along one axis, step >= 1;
 *        out of range is clipped, negative counts from the end; INT64_MAX as stop is "to the end".
 * squeeze: drops an axis of size 1 (another size stays).   flatten: joins axes start .. stop. */
GRADC_API gradc_tensor *gradc_reshape(gradc_tensor *x, int ndim, const int64_t *shape);
GRADC_API gradc_tensor *gradc_permute(gradc_tensor *x, int naxes, const int *axes);
GRADC_API gradc_tensor *gradc_transpose(gradc_tensor *x, int axis0, int axis1);
GRADC_API gradc_tensor *gradc_slice(gradc_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
GRADC_API gradc_tensor *gradc_expand(gradc_tensor *x, int ndim, const int64_t *shape);
GRADC_API gradc_tensor *gradc_squeeze(gradc_tensor *x, int axis);
GRADC_API gradc_tensor *gradc_unsqueeze(gradc_tensor *x, int axis);
GRADC_API gradc_tensor *gradc_flatten(gradc_tensor *x, int start, int stop);

/* x itself if its elements lie row-major without gaps, else a copy that does.  The tape's. */
GRADC_API gradc_tensor *gradc_contiguous(gradc_tensor *x);

/* The same value without a path to what it came from.  The tape's. */
GRADC_API gradc_tensor *gradc_detach(gradc_tensor *x);

/* Cuts x along an axis into views of `size`, the last one of what is left; n, the length of out, must be how many
 * there are: ceil(length / size), 1 for an axis of length 0 (GRADC_E_ARG).  On failure all of out are NULL. */
GRADC_API gradc_status gradc_split(gradc_tensor *x, int64_t size, int axis, int n, gradc_tensor **out);

/* ---- Joining, padding, turning round: copies of elements ------------------------------------------- */

/* Any dtype, any strides; a negative axis counts from the end.  All are the tape's.
 * concat: n tensors, 1 or more, of one dtype and of one shape but for the axis, one behind the other along it.
 * stack: n tensors of one dtype and shape along a new axis, which z has at that place.
 * GRADC_E_SHAPE, GRADC_E_DTYPE name the first one that does not match; without tensors it is this thread's error. */
GRADC_API gradc_tensor *gradc_concat(gradc_tensor *const *x, int n, int axis);
GRADC_API gradc_tensor *gradc_stack(gradc_tensor *const *x, int n, int axis);

/* x between elements of `value` (rounded to x's dtype): n numbers, pairs of before and after, the first pair for the
 * last axis, the next for the one in front of it.  Negative ones cut off. */
GRADC_API gradc_tensor *gradc_pad(gradc_tensor *x, int n, const int64_t *pads, double value);

/* The order of the elements turned round along each of the axes; naxes 0: along none. */
GRADC_API gradc_tensor *gradc_flip(gradc_tensor *x, int naxes, const int *axes);

/* The triangle of matrices x[..., i, j] below and above a diagonal, zero elsewhere: what has j - i <= diagonal, and
 * j - i >= diagonal. */
GRADC_API gradc_tensor *gradc_tril(gradc_tensor *x, int diagonal);
GRADC_API gradc_tensor *gradc_triu(gradc_tensor *x, int diagonal);

/* ---- Elementwise -------------------------------------------------------------------------------- */

/* z has the broadcast shape and, unless said, the dtype of x; x and y must have the same dtype
 * (gradc_cast changes it).  All are the tape's.  GRADC_E_SHAPE, GRADC_E_DTYPE. */
GRADC_API gradc_tensor *gradc_add(gradc_tensor *x, gradc_tensor *y); /* x + y, any number */
GRADC_API gradc_tensor *gradc_sub(gradc_tensor *x, gradc_tensor *y); /* x - y, any number */
GRADC_API gradc_tensor *gradc_mul(gradc_tensor *x, gradc_tensor *y); /* x * y, any number */
GRADC_API gradc_tensor *gradc_div(gradc_tensor *x, gradc_tensor *y); /* x / y, floats */
GRADC_API gradc_tensor *gradc_maximum(gradc_tensor *x,
                                      gradc_tensor *y); /* NaN if one is; equal: half the gradient each */
GRADC_API gradc_tensor *gradc_minimum(gradc_tensor *x, gradc_tensor *y); /* the same */

/* x^y, floats, with C's special cases: x^0 = 1^y = 1, NaN where x < 0 and y is not whole.  Nothing flows into x
 * where y is 0, nor into y where x is 0 and y >= 0. */
GRADC_API gradc_tensor *gradc_pow(gradc_tensor *x, gradc_tensor *y);

/* C's fmod, exact, floats: x - y times the whole part of x / y, which has the sign of x; NaN where y is 0. */
GRADC_API gradc_tensor *gradc_fmod(gradc_tensor *x, gradc_tensor *y);

/* x + weight (y - x), floats; exactly y at weight 1. */
GRADC_API gradc_tensor *gradc_lerp(gradc_tensor *x, gradc_tensor *y, double weight);

GRADC_API gradc_tensor *gradc_neg(gradc_tensor *x);     /* -x, any number */
GRADC_API gradc_tensor *gradc_exp(gradc_tensor *x);     /* e^x, floats */
GRADC_API gradc_tensor *gradc_log(gradc_tensor *x);     /* ln x; NaN below 0, -inf at 0 */
GRADC_API gradc_tensor *gradc_sqrt(gradc_tensor *x);    /* NaN below 0 */
GRADC_API gradc_tensor *gradc_tanh(gradc_tensor *x);    /* tanh x */
GRADC_API gradc_tensor *gradc_sigmoid(gradc_tensor *x); /* 1 / (1 + e^-x) */
GRADC_API gradc_tensor *gradc_relu(gradc_tensor *x);    /* max(x, 0), NaN stays NaN; gradient 0 at 0 */

/* Any number; abs has the gradient 0 at 0, sign everywhere. */
GRADC_API gradc_tensor *gradc_abs(gradc_tensor *x);    /* |x|; the least integer stays as it is */
GRADC_API gradc_tensor *gradc_sign(gradc_tensor *x);   /* 1, 0 or -1; NaN gives 0 */
GRADC_API gradc_tensor *gradc_square(gradc_tensor *x); /* x * x */

/* Floats.  The gradient of the first three is 0. */
GRADC_API gradc_tensor *gradc_floor(gradc_tensor *x);
GRADC_API gradc_tensor *gradc_ceil(gradc_tensor *x);
GRADC_API gradc_tensor *gradc_round(gradc_tensor *x); /* to the nearest whole number, 0.5 and 2.5 to the even one */
GRADC_API gradc_tensor *gradc_rsqrt(gradc_tensor *x);      /* 1 / sqrt(x); NaN below 0, inf at 0 */
GRADC_API gradc_tensor *gradc_reciprocal(gradc_tensor *x); /* 1 / x */
GRADC_API gradc_tensor *gradc_sin(gradc_tensor *x);        /* x in radians, of any size */
GRADC_API gradc_tensor *gradc_cos(gradc_tensor *x);
GRADC_API gradc_tensor *gradc_erf(gradc_tensor *x); /* 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x */
GRADC_API gradc_tensor *gradc_log1p(gradc_tensor *x); /* ln(1 + x), right near 0 too */
GRADC_API gradc_tensor *gradc_expm1(gradc_tensor *x); /* e^x - 1, right near 0 too */

/* Activations, floats. */
GRADC_API gradc_tensor *gradc_gelu(gradc_tensor *x);      /* x (1 + erf(x / sqrt(2))) / 2 */
GRADC_API gradc_tensor *gradc_gelu_tanh(gradc_tensor *x); /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
GRADC_API gradc_tensor *gradc_silu(gradc_tensor *x);      /* x / (1 + e^-x) */
GRADC_API gradc_tensor *gradc_softplus(gradc_tensor *x);  /* ln(1 + e^x); x itself above 20 */
GRADC_API gradc_tensor *gradc_hardswish(gradc_tensor *x); /* x min(max(x + 3, 0), 6) / 6 */
GRADC_API gradc_tensor *gradc_hardsigmoid(gradc_tensor *x); /* min(max(x + 3, 0), 6) / 6; gradient 0 at -3 and 3 */

/* The scalars are rounded to x's dtype. */
GRADC_API gradc_tensor *gradc_pow_scalar(gradc_tensor *x, double exponent); /* x^exponent as gradc_pow has it */
GRADC_API gradc_tensor *gradc_leaky_relu(gradc_tensor *x, double slope); /* x > 0 ? x : slope x; PyTorch's is 0.01 */
GRADC_API gradc_tensor *gradc_elu(gradc_tensor *x, double alpha); /* x > 0 ? x : alpha (e^x - 1); PyTorch's is 1 */

GRADC_API gradc_tensor *gradc_add_scalar(gradc_tensor *x, double value); /* x + value; value is rounded to x's dtype */
GRADC_API gradc_tensor *gradc_mul_scalar(gradc_tensor *x, double value); /* x * value */

/* min(max(x, low), high); NaN stays NaN.  The gradient passes inside and on the ends. */
GRADC_API gradc_tensor *gradc_clamp(gradc_tensor *x, double low, double high);

/* ln(1 / (1 + e^-x)), floats; right also where that is near 0. */
GRADC_API gradc_tensor *gradc_log_sigmoid(gradc_tensor *x);

/* Comparisons: z is GRADC_BOOL, any NaN compares unequal.  No gradient. */
GRADC_API gradc_tensor *gradc_eq(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_ne(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_lt(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_le(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_gt(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_ge(gradc_tensor *x, gradc_tensor *y);

/* Truths, of any dtype: what is not 0 is true, NaN too.  z is GRADC_BOOL.  No gradient. */
GRADC_API gradc_tensor *gradc_logical_and(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_logical_or(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_logical_xor(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_logical_not(gradc_tensor *x); /* x == 0 */
GRADC_API gradc_tensor *gradc_isnan(gradc_tensor *x);       /* 0 for integers and bool */

/* z = c ? x : y elementwise; c is GRADC_BOOL and all three broadcast. */
GRADC_API gradc_tensor *gradc_where(gradc_tensor *c, gradc_tensor *x, gradc_tensor *y);

/* x in another dtype.  Float to integer truncates and saturates, NaN becomes 0; to bool: x != 0.
 * A gradient flows between floats only. */
GRADC_API gradc_tensor *gradc_cast(gradc_tensor *x, gradc_dtype dtype);

/* ---- Random -------------------------------------------------------------------------------------- */

/* f32 tensors of random numbers: uniform in [0, 1), and normal with mean 0 and deviation 1.  The tape's. */
GRADC_API gradc_tensor *gradc_rand(gradc_context *g, int ndim, const int64_t *shape);
GRADC_API gradc_tensor *gradc_randn(gradc_context *g, int ndim, const int64_t *shape);

/* z = x * mask / (1 - p), mask 0 with probability p in [0, 1).  Floats.  The tape's. */
GRADC_API gradc_tensor *gradc_dropout(gradc_tensor *x, double p);

/* ---- Reductions ------------------------------------------------------------------------------------ */

/* Over the given axes, naxes 0: over all.  keepdim 1 leaves the axes with size 1.  The tape's.
 * An axis that is not there or comes twice is GRADC_E_ARG; a dtype that is not taken is GRADC_E_DTYPE.
 * sum, mean: floats (sum of integers and bool gives i64); a mean over nothing is NaN.
 * prod: floats, integers and bool into i64, wrapping; 1 over nothing.  Its gradient is exact with zeros, in
 *       any order: dx_i = dz * the product of the others.
 * max, min: any number; NaN wins; over nothing is GRADC_E_SHAPE; equal ones share the gradient evenly (amax, amin).
 * argmax, argmin: i64, the row-major position inside the reduced axes of the first maximum or minimum, NaN counting
 *       as one; no gradient.
 * any, all: GRADC_BOOL, whether an x is not 0, or every one; NaN is not 0; any dtype; 0 and 1 over nothing. */
GRADC_API gradc_tensor *gradc_sum(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_mean(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_prod(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_max(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_min(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_argmax(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_argmin(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_any(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_all(gradc_tensor *x, int naxes, const int *axes, int keepdim);

/* sum (x - mean)^2 / max(0, n - correction) over axes as above, in two passes, and its square root.  PyTorch's
 * default correction is 1.  NaN over nothing; where n <= correction NaN, or inf if the x differ.  Floats.
 * The gradient of std is 0 where std is 0. */
GRADC_API gradc_tensor *gradc_var(gradc_tensor *x, int naxes, const int *axes, int keepdim, int correction);
GRADC_API gradc_tensor *gradc_std(gradc_tensor *x, int naxes, const int *axes, int keepdim, int correction);

/* (sum |x|^p)^(1/p) over axes as above (torch.linalg.vector_norm): p 2 is the Euclidean norm, 0 counts what is not
 * 0, INFINITY and -INFINITY are the largest and the smallest |x|.  Floats.  Over nothing 0; with p < 0 or
 * infinite GRADC_E_SHAPE.  GRADC_E_ARG for NaN.
 * Gradients: 0 at x = 0; equal largest (smallest) |x| share evenly; none for p 0. */
GRADC_API gradc_tensor *gradc_norm(gradc_tensor *x, double p, int naxes, const int *axes, int keepdim);

/* ln sum e^x over axes as above, with the maximum taken out first; -inf over nothing.  Floats. */
GRADC_API gradc_tensor *gradc_logsumexp(gradc_tensor *x, int naxes, const int *axes, int keepdim);

/* ---- Linear algebra and layers ---------------------------------------------------------------------- */

/* z[..., m, n] = sum_k x[..., m, k] y[..., k, n]; leading axes broadcast.  A 1-d x is a row, a 1-d y a
 * column, and their axis is dropped from z.  Transposed views are read in place.  Floats. */
GRADC_API gradc_tensor *gradc_matmul(gradc_tensor *x, gradc_tensor *y);

/* z[..., out] = sum_in x[..., in] w[out, in] + b[out]; b may be NULL.  Floats. */
GRADC_API gradc_tensor *gradc_linear(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b);

/* z[b,o,i,j] = b[o] + sum_{c,p,q} x[b, c, i*stride - padding + p*dilation, j*... + q*dilation] w[o,c,p,q]:
 * a cross-correlation, zeros outside x.  x [batch,in,h,w]; w [out, in/groups, kh, kw]; b [out] or NULL.
 * Output height floor((h + 2*padding - dilation*(kh-1) - 1) / stride) + 1, width alike.  Floats. */
GRADC_API gradc_tensor *gradc_conv2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride, int padding);
GRADC_API gradc_tensor *gradc_conv2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride_h,
                                          int stride_w, int padding_h, int padding_w, int dilation_h,
                                          int dilation_w, int groups);

/* The gradient of gradc_conv2d with respect to its x, as a layer: z[b,o,i,j] = b[o] + the sum of x[b,c,y,x] w[c,o,p,q]
 * wherever i = y*stride - padding + p*dilation, and j alike.  x [batch,in,h,w]; w [in, out/groups, kh, kw]; b [out] or
 * NULL.  Output height (h - 1)*stride - 2*padding + dilation*(kh-1) + output_padding + 1, width alike; an output
 * padding is below the stride or the dilation.  Floats. */
GRADC_API gradc_tensor *gradc_conv_transpose2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride,
                                               int padding);
GRADC_API gradc_tensor *gradc_conv_transpose2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b,
                                                    int stride_h, int stride_w, int padding_h, int padding_w,
                                                    int output_padding_h, int output_padding_w,
                                                    int dilation_h, int dilation_w, int groups);

/* The maximum of each window; x [batch,c,h,w].  stride 0: as the size.  Padding, at most half the size,
 * counts as -inf.  NaN wins; the gradient goes to the first maximum of the window.
 * Output height floor((h + 2*padding - size) / stride) + 1. */
GRADC_API gradc_tensor *gradc_max_pool2d(gradc_tensor *x, int size, int stride);
GRADC_API gradc_tensor *gradc_max_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h,
                                              int stride_w, int padding_h, int padding_w);

/* The mean of each window; x [batch,c,h,w], floats.  stride 0: as the size.  Padding, at most half the
 * size, counts as zeros; with count_include_pad 0 it is not counted (PyTorch's default is 1).
 * Output height floor((h + 2*padding - size) / stride) + 1. */
GRADC_API gradc_tensor *gradc_avg_pool2d(gradc_tensor *x, int size, int stride);
GRADC_API gradc_tensor *gradc_avg_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h,
                                              int stride_w, int padding_h, int padding_w, int count_include_pad);

/* The means of height x width windows, whatever the size of x [batch,c,h,w]: window i takes the rows from
 * floor(i*h / height) to ceil((i+1)*h / height) - 1, columns alike.  The result may be larger than x.  Floats. */
GRADC_API gradc_tensor *gradc_adaptive_avg_pool2d(gradc_tensor *x, int height, int width);

/* z = weight * (x - mean) / sqrt(var + eps) + bias, for each channel of x [batch,c,...], floats.  The
 * vectors are [c], of x's dtype, or f32 where that has 16 bits, both running ones of one; they are widened to f32 then.
 * weight and bias may be NULL: 1 and 0.
 * training 1: by the batch's own mean and (biased) variance, through which gradients flow; a channel must have more
 *   than one value (GRADC_E_SHAPE).  running_mean and running_var, tensors of yours or both NULL, are updated:
 *   running = (1 - momentum) * running + momentum * statistic, with the unbiased variance.
 * training 0: by running_mean and running_var, which get no gradient and must be there (GRADC_E_ARG).
 * PyTorch's defaults are momentum 0.1 and eps 1e-5. */
GRADC_API gradc_tensor *gradc_batch_norm(gradc_tensor *x, gradc_tensor *running_mean,
                                         gradc_tensor *running_var, gradc_tensor *weight, gradc_tensor *bias,
                                         int training, double momentum, double eps);

/* z = weight * (x - mean) / sqrt(var + eps) + bias, mean and (biased) variance over each row of x: its last ndim
 * axes, which must be `shape`.  weight and bias have that shape, or are NULL: 1 and 0.  Floats; the
 * two are of x's dtype, or f32 where that has 16 bits.  PyTorch's default eps is 1e-5. */
GRADC_API gradc_tensor *gradc_layer_norm(gradc_tensor *x, int ndim, const int64_t *shape,
                                         gradc_tensor *weight, gradc_tensor *bias, double eps);

/* The same with mean and variance over each group of neighbouring channels of each image of x [batch,c,...]; the c
 * channels must fall into `groups` equal groups.  weight and bias [c] or NULL.  PyTorch's default eps is 1e-5. */
GRADC_API gradc_tensor *gradc_group_norm(gradc_tensor *x, int groups, gradc_tensor *weight,
                                         gradc_tensor *bias, double eps);

/* Along one axis: softmax e^(x_i - m) / sum_j e^(x_j - m), and its logarithm, with m the maximum.
 * Floats. */
GRADC_API gradc_tensor *gradc_softmax(gradc_tensor *x, int axis);
GRADC_API gradc_tensor *gradc_log_softmax(gradc_tensor *x, int axis);

/* Mean negative log likelihood of the right class, softmax included (stable for large logits).
 * logits [batch,classes], floats; labels [batch] i32 or i64, each in 0..classes-1.
 * Returns a scalar, the tape's.  A label out of range is GRADC_E_ARG at the next read or sync, and every
 * update that was recorded after it does nothing.  No gradient flows to labels. */
GRADC_API gradc_tensor *gradc_cross_entropy(gradc_tensor *logits, gradc_tensor *labels);

/* How the elements of a loss become one number, or stay as they are. */
typedef int32_t gradc_reduction;

enum {
    GRADC_REDUCE_MEAN = 0,
    GRADC_REDUCE_SUM = 1,
    GRADC_REDUCE_NONE = 2,
    GRADC_REDUCE_BATCHMEAN = 3 /* gradc_kl_div's: the sum divided by the size of x's first axis */
};

/* Losses of floats x and target of one dtype, which broadcast; with d = x - target:
 * mse_loss        d^2
 * l1_loss         |d|; gradient 0 at 0
 * smooth_l1_loss  d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; PyTorch's beta is 1; 0: l1_loss.
 * All are the tape's.  A mean over nothing is NaN.  GRADC_E_SHAPE, GRADC_E_DTYPE; GRADC_E_ARG for an unknown
 * reduction, or a beta below 0. */
GRADC_API gradc_tensor *gradc_mse_loss(gradc_tensor *x, gradc_tensor *target, gradc_reduction reduction);
GRADC_API gradc_tensor *gradc_l1_loss(gradc_tensor *x, gradc_tensor *target, gradc_reduction reduction);
GRADC_API gradc_tensor *gradc_smooth_l1_loss(gradc_tensor *x, gradc_tensor *target, double beta,
                                             gradc_reduction reduction);

/* Binary cross entropy, sigmoid included (stable for large logits):
 * weight * -(pos_weight target ln s(x) + (1 - target) ln(1 - s(x))), s the sigmoid.
 * target has x's shape and dtype, probabilities; weight and pos_weight broadcast to x, NULL: 1, and no
 * gradient flows to them.  The mean divides by the number of elements.  The tape's; errors as above. */
GRADC_API gradc_tensor *gradc_bce_with_logits(gradc_tensor *x, gradc_tensor *target, gradc_tensor *weight,
                                              gradc_tensor *pos_weight, gradc_reduction reduction);

/* Kullback-Leibler divergence: target (ln target - x), 0 where target is 0 and x finite; x log-probabilities.
 * log_target 1: e^target (target - x).  They broadcast.  The tape's; errors as above. */
GRADC_API gradc_tensor *gradc_kl_div(gradc_tensor *x, gradc_tensor *target, int log_target,
                                     gradc_reduction reduction);

/* Negative log likelihood of the right class: z[b,...] = -weight[label] x[b,label,...].
 * x [batch,classes,...] log-probabilities, floats; labels [batch,...] i32 or i64; weight [classes] of x's
 * dtype, NULL: ones.  Where a label is ignore_index (PyTorch's default is -100) z is 0, and the mean, which
 * divides by the sum of weight[label], leaves it out; all ignored: NaN.  The tape's.
 * Another label out of range as in gradc_cross_entropy.  No gradient flows to labels and weight. */
GRADC_API gradc_tensor *gradc_nll_loss(gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight,
                                       int64_t ignore_index, gradc_reduction reduction);

/* Cross entropy with all that PyTorch's has; logits [batch,classes,...], softmax along axis 1 included.
 * target labels [batch,...] i32 or i64: gradc_nll_loss of the log-softmax, with weight and ignore_index; or
 * probabilities of logits' shape and dtype: -sum_c weight[c] target[b,c,...] log_softmax[b,c,...], whose mean
 * divides by the number of sums, and which takes no ignore_index from 0 on.
 * label_smoothing s in 0..1: every target becomes (1 - s) target + s / classes (labels: of their one-hot form).
 * weight NULL: ones.  The tape's; errors as gradc_nll_loss has them.  No gradient flows to labels and weight. */
GRADC_API gradc_tensor *gradc_cross_entropy_full(gradc_tensor *logits, gradc_tensor *target,
                                                 gradc_tensor *weight, int64_t ignore_index,
                                                 double label_smoothing, gradc_reduction reduction);

/* z[..., :] = weight[indices[...], :]; indices i32 or i64, weight [rows, width].  Out of range as in
 * gradc_cross_entropy.  The gradient of weight sums over equal indices, in a fixed order. */
GRADC_API gradc_tensor *gradc_embedding(gradc_tensor *indices, gradc_tensor *weight);

/* By indices along one axis of x: any dtype, index i32 or i64.  Out of range as in gradc_cross_entropy.
 * index_select: z[..., k, ...] = x[..., index[k], ...], index [count].
 * gather: z[..., k, ...] = x[..., index[..., k, ...], ...]; index has as many axes as x, the others not longer than
 *         x's, and z is of its shape.
 * Gradients are added in the order of the index. */
GRADC_API gradc_tensor *gradc_index_select(gradc_tensor *x, int axis, gradc_tensor *index);
GRADC_API gradc_tensor *gradc_gather(gradc_tensor *x, int axis, gradc_tensor *index);

/* x with z[..., index[..., k, ...], ...] += src[..., k, ...], as a new tensor, the tape's: the additions into one
 * element go in the order of k, and give the same bits each time; 16-bit floats are added up in f32.  x
 * and src are of one dtype, any number; index i32 or i64 has as many axes, none longer than src's, and but for `axis`
 * none longer than x's.  Out of range as in gradc_cross_entropy. */
GRADC_API gradc_tensor *gradc_scatter_add(gradc_tensor *x, int axis, gradc_tensor *index, gradc_tensor *src);

/* z[..., c] = 1 where c is index[...], else 0: i64.  index i32 or i64, each in 0..classes-1, classes 1 or more; out of
 * range as in gradc_cross_entropy.  No gradient. */
GRADC_API gradc_tensor *gradc_one_hot(gradc_tensor *index, int64_t classes);

/* ---- Gradients -------------------------------------------------------------------------------------- */

/* Whether gradients flow to t, a tensor of yours: a float (GRADC_E_DTYPE). */
GRADC_API gradc_status gradc_requires_grad(gradc_tensor *t, int on);

/* Whether gradients flow to or through t: 1 or 0. */
GRADC_API int gradc_wants_grad(const gradc_tensor *t);

/* Records the gradients of loss (one element) for every leaf that it depends on and that wants one.
 * They accumulate over calls until gradc_step uses them up or gradc_zero_grad drops them.
 * GRADC_E_SHAPE; GRADC_E_ARG if nothing wants a gradient; GRADC_E_GONE if a tensor that a gradient reads
 * was written since; GRADC_E_UNSUPPORTED through an op that can't be differentiated (again). */
GRADC_API gradc_status gradc_backward(gradc_tensor *loss);

/* The gradient of a leaf: the leaf's own handle, good as long as the leaf; NULL, and no error, where
 * there is none.  After the step that used it up, reading it is GRADC_E_GONE. */
GRADC_API gradc_tensor *gradc_grad(gradc_tensor *leaf);

/* Drops the gradients of n tensors. */
GRADC_API gradc_status gradc_zero_grad(gradc_tensor *const *params, int n);

/* dx[i] = d(sum(y * dy)) / d x[i]; dy NULL means ones.  The results are the tape's and can be
 * differentiated again.  An x that y does not depend on gets zeros; an x that neither requires a gradient
 * nor depends on a tensor that does is GRADC_E_ARG.  On failure all dx are NULL. */
GRADC_API gradc_status gradc_gradients(gradc_tensor *y, gradc_tensor *dy, int n, gradc_tensor *const *x,
                                       gradc_tensor **dx);

/* dst = src, in the order of recording; dst is a tensor of yours or a view of one, src broadcasts to it
 * and has its dtype.  No gradient flows through it. */
GRADC_API gradc_status gradc_assign(gradc_tensor *dst, gradc_tensor *src);

/* ---- Mixed precision --------------------------------------------------------------------------------- */

/* What is recorded from here runs as under PyTorch's autocast: dtype GRADC_F16 or GRADC_BF16; GRADC_F32: off, the
 * default.
 *   cast to dtype     conv2d, conv_transpose2d, linear, matmul; the cast of a parameter is made once and serves until
 *                     the parameter changes or the tape is cleared or rewound
 *   run in f32        exp, expm1, log, log1p, pow, reciprocal, rsqrt, softplus, softmax, log_softmax, logsumexp, sum,
 *                     prod, var, std, norm, lerp, the losses, layer_norm, group_norm
 *   the widest of its operands' dtypes    elementwise ops of two or three, concat, stack, scatter_add
 *   as they come      everything else
 * f64 and integers are left alone.  Gradients run in the dtypes that their ops ran in, and reach f32 parameters as
 * f32.  GRADC_E_DTYPE for another dtype. */
GRADC_API gradc_status gradc_autocast(gradc_context *g, gradc_dtype dtype);

typedef struct gradc_scaler gradc_scaler;

/* A gradient scaler, as PyTorch's GradScaler: f16's gradients keep their small numbers where the loss is scaled up.
 *   gradc_backward(gradc_scaler_scale(s, loss)); gradc_scaler_step(s, optim); gradc_scaler_update(s);
 * The scale begins at init_scale (65536 is usual), is multiplied by 0.5 by the update behind a step with an inf or NaN
 * in a gradient, and by 2 after 2000 updates without.  NULL on failure; yours, to be freed.  GRADC_E_ARG for a scale
 * that is not a positive finite number. */
GRADC_API gradc_scaler *gradc_scaler_new(gradc_context *g, double init_scale);
GRADC_API void gradc_scaler_free(gradc_scaler *s);

/* loss * scale, the tape's; the loss keeps its value as one given to gradc_backward. */
GRADC_API gradc_tensor *gradc_scaler_scale(gradc_scaler *s, gradc_tensor *loss);

/* Divides the gradients of the optimiser's parameters by the scale, and reads whether one of them is inf or NaN, one
 * number.  Between backward and gradc_scaler_step, where gradients are to be seen or clipped; the step does it
 * otherwise.  GRADC_E_ARG for a second time since the last update; GRADC_E_DTYPE for a parameter of f16, whose gradient
 * would lose what the scale saved (PyTorch refuses it, too). */
GRADC_API gradc_status gradc_scaler_unscale(gradc_scaler *s, gradc_optim *o);

/* gradc_step, or, where a gradient is inf or NaN, nothing but using the gradients up; gradc_scaler_unscale first,
 * unless it was called.  GRADC_E_ARG for a second time since the last update. */
GRADC_API gradc_status gradc_scaler_step(gradc_scaler *s, gradc_optim *o);

/* Once behind the steps: sets the scale for the next ones. */
GRADC_API gradc_status gradc_scaler_update(gradc_scaler *s);

/* "scale", "growth_factor", "backoff_factor", "growth_interval", "growth_tracker" (updates without inf or NaN since the
 * scale last changed): a checkpoint keeps "scale" and "growth_tracker".  And, to be read only, "skipped": how many
 * steps were.  GRADC_E_ARG for another key, or a value out of range; get returns NAN then. */
GRADC_API gradc_status gradc_scaler_set(gradc_scaler *s, const char *key, double value);
GRADC_API double gradc_scaler_get(const gradc_scaler *s, const char *key);

/* ---- Tape -------------------------------------------------------------------------------------------- */

/* on 0: what is recorded from here needs no gradient (inference); 1: the default. */
GRADC_API void gradc_record(gradc_context *g, int on);

/* Between the two calls the caller gives results up: what the ops recorded there made, and only they read, is not kept
 * for the backward pass but made again in it, where both are of one run (a training step).  Results are the same bits;
 * memory is saved, time is lost.  What ops outside read stays.  Clearing the tape ends it, too.
 * (Chen, Xu, Zhang, Guestrin: Training deep nets with sublinear memory cost, arXiv:1604.06174.)
 * GRADC_E_ARG where one has begun already, or none has. */
GRADC_API gradc_status gradc_checkpoint_begin(gradc_context *g);
GRADC_API gradc_status gradc_checkpoint_end(gradc_context *g);

/* Runs pending state changes and what your own tensors need, then takes back every result that you did
 * not retain: their handles answer GRADC_E_CLEARED.  Call it once a step. */
GRADC_API void gradc_tape_clear(gradc_context *g);

/* mark: a position on the tape, -1 for NULL.  rewind: takes back what was recorded after it, as
 * gradc_tape_clear does; state changes stay.  A mark is void once the tape was cleared or rewound behind
 * it (GRADC_E_ARG). */
GRADC_API int64_t gradc_tape_mark(const gradc_context *g);
GRADC_API gradc_status gradc_tape_rewind(gradc_context *g, int64_t mark);

/* ---- Optimisers ---------------------------------------------------------------------------------------- */

/* Each holds its parameters (n tensors of yours, floats that want gradients, all of one context).  What it remembers of
 * one has its dtype; with 16 bits a step is computed in f32, and what is stored rounded.
 * Formulas and defaults are PyTorch's; with d the gradient plus weight_decay * p:
 * sgd    v = momentum * v + (1 - dampening) * d (first: v = d);  p -= lr * (nesterov ? d + momentum * v : v)
 * adam   m = b1 m + (1-b1) d,  v = b2 v + (1-b2) d^2,  p -= lr / (1-b1^t) * m / (sqrt(v / (1-b2^t)) + eps)
 *        b1 0.9, b2 0.999, eps 1e-8.  Kingma and Ba, arXiv:1412.6980.
 * adamw  the same with p *= 1 - lr * weight_decay instead of a decay in d (arXiv:1711.05101);
 *        PyTorch's default decay is 0.01.
 * rmsprop  s = alpha s + (1-alpha) d^2,  u = d / (sqrt(s) + eps),  v = momentum * v + u,  p -= lr * v;
 *        centered: m = alpha m + (1-alpha) d, and s - m^2 under the root, 0 where rounding makes it negative.
 *        alpha 0.99, eps 1e-8, momentum 0, centered 0, weight_decay 0. */
GRADC_API gradc_optim *gradc_sgd(gradc_tensor *const *params, int n, double lr, double momentum);
GRADC_API gradc_optim *gradc_adam(gradc_tensor *const *params, int n, double lr);
GRADC_API gradc_optim *gradc_adamw(gradc_tensor *const *params, int n, double lr, double weight_decay);
GRADC_API gradc_optim *gradc_rmsprop(gradc_tensor *const *params, int n, double lr);

/* The 2-norm of the gradients of n parameters together, those without one left out (none has one: 0), and
 * each gradient times min(1, max_norm / (norm + 1e-6)): between gradc_backward and gradc_step.  Floats
 * of one context.  The norm, from before, is the tape's: f64 if a gradient is, else f32, without a gradient
 * of its own; nothing is read.  A norm of NaN makes the gradients NaN, an infinite one 0 or NaN.
 * GRADC_E_ARG for no parameters, one twice, or a max_norm below 0. */
GRADC_API gradc_tensor *gradc_clip_grad_norm(gradc_tensor *const *params, int n, double max_norm);

/* Updates the parameters that have a gradient, uses the gradients up, and runs what is pending. */
GRADC_API gradc_status gradc_step(gradc_optim *o);

/* Changes a number: "lr", "weight_decay"; sgd: "momentum", "dampening", "nesterov"; adam, adamw: "beta1",
 * "beta2", "eps"; rmsprop: "alpha", "eps", "momentum", "centered" (0 or 1).  GRADC_E_ARG for another key, or a
 * value out of range. */
GRADC_API gradc_status gradc_optim_set(gradc_optim *o, const char *key, double value);

/* The value of a number that gradc_optim_set changes; NAN, and the error sticks, for another key. */
GRADC_API double gradc_optim_get(const gradc_optim *o, const char *key);

/* "sgd", "adam", "adamw" or "rmsprop", NULL for NULL; how many parameters it has, -1 for NULL. */
GRADC_API const char *gradc_optim_kind(const gradc_optim *o);
GRADC_API int gradc_optim_count(const gradc_optim *o);

/* Its i-th parameter, the tensor that it was made with; NULL, and no error, where there is none. */
GRADC_API gradc_tensor *gradc_optim_param(const gradc_optim *o, int i);

/* How many steps were applied; -1 for NULL. */
GRADC_API int64_t gradc_optim_steps(const gradc_optim *o);

/* What an optimiser remembers, to save it and to go on from it with the same bits.
 * state_name  the k-th state (k from 0) that it keeps of each parameter with its numbers as they are, by
 *             PyTorch's name; NULL behind the last.  sgd: "momentum_buffer" where there is a momentum;
 *             adam, adamw: "exp_avg", "exp_avg_sq"; rmsprop: "square_avg", with a momentum
 *             "momentum_buffer", centered "grad_avg".
 * state       that state of a parameter, of its shape and dtype: zeros before the first update.  The
 *             optimiser's, and good as long as it: read it, or write what the next step shall go on from.
 *             NULL for a name or a parameter that there is not (GRADC_E_ARG).
 * updates     how many updates a parameter's state has seen (a parameter without a gradient sits a step out):
 *             bias corrections and dampening depend on it.  -1 for NULL or no such parameter.
 * restore     sets the count of steps, and updates[n] of all parameters; before or after the states are
 *             written.  Runs what is pending.  GRADC_E_ARG for a number below 0, or NULL. */
GRADC_API const char *gradc_optim_state_name(const gradc_optim *o, int k);
GRADC_API gradc_tensor *gradc_optim_state(gradc_optim *o, int param, const char *name);
GRADC_API int64_t gradc_optim_updates(const gradc_optim *o, int param);
GRADC_API gradc_status gradc_optim_restore(gradc_optim *o, int64_t steps, const int64_t *updates);

/* The learning rate of step 0 .. steps-1, a function of its arguments alone, for gradc_optim_set(o, "lr", ...).
 * schedule: NAME[,key=value...], by PyTorch's formulas (i the step, n the steps):
 * constant  lr
 * linear    lr (1 - i/n)                                                        LinearLR from 1 to 0
 * step      lr gamma^floor(i/size); size=N, gamma=0.1                           StepLR
 * cosine    min + (lr - min) (1 + cos(pi i/n)) / 2; min=0                       CosineAnnealingLR
 * onecycle  from lr/div up to lr at step start n - 1, down to lr/div/final at the last, both as cosines;
 *           start=0.3, div=25, final=1e4.  A momentum does not cycle.           OneCycleLR
 * Every one takes warmup=N, 0 if not said: over the first N steps lr (i + 1) / N (LinearLR with start_factor
 * 1/N and total_iters N-1), then the schedule over the n - N steps that are left.
 * NAN, and the thread's error, for a text that is none of these, another step, or lr below 0. */
GRADC_API double gradc_schedule(const char *schedule, double lr, int64_t step, int64_t steps);

GRADC_API void gradc_optim_free(gradc_optim *o); /* NULL does nothing */

/* ---- Models ------------------------------------------------------------------------------------------------ */

/* The names that gradc_model takes, in order; NULL behind the last.  Static. */
GRADC_API const char *gradc_model_name(int i);

/* A model with fresh weights, in training mode.
 * name     "mlp"          classes=10 image=28 channels=1: 128 hidden features and a relu
 *          "lenet"        the same; two convolutions of 3x3, each with a relu and a pool, and two linear layers
 *          "alexnet", "vgg11", "vgg16"   classes=1000 image=224 channels=3 dropout=0.5: torchvision's
 *          "resnet18"     classes=1000 image=224 channels=3: torchvision's
 *          "vgg16-bn-32"  classes=10 image=32 channels=3 dropout=0: the convolutions of VGG16, each with a batch
 *                         norm, and one linear layer, "classifier", as is usual for images of 32x32
 * options  NULL, or what differs from the defaults: "classes=10 image=64", separated by spaces or commas.
 * Weights start as torchvision's do; those of "mlp" and "lenet" as GRADC_KAIMING with biases of 0.
 * Free it with gradc_module_free.  NULL on failure: GRADC_E_ARG for an unknown name or option, or an image too
 * small for the pools; GRADC_E_MEMORY. */
GRADC_API gradc_module *gradc_model(gradc_context *g, const char *name, const char *options);

/* Frees a module; what was recorded with it stays good.  From any thread.  NULL does nothing. */
GRADC_API void gradc_module_free(gradc_module *m);

/* Records the model on x [batch,channels,image,image] f32: logits [batch,classes], the tape's.
 * In training mode dropout draws, and batch norms use the batch's statistics and move the running ones on,
 * frozen or not, as in PyTorch.  GRADC_E_SHAPE, GRADC_E_DTYPE. */
GRADC_API gradc_tensor *gradc_module_forward(gradc_module *m, gradc_tensor *x);

/* on 1: training mode, the default; 0: evaluation: no dropout, running statistics. */
GRADC_API gradc_status gradc_module_train(gradc_module *m, int on);

/* Parameters and buffers in the order of PyTorch's state dict: how many, and of each (0 .. count-1) its name as
 * torchvision has it ("features.0.weight", "bn1.running_mean"), its tensor, and whether it is a buffer: running
 * statistics f32, and num_batches_tracked, i64 [], which counts forwards in training mode.  The tensors are the
 * module's: retain one to keep it longer.  NULL and 0 for another i. */
GRADC_API int gradc_module_count(const gradc_module *m);
GRADC_API const char *gradc_module_tensor_name(const gradc_module *m, int i);
GRADC_API gradc_tensor *gradc_module_tensor(const gradc_module *m, int i);
GRADC_API int gradc_module_is_buffer(const gradc_module *m, int i);

/* The tensor of that name, the module's; NULL, and no error, where there is none. */
GRADC_API gradc_tensor *gradc_module_find(const gradc_module *m, const char *name);

/* on 1: no gradient flows to parameters whose names begin so; 0: it does again.  "" means all.  Batch norms still
 * move their statistics in training mode.  GRADC_E_ARG if there is none. */
GRADC_API gradc_status gradc_module_freeze(gradc_module *m, const char *prefix, int on);

/* "model": its name; "classes", "image", "channels", "dropout"; "options": all of them, as gradc_model takes them.
 * The module's; NULL, and no error, where there is none. */
GRADC_API const char *gradc_module_option(const gradc_module *m, const char *key);

/* Prints a table for a batch: of each layer its output's shape, parameters, flops of a forward and bytes of output;
 * totals; and what a training step needs roughly.  Nothing is run.  To text, ended by NUL and cut off at `size` bytes.
 * Returns the bytes needed without the NUL, or -1. */
GRADC_API int64_t gradc_module_summary(gradc_module *m, int64_t batch, char *text, size_t size);

/* One of the totals for a batch: "parameters"; "flops" of a forward, two for each multiply-add of convolutions and
 * linear layers; "bytes" of parameters and buffers; "activations", the bytes of all layers' outputs.
 * GRADC_E_ARG for another key. */
GRADC_API gradc_status gradc_module_info(gradc_module *m, const char *key, int64_t batch, double *value);

/* ---- Files ------------------------------------------------------------------------------------------------ */

/* Writes n named tensors of one context to a safetensors file, by way of a temporary file and a rename,
 * so that a failure leaves an existing file as it was.  keys and values: nmeta pairs of metadata.
 * GRADC_E_IO, GRADC_E_ARG (a name twice). */
GRADC_API gradc_status gradc_save(const char *path, int n, const char *const *names, gradc_tensor *const *tensors,
                                  int nmeta, const char *const *keys, const char *const *values);

/* Opens a safetensors file: it is mapped into memory (a pipe is read), and its header is checked whole: the tensors
 * cover the data without holes or overlaps, each as large as its dtype and shape say.  The data are not looked at.
 * Returns NULL on failure, with a thread-local error that names the file and what is wrong with it: GRADC_E_IO for one
 * that is missing, cut short, damaged or hostile, GRADC_E_UNSUPPORTED for a dtype of the format that is not here
 * (8- and 16-bit integers, unsigned ones, 8-bit floats, complex numbers), GRADC_E_MEMORY.
 * Limits: headers of 100 MB and 4,000,000 values, GRADC_MAX_NDIM dimensions, numbers below 2^53.
 * Close it with gradc_file_close; what the functions below point to is good until then.  A file is not locked: replace
 * it (as gradc_save does), never shorten it in place while it is open, for the system ends a process that touches
 * mapped bytes which are gone (SIGBUS). */
GRADC_API gradc_file *gradc_file_open(const char *path);
GRADC_API void gradc_file_close(gradc_file *file); /* NULL does nothing */

/* How many tensors there are, -1 for NULL; the name of tensor i, in the order of the data, NULL if there is none; the
 * number of the tensor with this name, -1 if there is none. */
GRADC_API int gradc_file_count(const gradc_file *file);
GRADC_API const char *gradc_file_name(const gradc_file *file, int i);
GRADC_API int gradc_file_find(const gradc_file *file, const char *name);

/* Dtype, dimensions and shape (room for GRADC_MAX_NDIM) of tensor i; any pointer may be NULL.  GRADC_E_ARG if there is
 * no such tensor (thread-local). */
GRADC_API gradc_status gradc_file_info(const gradc_file *file, int i, gradc_dtype *dtype, int *ndim,
                                       int64_t *shape);

/* The elements of tensor i inside the mapping, as stored: little-endian, at any alignment.  bytes may be NULL.
 * NULL and 0 if there is no such tensor. */
GRADC_API const void *gradc_file_data(const gradc_file *file, int i, int64_t *bytes);

/* The metadata: the value of a key, NULL if there is none; how many keys there are, -1 for NULL; key i in the order of
 * strcmp, NULL if there is none. */
GRADC_API const char *gradc_file_metadata(const gradc_file *file, const char *key);
GRADC_API int gradc_file_metadata_count(const gradc_file *file);
GRADC_API const char *gradc_file_metadata_key(const gradc_file *file, int i);

/* Writes tensor i of the file into t, as gradc_write does.  Shape and dtype must be t's (GRADC_E_SHAPE, GRADC_E_DTYPE);
 * f16 and bf16 are widened into an f32 tensor.  A bool that is neither 0 nor 1 is GRADC_E_IO.  On t's context. */
GRADC_API gradc_status gradc_file_read(const gradc_file *file, int i, gradc_tensor *t);

/* Writes a module's parameters and buffers under their names, with the metadata "model" and "options"
 * (gradc_module_option's) and the caller's nmeta pairs.  As gradc_save. */
GRADC_API gradc_status gradc_module_save(gradc_module *m, const char *path, int nmeta,
                                         const char *const *keys, const char *const *values);

/* Reads a module's parameters and buffers by name from a safetensors file: ours, a checkpoint, or one that was made of
 * a torchvision model's state dict.  f16 and bf16 are widened.  Tensors that the module has not are passed over.
 * partial 0: every tensor must be there and fit, else GRADC_E_IO, GRADC_E_SHAPE or GRADC_E_DTYPE, and nothing is
 *            changed.
 * partial 1: what fits is taken; the rest stays as it is and is logged, each with the reason (another head, to be
 *            fine-tuned).  GRADC_E_IO if nothing fits. */
GRADC_API gradc_status gradc_module_load(gradc_module *m, const char *path, int partial);

/* The module in a file that gradc_module_save or gradc_checkpoint_save wrote: its model and options, its weights, in
 * evaluation mode.  Free it with gradc_module_free.  NULL on failure, on g. */
GRADC_API gradc_module *gradc_module_open(gradc_context *g, const char *path);

/* Saves what a training run needs to go on with the same bits, between two steps, to a safetensors file: what
 * gradc_module_save writes, the optimiser's states as "optim/STATE/NAME", and the metadata
 *   gradc.optim    its kind and numbers     gradc.steps, gradc.updates  what it counts, each parameter's in its order
 *   gradc.rng      seed and offset          gradc.loader  epoch, batch, and batches of an epoch
 *   gradc.tuning   a digest of what decides bits: version, device and driver, instruction set, BLAS, "math"
 * Whole numbers are decimal.  Anything else (a schedule, counts of steps and epochs) is the caller's, by nmeta pairs.
 * The file is there whole or as it was before, after a loss of power too.  o and l may be NULL: left out.
 * GRADC_E_ARG for a parameter of o that is none of m's; as gradc_save. */
GRADC_API gradc_status gradc_checkpoint_save(const char *path, gradc_module *m, gradc_optim *o, gradc_loader *l,
                                             int nmeta, const char *const *keys, const char *const *values);

/* Goes back to where gradc_checkpoint_save was called: weights, optimiser, its numbers, random numbers, loader.  m, o
 * and l were made as those that were saved; o and l may be NULL: left as they are.
 * Everything is checked before anything is changed: the model and its options, every tensor, the optimiser's kind and
 * parameters, the loader's batches.  GRADC_E_ARG for another model, optimiser or loader; GRADC_E_IO, GRADC_E_SHAPE,
 * GRADC_E_DTYPE for a file that is damaged or no checkpoint.  Another device, library or BLAS is allowed, and logged:
 * the run goes on, with other bits. */
GRADC_API gradc_status gradc_checkpoint_load(const char *path, gradc_module *m, gradc_optim *o, gradc_loader *l);

/* Reads an IDX file (as MNIST's; gzip or not) into host memory: dtype, ndim, shape[GRADC_MAX_NDIM], and
 * the elements in this machine's byte order.  Free *data with gradc_free.
 * GRADC_E_IO with a sentence for a file that is missing, cut short or damaged (thread-local). */
GRADC_API gradc_status gradc_read_idx(const char *path, gradc_dtype *dtype, int *ndim, int64_t *shape,
                                      void **data);

/* ---- Images and data sets ---------------------------------------------------------------------------------- */

/* An image file, PNG or JPEG by its content, as rows of interleaved bytes.  channels 1 or 3: gray is repeated; colours
 * become gray as 0.299 R + 0.587 G + 0.114 B.  16-bit images are rounded to 8, transparency is dropped, CMYK (as Adobe
 * writes it) becomes RGB; orientation tags are not looked at.  Free *pixels with gradc_free.
 * Errors are thread-local: GRADC_E_IO with a sentence that names the file where it is missing, cut short, damaged or
 * neither; GRADC_E_UNSUPPORTED for more than 2^28 pixels, and for a library built without images (IMAGES=0). */
GRADC_API gradc_status gradc_read_image(const char *path, int channels, int64_t *height, int64_t *width,
                                        uint8_t **pixels);

/* Writes a PNG by way of a temporary file and a rename; channels 1 or 3.  Thread-local errors as above. */
GRADC_API gradc_status gradc_write_png(const char *path, int64_t height, int64_t width, int channels,
                                       const uint8_t *pixels);

/* Opens a set of labelled images.  Yours; NULL on failure, and the error is thread-local.
 * source   "fashion-mnist[:DIR]"  DIR holds its IDX files, gzip or not; without it Debian's dataset-fashion-mnist
 *          "mnist:DIR"            the same for MNIST and what has its files' names, classes "0".."9"
 *          "cifar10:DIR"          the binary version: data_batch_1.bin ..., test_batch.bin, batches.meta.txt
 *          "folder:DIR"           a folder for each class, sorted by name, of .png, .jpg and .jpeg files.  Where DIR
 *                                 holds train, and test or val, these hold the classes; else every fifth image of a
 *                                 class, in the order of names, is in the test part
 * part     "train" or "test"
 * options  NULL or "bad=fail" (the default: a broken image is an error when it is read) or "bad=skip" (all files are
 *          decoded here once; broken ones are left out, counted, and named through the log) */
GRADC_API gradc_dataset *gradc_dataset_open(const char *source, const char *part, const char *options);

/* The same of n image files without labels: the label is -1 and there are no classes. */
GRADC_API gradc_dataset *gradc_dataset_files(int n, const char *const *paths, const char *options);

/* From any thread; loaders keep what they need.  NULL does nothing. */
GRADC_API void gradc_dataset_free(gradc_dataset *d);

/* Facts: images, classes, a class's name, an image's label, its file, how many were left out.
 * -1 or NULL for NULL, what is out of range, and what there is none of. */
GRADC_API int64_t gradc_dataset_count(const gradc_dataset *d);
GRADC_API int gradc_dataset_classes(const gradc_dataset *d);
GRADC_API const char *gradc_dataset_class_name(const gradc_dataset *d, int i);
GRADC_API int64_t gradc_dataset_label(const gradc_dataset *d, int64_t i);
GRADC_API const char *gradc_dataset_path(const gradc_dataset *d, int64_t i);
GRADC_API int gradc_dataset_skipped(const gradc_dataset *d);

/* What the images have in common: 1 channel if all are gray, else 3; height and width, 0 0 where they differ.
 * The first call may have to look at every file.  Thread-local errors. */
GRADC_API gradc_status gradc_dataset_size(const gradc_dataset *d, int *channels, int64_t *height, int64_t *width);

/* Image i as gradc_read_image gives it. */
GRADC_API gradc_status gradc_dataset_image(const gradc_dataset *d, int64_t i, int channels, int64_t *height,
                                           int64_t *width, uint8_t **pixels);

/* Mean and deviation of the pixels, 0..1, of each channel (1 or 3), over at most 10,000 images spread evenly. */
GRADC_API gradc_status gradc_dataset_statistics(gradc_dataset *d, int channels, double *mean, double *std);

/* Batches of a data set, made ahead by threads.  The same options give the same bits for any number of workers, any
 * prefetch, and after a seek.  Yours; NULL on failure, thread-local.  Options with their defaults:
 * "batch=64"      images a batch; the last one of an epoch is shorter, unless "drop_last=1"
 * "shuffle=1"     a new order each epoch, decided by "seed=0" and the epoch
 * "workers=2"     threads; 0: the caller's.  What can't be started is done without, and logged
 * "prefetch=4"    batches that are ready or being made, at most
 * "image=N"       N x N pixels; default: as they are, which must be of one size
 * "channels=C"    1 or 3; default: as the data set has them
 * "resize=crop"   to N x N: scaled until the shorter side is N, and the middle of it; "pad": zeros around, shrunk only
 *                 where it is larger; "stretch".  Bilinear, antialiased
 * "augment=none"  "crop": moved by up to an eighth of the size each way, zeros outside; "flip": mirrored left to right
 *                 half of the time; "crop/flip": both.  Decided by seed, epoch and image
 * "mean=0 std=1"  x = (pixel / 255 - mean) / std; one number, or one for each channel, as "0.49/0.48/0.45" */
GRADC_API gradc_loader *gradc_loader_new(gradc_dataset *d, const char *options);

/* Writes the next batch: x [batch,channels,height,width] f32, labels [batch] i64 or NULL; both tensors of yours, of one
 * context.  Returns the images in it: a short batch leaves the rest of x as it was.  0: the epoch is over, and the next
 * call begins the next one.  -1: failed, on x's context, where GRADC_E_SHAPE and GRADC_E_DTYPE name what x must be; a
 * broken image names its file.  The position does not move then, so that the next call tries the same batch again.
 * A loader belongs to one thread at a time. */
GRADC_API int64_t gradc_loader_next(gradc_loader *l, gradc_tensor *x, gradc_tensor *labels);

GRADC_API int64_t gradc_loader_batches(const gradc_loader *l); /* of an epoch; -1 for NULL */

/* The position: what gradc_loader_next gives next.  batch is gradc_loader_batches where the next call ends the epoch.
 * A loader of the same options that is sent there goes on with the same bits.  GRADC_E_ARG, thread-local. */
GRADC_API gradc_status gradc_loader_state(const gradc_loader *l, int64_t *epoch, int64_t *batch);
GRADC_API gradc_status gradc_loader_seek(gradc_loader *l, int64_t epoch, int64_t batch);

GRADC_API void gradc_loader_free(gradc_loader *l); /* waits for its threads; NULL does nothing */

/* Frees host memory that the library handed out; NULL does nothing. */
GRADC_API void gradc_free(void *data);

#ifdef __cplusplus
}
#endif

#endif
