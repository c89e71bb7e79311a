/* chain.c - runs a chain of elementwise steps: on the CPU block by block, the values between steps in the first cache;
 * on OpenCL as one kernel, whose text is made from the steps.  Where another op makes one of the steps, or takes one,
 * its form runs, with the rest of the chain as its epilogue or prologue.
 *
 * Each step computes exactly what its op computes alone: the same loop, or the same function of rows.cl, rounded to the
 * step's dtype.  So the bits do not depend on what was joined. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "ops/element.h"

/* ---- CPU ---- */

enum { GRAIN = 16384, BLOCK_BYTES = 4096 };

struct job {
    struct epilogue epilogue;
    const struct chain *c;
    int64_t block; /* elements */
    char *other;   /* what step c->made makes; or the place of step c->taken, if it is no output */
    char *in[CHAIN_INPUTS], *out[CHAIN_OUTPUTS];
    int64_t in_size[CHAIN_INPUTS], size[CHAIN_STEPS];
    int widened[CHAIN_STEPS]; /* the loop computes in f32 what has 16 bits */
    strided_loop *loop[CHAIN_STEPS], *copy[CHAIN_INPUTS];
    random_loop *draw[CHAIN_STEPS];
    double numbers[CHAIN_STEPS][ELEMENT_NUMBERS];
    const uint64_t *bound;
};

/* Elements first .. first + n - 1 of an input that does not lie flat, row by row of its last axis. */
static void gather(const struct job *j, int32_t x, int64_t first, int64_t n, char *to)
{
    const struct chain_input *in = &j->c->input[x];
    const int64_t size = j->in_size[x], row = in->size[in->axes - 1];
    const int64_t step[2] = {1, in->stride[in->axes - 1]};
    while (n > 0) {
        int64_t rest = first / row, at = first % row, offset = at * step[1];
        int64_t count = row - at < n ? row - at : n;
        for (int32_t axis = in->axes - 2; axis >= 0; axis--) {
            offset += rest % in->size[axis] * in->stride[axis];
            rest /= in->size[axis];
        }
        char *const p[2] = {to, j->in[x] + offset * size};
        j->copy[x](count, p, step, NULL);
        to += count * size;
        first += count;
        n -= count;
    }
}

/* Where a step's value is for the block that begins at `first`. */
static char *value_at(const struct job *j, int32_t s, int64_t first, char (*blocks)[BLOCK_BYTES])
{
    const struct chain_step *step = &j->c->step[s];
    if (s == j->c->made || (s == j->c->taken && step->output < 0))
        return j->other + first * j->size[s];
    return step->output >= 0 ? j->out[step->output] + first * j->size[s] : blocks[step->slot];
}

/* Four numbers come from one counter: a block that begins within them is cut out of a longer one. */
static void draw(const struct job *j, int32_t s, int64_t first, int64_t n, char *to)
{
    const struct chain_step *step = &j->c->step[s];
    const uint64_t *bound = j->bound + step->bound;
    _Alignas(64) char longer[BLOCK_BYTES + 64];
    const int64_t over = first % 4;
    char *z = over ? longer : to;
    random_run(j->draw[s], step->dtype, n + over, bound[0], bound[1] + (uint64_t)(first / 4), j->numbers[s], z);
    if (over)
        memcpy(to, longer + over * j->size[s], (size_t)(n * j->size[s]));
}

static void run_step(const struct job *j, int32_t s, int64_t first, int64_t n, char (*blocks)[BLOCK_BYTES])
{
    const struct chain_step *step = &j->c->step[s];
    char *p[1 + CHAIN_OPERANDS] = {value_at(j, s, first, blocks)};
    int64_t by[1 + CHAIN_OPERANDS] = {1};
    gradc_dtype dtypes[1 + CHAIN_OPERANDS] = {step->dtype};
    for (int32_t i = 0; i < step->nin; i++) {
        int32_t x = step->in[i];
        const struct chain_input *in = &j->c->input[x < CHAIN_INPUTS ? x : 0];
        by[i + 1] = x >= CHAIN_INPUTS || in->axes ? 1 : in->step;
        dtypes[i + 1] = step->in_dtype[i];
        if (x >= CHAIN_INPUTS)
            p[i + 1] = value_at(j, x - CHAIN_INPUTS, first, blocks);
        else
            p[i + 1] = in->axes ? blocks[in->slot] : j->in[x] + first * in->step * j->in_size[x];
    }
    if (j->widened[s])
        strided_widened(j->loop[s], 1 + step->nin, dtypes, n, p, by, j->numbers[s]);
    else if (j->loop[s])
        j->loop[s](n, p, by, j->numbers[s]);
    else
        draw(j, s, first, n, p[0]);
}

static void run_range(const struct job *j, int64_t first, int64_t end)
{
    _Alignas(64) char blocks[CHAIN_SLOTS][BLOCK_BYTES];
    for (; first < end; first += j->block) {
        int64_t n = end - first < j->block ? end - first : j->block;
        for (int32_t x = 0; x < j->c->ninputs; x++)
            if (j->c->input[x].axes)
                gather(j, x, first, n, blocks[j->c->input[x].slot]);
        for (int32_t s = 0; s < j->c->nsteps; s++)
            if (j->c->step[s].op->element)
                run_step(j, s, first, n, blocks);
    }
}

static void run_task(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    const int64_t first = task * GRAIN, left = j->c->n - first;
    (void)thread;
    run_range(j, first, first + (left < GRAIN ? left : GRAIN));
}

static void run_part(const struct epilogue *e, int64_t first, int64_t n)
{
    run_range((const struct job *)(const void *)e, first, first + n);
}

static void join(const struct launch *l, const struct epilogue *e)
{
    if (l->chain->made >= 0)
        l->other->epilogue = e;
    else
        l->other->prologue = e;
}

static int is_widened(const struct chain_step *s)
{
    int widened = dtype_is_half(s->dtype);
    for (int32_t i = 0; i < s->nin; i++)
        widened |= dtype_is_half(s->in_dtype[i]);
    return widened;
}

static gradc_status chain_cpu(const struct launch *l, struct failure *f)
{
    const struct chain *c = l->chain;
    struct job j = {.epilogue.run = run_part, .c = c, .bound = l->bound};
    int64_t widest = 1;
    for (int32_t x = 0; x < c->ninputs; x++) {
        j.in[x] = view_host(&l->in[x]);
        j.in_size[x] = (int64_t)gradc_dtype_size(c->input[x].dtype);
        j.copy[x] = strided_copy(c->input[x].dtype);
        widest = c->input[x].axes && j.in_size[x] > widest ? j.in_size[x] : widest;
    }
    for (int32_t o = 0; o < c->noutputs; o++)
        j.out[o] = view_host(&l->out[o]);
    for (int32_t s = 0; s < c->nsteps; s++) {
        const struct chain_step *step = &c->step[s];
        const struct element *e = step->op->element;
        j.size[s] = (int64_t)gradc_dtype_size(step->dtype);
        widest = j.size[s] > widest ? j.size[s] : widest;
        if (!e)
            continue;
        j.loop[s] = e->loop ? e->loop(step) : NULL;
        j.widened[s] = e->loop && is_widened(step);
        j.draw[s] = e->draw ? e->draw(step) : NULL;
        if (e->numbers)
            e->numbers(step, l->reals + step->real, j.numbers[s]);
    }
    j.block = BLOCK_BYTES / widest;
    if (l->other) {
        j.other = view_host(c->made >= 0 ? &l->other->out[0] : &l->other->in[0]);
        join(l, &j.epilogue);
        return l->other->op->cpu(l->other, f);
    }
    cpu_parallel(l->device, cpu_tasks(c->n, GRAIN), run_task, &j);
    return GRADC_OK;
}

/* ---- OpenCL: the text ----
 * Macros in front of chain.cl:
 *   CHAIN_PARAMS  for each input x, its sizes and strides; for each output z; for each step its numbers
 *   CHAIN_BODY    for element i: the inputs' elements a0 .., the steps' values v0 .., and what is stored; what another
 *                 op made is `made`
 * and for a prologue:
 *   CHAIN_NAMES   the parameters' names, as arguments
 *   CHAIN_VALUE   the step's value that is taken */

struct words {
    char *text;
    int64_t size, capacity;
    int failed;
};

static void add(struct words *w, const char *format, ...) GRADC_PRINTF(2, 3);

static void add(struct words *w, const char *format, ...)
{
    char piece[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof piece || host_grow(&w->text, &w->capacity, w->size + n + 1, 1)) {
        w->failed = 1;
        return;
    }
    memcpy(w->text + w->size, piece, (size_t)n + 1);
    w->size += n;
}

/* Of a value. */
static const char *type_of(const struct chain *c, gradc_dtype dtype)
{
    static const char *const types[] = {
        [GRADC_F32] = "float", [GRADC_F64] = "double", [GRADC_I64] = "long",  [GRADC_I32] = "int",
        [GRADC_U8] = "uchar",  [GRADC_BOOL] = "uchar", [GRADC_F16] = "float", [GRADC_BF16] = "float"};
    return dtype == c->real ? "real" : types[dtype];
}

/* Of what is in memory. */
static const char *stored_of(const struct chain *c, gradc_dtype dtype)
{
    if (dtype == c->real)
        return "stored";
    return dtype_is_half(dtype) ? "ushort" : type_of(c, dtype);
}

/* The macro that reads it. */
static const char *load_of(const struct chain *c, gradc_dtype dtype)
{
    if (dtype == c->real)
        return "LOAD";
    if (dtype_is_half(dtype))
        return dtype == GRADC_F16 ? "f16_load" : "bf16_load";
    return "AS_IT_IS";
}

static int is_long(const struct element *e, const struct chain_step *s, int i)
{
    return (e->longs >> i & 1) || !dtype_is_float(s->nin ? s->in_dtype[s->nin - 1] : s->dtype);
}

static int number_count(const struct chain_step *s)
{
    double ignored[ELEMENT_NUMBERS];
    static const double none[OP_REALS] = {0};
    return s->op->element && s->op->element->numbers ? s->op->element->numbers(s, none, ignored) : 0;
}

/* With their types, or, as arguments, without. */
static void add_params(struct words *w, const struct chain *c, int typed)
{
    const char *number = typed ? "long " : "", *place = typed ? "ulong " : "";
    add(w, "#define CHAIN_%s ", typed ? "PARAMS" : "NAMES");
    for (int32_t x = 0; x < c->ninputs; x++) {
        if (typed)
            add(w, ", __global const %s *in%d", stored_of(c, c->input[x].dtype), x);
        else
            add(w, ", in%d", x);
        add(w, ", %sin%d_0", place, x);
        for (int32_t axis = 1; axis < c->input[x].axes; axis++)
            add(w, ", %sin%d_n%d", number, x, axis);
        for (int32_t axis = 0; axis < c->input[x].axes; axis++)
            add(w, ", %sin%d_s%d", number, x, axis);
    }
    for (int32_t o = 0; o < c->noutputs; o++) {
        if (typed)
            add(w, ", __global %s *out%d", stored_of(c, c->step[c->output[o]].dtype), o);
        else
            add(w, ", out%d", o);
        add(w, ", %sout%d_0", place, o);
    }
    for (int32_t s = 0; s < c->nsteps; s++) {
        const struct chain_step *step = &c->step[s];
        for (int i = 0, n = number_count(step); i < n; i++)
            add(w, ", %sr%d_%d", !typed ? "" : is_long(step->op->element, step, i) ? "long " : "real ", s, i);
        if (step->op->element && step->op->element->draw)
            add(w, ", %sr%d_seed, %sr%d_counter", number, s, number, s);
    }
    add(w, "\n");
}

/* a0 = the element of input 0. */
static void add_load(struct words *w, const struct chain *c, int32_t x)
{
    const struct chain_input *in = &c->input[x];
    if (in->axes > 1) {
        add(w, "    index_t in%d_i = i, in%d_p = 0, in%d_r; \\\n", x, x, x);
        for (int32_t axis = in->axes - 1; axis > 0; axis--) {
            add(w, "    in%d_r = (index_t)((uindex_t)in%d_i / (uindex_t)in%d_n%d); \\\n", x, x, x, axis);
            add(w, "    in%d_p += (in%d_i - in%d_r * (index_t)in%d_n%d) * (index_t)in%d_s%d; \\\n", x, x, x,
                x, axis, x, axis);
            add(w, "    in%d_i = in%d_r; \\\n", x, x);
        }
        add(w, "    in%d_p += in%d_i * (index_t)in%d_s0; \\\n", x, x, x);
    }
    add(w, "    const %s a%d = %s(in%d, in%d_0", type_of(c, in->dtype), x, load_of(c, in->dtype), x, x);
    if (in->axes > 1)
        add(w, " + (ulong)in%d_p", x);
    else if (in->axes == 1)
        add(w, " + (ulong)(i * (index_t)in%d_s0)", x);
    else if (in->step == 1)
        add(w, " + (ulong)i");
    add(w, "); \\\n");
}

/* v0 = f(operands, numbers) */
static void add_call(struct words *w, const struct chain *c, int32_t s)
{
    const struct chain_step *step = &c->step[s];
    char function[ELEMENT_TEXT];
    const char *comma = "";
    step->op->element->function(c, step, function);
    const int rounds = step->dtype == c->real;
    add(w, "    const %s v%d = %s(%s(", type_of(c, step->dtype), s, rounds ? "ROUNDED" : "", function);
    for (int32_t i = 0; i < step->nin; i++, comma = ", ") {
        int32_t x = step->in[i];
        add(w, "%s%c%d", comma, x < CHAIN_INPUTS ? 'a' : 'v', x < CHAIN_INPUTS ? x : x - CHAIN_INPUTS);
    }
    if (step->op->element->draw) {
        add(w, "i, r%d_seed, r%d_counter", s, s);
        comma = ", ";
    }
    for (int i = 0, n = number_count(step); i < n; i++, comma = ", ")
        add(w, "%s%sr%d_%d", comma,
            is_long(step->op->element, step, i) && !step->op->element->draw ? "(real)" : "", s, i);
    add(w, ")); \\\n");
}

/* A step's value, stored where it is an output. */
static void add_step(struct words *w, const struct chain *c, int32_t s)
{
    const struct chain_step *step = &c->step[s];
    if (s == c->made)
        add(w, "    const real v%d = made; \\\n", s);
    else if (s != c->taker)
        add_call(w, c, s);
    if (step->output >= 0)
        add(w, "    %s(out%d, out%d_0 + (ulong)i, v%d); \\\n",
            step->dtype == c->real ? "STORE" : "PUT_AS_IT_IS", step->output, step->output, s);
}

/* Made once for a chain; it holds no shapes, so that chains of different sizes share a program. */
static gradc_status make_text(struct chain *c, struct failure *f)
{
    struct words w = {0};
    add_params(&w, c, 1);
    if (c->taker >= 0) {
        add_params(&w, c, 0);
        add(&w, "#define CHAIN_VALUE v%d\n", c->taken);
    }
    add(&w, "#define CHAIN_BODY \\\n");
    for (int32_t x = 0; x < c->ninputs; x++)
        add_load(&w, c, x);
    for (int32_t s = 0; s < c->nsteps; s++)
        add_step(&w, c, s);
    add(&w, "    (void)0;\n");
    if (w.failed) {
        host_free(w.text);
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    }
    c->text = w.text;
    c->text_hash = kernel_hash(w.text);
    return GRADC_OK;
}

/* ---- OpenCL: the arguments ---- */

static void give_numbers(struct kernel_call *k, const struct launch *l, int32_t s)
{
    const struct chain_step *step = &l->chain->step[s];
    const struct element *e = step->op->element;
    double numbers[ELEMENT_NUMBERS];
    if (!e)
        return;
    int n = e->numbers ? e->numbers(step, l->reals + step->real, numbers) : 0;
    for (int i = 0; i < n; i++)
        if (is_long(e, step, i))
            kernel_i64(k, (int64_t)numbers[i]);
        else
            kernel_real(k, numbers[i]);
    if (e->draw)
        for (int i = 0; i < OP_BOUND; i++)
            kernel_i64(k, (int64_t)l->bound[step->bound + i]);
}

/* Those behind the element count. */
static void give_all(struct kernel_call *k, const struct launch *l)
{
    const struct chain *c = l->chain;
    for (int32_t x = 0; x < c->ninputs; x++) {
        const struct chain_input *in = &c->input[x];
        kernel_tensor(k, &l->in[x]);
        for (int32_t axis = 1; axis < in->axes; axis++)
            kernel_i64(k, in->size[axis]);
        for (int32_t axis = 0; axis < in->axes; axis++)
            kernel_i64(k, in->stride[axis]);
    }
    for (int32_t o = 0; o < c->noutputs; o++)
        kernel_tensor(k, &l->out[o]);
    for (int32_t s = 0; s < c->nsteps; s++)
        give_numbers(k, l, s);
}

struct part {
    struct epilogue epilogue;
    const struct launch *l;
};

static void give_part(const struct epilogue *e, struct kernel_call *k)
{
    give_all(k, ((const struct part *)(const void *)e)->l);
}

static gradc_status chain_opencl(const struct launch *l, struct failure *f)
{
    struct chain *c = l->chain;
    struct kernel_call k;
    if (!c->text && make_text(c, f))
        return f->status;
    if (l->other) {
        struct part p = {{.text = c->text, .text_hash = c->text_hash, .give = give_part}, l};
        join(l, &p.epilogue);
        return l->other->op->opencl(l->other, f);
    }
    kernel_start(&k, "chain", "chain", c->real);
    kernel_text(&k, c->text, c->text_hash);
    kernel_i64(&k, c->n);
    give_all(&k, l);
    kernel_range(&k, c->n);
    return launch_kernel(l, &k, f);
}

const struct op op_chain = {.name = "chain", .cpu = chain_cpu, .opencl = chain_opencl};
