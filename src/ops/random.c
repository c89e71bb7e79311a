/* random.c - uniform and normal numbers and dropout's mask, from Philox4x32-10.
 * bound is {seed, first counter}: the same node draws the same numbers at each run and on every device. */
#include "ops/element.h"

#include <math.h>
#include <stdio.h>

#include "base/host.h"
#include "core/context.h"
#include "device/cpu/half.h"
#include "device/cpu/isa.h"
#include "ops/ops.h"

ISA_DECLARE(struct random_loops, random_loops);

void random_shape(struct random_shape *s, gradc_dtype dtype, const struct layout *l)
{
    s->nints = 2 + l->ndim;
    s->ints[0] = dtype;
    s->ints[1] = l->ndim;
    for (int axis = 0; axis < l->ndim; axis++)
        s->ints[2 + axis] = l->shape[axis];
}

static gradc_status random_record(struct record *r)
{
    r->out[0].dtype = (gradc_dtype)r->ints[0];
    r->out[0].layout.ndim = (int32_t)r->ints[1];
    for (int axis = 0; axis < r->out[0].layout.ndim; axis++)
        r->out[0].layout.shape[axis] = r->ints[2 + axis];
    return GRADC_OK;
}

/* ---- What the loops and kernels are given ---- */

static void uniform_numbers(const double *reals, double numbers[2])
{
    numbers[0] = reals[0];
    numbers[1] = reals[1] - reals[0];
}

/* A word is below the threshold with probability p. */
static void mask_numbers(const double *reals, double numbers[2])
{
    double threshold = rint(reals[0] * 0x1p32);
    numbers[0] = threshold > 0xffffffffu ? 0xffffffffu : threshold;
    numbers[1] = 1 / (1 - reals[0]);
}

/* ---- CPU ---- */

enum { GRAIN = 16384, BLOCK = 1024 }; /* elements a task, and a block of 16-bit ones: whole counters */

struct job {
    random_loop *loop;
    const struct launch *launch;
    char *z;
    int64_t n;
    size_t size;
    double numbers[2];
};

void random_run(random_loop *loop, gradc_dtype dtype, int64_t n, uint64_t seed, uint64_t counter,
                const double *numbers, char *z)
{
    _Alignas(64) float block[BLOCK];
    if (!dtype_is_half(dtype)) {
        loop(n, seed, counter, numbers, z);
        return;
    }
    for (int64_t first = 0; first < n; first += BLOCK) {
        const int64_t count = n - first < BLOCK ? n - first : BLOCK;
        loop(count, seed, counter + (uint64_t)(first / 4), numbers, block);
        half_narrow(dtype, count, block, z + first * (int64_t)sizeof(uint16_t));
    }
}

static void run_task(void *arg, int64_t task, int thread)
{
    (void)thread;
    const struct job *j = arg;
    int64_t first = task * GRAIN, n = j->n - first < GRAIN ? j->n - first : GRAIN;
    random_run(j->loop, j->launch->out[0].dtype, n, j->launch->bound[0],
               j->launch->bound[1] + (uint64_t)(first / 4), j->numbers, j->z + first * (int64_t)j->size);
}

static const struct random_loops *loops(void)
{
    static const struct random_loops *const tables[] = ISA_TABLE(random_loops);
    return tables[cpu_isa()];
}

static gradc_status random_cpu(const struct launch *l, random_loop *loop, const double *numbers)
{
    struct job j = {.loop = loop,
                    .launch = l,
                    .z = view_host(&l->out[0]),
                    .n = layout_numel(&l->out[0].layout),
                    .size = gradc_dtype_size(l->out[0].dtype),
                    .numbers = {numbers[0], numbers[1]}};
    cpu_parallel(l->device, cpu_tasks(j.n, GRAIN), run_task, &j);
    return GRADC_OK;
}

static gradc_status uniform_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    double numbers[2];
    uniform_numbers(l->reals, numbers);
    return random_cpu(l, loops()->uniform, numbers);
}

static gradc_status normal_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return random_cpu(l, loops()->normal, (const double[]){l->reals[0], 0});
}

static gradc_status mask_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    double numbers[2];
    mask_numbers(l->reals, numbers);
    return random_cpu(l, l->out[0].dtype == GRADC_F64 ? loops()->mask_f64 : loops()->mask_f32, numbers);
}

/* ---- OpenCL ---- */

static void random_start(const struct launch *l, struct kernel_call *k, const char *kernel)
{
    int64_t n = layout_numel(&l->out[0].layout);
    kernel_start(k, "random", kernel, l->out[0].dtype);
    kernel_tensor(k, &l->out[0]);
    kernel_i64(k, n);
    kernel_i64(k, (int64_t)l->bound[0]);
    kernel_i64(k, (int64_t)l->bound[1]);
    kernel_range(k, (n + 3) / 4);
}

static gradc_status uniform_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    double numbers[2];
    uniform_numbers(l->reals, numbers);
    random_start(l, &k, "uniform");
    kernel_real(&k, numbers[0]);
    kernel_real(&k, numbers[1]);
    return launch_kernel(l, &k, f);
}

static gradc_status normal_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    random_start(l, &k, "normal");
    kernel_real(&k, l->reals[0]);
    return launch_kernel(l, &k, f);
}

static gradc_status mask_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    double numbers[2];
    mask_numbers(l->reals, numbers);
    random_start(l, &k, "mask");
    kernel_i64(&k, (int64_t)numbers[0]);
    kernel_real(&k, numbers[1]);
    return launch_kernel(l, &k, f);
}

/* ---- As steps of a chain ---- */

static random_loop *uniform_draw(const struct chain_step *s)
{
    (void)s;
    return loops()->uniform;
}

static random_loop *normal_draw(const struct chain_step *s)
{
    (void)s;
    return loops()->normal;
}

static random_loop *mask_draw(const struct chain_step *s)
{
    return s->dtype == GRADC_F64 ? loops()->mask_f64 : loops()->mask_f32;
}

static int uniform_step(const struct chain_step *s, const double *reals, double out[ELEMENT_NUMBERS])
{
    (void)s;
    uniform_numbers(reals, out);
    return 2;
}

static int normal_step(const struct chain_step *s, const double *reals, double out[ELEMENT_NUMBERS])
{
    (void)s;
    out[0] = reals[0];
    return 1;
}

static int mask_step(const struct chain_step *s, const double *reals, double out[ELEMENT_NUMBERS])
{
    (void)s;
    mask_numbers(reals, out);
    return 2;
}

static void draw_function(const struct chain *c, const struct chain_step *s, char text[ELEMENT_TEXT])
{
    (void)c;
    snprintf(text, ELEMENT_TEXT, "draw_%s", s->op->name);
}

static const struct element uniform_element = {
    .draw = uniform_draw, .numbers = uniform_step, .function = draw_function};
static const struct element normal_element = {
    .draw = normal_draw, .numbers = normal_step, .function = draw_function};
static const struct element mask_element = {
    .draw = mask_draw, .numbers = mask_step, .longs = 1, .function = draw_function};

/* ---- Descriptors ---- */

const struct op op_uniform = {.name = "rand",
                              .nout = 1,
                              .shape = random_record,
                              .cpu = uniform_cpu,
                              .opencl = uniform_opencl,
                              .element = &uniform_element};

const struct op op_normal = {.name = "randn",
                             .nout = 1,
                             .shape = random_record,
                             .cpu = normal_cpu,
                             .opencl = normal_opencl,
                             .element = &normal_element};

const struct op op_mask = {.name = "dropout",
                           .nout = 1,
                           .flags = OP_HALF,
                           .shape = random_record,
                           .cpu = mask_cpu,
                           .opencl = mask_opencl,
                           .element = &mask_element};

/* ---- Public functions ---- */

static gradc_tensor *record(gradc_context *g, const struct op *op, gradc_dtype dtype, const struct layout *l,
                            int nreals, const double *reals)
{
    struct random_shape s;
    random_shape(&s, dtype, l);
    struct attributes a = {.nints = s.nints, .ints = s.ints, .nreals = nreals, .reals = reals};
    context_random(g, layout_numel(l), a.bound);
    return op_record_on(g, op, &a);
}

gradc_tensor *gradc_rand(gradc_context *g, int ndim, const int64_t *shape)
{
    struct layout l;
    if (context_enter(g, "rand") || context_layout(g, "rand", GRADC_F32, ndim, shape, &l))
        return NULL;
    return record(g, &op_uniform, GRADC_F32, &l, 2, (const double[]){0, 1});
}

gradc_tensor *gradc_randn(gradc_context *g, int ndim, const int64_t *shape)
{
    struct layout l;
    if (context_enter(g, "randn") || context_layout(g, "randn", GRADC_F32, ndim, shape, &l))
        return NULL;
    return record(g, &op_normal, GRADC_F32, &l, 1, (const double[]){1});
}

gradc_tensor *gradc_dropout(gradc_tensor *x, double p)
{
    const struct tensor *t = op_operand(x, "dropout");
    if (!t)
        return NULL;
    if (!dtype_is_float(t->dtype)) {
        context_fail(t->g, GRADC_E_DTYPE, "dropout: x is %s, dropout takes floats", gradc_dtype_name(t->dtype));
        return NULL;
    }
    if (!(p >= 0 && p < 1)) {
        char text[32];
        context_fail(t->g, GRADC_E_ARG, "dropout: p %s is not in [0, 1)", host_number(text, sizeof text, 6, p));
        return NULL;
    }
    if (p == 0)
        return gradc_mul_scalar(x, 1);
    return gradc_mul(x, record(t->g, &op_mask, t->dtype, &t->layout, 1, &p));
}
