/* flow_sums.c - the gradient of a convolution's bias by kernels of its own: the calls of opencl/flow_sums.cl. */
#include "device/opencl/calls.h"

enum {
    GROUP = 128,
    ENOUGH = 4 /* groups for each of the device's units */
};

struct sums {
    int64_t splits, each; /* each: images of a split */
    int wide;
};

static struct sums sums_of(const struct device *d, const struct conv *p)
{
    const int64_t wanted = over(ENOUGH * (d->info.units > 0 ? d->info.units : 1), p->out);
    struct sums s = {.splits = wanted < p->batch ? wanted : p->batch};

    s.each = over(p->batch, s.splits);
    s.splits = over(p->batch, s.each);
    s.wide = p->batch * p->out * p->out_height * p->out_width + GROUP >= (int64_t)1 << 31;
    return s;
}

size_t opencl_flow_sums_workspace(const struct device *d, const struct conv *p)
{
    const struct sums s = sums_of(d, p);

    return s.splits > 1 ? piece_bytes(p->dtype, s.splits * p->out) : 0;
}

gradc_status opencl_add_parts(struct device *d, const struct view *parts, const struct view *z, int64_t n,
                              int64_t splits, int prepare, struct failure *f)
{
    const struct view flat = opencl_flat(z);
    struct kernel_call k;

    kernel_start(&k, "add_parts", "add_parts", z->dtype);
    k.wide = n * splits >= (int64_t)1 << 31;
    kernel_tensor(&k, parts);
    kernel_tensor(&k, &flat);
    kernel_i64(&k, n);
    kernel_i64(&k, splits);
    kernel_range(&k, n);
    return opencl_submit(d, &k, prepare, f);
}

gradc_status opencl_flow_sums(struct device *d, const struct conv *p, struct place workspace, int prepare,
                              struct failure *f)
{
    const struct sums s = sums_of(d, p);
    const struct view flow = opencl_flat(&p->z), db = opencl_flat(p->db);
    const struct view parts = {.at = workspace, .dtype = real_of(p->dtype)};
    const size_t groups = (size_t)(p->out * s.splits), local = GROUP;
    struct kernel_call k;

    kernel_start(&k, "flow_sums", "flow_sums", p->dtype);
    k.wide = s.wide;
    kernel_option(&k, "-DGROUP=%d", GROUP);
    if (s.splits > 1)
        kernel_option(&k, "-DIN_PARTS");
    kernel_tensor(&k, &flow);
    kernel_tensor(&k, s.splits > 1 ? &parts : &db);
    kernel_i64(&k, p->batch);
    kernel_i64(&k, p->out);
    kernel_i64(&k, p->out_height * p->out_width);
    kernel_i64(&k, s.each);
    kernel_groups(&k, 1, &groups, &local);
    gradc_status status = opencl_submit(d, &k, prepare, f);
    if (status != GRADC_OK || s.splits == 1)
        return status;
    return opencl_add_parts(d, &parts, &db, p->out, s.splits, prepare, f);
}
