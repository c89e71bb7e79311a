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
#define GRADC_VERSION_MINOR 1
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
 * "pending"       nodes          plan and run on its own when so many nodes wait (default 4096) */
GRADC_API gradc_status gradc_set(gradc_context *g, const char *key, const char *value);

/* Seeds the context's random numbers (Philox4x32-10; default seed 0).  The same seed gives the same
 * numbers on every device. */
GRADC_API gradc_status gradc_seed(gradc_context *g, uint64_t seed);

/* Runs what is pending and waits for the device. */
GRADC_API gradc_status gradc_sync(gradc_context *g);

/* Bytes of device memory: live (in tensors and the arena now), peak (the most that was ever live since
 * gradc_open), cached (held for reuse beyond live).  Any pointer may be NULL. */
GRADC_API gradc_status gradc_memory_info(gradc_context *g, int64_t *live, int64_t *peak, int64_t *cached);

/* How often this context made a plan, replayed a cached one, built an OpenCL program, and how many
 * programs it took from the disk cache.  Any pointer may be NULL. */
GRADC_API gradc_status gradc_counters(gradc_context *g, int64_t *planned, int64_t *replayed, int64_t *built,
                                      int64_t *loaded);

/* The host's allocator for everything but device memory: resize(payload, old, bytes) behaves as realloc,
 * and as free for bytes 0; it may return NULL.  resize NULL: the C library's.
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
    GRADC_F16 = 2,  /* named for files; no op takes it in this version */
    GRADC_BF16 = 3, /* the same */
    GRADC_I64 = 4,
    GRADC_I32 = 5,
    GRADC_U8 = 6,
    GRADC_BOOL = 7 /* one byte, 0 or 1 */
};

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

/* ---- Elementwise -------------------------------------------------------------------------------- */

/* z has the broadcast shape and, unless said, the dtype of x; x and y must have the same dtype
 * (gradc_cast changes it).  All are the tape's.  GRADC_E_SHAPE, GRADC_E_DTYPE. */
GRADC_API gradc_tensor *gradc_add(gradc_tensor *x, gradc_tensor *y); /* x + y, any number */
GRADC_API gradc_tensor *gradc_sub(gradc_tensor *x, gradc_tensor *y); /* x - y, any number */
GRADC_API gradc_tensor *gradc_mul(gradc_tensor *x, gradc_tensor *y); /* x * y, any number */
GRADC_API gradc_tensor *gradc_div(gradc_tensor *x, gradc_tensor *y); /* x / y, f32 and f64 */
GRADC_API gradc_tensor *gradc_maximum(gradc_tensor *x,
                                      gradc_tensor *y); /* NaN if one is; equal: half the gradient each */
GRADC_API gradc_tensor *gradc_minimum(gradc_tensor *x, gradc_tensor *y); /* the same */

GRADC_API gradc_tensor *gradc_neg(gradc_tensor *x);     /* -x, any number */
GRADC_API gradc_tensor *gradc_exp(gradc_tensor *x);     /* e^x, f32 and f64 */
GRADC_API gradc_tensor *gradc_log(gradc_tensor *x);     /* ln x; NaN below 0, -inf at 0 */
GRADC_API gradc_tensor *gradc_sqrt(gradc_tensor *x);    /* NaN below 0 */
GRADC_API gradc_tensor *gradc_tanh(gradc_tensor *x);    /* tanh x */
GRADC_API gradc_tensor *gradc_sigmoid(gradc_tensor *x); /* 1 / (1 + e^-x) */
GRADC_API gradc_tensor *gradc_relu(gradc_tensor *x);    /* max(x, 0), NaN stays NaN; gradient 0 at 0 */

GRADC_API gradc_tensor *gradc_add_scalar(gradc_tensor *x, double value); /* x + value; value is rounded to x's dtype */
GRADC_API gradc_tensor *gradc_mul_scalar(gradc_tensor *x, double value); /* x * value */

/* min(max(x, low), high); NaN stays NaN.  The gradient passes inside and on the ends. */
GRADC_API gradc_tensor *gradc_clamp(gradc_tensor *x, double low, double high);

/* Comparisons: z is GRADC_BOOL, any NaN compares unequal.  No gradient. */
GRADC_API gradc_tensor *gradc_eq(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_ne(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_lt(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_le(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_gt(gradc_tensor *x, gradc_tensor *y);
GRADC_API gradc_tensor *gradc_ge(gradc_tensor *x, gradc_tensor *y);

/* z = c ? x : y elementwise; c is GRADC_BOOL and all three broadcast. */
GRADC_API gradc_tensor *gradc_where(gradc_tensor *c, gradc_tensor *x, gradc_tensor *y);

/* x in another dtype.  Float to integer truncates and saturates, NaN becomes 0; to bool: x != 0.
 * A gradient flows between f32 and f64 only. */
GRADC_API gradc_tensor *gradc_cast(gradc_tensor *x, gradc_dtype dtype);

/* ---- Random -------------------------------------------------------------------------------------- */

/* f32 tensors of random numbers: uniform in [0, 1), and normal with mean 0 and deviation 1.  The tape's. */
GRADC_API gradc_tensor *gradc_rand(gradc_context *g, int ndim, const int64_t *shape);
GRADC_API gradc_tensor *gradc_randn(gradc_context *g, int ndim, const int64_t *shape);

/* z = x * mask / (1 - p), mask 0 with probability p in [0, 1).  f32 and f64.  The tape's. */
GRADC_API gradc_tensor *gradc_dropout(gradc_tensor *x, double p);

/* ---- Reductions ------------------------------------------------------------------------------------ */

/* Over the given axes, naxes 0: over all.  keepdim 1 leaves the axes with size 1.  The tape's.
 * sum, mean: f32 and f64 (sum of integers and bool gives i64); a mean over nothing is NaN.
 * max: any number; NaN wins; over nothing is GRADC_E_SHAPE; equal maxima share the gradient evenly (amax).
 * argmax: i64, the row-major position inside the reduced axes of the first maximum; no gradient. */
GRADC_API gradc_tensor *gradc_sum(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_mean(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_max(gradc_tensor *x, int naxes, const int *axes, int keepdim);
GRADC_API gradc_tensor *gradc_argmax(gradc_tensor *x, int naxes, const int *axes, int keepdim);

/* ---- Linear algebra and layers ---------------------------------------------------------------------- */

/* z[..., m, n] = sum_k x[..., m, k] y[..., k, n]; leading axes broadcast.  A 1-d x is a row, a 1-d y a
 * column, and their axis is dropped from z.  Transposed views are read in place.  f32 and f64. */
GRADC_API gradc_tensor *gradc_matmul(gradc_tensor *x, gradc_tensor *y);

/* z[..., out] = sum_in x[..., in] w[out, in] + b[out]; b may be NULL.  f32 and f64. */
GRADC_API gradc_tensor *gradc_linear(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b);

/* z[b,o,i,j] = b[o] + sum_{c,p,q} x[b, c, i*stride - padding + p*dilation, j*... + q*dilation] w[o,c,p,q]:
 * a cross-correlation, zeros outside x.  x [batch,in,h,w]; w [out, in/groups, kh, kw]; b [out] or NULL.
 * Output height floor((h + 2*padding - dilation*(kh-1) - 1) / stride) + 1, width alike.  f32 and f64. */
GRADC_API gradc_tensor *gradc_conv2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride, int padding);
GRADC_API gradc_tensor *gradc_conv2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride_h,
                                          int stride_w, int padding_h, int padding_w, int dilation_h,
                                          int dilation_w, int groups);

/* The gradient of gradc_conv2d with respect to its x, as a layer: z[b,o,i,j] = b[o] + the sum of x[b,c,y,x] w[c,o,p,q]
 * wherever i = y*stride - padding + p*dilation, and j alike.  x [batch,in,h,w]; w [in, out/groups, kh, kw]; b [out] or
 * NULL.  Output height (h - 1)*stride - 2*padding + dilation*(kh-1) + output_padding + 1, width alike; an output
 * padding is below the stride or the dilation.  f32 and f64. */
GRADC_API gradc_tensor *gradc_conv_transpose2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride,
                                               int padding);
GRADC_API gradc_tensor *gradc_conv_transpose2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride_h,
                                                    int stride_w, int padding_h, int padding_w,
                                                    int output_padding_h, int output_padding_w, int dilation_h,
                                                    int dilation_w, int groups);

/* The maximum of each window; x [batch,c,h,w].  stride 0: as the size.  Padding, at most half the size,
 * counts as -inf.  NaN wins; the gradient goes to the first maximum of the window.
 * Output height floor((h + 2*padding - size) / stride) + 1. */
GRADC_API gradc_tensor *gradc_max_pool2d(gradc_tensor *x, int size, int stride);
GRADC_API gradc_tensor *gradc_max_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h,
                                              int stride_w, int padding_h, int padding_w);

/* The mean of each window; x [batch,c,h,w], f32 and f64.  stride 0: as the size.  Padding, at most half the
 * size, counts as zeros; with count_include_pad 0 it is not counted (PyTorch's default is 1).
 * Output height floor((h + 2*padding - size) / stride) + 1. */
GRADC_API gradc_tensor *gradc_avg_pool2d(gradc_tensor *x, int size, int stride);
GRADC_API gradc_tensor *gradc_avg_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h,
                                              int stride_w, int padding_h, int padding_w, int count_include_pad);

/* The means of height x width windows, whatever the size of x [batch,c,h,w]: window i takes the rows from
 * floor(i*h / height) to ceil((i+1)*h / height) - 1, columns alike.  The result may be larger than x.  f32 and f64. */
GRADC_API gradc_tensor *gradc_adaptive_avg_pool2d(gradc_tensor *x, int height, int width);

/* z = weight * (x - mean) / sqrt(var + eps) + bias, for each channel of x [batch,c,...]; f32 and f64.  The
 * vectors are [c], of x's dtype; weight and bias may be NULL: 1 and 0.
 * training 1: by the batch's own mean and (biased) variance, through which gradients flow; a channel must have more
 *   than one value (GRADC_E_SHAPE).  running_mean and running_var, tensors of yours or both NULL, are updated:
 *   running = (1 - momentum) * running + momentum * statistic, with the unbiased variance.
 * training 0: by running_mean and running_var, which get no gradient and must be there (GRADC_E_ARG).
 * PyTorch's defaults are momentum 0.1 and eps 1e-5. */
GRADC_API gradc_tensor *gradc_batch_norm(gradc_tensor *x, gradc_tensor *running_mean, gradc_tensor *running_var,
                                         gradc_tensor *weight, gradc_tensor *bias, int training, double momentum,
                                         double eps);

/* z = weight * (x - mean) / sqrt(var + eps) + bias, mean and (biased) variance over each row of x: its last ndim
 * axes, which must be `shape`.  weight and bias have that shape, or are NULL: 1 and 0.  f32 and f64.  PyTorch's
 * default eps is 1e-5. */
GRADC_API gradc_tensor *gradc_layer_norm(gradc_tensor *x, int ndim, const int64_t *shape, gradc_tensor *weight,
                                         gradc_tensor *bias, double eps);

/* The same with mean and variance over each group of neighbouring channels of each image of x [batch,c,...]; the c
 * channels must fall into `groups` equal groups.  weight and bias [c] or NULL.  PyTorch's default eps is 1e-5. */
GRADC_API gradc_tensor *gradc_group_norm(gradc_tensor *x, int groups, gradc_tensor *weight, gradc_tensor *bias,
                                         double eps);

/* Along one axis: softmax e^(x_i - m) / sum_j e^(x_j - m), and its logarithm, with m the maximum. */
GRADC_API gradc_tensor *gradc_softmax(gradc_tensor *x, int axis);
GRADC_API gradc_tensor *gradc_log_softmax(gradc_tensor *x, int axis);

/* Mean negative log likelihood of the right class, softmax included (stable for large logits).
 * logits [batch,classes] f32 or f64; labels [batch] i32 or i64, each in 0..classes-1.
 * Returns a scalar, the tape's.  A label out of range is GRADC_E_ARG at the next read or sync, and every
 * update that was recorded after it does nothing.  No gradient flows to labels. */
GRADC_API gradc_tensor *gradc_cross_entropy(gradc_tensor *logits, gradc_tensor *labels);

/* z[..., :] = weight[indices[...], :]; indices i32 or i64, weight [rows, width].  Out of range as in
 * gradc_cross_entropy.  The gradient of weight sums over equal indices, in a fixed order. */
GRADC_API gradc_tensor *gradc_embedding(gradc_tensor *indices, gradc_tensor *weight);

/* ---- Gradients -------------------------------------------------------------------------------------- */

/* Whether gradients flow to t, a tensor of yours: f32 or f64 (GRADC_E_DTYPE). */
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

/* ---- Tape -------------------------------------------------------------------------------------------- */

/* on 0: what is recorded from here needs no gradient (inference); 1: the default. */
GRADC_API void gradc_record(gradc_context *g, int on);

/* Runs pending state changes and what your own tensors need, then takes back every result that you did
 * not retain: their handles answer GRADC_E_CLEARED.  Call it once a step. */
GRADC_API void gradc_tape_clear(gradc_context *g);

/* mark: a position on the tape, -1 for NULL.  rewind: takes back what was recorded after it, as
 * gradc_tape_clear does; state changes stay.  A mark is void once the tape was cleared or rewound behind
 * it (GRADC_E_ARG). */
GRADC_API int64_t gradc_tape_mark(const gradc_context *g);
GRADC_API gradc_status gradc_tape_rewind(gradc_context *g, int64_t mark);

/* ---- Optimisers ---------------------------------------------------------------------------------------- */

/* Each holds its parameters (n f32 or f64 tensors of yours that want gradients, all of one context).
 * Formulas and defaults are PyTorch's; with d the gradient plus weight_decay * p:
 * sgd    v = momentum * v + (1 - dampening) * d (first: v = d);  p -= lr * (nesterov ? d + momentum * v : v)
 * adam   m = b1 m + (1-b1) d,  v = b2 v + (1-b2) d^2,  p -= lr / (1-b1^t) * m / (sqrt(v / (1-b2^t)) + eps)
 *        b1 0.9, b2 0.999, eps 1e-8.  Kingma and Ba, arXiv:1412.6980.
 * adamw  the same with p *= 1 - lr * weight_decay instead of a decay in d (arXiv:1711.05101);
 *        PyTorch's default decay is 0.01. */
GRADC_API gradc_optim *gradc_sgd(gradc_tensor *const *params, int n, double lr, double momentum);
GRADC_API gradc_optim *gradc_adam(gradc_tensor *const *params, int n, double lr);
GRADC_API gradc_optim *gradc_adamw(gradc_tensor *const *params, int n, double lr, double weight_decay);

/* Updates the parameters that have a gradient, uses the gradients up, and runs what is pending. */
GRADC_API gradc_status gradc_step(gradc_optim *o);

/* Changes a number: "lr", "weight_decay"; sgd: "momentum", "dampening", "nesterov"; adam, adamw: "beta1",
 * "beta2", "eps".  GRADC_E_ARG for another key, or a value out of range. */
GRADC_API gradc_status gradc_optim_set(gradc_optim *o, const char *key, double value);

/* How many steps were applied; -1 for NULL. */
GRADC_API int64_t gradc_optim_steps(const gradc_optim *o);

GRADC_API void gradc_optim_free(gradc_optim *o); /* NULL does nothing */

/* ---- Files ------------------------------------------------------------------------------------------------ */

/* Writes n named tensors of one context to a safetensors file, by way of a temporary file and a rename,
 * so that a failure leaves an existing file as it was.  keys and values: nmeta pairs of metadata.
 * GRADC_E_IO, GRADC_E_ARG (a name twice). */
GRADC_API gradc_status gradc_save(const char *path, int n, const char *const *names, gradc_tensor *const *tensors,
                                  int nmeta, const char *const *keys, const char *const *values);

/* Reads an IDX file (as MNIST's; gzip or not) into host memory: dtype, ndim, shape[GRADC_MAX_NDIM], and
 * the elements in this machine's byte order.  Free *data with gradc_free.
 * GRADC_E_IO with a sentence for a file that is missing, cut short or damaged (thread-local). */
GRADC_API gradc_status gradc_read_idx(const char *path, gradc_dtype *dtype, int *ndim, int64_t *shape,
                                      void **data);

/* Frees host memory that the library handed out; NULL does nothing. */
GRADC_API void gradc_free(void *data);

#ifdef __cplusplus
}
#endif

#endif
