/* view.c - views: the same elements under another layout, and never a kernel: reshape, permute, expand,
 * detach, and what is made of them: transpose, squeeze, unsqueeze, flatten.  Not here: slice (slice.c), whose
 * gradient needs a kernel, and contiguous (copy.c). */
#include "core/op.h"

/* The largest number of elements that a layout may name, so that bytes and sums of products stay in an
 * int64. */
static const int64_t VIEW_ELEMENTS = INT64_C(1) << 59;

/* "[2,-1,3]": sizes as the caller gave them. */
static const char *sizes_text(char text[SHAPE_TEXT], int ndim, const int64_t *shape)
{
    struct layout l = {.ndim = ndim};

    for (int i = 0; i < ndim; i++)
        l.shape[i] = shape[i];
    return shape_text(text, &l);
}

/* The product of the sizes that are not 0, or -1 if it is too large; *empty: one of them is 0. */
static int64_t sizes_product(int ndim, const int64_t *shape, int *empty)
{
    int64_t product = 1;

    *empty = 0;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] == 0)
            *empty = 1;
        else if (shape[i] > VIEW_ELEMENTS / product)
            return -1;
        else
            product *= shape[i];
    }
    return product;
}

/* 0 if ndim and shape can be a list of sizes (-1 included), else -1 with the context's error. */
static int sizes_check(gradc_context *g, const char *op, int ndim, const int64_t *shape)
{
    char text[SHAPE_TEXT];

    if (ndim < 0 || ndim > GRADC_MAX_NDIM) {
        context_fail(g, GRADC_E_SHAPE, "%s: %d dimensions, not 0..%d", op, ndim, GRADC_MAX_NDIM);
        return -1;
    }
    if (ndim && !shape) {
        context_fail(g, GRADC_E_ARG, "%s: no shape", op);
        return -1;
    }
    for (int i = 0; i < ndim; i++)
        if (shape[i] < -1) {
            context_fail(g, GRADC_E_SHAPE, "%s: a size in %s is negative", op, sizes_text(text, ndim, shape));
            return -1;
        }
    return 0;
}

/* ---- reshape ---- */

/* Fills z's strides so that it names x's elements in the same row-major order; 0, or -1 if no strides do.
 * z's shape is set and has as many elements as x.  Runs of x's axes without a seam are cut into z's sizes,
 * from the last one. */
static int reshape_strides(const struct layout *x, struct layout *z)
{
    int j = z->ndim - 1;
    int64_t run = 1, cut = 1; /* elements of the current run of x, and of z's axes cut from it so far */

    z->offset = x->offset;
    if (layout_numel(x) == 0) {
        layout_contiguous(z);
        z->offset = x->offset;
        return 0;
    }
    for (int i = x->ndim - 1, last = i; i >= 0; i--) {
        run *= x->shape[i];
        if (x->shape[last] == 1)
            last = i;
        if (i > 0 && (run == 1 || x->shape[i - 1] == 1 || x->stride[i - 1] == run * x->stride[last]))
            continue;
        for (; j >= 0 && (cut < run || z->shape[j] == 1); j--) {
            z->stride[j] = cut * x->stride[last];
            cut *= z->shape[j];
        }
        if (cut != run)
            return -1;
        run = cut = 1;
        last = i - 1;
    }
    for (; j >= 0; j--)
        z->stride[j] = 1;
    return 0;
}

/* Replaces a -1 in z's shape by what x's elements leave; 0, or -1 with the context's error. */
static int reshape_infer(gradc_context *g, const struct layout *x, struct layout *z)
{
    char text[SHAPE_TEXT];
    int unknown = -1, empty;
    int64_t numel = layout_numel(x), known;

    sizes_text(text, z->ndim, z->shape);
    for (int i = 0; i < z->ndim; i++) {
        if (z->shape[i] != -1)
            continue;
        if (unknown >= 0) {
            context_fail(g, GRADC_E_SHAPE, "reshape: only one size may be -1, not %s", text);
            return -1;
        }
        unknown = i;
        z->shape[i] = 1;
    }
    known = sizes_product(z->ndim, z->shape, &empty);
    if (known > 0 && empty)
        known = 0;
    if (unknown >= 0 && known == 0) {
        context_fail(g, GRADC_E_SHAPE, "reshape: the -1 in %s could be any size", text);
        return -1;
    }
    if (known < 0 || (unknown < 0 ? known != numel : numel % known != 0)) {
        context_fail(g, GRADC_E_SHAPE, "reshape: x %s does not fit %s", SHAPE(x), text);
        return -1;
    }
    if (unknown >= 0)
        z->shape[unknown] = numel / known;
    return 0;
}

/* ints: z's shape. */
static gradc_status reshape_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;

    r->out[0].dtype = r->in[0]->dtype;
    z->ndim = r->nints;
    for (int i = 0; i < r->nints; i++)
        z->shape[i] = r->ints[i];
    if (layout_numel(z) != layout_numel(x) || reshape_strides(x, z))
        return record_fail(r, GRADC_E_SHAPE, "x %s can't be seen as %s", SHAPE(x), SHAPE(z));
    return GRADC_OK;
}

static void reshape_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;

    d->dx[0] = gradc_reshape(d->dz[0], x->ndim, x->shape);
}

const struct op op_reshape = {
    .name = "reshape", .nin = 1, .nout = 1, .flags = OP_VIEW, .shape = reshape_shape, .gradient = reshape_gradient};

gradc_tensor *gradc_reshape(gradc_tensor *x, int ndim, const int64_t *shape)
{
    struct tensor *t = op_operand(x, "reshape");
    struct layout z = {.ndim = ndim};

    if (!t || sizes_check(t->g, "reshape", ndim, shape))
        return NULL;
    for (int i = 0; i < ndim; i++)
        z.shape[i] = shape[i];
    if (reshape_infer(t->g, &t->layout, &z))
        return NULL;
    if (reshape_strides(&t->layout, &z))
        x = gradc_contiguous(x);
    return op_record(&op_reshape, 1, &x, &(struct attributes){.nints = ndim, .ints = z.shape});
}

/* ---- permute ---- */

/* ints: for each axis of z, which of x's it is. */
static gradc_status permute_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    unsigned seen = 0;

    r->out[0].dtype = r->in[0]->dtype;
    if (r->nints != x->ndim)
        return record_fail(r, GRADC_E_ARG, "%d axes for x %s", r->nints, SHAPE(x));
    *z = *x;
    for (int i = 0; i < x->ndim; i++) {
        int axis = record_axis(r, r->ints[i], x->ndim);

        if (axis < 0)
            return GRADC_E_ARG;
        if (seen & 1u << axis)
            return record_fail(r, GRADC_E_ARG, "axis %d comes twice", axis);
        seen |= 1u << axis;
        r->ints[i] = axis;
        z->shape[i] = x->shape[axis];
        z->stride[i] = x->stride[axis];
    }
    return GRADC_OK;
}

static void permute_gradient(struct gradient *d)
{
    int n = tensor_of(d->x[0])->layout.ndim, back[GRADC_MAX_NDIM] = {0};

    for (int i = 0; i < n; i++)
        back[d->ints[i]] = i;
    d->dx[0] = gradc_permute(d->dz[0], n, back);
}

const struct op op_permute = {
    .name = "permute", .nin = 1, .nout = 1, .flags = OP_VIEW, .shape = permute_shape, .gradient = permute_gradient};

gradc_tensor *gradc_permute(gradc_tensor *x, int naxes, const int *axes)
{
    struct tensor *t = op_operand(x, "permute");
    int64_t ints[GRADC_MAX_NDIM];

    if (!t)
        return NULL;
    if (naxes < 0 || naxes > GRADC_MAX_NDIM || (naxes && !axes)) {
        context_fail(t->g, GRADC_E_ARG, "permute: %d axes for x %s", naxes, SHAPE(&t->layout));
        return NULL;
    }
    for (int i = 0; i < naxes; i++)
        ints[i] = axes[i];
    return op_record(&op_permute, 1, &x, &(struct attributes){.nints = naxes, .ints = ints});
}

/* ---- expand ---- */

/* ints: z's shape, -1 where x's size stays. */
static gradc_status expand_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    char text[SHAPE_TEXT];
    int front = r->nints - x->ndim, empty; /* new axes */

    r->out[0].dtype = r->in[0]->dtype;
    sizes_text(text, r->nints, r->ints);
    if (front < 0)
        return record_fail(r, GRADC_E_SHAPE, "x %s has more dimensions than %s", SHAPE(x), text);
    z->ndim = r->nints;
    z->offset = x->offset;
    for (int i = 0; i < z->ndim; i++) {
        int64_t size = i < front ? 1 : x->shape[i - front];

        if (r->ints[i] == -1 && i >= front)
            r->ints[i] = size;
        if (r->ints[i] < 0 || (size != 1 && r->ints[i] != size))
            return record_fail(r, GRADC_E_SHAPE, "x %s does not expand to %s", SHAPE(x), text);
        z->shape[i] = r->ints[i];
        z->stride[i] = i < front || size != z->shape[i] ? 0 : x->stride[i - front];
    }
    if (sizes_product(z->ndim, z->shape, &empty) < 0)
        return record_fail(r, GRADC_E_SHAPE, "%s is too large", text);
    return GRADC_OK;
}

/* dx = the sum of dz over what was repeated: whoever asks for the gradient sums down. */
static void expand_gradient(struct gradient *d)
{
    d->dx[0] = d->dz[0];
}

const struct op op_expand = {
    .name = "expand", .nin = 1, .nout = 1, .flags = OP_VIEW, .shape = expand_shape, .gradient = expand_gradient};

gradc_tensor *gradc_expand(gradc_tensor *x, int ndim, const int64_t *shape)
{
    struct tensor *t = op_operand(x, "expand");

    if (!t || sizes_check(t->g, "expand", ndim, shape))
        return NULL;
    return op_record(&op_expand, 1, &x, &(struct attributes){.nints = ndim, .ints = shape});
}

/* ---- detach ---- */

static gradc_status detach_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

const struct op op_detach = {.name = "detach", .nin = 1, .nout = 1, .flags = OP_VIEW, .shape = detach_shape};

gradc_tensor *gradc_detach(gradc_tensor *x)
{
    return op_record(&op_detach, 1, &x, NULL);
}

/* ---- Compositions ---- */

/* axis made positive, or -1 with the context's error.  0 dimensions count as one, as PyTorch has it. */
static int view_axis(gradc_context *g, const char *op, int axis, int ndim)
{
    int n = ndim ? ndim : 1;

    if (axis >= -n && axis < n)
        return axis < 0 ? axis + n : axis;
    context_fail(g, GRADC_E_ARG, "%s: axis %d is not in %d..%d", op, axis, -n, n - 1);
    return -1;
}

gradc_tensor *gradc_transpose(gradc_tensor *x, int axis0, int axis1)
{
    struct tensor *t = op_operand(x, "transpose");
    int axes[GRADC_MAX_NDIM], i, j;

    if (!t || (i = view_axis(t->g, "transpose", axis0, t->layout.ndim)) < 0 ||
        (j = view_axis(t->g, "transpose", axis1, t->layout.ndim)) < 0)
        return NULL;
    for (int k = 0; k < GRADC_MAX_NDIM; k++)
        axes[k] = k;
    axes[i] = j;
    axes[j] = i;
    return gradc_permute(x, t->layout.ndim, axes);
}

gradc_tensor *gradc_squeeze(gradc_tensor *x, int axis)
{
    struct tensor *t = op_operand(x, "squeeze");
    struct layout z;

    if (!t || (axis = view_axis(t->g, "squeeze", axis, t->layout.ndim)) < 0)
        return NULL;
    z = t->layout;
    if (axis < z.ndim && z.shape[axis] == 1) {
        z.ndim--;
        for (int i = axis; i < z.ndim; i++)
            z.shape[i] = z.shape[i + 1];
    }
    return gradc_reshape(x, z.ndim, z.shape);
}

gradc_tensor *gradc_unsqueeze(gradc_tensor *x, int axis)
{
    struct tensor *t = op_operand(x, "unsqueeze");
    int64_t shape[GRADC_MAX_NDIM];

    if (!t)
        return NULL;
    if (t->layout.ndim == GRADC_MAX_NDIM) {
        context_fail(t->g, GRADC_E_SHAPE, "unsqueeze: x %s has %d dimensions already", SHAPE(&t->layout),
                     GRADC_MAX_NDIM);
        return NULL;
    }
    if ((axis = view_axis(t->g, "unsqueeze", axis, t->layout.ndim + 1)) < 0)
        return NULL;
    for (int i = 0; i <= t->layout.ndim; i++)
        shape[i] = i == axis ? 1 : t->layout.shape[i - (i > axis)];
    return gradc_reshape(x, t->layout.ndim + 1, shape);
}

gradc_tensor *gradc_flatten(gradc_tensor *x, int start, int stop)
{
    struct tensor *t = op_operand(x, "flatten");
    int64_t shape[GRADC_MAX_NDIM] = {0};
    int n = 0;

    if (!t || (start = view_axis(t->g, "flatten", start, t->layout.ndim)) < 0 ||
        (stop = view_axis(t->g, "flatten", stop, t->layout.ndim)) < 0)
        return NULL;
    if (start > stop) {
        context_fail(t->g, GRADC_E_ARG, "flatten: axis %d comes after axis %d", start, stop);
        return NULL;
    }
    if (t->layout.ndim == 0)
        shape[n++] = 1;
    for (int i = 0; i < t->layout.ndim; i++) {
        if (i > start && i <= stop)
            shape[n - 1] *= t->layout.shape[i];
        else
            shape[n++] = t->layout.shape[i];
    }
    return gradc_reshape(x, n, shape);
}
