/* operations.c - what the operations of random programs do. */
#include "machine.h"

#include <math.h>

/* ---- What fits ---- */

static int is_float(const gradc_tensor *t)
{
    return gradc_dtype_of(t) == GRADC_F32 || gradc_dtype_of(t) == GRADC_F64;
}

static int any_live(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    (void)facts;
    return gradc_dtype_of(t) >= 0;
}

static int any_float(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    (void)facts;
    return is_float(t);
}

static int any_real(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    const gradc_dtype dtype = gradc_dtype_of(t);
    return any_float(t, other, facts) || dtype == GRADC_F16 || dtype == GRADC_BF16;
}

static int has_real_axis(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    return any_real(t, other, facts) && gradc_ndim(t) > 0;
}

static int has_axis(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    return any_float(t, other, facts) && gradc_ndim(t) > 0;
}

static int is_matrix(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    return any_float(t, other, facts) && gradc_ndim(t) == 2 && gradc_numel(t) > 0;
}

static int is_image(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    return any_real(t, other, facts) && gradc_ndim(t) == 4 && gradc_size(t, 2) >= 2 && gradc_size(t, 3) >= 2;
}

static int is_bool(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    (void)facts;
    return gradc_dtype_of(t) == GRADC_BOOL;
}

int is_leaf(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    return is_float(t) && gradc_wants_grad(t) && (facts & IS_MINE);
}

static int wants(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    (void)facts;
    return is_float(t) && gradc_wants_grad(t);
}

static int is_writable(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    return is_float(t) && (facts & (IS_MINE | IS_ALIAS));
}

static int is_mine(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)other;
    return is_float(t) && (facts & IS_MINE);
}

static int broadcasts(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)facts;
    if (gradc_dtype_of(t) != gradc_dtype_of(other))
        return 0;
    for (int i = 1; i <= gradc_ndim(t) && i <= gradc_ndim(other); i++) {
        int64_t a = gradc_size(t, -i), b = gradc_size(other, -i);
        if (a != b && a != 1 && b != 1)
            return 0;
    }
    return 1;
}

static int broadcasts_to(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    if (!broadcasts(t, other, facts) || gradc_ndim(t) > gradc_ndim(other))
        return 0;
    for (int i = 1; i <= gradc_ndim(t); i++)
        if (gradc_size(t, -i) != gradc_size(other, -i) && gradc_size(t, -i) != 1)
            return 0;
    return 1;
}

static int multiplies(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)facts;
    if (gradc_dtype_of(t) != gradc_dtype_of(other) || gradc_ndim(t) == 0)
        return 0;
    return gradc_size(t, gradc_ndim(t) == 1 ? 0 : -2) == gradc_size(other, -1) && gradc_ndim(t) < 3;
}

static int is_weight(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)facts;
    return gradc_dtype_of(t) == gradc_dtype_of(other) && gradc_ndim(t) == 2 &&
           gradc_size(t, 1) == gradc_size(other, -1);
}

static int is_filter(const gradc_tensor *t, const gradc_tensor *other, int facts)
{
    (void)facts;
    return gradc_dtype_of(t) == gradc_dtype_of(other) && gradc_ndim(t) == 4 && gradc_numel(t) > 0 &&
           gradc_size(t, 1) == gradc_size(other, 1);
}

/* ---- Operations: tensors of ours ---- */

static const int64_t shapes[][5] = {
    {-1},       {4, -1},    {3, 4, -1}, {4, 3, -1}, {4, 4, -1},       {2, 3, 4, -1},
    {1, 4, -1}, {3, 1, -1}, {3, -1},    {0, -1},    {2, 2, 4, 4, -1}, {3, 2, 2, 2, -1},
    {5, 4, -1}, {1, -1},    {3, 4, -1}, {4, 4, -1}, {3, 4, -1},       {0, 4, -1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void fill(struct machine *m, gradc_tensor *t)
{
    int64_t n = gradc_numel(t), bytes = gradc_bytes(t);
    gradc_dtype dtype = gradc_dtype_of(t);
    char *data = calloc((size_t)(bytes > 0 ? bytes : 0) + 1, 1);
    if (!data)
        abort();
    for (int64_t i = 0; i < n; i++) {
        double value = random_real(&m->random, -2, 2);
        if (dtype == GRADC_F32)
            ((float *)(void *)data)[i] = (float)value;
        else if (dtype == GRADC_F64)
            ((double *)(void *)data)[i] = value;
    }
    say_status(m->out, gradc_write(t, data, bytes < 0 ? 0 : (size_t)bytes));
    free(data);
}

static gradc_dtype choose_float(struct machine *m)
{
    return choose(m, 5) ? GRADC_F32 : GRADC_F64;
}

static void do_new(struct machine *m)
{
    const int64_t *shape = shapes[choose(m, SHAPES)];
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    gradc_tensor *t = gradc_new(m->g, choose_float(m), ndim, shape);
    own(m, t);
    put(m, 0, t, IS_MINE);
    fill(m, t);
    if (choose(m, 2))
        say_status(m->out, gradc_requires_grad(t, 1));
}

static void do_param(struct machine *m)
{
    const int64_t *shape = shapes[choose(m, SHAPES)];
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    gradc_tensor *t = gradc_param(m->g, (gradc_init)choose(m, 6), ndim, shape);
    own(m, t);
    put(m, 0, t, IS_MINE);
}

static void do_requires_grad(struct machine *m)
{
    say_status(m->out, gradc_requires_grad(take(m, m->now->x, is_mine, NULL), (int)choose(m, 3) != 0));
}

static void do_retain(struct machine *m)
{
    gradc_tensor *t = gradc_retain(take(m, m->now->x, any_live, NULL));
    own(m, t);
    put(m, 0, t, 0);
}

static void do_release(struct machine *m)
{
    gradc_release(take(m, m->now->x, any_live, NULL));
}

static void do_write(struct machine *m)
{
    gradc_tensor *t = take(m, m->now->x, is_writable, NULL);
    if (is_float(t) || gradc_dtype_of(t) < 0)
        fill(m, t);
}

static void do_assign(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, is_writable, NULL), *y = take(m, m->now->y, broadcasts_to, x);
    if (is_float(x) || gradc_dtype_of(x) < 0) /* labels stay in their range */
        say_status(m->out, gradc_assign(x, y));
}

static void do_to(struct machine *m)
{
    gradc_tensor *t = gradc_to(take(m, m->now->x, any_live, NULL), m->g);
    own(m, t);
    put(m, 0, t, IS_MINE);
}

/* ---- Ops ---- */

static gradc_tensor *(*const unary[])(gradc_tensor *) = {gradc_neg,  gradc_exp,     gradc_sqrt, gradc_tanh,
                                                         gradc_relu, gradc_sigmoid, gradc_log};
static gradc_tensor *(*const binary[])(gradc_tensor *, gradc_tensor *) = {
    gradc_add, gradc_sub, gradc_mul, gradc_div, gradc_maximum, gradc_minimum, gradc_mul, gradc_add};
static gradc_tensor *(*const compare[])(gradc_tensor *, gradc_tensor *) = {gradc_eq, gradc_ne, gradc_lt,
                                                                           gradc_le, gradc_gt, gradc_ge};
static gradc_tensor *(*const reduce[])(gradc_tensor *, int, const int *, int) = {gradc_sum, gradc_mean,
                                                                                 gradc_max, gradc_argmax};
#define CHOOSE(m, table) (table)[choose(m, sizeof(table) / sizeof *(table))]

static void do_unary(struct machine *m)
{
    put(m, 0, CHOOSE(m, unary)(take(m, m->now->x, any_real, NULL)), 0);
}

static void do_binary(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, any_real, NULL), *y = take(m, m->now->y, broadcasts, x);
    put(m, 0, CHOOSE(m, binary)(x, y), 0);
}

static void do_scalar(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, any_real, NULL);
    double value = random_real(&m->random, -2, 2);
    switch (choose(m, 3)) {
    case 0: put(m, 0, gradc_add_scalar(x, value), 0); break;
    case 1: put(m, 0, gradc_mul_scalar(x, value), 0); break;
    default: put(m, 0, gradc_clamp(x, -1, value), 0); break;
    }
}

static void do_compare(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, any_real, NULL), *y = take(m, m->now->y, broadcasts, x);
    put(m, 0, CHOOSE(m, compare)(x, y), 0);
}

static void do_where(struct machine *m)
{
    gradc_tensor *c = take(m, m->now->w, is_bool, NULL);
    gradc_tensor *x = take(m, m->now->x, any_real, NULL), *y = take(m, m->now->y, broadcasts, x);
    put(m, 0, gradc_where(c, x, y), 0);
}

static void do_cast(struct machine *m)
{
    static const gradc_dtype dtypes[] = {GRADC_F32, GRADC_F64, GRADC_I32, GRADC_BOOL, GRADC_F16, GRADC_BF16};
    const int few = gradc_context_device(m->g) != 0 && !test_long(); /* each dtype makes programs of its own */
    put(m, 0, gradc_cast(take(m, m->now->x, any_live, NULL), dtypes[choose(m, few ? 5 : 6)]), 0);
}

static void do_random(struct machine *m)
{
    const int64_t shape[] = {3, 4};
    put(m, 0, choose(m, 2) ? gradc_rand(m->g, 2, shape) : gradc_randn(m->g, 2, shape), 0);
}

static void do_dropout(struct machine *m)
{
    put(m, 0, gradc_dropout(take(m, m->now->x, any_real, NULL), random_real(&m->random, 0, 0.9)), 0);
}

static void do_reduce(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, has_axis, NULL);
    int axis = -1 - (int)choose(m, 2), naxes = (int)choose(m, 2), keepdim = (int)choose(m, 2);
    if (gradc_ndim(x) < 2)
        axis = -1;
    put(m, 0, CHOOSE(m, reduce)(x, naxes, &axis, keepdim), 0);
}

static void do_matmul(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, has_real_axis, NULL), *y = take(m, m->now->y, multiplies, x);
    put(m, 0, gradc_matmul(x, y), 0);
}

static void do_linear(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, has_real_axis, NULL), *w = take(m, m->now->y, is_weight, x);
    gradc_tensor *b = NULL;
    if (gradc_ndim(w) == 2 && choose(m, 2)) {
        int64_t n = gradc_size(w, 0);
        b = gradc_new(m->g, gradc_dtype_of(w), 1, &n);
        own(m, b);
        say_status(m->out, gradc_requires_grad(b, 1));
        m->slot[2 * m->at + 1] = b;
        m->facts[2 * m->at + 1] = IS_MINE;
    }
    put(m, 0, gradc_linear(x, w, b), 0);
}

static void do_softmax(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, has_axis, NULL);
    put(m, 0, choose(m, 2) ? gradc_softmax(x, -1) : gradc_log_softmax(x, 0), 0);
}

static void do_conv(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, is_image, NULL), *w = take(m, m->now->y, is_filter, x);
    put(m, 0, gradc_conv2d(x, w, NULL, 1 + (int)choose(m, 2), (int)choose(m, 2)), 0);
}

static void do_pool(struct machine *m)
{
    put(m, 0, gradc_max_pool2d(take(m, m->now->x, is_image, NULL), 2, (int)choose(m, 3)), 0);
}

/* n indices, each below the limit, in the second slot. */
static gradc_tensor *indices(struct machine *m, int64_t n, int64_t limit)
{
    int64_t values[16];
    gradc_tensor *t = n > 0 && n <= 16 && limit > 0 ? gradc_new(m->g, GRADC_I64, 1, &n) : NULL;
    for (int64_t i = 0; t && i < n; i++)
        values[i] = random_below(&m->random, limit);
    own(m, t);
    if (t)
        say_status(m->out, gradc_write(t, values, (size_t)n * sizeof *values));
    m->slot[2 * m->at + 1] = t;
    m->facts[2 * m->at + 1] = 0;
    return t;
}

static void do_cross_entropy(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, is_matrix, NULL);
    put(m, 0, gradc_cross_entropy(x, indices(m, gradc_size(x, 0), gradc_size(x, 1))), 0);
}

static void do_embedding(struct machine *m)
{
    gradc_tensor *w = take(m, m->now->x, is_matrix, NULL);
    put(m, 0, gradc_embedding(indices(m, 1 + choose(m, 5), gradc_size(w, 0)), w), 0);
}

static void do_view(struct machine *m)
{
    int i = find(m, m->now->x, has_axis, NULL), facts = 0;
    gradc_tensor *x = i < 0 ? NULL : m->slot[i], *z = NULL;
    int64_t flat = -1, wide[GRADC_MAX_NDIM] = {2, -1, -1, -1, -1, -1, -1, -1};
    if (i >= 0 && (m->facts[i] & (IS_MINE | IS_ALIAS)))
        facts = IS_ALIAS;
    int ndim = gradc_ndim(x);
    switch (choose(m, 9)) {
    case 0: z = gradc_reshape(x, 1, &flat); break;
    case 1: z = gradc_transpose(x, 0, -1); break;
    case 2: z = gradc_slice(x, -1, 1, INT64_MAX, 1); break;
    case 3: z = gradc_slice(x, 0, 0, INT64_MAX, 2); break;
    case 4: z = gradc_expand(x, ndim < 4 ? ndim + 1 : ndim, ndim < 4 ? wide : wide + 1); break;
    case 5: z = gradc_squeeze(x, 0); break;
    case 6: z = gradc_unsqueeze(x, 0); break;
    case 7: z = gradc_flatten(x, 0, -1); break;
    default: z = gradc_transpose(x, -1, 0); break;
    }
    put(m, 0, z, facts);
}

static void do_contiguous(struct machine *m)
{
    put(m, 0, gradc_contiguous(take(m, m->now->x, any_live, NULL)), 0);
}

static void do_detach(struct machine *m)
{
    put(m, 0, gradc_detach(take(m, m->now->x, any_live, NULL)), 0);
}

/* ---- Gradients and steps ---- */

static void do_backward(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, wants, NULL);
    if (x && gradc_numel(x) != 1)
        x = choose(m, 2) ? gradc_sum(x, 0, NULL, 0) : gradc_mean(x, 0, NULL, 0);
    put(m, 0, x, 0);
    say_status(m->out, gradc_backward(x));
}

static void do_gradients(struct machine *m)
{
    gradc_tensor *y = take(m, m->now->x, wants, NULL), *dx[2] = {NULL, NULL};
    gradc_tensor *x[2] = {take(m, m->now->y, wants, NULL), take(m, m->now->w, wants, NULL)};
    say_status(m->out, gradc_gradients(y, NULL, x[1] ? 2 : 1, x, dx));
    put(m, 0, dx[0], 0);
    put(m, 1, dx[1], 0);
}

static void do_grad(struct machine *m)
{
    put(m, 0, gradc_grad(take(m, m->now->x, is_leaf, NULL)), IS_GRADIENT);
}

static void do_zero_grad(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, is_leaf, NULL);
    say_status(m->out, gradc_zero_grad(&x, 1));
}

/* Different leaves; how many. */
static int take_params(struct machine *m, gradc_tensor *params[OPTIM_PARAMS])
{
    const uint32_t start[OPTIM_PARAMS] = {m->now->x, m->now->y, m->now->w};
    int n = 0;
    for (int i = 0; i < OPTIM_PARAMS; i++) {
        gradc_tensor *t = take(m, start[i], is_leaf, NULL);
        int twice = !t;
        for (int j = 0; j < n; j++)
            twice |= params[j] == t;
        if (!twice)
            params[n++] = t;
    }
    return n;
}

static void do_clip(struct machine *m)
{
    gradc_tensor *params[OPTIM_PARAMS];
    int n = take_params(m, params);
    put(m, 0, gradc_clip_grad_norm(params, n, random_real(&m->random, 0, 2)), 0);
}

static void do_optim(struct machine *m)
{
    uint32_t k = choose(m, OPTIMS);
    gradc_tensor *params[OPTIM_PARAMS];
    int n = take_params(m, params);
    gradc_optim_free(m->optim[k]);
    switch (choose(m, 4)) {
    case 0: m->optim[k] = gradc_sgd(params, n, 0.1, 0.9); break;
    case 1: m->optim[k] = gradc_adam(params, n, 0.01); break;
    case 2: m->optim[k] = gradc_adamw(params, n, 0.01, 0.1); break;
    default: m->optim[k] = gradc_sgd(params, n, 0.1, 0); break;
    }
    say(m->out, " optim %d%s", (int)k, m->optim[k] ? "" : " NULL");
}

static gradc_optim *take_optim(struct machine *m)
{
    for (uint32_t k = 0; k < OPTIMS; k++) {
        uint32_t i = (m->now->w + k) % OPTIMS;
        if (m->optim[i]) {
            say(m->out, " optim %d", (int)i);
            return m->optim[i];
        }
    }
    return NULL;
}

static void do_step(struct machine *m)
{
    gradc_optim *o = take_optim(m);
    if (!o)
        return;
    say_status(m->out, gradc_step(o));
    say(m->out, " steps %d", (int)gradc_optim_steps(o));
}

static void do_optim_set(struct machine *m)
{
    say_status(m->out, gradc_optim_set(take_optim(m), "lr", random_real(&m->random, 0.01, 0.2)));
}

/* ---- Looking, and the tape ---- */

static void do_read(struct machine *m)
{
    look(m, take(m, m->now->x, any_live, NULL));
}

static void do_item(struct machine *m)
{
    gradc_tensor *x = take(m, m->now->x, any_float, NULL);
    double value = gradc_item(gradc_numel(x) == 1 ? x : gradc_sum(x, 0, NULL, 0));
    say(m->out, isnan(value) ? " nan" : " %.17g", value);
}

static void do_print(struct machine *m)
{
    char text[128];
    say(m->out, " %d", (int)gradc_print(take(m, m->now->x, any_live, NULL), text, sizeof text));
    say_bytes(m->out, text, strlen(text));
}

static void do_sync(struct machine *m)
{
    say_status(m->out, gradc_sync(m->g));
}

static void do_record(struct machine *m)
{
    int on = choose(m, 4) != 0;
    gradc_record(m->g, on);
    say(m->out, " %d", on);
}

static void do_clear(struct machine *m)
{
    gradc_tape_clear(m->g);
}

static void do_mark(struct machine *m)
{
    m->mark[m->now->w % MARKS] = gradc_tape_mark(m->g);
    say(m->out, " mark %d", (int)(m->now->w % MARKS));
}

static void do_rewind(struct machine *m)
{
    say(m->out, " mark %d", (int)(m->now->w % MARKS));
    say_status(m->out, gradc_tape_rewind(m->g, m->mark[m->now->w % MARKS]));
}

static void do_seed(struct machine *m)
{
    say_status(m->out, gradc_seed(m->g, choose(m, 3)));
}

static void do_checkpoint(struct machine *m)
{
    int begins = choose(m, 2) == 0;
    say_status(m->out, begins ? gradc_checkpoint_begin(m->g) : gradc_checkpoint_end(m->g));
}

/* ---- The table ---- */

const struct kind program_kinds[] = {
    {"new", 8, do_new},
    {"param", 6, do_param},
    {"requires_grad", 1, do_requires_grad},
    {"retain", 5, do_retain},
    {"release", 5, do_release},
    {"write", 7, do_write},
    {"assign", 7, do_assign},
    {"to", 1, do_to},
    {"unary", 10, do_unary},
    {"binary", 16, do_binary},
    {"scalar", 6, do_scalar},
    {"compare", 3, do_compare},
    {"where", 3, do_where},
    {"cast", 3, do_cast},
    {"random", 2, do_random},
    {"dropout", 3, do_dropout},
    {"reduce", 6, do_reduce},
    {"matmul", 6, do_matmul},
    {"linear", 5, do_linear},
    {"softmax", 4, do_softmax},
    {"conv2d", 3, do_conv},
    {"max_pool2d", 2, do_pool},
    {"cross_entropy", 4, do_cross_entropy},
    {"embedding", 3, do_embedding},
    {"view", 10, do_view},
    {"contiguous", 2, do_contiguous},
    {"detach", 3, do_detach},
    {"backward", 14, do_backward},
    {"gradients", 4, do_gradients},
    {"grad", 8, do_grad},
    {"zero_grad", 2, do_zero_grad},
    {"optim", 5, do_optim},
    {"step", 12, do_step},
    {"clip", 3, do_clip},
    {"optim_set", 1, do_optim_set},
    {"read", 14, do_read},
    {"item", 4, do_item},
    {"print", 1, do_print},
    {"sync", 3, do_sync},
    {"record", 4, do_record},
    {"clear", 3, do_clear},
    {"mark", 3, do_mark},
    {"rewind", 3, do_rewind},
    {"seed", 1, do_seed},
    {"checkpoint", 10, do_checkpoint},
};
const int program_kind_count = sizeof program_kinds / sizeof *program_kinds;
