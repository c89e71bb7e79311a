/* conv.c - convolution: the entry, and how taps, strides and padding of one axis become a staged tile.
 * The forms are in conv_correlate.c (forward, input gradient) and conv_weight.c (weight gradient), and by Winograd's
 * minimal filtering in conv_winograd.c and conv_winograd_weight.c; which of them it is: winograd_tile. */
#include "device/cpu/conv.h"

#include "device/cpu/conv_axis.h"
#include "device/cpu/conv_winograd.h"
#include "device/cpu/half.h"

static int64_t divisor(int64_t x, int64_t y)
{
    return y ? divisor(y, x % y) : x;
}

/* Smallest shift first: shift(t) >= 0, and what it needs of phases and halo. */
static void axis_shifts(struct axis *a, int64_t first, int64_t turn)
{
    int64_t last = first + (a->taps - 1) * turn;
    a->low = a->taps ? tile_min(first, last) : 0;
    a->shift = a->taps ? first - a->low : 0;
    a->turn = turn;
    int64_t most = a->taps ? tile_max(first, last) - a->low : 0;
    a->phases = tile_min(a->step, most + 1);
    a->halo = most / a->step;
}

struct axis axis_forward(int64_t results, int64_t source, int64_t taps, int64_t stride, int64_t padding,
                         int64_t dilation)
{
    struct axis a = {
        .results = results, .spread = 1, .source = source, .step = stride, .taps = taps, .tap_step = 1};
    axis_shifts(&a, -padding, dilation);
    return a;
}

/* Input y is read by the outputs o with o * stride - padding + tap * dilation == y.  Of the taps that leave no
 * remainder, one follows another every stride / gcd(stride, dilation). */
struct axis axis_input(int64_t first, int64_t size, int64_t results, int64_t taps, int64_t stride,
                       int64_t padding, int64_t dilation)
{
    struct axis a = {.first = first, .spread = stride, .source = results, .step = 1};
    a.results = tile_blocks(size - first, stride);
    a.tap_step = stride / divisor(stride, dilation);
    while (a.tap < taps && (first + padding - a.tap * dilation) % stride != 0)
        a.tap++;
    a.taps = a.tap < taps ? (taps - 1 - a.tap) / a.tap_step + 1 : 0;
    axis_shifts(&a, a.taps ? (first + padding - a.tap * dilation) / stride : 0,
                -(a.tap_step * dilation / stride));
    return a;
}

int conv_is_direct(const struct axis *y, const struct axis *x)
{
    return y->results == 1 && y->source == 1 && y->taps == 1 && x->taps == 1 && x->step == 1 &&
           x->spread == 1 && x->source == x->results && x->low == 0 && x->shift == 0;
}

struct planes planes_of(const struct axis *y, const struct axis *x, int64_t lanes, int dense)
{
    struct planes s = {.dense = dense, .rows = y->tile + y->halo};
    s.pitch = dense ? x->tile : tile_round(x->tile, lanes) + x->halo;
    s.channel = s.rows * s.pitch * y->phases * (dense ? x->taps : x->phases);
    return s;
}

int64_t planes_tap(const struct planes *s, const struct axis *y, const struct axis *x, int64_t ty, int64_t tx)
{
    int64_t sy = y->shift + ty * y->turn, sx = x->shift + tx * x->turn;
    int64_t plane = s->dense ? sy % y->step * x->taps + tx : sy % y->step * x->phases + sx % x->step;
    return (plane * s->rows + sy / y->step) * s->pitch + (s->dense ? 0 : sx / x->step);
}

void planes_stage(const struct planes *s, const struct tile_set *set, const struct axis *y, const struct axis *x,
                  int64_t row, int64_t column, int64_t channels, const void *from, void *to)
{
    struct stage t = {.to = to, .from = from, .channels = channels, .channel_size = y->source * x->source};
    t.height = y->source;
    t.width = x->source;
    t.top = y->low + row * y->step;
    t.left = x->low + column * x->step + (s->dense ? x->shift : 0);
    t.step_h = y->step;
    t.step_w = x->step;
    t.phases_h = y->phases;
    t.phases_w = s->dense ? x->taps : x->phases;
    t.turn_w = s->dense ? x->turn : 1;
    t.rows = s->rows;
    t.pitch = s->pitch;
    set->stage(&t);
}

void planes_stage_half(const struct planes *s, const struct tile_set *set, const struct axis *y,
                       const struct axis *x, int64_t row, int64_t column, int64_t channels, const void *from,
                       void *to, gradc_dtype dtype, float *widened)
{
    const int64_t top = y->low + row * y->step, lines = s->rows * y->step + y->phases;
    const int64_t first = tile_min(y->source, tile_max(0, top));
    const int64_t end = tile_max(first, tile_min(y->source, top + lines));
    for (int64_t c = 0; c < channels; c++) {
        const int64_t at = (c * y->source + first) * x->source;
        half_widen(dtype, (end - first) * x->source, tile_at(from, at, sizeof(uint16_t)), 1,
                   widened + first * x->source);
        planes_stage(s, set, y, x, row, column, 1, widened, tile_at(to, c * s->channel, sizeof(float)));
    }
}

/* A 1x1 filter that moves by 1 sees an image as one long row, which wastes no lanes at the ends of short ones. */
static struct conv flat(const struct conv *p)
{
    struct conv q = *p;
    if (p->kh == 1 && p->kw == 1 && p->stride_h == 1 && p->stride_w == 1 && p->padding_h == 0 &&
        p->padding_w == 0) {
        q.width = p->height * p->width;
        q.out_width = p->out_height * p->out_width;
        q.height = q.out_height = 1;
    }
    return q;
}

static size_t conv_run(struct device *d, const struct conv *p, int run)
{
    struct conv q = flat(p);
    const int64_t m = d->math == MATH_STRICT ? 0 : winograd_tile(p);
    if (m)
        return p->kind == CONV_WEIGHT ? conv_winograd_weight(d, p, m, run) : conv_winograd(d, p, m, run);
    return p->kind == CONV_WEIGHT ? conv_weight(d, &q, run) : conv_correlate(d, &q, run);
}

size_t cpu_conv_workspace(struct device *d, const struct conv *p)
{
    return conv_run(d, p, 0);
}

gradc_status cpu_conv(struct device *d, const struct conv *p, struct failure *f)
{
    (void)f;
    conv_run(d, p, 1);
    return GRADC_OK;
}
