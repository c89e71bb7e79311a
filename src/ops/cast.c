/* cast.c - z = x in another dtype.  Float to integer truncates and saturates, NaN becomes 0; an integer to a narrower
 * one wraps; to bool: x != 0.  A 16-bit float is rounded
 * from f32, whatever x is.  dx = dz cast back, between floats only. */
#include "ops/cast.h"

#include <stdio.h>

#include "device/cpu/isa.h"
#include "ops/element.h"
#include "ops/ops.h"

ISA_DECLARE(struct cast_loops, cast_loops);

static gradc_status cast_shape(struct record *r)
{
    gradc_dtype dtype = (gradc_dtype)r->ints[0];
    if (!dtype_known(dtype))
        return record_fail(r, GRADC_E_DTYPE, "no tensors of dtype %s", gradc_dtype_name(dtype));
    r->out[0].dtype = dtype;
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

/* 16-bit floats are cast by way of f32: the caller widens and rounds them. */
static strided_loop *loop_of(gradc_dtype from, gradc_dtype to)
{
    static const struct cast_loops *const tables[] = ISA_TABLE(cast_loops);
    from = dtype_computes(from);
    to = dtype_computes(to);
    strided_loop *loop = tables[cpu_isa()]->loop[from][to];
    return loop ? loop : strided_copy(to);
}

static gradc_status cast_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    const struct view *const views[] = {&l->out[0], &l->in[0]};
    strided_compute(l->device, 2, views, loop_of(l->in[0].dtype, l->out[0].dtype), NULL);
    return GRADC_OK;
}

/* The conversion of cast_to.cl. */
static void cast_name(gradc_dtype from, gradc_dtype to, char text[ELEMENT_TEXT])
{
    snprintf(text, ELEMENT_TEXT, "%sTO_%s", dtype_is_float(from) ? "FLOAT_" : "",
             to == GRADC_BOOL ? "truth" : gradc_dtype_name(to));
}

static gradc_status cast_opencl(const struct launch *l, struct failure *f)
{
    const struct view *const views[] = {&l->out[0], &l->in[0]};
    gradc_dtype from = l->in[0].dtype, to = l->out[0].dtype;
    struct kernel_call k;
    struct strided s;
    char name[ELEMENT_TEXT];
    kernel_start(&k, "cast", "cast", from == GRADC_F64 || to == GRADC_F64 ? GRADC_F64 : GRADC_F32);
    kernel_option(&k, "-DFROM=%s", gradc_dtype_name(from));
    kernel_option(&k, "-DTO=%s", to == GRADC_BOOL ? "truth" : gradc_dtype_name(to));
    cast_name(from, to, name);
    kernel_option(&k, "-DCAST=%s", name);
    strided_start(&s, &k, 2, views);
    strided_sizes(&k, &s);
    strided_operand(&k, &s, 0);
    strided_operand(&k, &s, 1);
    strided_range(&k, &s);
    return launch_kernel(l, &k, f);
}

static strided_loop *cast_loop(const struct chain_step *s)
{
    return loop_of(s->in_dtype[0], s->dtype);
}

static void cast_function(const struct chain *c, const struct chain_step *s, char text[ELEMENT_TEXT])
{
    (void)c;
    cast_name(s->in_dtype[0], s->dtype, text);
}

static const struct element cast_element = {.loop = cast_loop, .function = cast_function};

static void cast_gradient(struct gradient *d)
{
    if (dtype_is_float(gradc_dtype_of(d->x[0])) && dtype_is_float(gradc_dtype_of(d->z[0])))
        d->dx[0] = gradc_cast(d->dz[0], gradc_dtype_of(d->x[0]));
}

const struct op op_cast = {
    .name = "cast",
    .nin = 1,
    .nout = 1,
    .flags = OP_CASTS | OP_HALF,
    .shape = cast_shape,
    .cpu = cast_cpu,
    .opencl = cast_opencl,
    .gradient = cast_gradient,
    .element = &cast_element,
};

gradc_tensor *gradc_cast(gradc_tensor *x, gradc_dtype dtype)
{
    const struct tensor *t = op_operand(x, "cast");
    if (!t)
        return NULL;
    if (t->dtype == dtype)
        return x;
    struct attributes a = {.nints = 1, .ints = (const int64_t[]){dtype}};
    return op_record(&op_cast, 1, &x, &a);
}
