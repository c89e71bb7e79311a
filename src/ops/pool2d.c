/* pool2d.c - what max_pool2d.c and avg_pool2d.c share: shape rules, and 16-bit planes on the CPU. */
#include "ops/pool2d.h"

#include "device/cpu/half.h"

gradc_status pool_dtype(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;
    return dtype_is_float(dtype)
               ? GRADC_OK
               : record_fail(r, GRADC_E_DTYPE, "x must be a float, not %s", gradc_dtype_name(dtype));
}

gradc_status pool_image(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    if (x->ndim != 4 || x->shape[2] == 0 || x->shape[3] == 0)
        return record_fail(r, GRADC_E_SHAPE, "x %s must be [batch,channels,height,width]", SHAPE(x));
    if (x->shape[2] > POOL_PIXELS || x->shape[3] > POOL_PIXELS / x->shape[2])
        return record_fail(r, GRADC_E_UNSUPPORTED, "an image of x %s has more than 2^30 pixels", SHAPE(x));
    return GRADC_OK;
}

gradc_status pool_numbers(const struct record *r)
{
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = r->ints[POOL_SIZE + axis], stride = r->ints[POOL_STRIDE + axis],
                padding = r->ints[POOL_PADDING + axis];
        if (size < 1 || size > POOL_MOST)
            return record_fail(r, GRADC_E_ARG, "size %lld is not in 1..%d", (long long)size, POOL_MOST);
        if (stride < 1 || stride > POOL_MOST)
            return record_fail(r, GRADC_E_ARG, "stride %lld is not in 1..%d", (long long)stride, POOL_MOST);
        if (padding < 0 || padding > size / 2)
            return record_fail(r, GRADC_E_ARG, "padding %lld is not in 0..%lld, half the size",
                               (long long)padding, (long long)(size / 2));
    }
    return GRADC_OK;
}

gradc_status pool_output(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    const int64_t *size = r->ints + POOL_SIZE, *padding = r->ints + POOL_PADDING;
    r->out[0].layout = *x;
    for (int axis = 0; axis < 2; axis++) {
        int64_t room = x->shape[2 + axis] + 2 * padding[axis] - size[axis];
        if (room < 0)
            return record_fail(r, GRADC_E_SHAPE,
                               "the window %lld,%lld is larger than x %s with padding %lld,%lld",
                               (long long)size[0], (long long)size[1], SHAPE(x), (long long)padding[0],
                               (long long)padding[1]);
        r->out[0].layout.shape[2 + axis] = room / r->ints[POOL_STRIDE + axis] + 1;
    }
    return GRADC_OK;
}

/* ---- 16-bit planes ---- */

size_t pool_planes_bytes(const struct device *d, int64_t in_size, int64_t out_size)
{
    return (size_t)cpu_threads(d) * (size_t)(in_size + out_size) * sizeof(float);
}

static void run_plane(void *arg, int64_t plane, int thread)
{
    const struct pool_planes *p = arg;
    float *in = (float *)(void *)p->workspace + thread * (p->in_size + p->out_size), *out = in + p->in_size;
    const int64_t size = (int64_t)gradc_dtype_size(p->dtype);
    half_widen(p->dtype, p->in_size, (const char *)p->in + plane * p->in_size * size, 1, in);
    p->run(p->arg, plane, thread, in, out);
    half_narrow(p->dtype, p->out_size, out, (char *)p->out + plane * p->out_size * size);
    epilogue_run(p->epilogue, plane * p->out_size, p->out_size);
}

void pool_planes_run(struct device *d, const struct pool_planes *p)
{
    struct pool_planes all = *p;
    cpu_parallel(d, p->planes, run_plane, &all);
}
