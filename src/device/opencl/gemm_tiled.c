/* gemm_tiled.c - matrix products on OpenCL by tiles in local memory: the options of opencl/gemm.cl.
 * For every product. */
#include <string.h>

#include "device/opencl/gemm_product.h"
#include "device/opencl/tuning.h"

/* Whether an operand can be read by fours, and along which axis. */
enum fours { ONE_BY_ONE, BY_LINES, BY_DEPTHS };

/* Fours begin at multiples of four elements, in which every matrix begins and every line ends; a buffer's own start and
 * a place in it are aligned. */
static enum fours fours_of(const struct view *v, int64_t lines, int64_t stride, int64_t depth, int64_t depth_stride)
{
    if (v->layout.offset % 4)
        return ONE_BY_ONE;
    if (depth_stride == 1 && stride % 4 == 0 && depth % 4 == 0)
        return BY_DEPTHS;
    return stride == 1 && depth_stride % 4 == 0 && lines % 4 == 0 ? BY_LINES : ONE_BY_ONE;
}

/* Items bring whole fours, and on a processor the compiler makes vectors of its own. */
static void add_fours(struct gemm_product *q, const struct gemm *p)
{
    static const char *const options[2][3] = {{"", " -DA_LINES=4", " -DA_DEPTHS=4"},
                                              {"", " -DB_LINES=4", " -DB_DEPTHS=4"}};
    enum fours a = fours_of(&p->a, q->m, q->a_row, p->k, p->a_col);
    enum fours b = fours_of(&p->b, p->n, p->b_col, p->k, p->b_row);

    if (q->tiling.tile->buffers == 1)
        return;
    for (int32_t i = 0; i < q->naxes; i++) {
        if (q->axes[i].a % 4)
            a = ONE_BY_ONE;
        if (q->axes[i].b % 4)
            b = ONE_BY_ONE;
    }
    strcat(q->options, options[0][a]);
    strcat(q->options, options[1][b]);
}

static struct gemm_product product_of(struct device *d, const struct gemm *p)
{
    struct gemm_product q = gemm_product_of(p);

    q.tiling = opencl_tiling_for(d, tuning_tile_of_gemm(d, p), p->dtype, q.m, p->n, p->k, q.count);
    q.wide = gemm_product_wide(p, &q);
    q.source = "gemm";
    opencl_tile_options(q.tiling.tile, q.options, q.local);
    add_fours(&q, p);
    return q;
}

static size_t tiled_workspace(struct device *d, const struct gemm *p)
{
    const struct gemm_product q = product_of(d, p);
    return gemm_product_workspace(p, &q);
}

static gradc_status tiled_run(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                              struct failure *f)
{
    const struct gemm_product q = product_of(d, p);
    return gemm_product_run(d, p, &q, workspace, prepare, f);
}

static int tiled_applies(const struct device *d, const struct gemm *p)
{
    (void)d;
    (void)p;
    return 1;
}

const struct gemm_form gemm_tiled = {"tiled", tiled_applies, tiled_workspace, tiled_run, FORM_TILED};
