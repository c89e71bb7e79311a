/* conv_winograd.c - 3x3 convolutions that move by 1 on OpenCL, by Winograd's minimal filtering: the calls of
 * opencl/winograd.cl, and one product for each point between them.
 *
 * Transformed tiles and products go through memory, so the tiles of all images are cut into parts, one after the other
 * through the same workspace.  What the parts are follows from the shape and the device's kind.  Of 16-bit tensors the
 * workspace holds f32: they are widened as pixels, filters and flows are read, and rounded where results are stored. */
#include "device/opencl/conv_winograd.h"

#include "device/opencl/calls.h"

/* ---- Sizes ---- */

enum {
    GROUP = 128, /* items: a divisor of kernel_range's 256 */
    MOST_GROUPS = 1 << 15,
    ROW = 16,     /* elements: rows of the workspace are multiples of it, so that vectors can be read */
    CPU_LANES = 8 /* tiles of an item: of 1, 4, 8 and 16 the least processor time, within 3% of 16 */
};

struct winograd {
    const struct conv *p;
    int64_t m, points, lanes;
    int64_t channels, results;                   /* of the source and of the result; WEIGHT: in and out */
    int64_t in;                                  /* of a filter: one group's */
    int64_t source_height, source_width;         /* of what the tiles of `pixels` are read from */
    int64_t height, width, rows, columns, tiles; /* of the result (WEIGHT: of the flow), and its tiles */
    int64_t parts, each, pitch;                  /* tiles in a part; of a row of tiles */
    int64_t filter_pitch;
    gradc_dtype real; /* of the workspace */
    /* Bytes from the workspace's start on: [point,out,in], [point,channel,tile], [point,result,tile] (WEIGHT: the
     * flows'), weights' sums, db's parts, and what the products want. */
    size_t filters, pixels, products, sums, flows, more, bytes;
};

static int64_t round_up(int64_t n, int64_t to)
{
    return over(n, to) * to;
}

static struct view part_view(const struct winograd *w, size_t at)
{
    struct view v = {.at = w->p->workspace, .dtype = w->real};

    v.at.offset += at;
    return v;
}

/* ---- Products ---- */

/* Of the tiles of a part: for each point and group, the filters times the pixels, or the flows times the pixels.
 * Groups are channels side by side, so that points and groups are one axis. */
static struct gemm product_of(const struct winograd *w, int64_t tiles)
{
    const struct conv *p = w->p;
    const int64_t filters = p->out / p->groups * w->filter_pitch;
    const int64_t channels = w->channels / p->groups, results = w->results / p->groups;
    struct gemm g = {.dtype = w->real, .nbatch = 1, .batch = {w->points * p->groups}, .exact = 1, .m = results};

    g.b = part_view(w, w->pixels);
    g.b_batch[0] = channels * w->pitch;
    if (p->kind == CONV_WEIGHT) {
        g.n = channels;
        g.k = tiles;
        g.a = part_view(w, w->products);
        g.a_row = w->pitch;
        g.a_col = g.b_row = 1;
        g.b_col = w->pitch;
        g.c = part_view(w, w->filters);
        g.c_row = w->filter_pitch;
        g.a_batch[0] = results * w->pitch;
        g.c_batch[0] = filters;
        return g;
    }
    g.n = tiles;
    g.k = channels;
    g.a = part_view(w, w->filters);
    g.a_row = p->kind == CONV_FORWARD ? w->filter_pitch : 1;
    g.a_col = p->kind == CONV_FORWARD ? 1 : w->filter_pitch;
    g.a_batch[0] = filters;
    g.b_row = w->pitch;
    g.b_col = 1;
    g.c = part_view(w, w->products);
    g.c_row = w->pitch;
    g.c_batch[0] = results * w->pitch;
    return g;
}

/* ---- The split ---- */

static int64_t part_tiles(const struct winograd *w, int64_t part)
{
    const int64_t left = w->tiles - part * w->each;

    return left < w->each ? left : w->each;
}

static size_t take(struct winograd *w, int64_t elements)
{
    const size_t at = w->bytes;

    w->bytes += piece_bytes(w->real, elements);
    return at;
}

static void place_all(struct winograd *w, struct device *d)
{
    const struct conv *p = w->p;
    const int weight = p->kind == CONV_WEIGHT;

    w->filters = take(w, w->points * p->out * w->filter_pitch);
    w->pixels = take(w, w->points * w->channels * w->pitch);
    w->products = take(w, w->points * w->results * w->pitch);
    w->sums = take(w, weight && w->parts > 1 ? p->out * w->in * 9 : 0);
    w->flows = take(w, 0);
    w->bytes += weight && p->db ? opencl_flow_sums_workspace(d, p) : 0;
    w->more = take(w, 0);

    struct gemm first = product_of(w, w->each), last = product_of(w, part_tiles(w, w->parts - 1));
    const size_t needed[2] = {opencl_gemm_workspace(d, &first), opencl_gemm_workspace(d, &last)};
    w->bytes += needed[0] > needed[1] ? needed[0] : needed[1];
}

/* A part has as many tiles as `most` bytes hold with their products. */
static void split(struct winograd *w, struct device *d, const struct conv *p, int64_t m, int64_t most)
{
    const int to_input = p->kind == CONV_INPUT;

    *w = (struct winograd){.p = p, .m = m, .points = (m + 2) * (m + 2), .lanes = is_cpu(d) ? CPU_LANES : 1};
    w->real = real_of(p->dtype);
    w->channels = to_input ? p->out : p->in;
    w->results = to_input ? p->in : p->out;
    w->source_height = to_input ? p->out_height : p->height;
    w->source_width = to_input ? p->out_width : p->width;
    w->height = to_input ? p->height : p->out_height;
    w->width = to_input ? p->width : p->out_width;
    w->rows = over(w->height, m);
    w->columns = over(w->width, m);
    w->tiles = p->batch * w->rows * w->columns;
    w->in = p->in / p->groups;
    w->filter_pitch = round_up(w->in, ROW);

    const int64_t tile = w->points * (p->in + p->out) * (int64_t)gradc_dtype_size(w->real);
    const int64_t fits = most / tile / ROW * ROW;
    w->parts = over(w->tiles, fits > ROW ? fits : ROW);
    w->each = round_up(over(w->tiles, w->parts), ROW); /* all parts but the last: the product reads by fours */
    w->parts = over(w->tiles, w->each);
    w->pitch = round_up(w->each, ROW);
    place_all(w, d);
}

/* ---- Calls ---- */

int opencl_winograd_is_wide(const struct conv *p)
{
    const double limit = (double)((int64_t)1 << 31), rim = 16;
    const double high = (double)(p->height + 2 * p->padding_h) + rim,
                 wide = (double)(p->width + 2 * p->padding_w) + rim;

    return (double)p->batch * (double)(p->in > p->out ? p->in : p->out) * high * wide >= limit;
}

static void start(struct kernel_call *k, const char *source, const char *kernel, const struct winograd *w)
{
    kernel_start(k, source, kernel, w->p->dtype);
    k->wide = opencl_winograd_is_wide(w->p);
    kernel_option(k, "-DTILE=%d", (int)w->m);
    kernel_option(k, "-DLANES=%d", (int)w->lanes);
    kernel_option(k, "-DGROUP=%d", GROUP);
}

/* An item has 60 to 170 registers: of smaller groups more fit a unit. */
static void add_range(struct kernel_call *k, int64_t items)
{
    kernel_range(k, items);
    if (k->local[0] > GROUP)
        k->local[0] = GROUP;
}

/* The same for what goes through local memory where an item has one lane: groups are of one size then. */
static void add_groups(struct kernel_call *k, const struct winograd *w, int64_t items)
{
    const int64_t all = over(items, GROUP);
    const size_t groups = (size_t)(all < MOST_GROUPS ? all : MOST_GROUPS), local = GROUP;

    if (w->lanes > 1)
        add_range(k, items);
    else
        kernel_groups(k, 1, &groups, &local);
}

static gradc_status call_filters(struct device *d, const struct winograd *w, int prepare, struct failure *f)
{
    const struct conv *p = w->p;
    const struct view to = part_view(w, w->filters);
    const int64_t integers[] = {p->out, w->in, w->filter_pitch};
    struct kernel_call k;

    start(&k, "winograd", "filters", w);
    add_view(&k, &p->w);
    add_view(&k, &to);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_i32(&k, p->kind == CONV_INPUT);
    add_range(&k, p->out * over(w->in, w->lanes));
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_pixels(struct device *d, const struct winograd *w, int64_t part, int prepare,
                                struct failure *f)
{
    const struct conv *p = w->p;
    const int to_input = p->kind == CONV_INPUT;
    const struct view to = part_view(w, w->pixels);
    const int64_t tiles = part_tiles(w, part);
    const int64_t integers[] = {part * w->each,
                                tiles,
                                w->pitch,
                                w->channels,
                                w->rows,
                                w->columns,
                                w->source_height,
                                w->source_width,
                                to_input ? p->padding_h - 2 : -p->padding_h,
                                to_input ? p->padding_w - 2 : -p->padding_w};
    struct kernel_call k;

    start(&k, "winograd", "pixels", w);
    add_view(&k, to_input ? &p->z : &p->x);
    add_view(&k, &to);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    add_range(&k, w->channels * over(tiles, w->lanes));
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_flows(struct device *d, const struct winograd *w, int64_t part, int prepare,
                               struct failure *f)
{
    const struct view to = part_view(w, w->products);
    const int64_t tiles = part_tiles(w, part);
    const int64_t integers[] = {part * w->each, tiles,      w->pitch,  w->results,
                                w->rows,        w->columns, w->height, w->width};
    struct kernel_call k;

    start(&k, "winograd", "flows", w);
    add_view(&k, &w->p->z);
    add_view(&k, &to);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    add_range(&k, w->results * over(tiles, w->lanes));
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_results(struct device *d, const struct winograd *w, int64_t part, int prepare,
                                 struct failure *f)
{
    const struct conv *p = w->p;
    const int to_input = p->kind == CONV_INPUT;
    const struct view from = part_view(w, w->products), to = opencl_flat(to_input ? &p->x : &p->z);
    const int64_t tiles = part_tiles(w, part);
    const int64_t integers[] = {part * w->each, tiles,      w->pitch,  w->results,
                                w->rows,        w->columns, w->height, w->width};
    struct kernel_call k;

    start(&k, "winograd_result", "results", w);
    add_view(&k, &from);
    if (!to_input && p->bias) {
        kernel_option(&k, "-DBIAS");
        add_view(&k, p->bias);
    }
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_result(&k, p->epilogue, &to, 0);
    add_groups(&k, w, w->results * over(tiles, w->lanes));
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_weights(struct device *d, const struct winograd *w, int64_t part, int prepare,
                                 struct failure *f)
{
    const struct conv *p = w->p;
    const struct view from = part_view(w, w->filters), sums = part_view(w, w->sums);
    const int64_t integers[] = {p->out, w->in, w->filter_pitch};
    struct kernel_call k;

    start(&k, "winograd", "weights", w);
    add_view(&k, &from);
    add_view(&k, &sums);
    add_view(&k, &p->w);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_i32(&k, part == 0);
    kernel_i32(&k, part == w->parts - 1);
    add_groups(&k, w, p->out * over(w->in, w->lanes));
    return opencl_submit(d, &k, prepare, f);
}

/* ---- The entry ---- */

static gradc_status run_part(struct device *d, const struct winograd *w, int64_t part, int prepare,
                             struct failure *f)
{
    const int weight = w->p->kind == CONV_WEIGHT;
    const struct gemm g = product_of(w, part_tiles(w, part));
    gradc_status status = call_pixels(d, w, part, prepare, f);

    if (status == GRADC_OK && weight)
        status = call_flows(d, w, part, prepare, f);
    if (status == GRADC_OK)
        status = opencl_gemm(d, &g, part_view(w, w->more).at, prepare, f);
    if (status != GRADC_OK)
        return status;
    return weight ? call_weights(d, w, part, prepare, f) : call_results(d, w, part, prepare, f);
}

gradc_status opencl_winograd(struct device *d, const struct conv *p, int64_t m, int64_t most, int prepare,
                             struct failure *f)
{
    struct winograd w;
    gradc_status status = GRADC_OK;

    split(&w, d, p, m, most);
    if (p->kind != CONV_WEIGHT)
        status = call_filters(d, &w, prepare, f);
    else if (p->db)
        status = opencl_flow_sums(d, p, part_view(&w, w.flows).at, prepare, f);
    for (int64_t part = 0; part < w.parts && status == GRADC_OK; part++)
        status = run_part(d, &w, part, prepare, f);
    return status;
}

size_t opencl_winograd_workspace(struct device *d, const struct conv *p, int64_t m, int64_t most)
{
    struct winograd w;

    split(&w, d, p, m, most);
    return w.bytes;
}

/* ---- The rule ----
 *
 * A form is rated by its products for each pair of channels, and the least wins: 9 for each result directly; a point's
 * for each tile, and for each filter what its transform is worth.  Transformed tiles and products go through memory, so
 * that each of their elements is rated as so many products, too: with few channels they are most of the work.
 *   kind "cpu"  fitted to PoCL on two cores with AVX-512, the direct form's processor time / the rule's, forward and
 *               weight gradient: 16x16 channels, 56x56, batch 4: 1.3 2.4; 64x64, 112x112, batch 1: 2.0 2.5; 256x256,
 *               28x28, batch 4: 2.5 3.0; 512x512, 14x14, batch 1: 1.8 1.3, batch 4: 2.6 2.0.  56x56, batch 4, four
 *               groups of 16 channels: 1.1 2.1; 64x64 in bf16: 1.7 2.1, in f16: 2.1 2.6
 *   others      by reasoning: an element is written, read and, a tile's 36 for 16 pixels, made of pixels or into
 *               results: some 10 bytes.  GPUs do 5 to 11 products of f32 in the time of a byte of memory (H100 11, RX
 *               6800 16, Arc A770 18 at best, half of that in a real product), and parts of 64 MiB leave some of it to
 *               the last cache: 64 products.  A filter's transform is 81 elements (41), half of them from a cache.
 *               So 4x4 tiles pay from 64 channels on, three times from 256 on; 2x2 for the smallest images alone. */

enum { MIB = 1 << 20 };

struct rates {
    double element;            /* of transformed tiles and of products, in products */
    double filter_2, filter_4; /* a filter's transform, in tiles of 2x2 and 4x4 */
    int64_t most;              /* bytes of a part's transformed tiles and products */
};

static const struct rates cpu_rates = {20, 12, 25, 16 * MIB}, gpu_rates = {64, 40, 40, 64 * MIB};

static const struct rates *rates_of(const struct device *d)
{
    return is_cpu(d) ? &cpu_rates : &gpu_rates;
}

double opencl_winograd_products(const struct device *d, const struct conv *p, int64_t m)
{
    const struct rates *r = rates_of(d);
    const int to_input = p->kind == CONV_INPUT;
    const int64_t height = to_input ? p->height : p->out_height, width = to_input ? p->width : p->out_width;
    const double pairs = (double)p->out * (double)(p->in / p->groups);

    if (m == 0)
        return 9.0 * (double)p->batch * (double)height * (double)width * pairs;
    const double points = (double)((m + 2) * (m + 2));
    const double tiles = (double)p->batch * (double)over(height, m) * (double)over(width, m);
    return points * (pairs * (tiles + (m == 4 ? r->filter_4 : r->filter_2)) +
                     r->element * tiles * (double)(p->in + p->out));
}

/* Whether filters transformed for m x m tiles are not too large. */
static int fits(const struct conv *p, int64_t m)
{
    return (m + 2) * (m + 2) * p->out * round_up(p->in / p->groups, ROW) <= MOST_FILTERS;
}

int64_t opencl_winograd_tile(const struct device *d, const struct conv *p)
{
    if (!fits(p, 4))
        return fits(p, 2) ? 2 : 0;
    return opencl_winograd_products(d, p, 4) < opencl_winograd_products(d, p, 2) ? 4 : 2;
}

int opencl_is_winograd(const struct device *d, const struct conv *p)
{
    return d->math != MATH_STRICT && p->dtype != GRADC_F64 && p->batch > 0 && p->kh == 3 && p->kw == 3 &&
           p->stride_h == 1 && p->stride_w == 1 && p->dilation_h == 1 && p->dilation_w == 1;
}

static int winograd_applies(const struct device *d, const struct conv *p)
{
    return opencl_is_winograd(d, p) && opencl_winograd_tile(d, p) != 0;
}

static int winograd_pays(const struct device *d, const struct conv *p)
{
    return opencl_winograd_products(d, p, opencl_winograd_tile(d, p)) < opencl_winograd_products(d, p, 0);
}

static size_t winograd_workspace(struct device *d, const struct conv *p)
{
    return opencl_winograd_workspace(d, p, opencl_winograd_tile(d, p), rates_of(d)->most);
}

static gradc_status winograd_run(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    return opencl_winograd(d, p, opencl_winograd_tile(d, p), rates_of(d)->most, prepare, f);
}

const struct conv_form conv_form_winograd = {"winograd",         winograd_applies, winograd_pays,
                                             winograd_workspace, winograd_run,     0};
