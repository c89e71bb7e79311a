/* contiguous.c - z = x, row-major without gaps: a strided copy.
 * A transposed x, whose elements lie next to each other along another axis, is copied by tiles. */
#include "ops/ops.h"
#include "ops/strided.h"

static gradc_status contiguous_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

/* ---- CPU ---- */

enum { TILE = 16, NARROW = 8 };

struct transpose {
    struct layout x, z; /* collapsed, of one shape; the last axis of z is contiguous */
    int along;          /* the axis along which x is */
    int64_t blocks;     /* of TILE rows of that axis */
    const char *from;
    char *to;
    size_t size;
};

/* An axis other than the last along which x's elements are neighbours; -1: none, or too little of it. */
static int neighbours(const struct layout *x)
{
    int last = x->ndim - 1;
    if (x->ndim < 2 || x->stride[last] <= 1 || x->shape[last] < NARROW)
        return -1;
    for (int axis = last - 1; axis >= 0; axis--)
        if (x->stride[axis] == 1 && x->shape[axis] >= NARROW)
            return axis;
    return -1;
}

/* rows by cols elements, from columns of x to rows of z: each cache line of x is read once, whatever its stride.
 * Whole tiles have constant bounds, which makes them several times faster. */
#define TILE_LOOP(T)                                                                                           \
    static inline void move_##T(const T *x, T *z, int rows, int cols, int64_t x_col, int64_t z_row)            \
    {                                                                                                          \
        T tile[TILE][TILE];                                                                                    \
        for (int c = 0; c < cols; c++)                                                                         \
            for (int r = 0; r < rows; r++)                                                                     \
                tile[c][r] = x[r + c * x_col];                                                                 \
        for (int r = 0; r < rows; r++)                                                                         \
            for (int c = 0; c < cols; c++)                                                                     \
                z[r * z_row + c] = tile[c][r];                                                                 \
    }                                                                                                          \
    static void tile_##T(const char *from, char *to, int64_t rows, int64_t cols, int64_t x_col, int64_t z_row) \
    {                                                                                                          \
        const T *x = (const T *)(const void *)from;                                                            \
        T *z = (T *)(void *)to;                                                                                \
        if (rows == TILE && cols == TILE)                                                                      \
            move_##T(x, z, TILE, TILE, x_col, z_row);                                                          \
        else                                                                                                   \
            move_##T(x, z, (int)rows, (int)cols, x_col, z_row);                                                \
    }
TILE_LOOP(uint8_t)
TILE_LOOP(uint16_t)
TILE_LOOP(uint32_t)
TILE_LOOP(uint64_t)

static void transpose_block(void *arg, int64_t task, int thread)
{
    (void)thread;
    const struct transpose *t = arg;
    const struct layout *x = &t->x, *z = &t->z;
    int last = x->ndim - 1;
    int64_t row = task % t->blocks * TILE, rest = task / t->blocks;
    int64_t rows = x->shape[t->along] - row < TILE ? x->shape[t->along] - row : TILE;
    int64_t from = row, to = row * z->stride[t->along];
    for (int axis = last - 1; axis >= 0; axis--) {
        if (axis == t->along)
            continue;
        from += rest % x->shape[axis] * x->stride[axis];
        to += rest % x->shape[axis] * z->stride[axis];
        rest /= x->shape[axis];
    }
    for (int64_t col = 0; col < x->shape[last]; col += TILE) {
        int64_t cols = x->shape[last] - col < TILE ? x->shape[last] - col : TILE;
        const char *tile_from = t->from + (from + col * x->stride[last]) * (int64_t)t->size;
        char *tile_to = t->to + (to + col) * (int64_t)t->size;
        if (t->size == 8)
            tile_uint64_t(tile_from, tile_to, rows, cols, x->stride[last], z->stride[t->along]);
        else if (t->size == 4)
            tile_uint32_t(tile_from, tile_to, rows, cols, x->stride[last], z->stride[t->along]);
        else if (t->size == 2)
            tile_uint16_t(tile_from, tile_to, rows, cols, x->stride[last], z->stride[t->along]);
        else
            tile_uint8_t(tile_from, tile_to, rows, cols, x->stride[last], z->stride[t->along]);
    }
}

void copy_cpu(struct device *d, const struct view *z, const struct view *x)
{
    struct layout both[2] = {z->layout, x->layout};
    layout_collapse(2, both);
    int along = neighbours(&both[1]);
    if (along < 0 || both[0].stride[both[0].ndim - 1] != 1) {
        strided_run(d, 2, (const struct view *const[]){z, x}, strided_copy(z->dtype), NULL);
        return;
    }
    struct transpose t = {.x = both[1], .z = both[0], .along = along, .size = gradc_dtype_size(z->dtype)};
    t.from = view_host(x);
    t.to = view_host(z);
    t.blocks = cpu_tasks(t.x.shape[along], TILE);
    int64_t tasks = t.blocks;
    for (int axis = 0; axis < t.x.ndim - 1; axis++)
        if (axis != along)
            tasks *= t.x.shape[axis];
    cpu_parallel(d, tasks, transpose_block, &t);
}

static gradc_status contiguous_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    copy_cpu(l->device, &l->out[0], &l->in[0]);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

gradc_status copy_opencl(const struct launch *l, const struct view *z, const struct view *x, struct failure *f)
{
    const struct view *const views[] = {z, x};
    struct kernel_call k;
    struct strided s;
    kernel_start(&k, "contiguous", "contiguous", strided_bits(z->dtype));
    strided_start(&s, &k, 2, views);
    strided_sizes(&k, &s);
    strided_operand(&k, &s, 0);
    strided_operand(&k, &s, 1);
    strided_range(&k, &s);
    return launch_kernel(l, &k, f);
}

static gradc_status contiguous_opencl(const struct launch *l, struct failure *f)
{
    return copy_opencl(l, &l->out[0], &l->in[0], f);
}

static void contiguous_gradient(struct gradient *d)
{
    d->dx[0] = d->dz[0];
}

const struct op op_contiguous = {
    .name = "contiguous",
    .nin = 1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = contiguous_shape,
    .cpu = contiguous_cpu,
    .opencl = contiguous_opencl,
    .gradient = contiguous_gradient,
};

gradc_tensor *gradc_contiguous(gradc_tensor *x)
{
    const struct tensor *t = op_operand(x, "contiguous");
    if (!t)
        return NULL;
    return layout_is_contiguous(&t->layout) ? x : op_record(&op_contiguous, 1, &x, NULL);
}
