/* gather.c - gather and index_select against loops, with the sums that flow back; indices out of range. */
#include "../support/values.h"

/* What is picked of x, or added to its gradient, for element i of z.  list: the index is one for the whole axis. */
static int64_t picked(const struct values *x, const struct values *index, const struct values *z, int64_t i,
                      int axis, int list)
{
    int64_t at[GRADC_MAX_NDIM];
    values_index(z, i, at);
    at[axis] = (int64_t)index->at[list ? at[axis] : i];
    return values_at(x, at);
}

static void check(gradc_tensor *x, gradc_tensor *index, int axis, int list, struct random *r, const char *what)
{
    struct values a = values_read(x), k = values_read(index);
    int64_t shape[GRADC_MAX_NDIM + 1];
    int at = axis < 0 ? axis + a.ndim : axis;
    memcpy(shape, list ? a.shape : k.shape, sizeof a.shape);
    shape[at] = list ? k.n : shape[at];
    shape[a.ndim] = -1;
    struct values want = values_new(a.dtype, a.ndim, shape);
    for (int64_t i = 0; i < want.n; i++)
        want.at[i] = a.at[picked(&a, &k, &want, i, at, list)];
    gradc_tensor *z = list ? gradc_index_select(x, axis, index) : gradc_gather(x, axis, index);
    assert_values(z, &want, 0, what);
    if (gradc_wants_grad(x)) {
        gradc_tensor *dz = operand(gradc_context_of(x), a.dtype, PLAIN, shape, -1, 1, r), *dx;
        struct values flow = values_read(dz), gradient = values_new(a.dtype, a.ndim, a.shape);
        for (int64_t i = 0; i < want.n; i++)
            gradient.at[picked(&a, &k, &want, i, at, list)] += flow.at[i];
        assert_int_equal(gradc_gradients(z, dz, 1, &x, &dx), GRADC_OK);
        assert_values(dx, &gradient, loose(a.dtype), what);
        values_free(&flow);
        values_free(&gradient);
    }
    values_free(&a);
    values_free(&k);
    values_free(&want);
}

static void values(struct fixture *f)
{
    static const int64_t shapes[][4] = {
        {5, 4, 3, -1}, {5, 61, 3, -1}, {2, 3, 1, -1}, {0, 9, 3, -1}, {5, 0, 3, -1}};
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_BOOL, GRADC_I64, GRADC_U8};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = dtypes[(s + (size_t)form) % 6], kind = form & 1 ? GRADC_I32 : GRADC_I64;
            gradc_tensor *x = operand(f->g, dtype, PLAIN, SHAPE_OF(5, 7, 3), 0, 2, &r);
            if (dtype == GRADC_F32 || dtype == GRADC_F64)
                gradc_requires_grad(x, 1);
            check(x, operand(f->g, kind, (enum form)form, shapes[s], 0, 7, &r), 1, 0, &r, form_names[form]);
            check(gradc_permute(x, 3, (const int[]){1, 0, 2}),
                  operand(f->g, kind, (enum form)form, SHAPE_OF(9, 4, 2), 0, 7, &r), -3, 0, &r, "a view of x");
            for (int axis = 0; axis < 3; axis++)
                check(x, operand(f->g, kind, (enum form)form, SHAPE_OF(shapes[s][1]), 0, 3, &r), axis, 1, &r,
                      "a list");
            operands_free(f->g);
        }
}

static void indices_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {4, -1, INT64_C(1) << 33};
    gradc_tensor *x = gradc_param(f->g, GRADC_ONES, 2, (const int64_t[]){4, 2});
    for (int i = 0; i < 6; i++) {
        gradc_tensor *index = tensor_i64(f->g, SHAPE_OF(3), (const int64_t[]){0, bad[i / 2], 1});
        gradc_tensor *z =
            i % 2 ? gradc_index_select(x, 0, index) : gradc_gather(x, 0, gradc_unsqueeze(index, 1));
        gradc_assign(x, gradc_neg(x));
        float got[6];
        gradc_status status = gradc_read(z, got, (size_t)gradc_bytes(z));
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_non_null(strstr(gradc_message(f->g), "at position 1 is out of range"));
        assert_refused(f->g, NULL, GRADC_E_ARG, i % 2 ? "index_select" : "gather");
        gradc_release(index);
        gradc_tape_clear(f->g);
        assert_f32(x, 8, (const float[]){1, 1, 1, 1, 1, 1, 1, 1});
    }
    gradc_release(x);
}

/* No index into nothing is in range, however many there are; the gradient is planned with them, and is empty. */
static void nothing_to_pick(struct fixture *f)
{
    gradc_tensor *x = gradc_param(f->g, GRADC_ZEROS, 1, (const int64_t[]){0});
    gradc_tensor *index = gradc_new(f->g, GRADC_I64, 1, (const int64_t[]){20000});
    for (int i = 0; i < 2; i++) {
        gradc_tensor *z = i ? gradc_gather(x, 0, index) : gradc_index_select(x, 0, index);
        gradc_backward(gradc_sum(z, 0, NULL, 0));
        assert_int_equal(gradc_sync(f->g), GRADC_E_ARG);
        assert_non_null(strstr(gradc_message(f->g), "at position 0 is out of range"));
        gradc_recover(f->g);
        gradc_tape_clear(f->g);
    }
    gradc_release(index);
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 4), 0, 1, &r);
    gradc_tensor *scalar = operand(g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r);
    gradc_tensor *index = operand(g, GRADC_I32, PLAIN, SHAPE_OF(4, 2), 0, 3, &r);
    gradc_tensor *list = operand(g, GRADC_I32, PLAIN, SHAPE_OF(2), 0, 3, &r);
    assert_null(gradc_gather(NULL, 0, index));
    assert_null(gradc_gather(x, 0, NULL));
    assert_null(gradc_index_select(NULL, 0, list));
    assert_null(gradc_index_select(x, 0, NULL));
    assert_works(g);
    assert_refused(g, gradc_gather(x, 0, x), GRADC_E_DTYPE, "gather");
    assert_refused(g, gradc_gather(x, 2, index), GRADC_E_ARG, "gather");
    assert_refused(g, gradc_gather(x, -3, index), GRADC_E_ARG, "gather");
    assert_refused(g, gradc_gather(x, 1, index), GRADC_E_SHAPE, "gather");
    assert_refused(g, gradc_gather(x, 0, list), GRADC_E_SHAPE, "gather");
    assert_refused(g, gradc_gather(scalar, 0, index), GRADC_E_SHAPE, "gather");
    assert_refused(g, gradc_index_select(x, 0, x), GRADC_E_DTYPE, "index_select");
    assert_refused(g, gradc_index_select(x, 2, list), GRADC_E_ARG, "index_select");
    assert_refused(g, gradc_index_select(x, 0, index), GRADC_E_SHAPE, "index_select");
    assert_refused(g, gradc_index_select(scalar, 0, list), GRADC_E_SHAPE, "index_select");
    operands_free(g);
}

/* A long one of each, forward and back: the sums go in one order on every device. */
static gradc_tensor *gradient(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(9, 50, 37), -1, 1, r), *dx;
    gradc_tensor *wide = operand(g, GRADC_I32, PLAIN, SHAPE_OF(9, 401, 37), 0, 50, r);
    gradc_tensor *list = operand(g, GRADC_I64, PLAIN, SHAPE_OF(301), 0, 37, r);
    gradc_requires_grad(x, 1);
    gradc_tensor *z = gradc_index_select(gradc_gather(x, 1, wide), 2, list);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, SHAPE_OF(9, 401, 301), 0, 1, r), 1, &x, &dx);
    return dx;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, gradient, 0);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"indices out of range", indices_out_of_range},
                                        {"nothing to pick", nothing_to_pick},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("gather", tests);
}
