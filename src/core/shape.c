/* shape.c - layouts: sizes and strides, broadcasting, collapsing, shapes as text; and the facts of dtypes.
 *
 * Not here: what an op accepts, which is its shape rule's. */
#include "core/tensor.h"

#include <stdio.h>
#include <string.h>

/* ---- Dtypes ---- */

static const struct {
    const char *name;
    size_t size;
    int is_float, known;
} dtypes[] = {
    [GRADC_F32] = {"f32", 4, 1, 1},   [GRADC_F64] = {"f64", 8, 1, 1},   [GRADC_F16] = {"f16", 2, 1, 1},
    [GRADC_BF16] = {"bf16", 2, 1, 1}, [GRADC_I64] = {"i64", 8, 0, 1},   [GRADC_I32] = {"i32", 4, 0, 1},
    [GRADC_U8] = {"u8", 1, 0, 1},     [GRADC_BOOL] = {"bool", 1, 0, 1},
};

static int is_dtype(gradc_dtype dtype)
{
    return dtype >= 0 && dtype < (gradc_dtype)(sizeof dtypes / sizeof dtypes[0]);
}

size_t gradc_dtype_size(gradc_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].size : 0;
}

const char *gradc_dtype_name(gradc_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].name : "?";
}

int dtype_is_float(gradc_dtype dtype)
{
    return is_dtype(dtype) && dtypes[dtype].is_float;
}

int dtype_known(gradc_dtype dtype)
{
    return is_dtype(dtype) && dtypes[dtype].known;
}

/* ---- Layouts ---- */

/* x * y of sizes, INT64_MAX where it does not fit. */
static int64_t times(int64_t x, int64_t y)
{
    if (x && y > INT64_MAX / x)
        return INT64_MAX;
    return x * y;
}

int64_t layout_numel(const struct layout *l)
{
    int64_t numel = 1;
    for (int i = 0; i < l->ndim; i++) {
        if (!l->shape[i])
            return 0;
        numel = times(numel, l->shape[i]);
    }
    return numel;
}

/* An axis of size 0 counts as 1, so that the strides of an empty tensor are not 0. */
void layout_contiguous(struct layout *l)
{
    int64_t stride = 1;
    for (int i = l->ndim - 1; i >= 0; i--) {
        l->stride[i] = stride;
        stride = times(stride, l->shape[i] ? l->shape[i] : 1);
    }
    l->offset = 0;
}

int layout_is_contiguous(const struct layout *l)
{
    int64_t stride = 1;
    int seamless = 1;
    for (int i = l->ndim - 1; i >= 0; i--) {
        if (!l->shape[i])
            return 1;
        if (l->shape[i] == 1)
            continue;
        seamless &= l->stride[i] == stride;
        stride = times(stride, l->shape[i]);
    }
    return seamless;
}

int layout_same_shape(const struct layout *x, const struct layout *y)
{
    return x->ndim == y->ndim && !memcmp(x->shape, y->shape, (size_t)x->ndim * sizeof x->shape[0]);
}

/* The size of the axis that is `back` from the last one, 1 in front of the first. */
static int64_t size_from_back(const struct layout *l, int back)
{
    return back < l->ndim ? l->shape[l->ndim - 1 - back] : 1;
}

int layout_broadcast(const struct layout *x, const struct layout *y, struct layout *z)
{
    if (layout_same_shape(x, y)) { /* nearly always */
        *z = *x;
        layout_contiguous(z);
        return 0;
    }
    struct layout l = {.ndim = x->ndim > y->ndim ? x->ndim : y->ndim};
    for (int back = 0; back < l.ndim; back++) {
        const int64_t a = size_from_back(x, back), b = size_from_back(y, back);
        if (a != b && a != 1 && b != 1)
            return -1;
        l.shape[l.ndim - 1 - back] = a == 1 ? b : a;
    }
    layout_contiguous(&l);
    *z = l; /* which may be x or y */
    return 0;
}

struct layout layout_expand(const struct layout *x, const struct layout *shape)
{
    struct layout z = {.ndim = shape->ndim, .offset = x->offset};
    for (int i = 0; i < shape->ndim; i++) {
        const int axis = i - (shape->ndim - x->ndim);
        z.shape[i] = shape->shape[i];
        z.stride[i] = axis < 0 || (x->shape[axis] == 1 && z.shape[i] != 1) ? 0 : x->stride[axis];
    }
    return z;
}

/* Whether axis `outer` of all layouts steps over exactly what their axis `inner` walks. */
static int merges(int n, const struct layout *l, int outer, int inner)
{
    for (int i = 0; i < n; i++)
        if (l[i].stride[outer] != times(l[i].stride[inner], l[i].shape[inner]))
            return 0;
    return 1;
}

/* Axis `to` of all layouts becomes what axis `from` is. */
static void move_axis(int n, struct layout *l, int to, int from)
{
    for (int i = 0; i < n; i++) {
        l[i].shape[to] = l[i].shape[from];
        l[i].stride[to] = l[i].stride[from];
    }
}

void layout_collapse(int n, struct layout *l)
{
    if (n < 1)
        return;
    int kept = 0; /* axes in front of it are done; the last of them may still take the next one in */
    for (int axis = 0; axis < l->ndim; axis++) {
        const int64_t size = l->shape[axis];
        if (size == 1)
            continue;
        if (kept && merges(n, l, kept - 1, axis)) {
            const int64_t joined = times(l->shape[kept - 1], size);
            move_axis(n, l, kept - 1, axis);
            for (int i = 0; i < n; i++)
                l[i].shape[kept - 1] = joined;
        } else {
            move_axis(n, l, kept++, axis);
        }
    }
    for (int i = 0; i < n; i++)
        l[i].ndim = kept;
}

/* ---- Text ---- */

const char *shape_text(char text[SHAPE_TEXT], const struct layout *l)
{
    size_t n = 0;
    text[n++] = '[';
    for (int i = 0; i < l->ndim && n < SHAPE_TEXT; i++)
        n += (size_t)snprintf(text + n, SHAPE_TEXT - n, "%s%lld", i ? "," : "", (long long)l->shape[i]);
    if (n > SHAPE_TEXT - 2)
        n = SHAPE_TEXT - 2;
    text[n] = ']';
    text[n + 1] = 0;
    return text;
}
