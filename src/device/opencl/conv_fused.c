/* conv_fused.c - 3x3 convolutions that move by 1, forward and to the input, on OpenCL, by Winograd's minimal filtering
 * in one kernel: the calls of opencl/winograd_fused.cl. */
#include "device/opencl/calls.h"
#include "device/opencl/conv_winograd.h"
#include "device/opencl/matrix.h"

enum {
    TILE = 2,
    POINTS = (TILE + 2) * (TILE + 2),
    ITEMS = 256,
    BLOCK = 32, /* channels of the result by tiles that a group makes */
    DEPTH = 8,  /* channels of the image in a slice */
    SUMS = 64,  /* of an item */
    LOCAL_BYTES = 2 * DEPTH * POINTS * BLOCK * (int)sizeof(float)
};

struct fused {
    int64_t channels, results;        /* of a group: of the image and of the result */
    int64_t deep, high;               /* rounded up to whole slices and blocks */
    int64_t height, width, top, left; /* of the image; where a tile's square lies against its results */
    int64_t out_height, out_width, rows, columns, tiles;
};

static struct fused fused_of(const struct conv *p)
{
    const int to_input = p->kind == CONV_INPUT;
    struct fused s = {.channels = (to_input ? p->out : p->in) / p->groups,
                      .results = (to_input ? p->in : p->out) / p->groups,
                      .height = to_input ? p->out_height : p->height,
                      .width = to_input ? p->out_width : p->width,
                      .top = to_input ? p->padding_h - 2 : -p->padding_h,
                      .left = to_input ? p->padding_w - 2 : -p->padding_w,
                      .out_height = to_input ? p->height : p->out_height,
                      .out_width = to_input ? p->width : p->out_width};

    s.deep = over(s.channels, DEPTH) * DEPTH;
    s.high = over(s.results, BLOCK) * BLOCK;
    s.rows = over(s.out_height, TILE);
    s.columns = over(s.out_width, TILE);
    s.tiles = p->batch * s.rows * s.columns;
    return s;
}

static int64_t filters_of(const struct conv *p, const struct fused *s)
{
    return POINTS * p->groups * s->deep * s->high;
}

/* ---- Calls ---- */

static void start(struct kernel_call *k, const char *kernel, const struct conv *p)
{
    kernel_start(k, "winograd_fused", kernel, p->dtype);
    k->wide = opencl_winograd_is_wide(p);
}

static gradc_status call_filters(struct device *d, const struct conv *p, const struct fused *s,
                                 const struct view *to, int prepare, struct failure *f)
{
    const int to_input = p->kind == CONV_INPUT;
    const int64_t taps = p->kh * p->kw, own = s->channels * taps, other = s->results * taps;
    const int64_t integers[] = {
        p->groups, s->results, s->channels, s->high, s->deep, to_input ? taps : own, to_input ? other : taps};
    struct kernel_call k;

    start(&k, "filters", p);
    add_view(&k, &p->w);
    add_view(&k, to);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_i32(&k, to_input);
    kernel_range(&k, p->groups * s->deep * s->high);
    return opencl_submit(d, &k, prepare, f);
}

gradc_status opencl_fused(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    const int to_input = p->kind == CONV_INPUT;
    const struct fused s = fused_of(p);
    const struct view filters = {.at = p->workspace, .dtype = real_of(p->dtype)};
    const struct view to = opencl_flat(to_input ? &p->x : &p->z);
    const int64_t integers[] = {p->groups, s.channels, s.deep,  s.results, s.high, s.tiles,      s.rows,
                                s.columns, s.height,   s.width, s.top,     s.left, s.out_height, s.out_width};
    const size_t groups = (size_t)(s.high / BLOCK * over(s.tiles, BLOCK) * p->groups), items = ITEMS;
    const gradc_status status = call_filters(d, p, &s, &filters, prepare, f);
    struct kernel_call k;

    if (status != GRADC_OK)
        return status;
    start(&k, "fused", p);
    add_view(&k, to_input ? &p->z : &p->x);
    add_view(&k, &filters);
    if (!to_input && p->bias) {
        kernel_option(&k, "-DBIAS");
        add_view(&k, p->bias);
    }
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_result(&k, p->epilogue, &to, 0);
    kernel_groups(&k, 1, &groups, &items);
    return opencl_submit(d, &k, prepare, f);
}

size_t opencl_fused_workspace(struct device *d, const struct conv *p)
{
    const struct fused s = fused_of(p);

    (void)d;
    return piece_bytes(p->dtype, filters_of(p, &s));
}

/* ---- The rule ---- */

static int fused_applies(const struct device *d, const struct conv *p)
{
    const struct fused s = fused_of(p);

    return !is_cpu(d) && p->kind != CONV_WEIGHT && opencl_is_winograd(d, p) &&
           filters_of(p, &s) <= MOST_FILTERS && d->info.item_sums >= SUMS && d->info.local_memory >= LOCAL_BYTES;
}

/* Rated as the other forms are (conv_winograd.c), by reasoning: 16 products for a tile and pair of channels, whole
 * blocks and slices being made, each worth 1.36 of a direct one: what brings and transforms a slice is work, too.  (For
 * sm_90 an item has 751 instructions for the 512 products of a slice, the direct form 276 for 256.) */
static int fused_pays(const struct device *d, const struct conv *p)
{
    const struct fused s = fused_of(p);
    const double own = 1.36 * POINTS * (double)p->groups * (double)s.deep * (double)s.high * (double)s.tiles;
    const int64_t tile = opencl_winograd_tile(d, p);

    if (matrix_is_exact(d, p->dtype)) /* the other form's products go by the unit */
        return 0;
    return own < opencl_winograd_products(d, p, 0) && (!tile || own < opencl_winograd_products(d, p, tile));
}

const struct conv_form conv_form_fused = {"winograd_fused",       fused_applies, fused_pays,
                                          opencl_fused_workspace, opencl_fused,  0};
