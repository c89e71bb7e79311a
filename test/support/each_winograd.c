/* each_winograd.c - the kernels of OpenCL's Winograd forms on tiny convolutions. */
#include "each_winograd.h"

#include "device/device.h"
#include "support.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/conv_winograd.h"

/* Memory of the device for n numbers, all 0. */
static struct view zeros(struct device *d, gradc_dtype dtype, int64_t n)
{
    struct failure failure = {0};
    struct view v = {.dtype = dtype};
    const size_t bytes = (size_t)n * gradc_dtype_size(dtype);
    assert_int_equal(d->table->slab_new(d, bytes, &v.at.slab, &failure), GRADC_OK);
    assert_int_equal(d->table->zero(d, v.at, bytes, &failure), GRADC_OK);
    return v;
}

enum { FUSED = 0 /* for m: the form with tiles of 2x2 in one kernel */ };

/* 3 to 5 channels in each group. */
static void one_winograd(struct device *d, gradc_dtype dtype, int groups, enum conv_kind kind, int m, int more)
{
    struct failure failure = {0};
    const int64_t in = 3 * groups, out = 5 * groups;
    struct conv p = {kind, dtype, 2, in, 9, 6, out, 3, 3, 9, 6, groups, 1, 1, 1, 1, 1, 1, .epilogue = NULL};
    struct view row = zeros(d, dtype, out), workspace;
    p.x = zeros(d, dtype, 2 * in * 9 * 6);
    p.w = zeros(d, dtype, out * 3 * 9);
    p.z = zeros(d, dtype, 2 * out * 9 * 6);
    p.bias = more && kind == CONV_FORWARD ? &row : NULL;
    p.db = more && kind == CONV_WEIGHT ? &row : NULL;
    /* In parts. */
    const size_t bytes = m == FUSED ? opencl_fused_workspace(d, &p) : opencl_winograd_workspace(d, &p, m, 1);
    assert_int_equal(d->table->slab_new(d, bytes, &workspace.at.slab, &failure), GRADC_OK);
    p.workspace = (struct place){workspace.at.slab, 0};
    for (int prepare = 1; prepare >= 0; prepare--) {
        assert_int_equal(m == FUSED ? opencl_fused(d, &p, prepare, &failure)
                                    : opencl_winograd(d, &p, m, 1, prepare, &failure),
                         GRADC_OK);
        assert_int_equal(d->table->prepared(d, &failure), GRADC_OK);
    }
    assert_int_equal(d->table->finish(d, &failure), GRADC_OK);
    struct slab *const all[] = {p.x.at.slab, p.w.at.slab, p.z.at.slab, row.at.slab, workspace.at.slab};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        d->table->slab_free(d, all[i]);
}

void run_each_winograd(const char *device)
{
    struct failure failure = {0};
    struct device *d = NULL;
    assert_int_equal(device_open(device, &d, &failure), GRADC_OK);
    for (int kind = 0; d->opencl && kind < 3; kind++)
        for (int m = kind == CONV_WEIGHT ? 2 : FUSED; m <= 4; m += 2)
            for (int more = 0; more < (kind == CONV_INPUT ? 1 : 2); more++)
                one_winograd(d, GRADC_F32, 1, (enum conv_kind)kind, m, more);
    for (int kind = 0; d->opencl && kind < 3; kind++) {
        if (test_takes(GRADC_F16))
            one_winograd(d, GRADC_F16, 2, (enum conv_kind)kind, 4, 1);
        if (test_takes(GRADC_BF16))
            one_winograd(d, GRADC_BF16, 2, (enum conv_kind)kind, 4, 1);
        if (test_takes(GRADC_BF16) && kind != CONV_WEIGHT)
            one_winograd(d, GRADC_BF16, 2, (enum conv_kind)kind, FUSED, 1);
    }
    d->table->close(d);
}
#else
void run_each_winograd(const char *device)
{
    (void)device;
}
#endif
