/* concat.c - concat and stack of operands in every layout against loops, many of them; split; their gradients. */
#include "../support/values.h"

enum { MANY = 100 };

/* x joined along an axis, a new one if `stacked`. */
static void check(gradc_tensor *const *x, int n, int axis, int stacked, const char *what)
{
    struct values part[MANY];
    int64_t shape[GRADC_MAX_NDIM + 1], length = 0;
    for (int i = 0; i < n; i++)
        part[i] = values_read(x[i]);
    int ndim = part[0].ndim + stacked, at = axis < 0 ? axis + ndim : axis;
    for (int k = 0; k < ndim; k++)
        shape[k] = part[0].shape[stacked && k > at ? k - 1 : k];
    for (int i = 0; i < n; i++)
        length += stacked ? 1 : part[i].shape[at];
    shape[at] = length;
    struct values want = values_new(part[0].dtype, ndim, shape);
    for (int64_t e = 0; e < want.n; e++) {
        int64_t index[GRADC_MAX_NDIM], of = 0;
        values_index(&want, e, index);
        for (; !stacked && index[at] >= part[of].shape[at]; of++)
            index[at] -= part[of].shape[at];
        if (stacked) {
            of = index[at];
            memmove(index + at, index + at + 1, (size_t)(ndim - 1 - at) * sizeof *index);
        }
        want.at[e] = part[of].at[values_at(&part[of], index)];
    }
    assert_values(stacked ? gradc_stack(x, n, axis) : gradc_concat(x, n, axis), &want, 0, what);
    for (int i = 0; i < n; i++)
        values_free(&part[i]);
    values_free(&want);
}

static void values(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_BOOL, GRADC_I64, GRADC_U8};
    struct random r = {test_seed()};
    for (int d = 0; d < 6; d++)
        for (int axis = -3; axis < 3; axis++) {
            gradc_tensor *x[FORMS], *same[FORMS];
            for (int form = 0; form < FORMS; form++) {
                int64_t shape[] = {3, 4, 5, -1};
                same[form] = operand(f->g, dtypes[d], (enum form)form, shape, 0, 9, &r);
                shape[(axis + 3) % 3] = random_below(&r, 4);
                x[form] = operand(f->g, dtypes[d], (enum form)form, shape, 0, 9, &r);
            }
            check(x, FORMS, axis, 0, "concat");
            check(same, FORMS, axis, 1, "stack");
            check(same, 1, axis - (axis < 0), 1, "a stack of one");
            operands_free(f->g);
        }
}

static void many(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *x[MANY];
    for (int axis = 0; axis < 2; axis++) {
        for (int i = 0; i < MANY; i++)
            x[i] = operand(f->g, GRADC_F32, (enum form)(i % FORMS),
                           axis ? SHAPE_OF(33, 1 + i % 5) : SHAPE_OF(1 + i % 5, 33), 0, 9, &r);
        check(x, MANY, axis, 0, "many");
        operands_free(f->g);
    }
    gradc_tensor *one = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 9, &r);
    for (int i = 0; i < MANY; i++)
        x[i] = one;
    check(x, MANY, 0, 1, "scalars");
    operands_free(f->g);
}

static void through_split(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(7), (const float[]){1, 2, 3, 4, 5, 6, 7}), *part[3], *z;
    assert_int_equal(gradc_split(x, 3, -1, 3, part), GRADC_OK);
    assert_f32(part[0], 3, (const float[]){1, 2, 3});
    assert_f32(part[2], 1, (const float[]){7});
    assert_int_equal(gradc_write(part[1], (const float[]){40, 50, 60}, 12), GRADC_OK);
    assert_f32(x, 7, (const float[]){1, 2, 3, 40, 50, 60, 7});
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    assert_int_equal(gradc_split(x, 3, 0, 3, part), GRADC_OK);
    z = gradc_concat((gradc_tensor *[]){part[2], part[0], part[0]}, 3, 0);
    assert_f32(z, 7, (const float[]){7, 1, 2, 3, 1, 2, 3});
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 7, (const float[]){4, 8, 12, 0, 0, 0, 14});
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 4), 0, 1, &r), *part[2];
    gradc_tensor *y = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    gradc_tensor *i = operand(g, GRADC_I32, PLAIN, SHAPE_OF(3, 4), 0, 9, &r);
    gradc_tensor *scalar = operand(g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r);
    gradc_tensor *deep = operand(g, GRADC_F32, PLAIN, SHAPE_OF(1, 1, 1, 1, 1, 1, 1, 1), 0, 1, &r);
    assert_null(gradc_concat(NULL, 2, 0));
    assert_failed_here(GRADC_E_ARG, "concat");
    assert_null(gradc_stack(&x, 0, 0));
    assert_failed_here(GRADC_E_ARG, "stack");
    assert_null(gradc_concat((gradc_tensor *[]){x, NULL}, 2, 0));
    assert_works(g);
    assert_refused(g, gradc_concat((gradc_tensor *[]){x, y}, 2, 0), GRADC_E_SHAPE, "concat");
    assert_refused(g, gradc_concat((gradc_tensor *[]){x, scalar}, 2, 0), GRADC_E_SHAPE, "concat");
    assert_refused(g, gradc_concat(&scalar, 1, 0), GRADC_E_SHAPE, "concat");
    assert_refused(g, gradc_concat((gradc_tensor *[]){x, i}, 2, 0), GRADC_E_DTYPE, "concat");
    assert_refused(g, gradc_concat(&x, 1, 2), GRADC_E_ARG, "concat");
    assert_refused(g, gradc_stack((gradc_tensor *[]){x, y}, 2, 0), GRADC_E_SHAPE, "stack");
    assert_refused(g, gradc_stack((gradc_tensor *[]){x, i}, 2, 0), GRADC_E_DTYPE, "stack");
    assert_refused(g, gradc_stack(&x, 1, 3), GRADC_E_ARG, "stack");
    assert_refused(g, gradc_stack(&deep, 1, 0), GRADC_E_SHAPE, "stack");
    assert_int_equal(gradc_split(NULL, 1, 0, 2, part), GRADC_E_ARG);
    assert_works(g);
    const struct {
        gradc_tensor *x;
        int64_t size;
        int axis, n;
        gradc_status status;
    } bad[] = {{x, 2, 1, 1, GRADC_E_ARG},
               {x, 0, 1, 2, GRADC_E_ARG},
               {x, -1, 1, 2, GRADC_E_ARG},
               {x, 2, 2, 2, GRADC_E_ARG},
               {scalar, 1, 0, 2, GRADC_E_SHAPE}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        part[0] = part[1] = x;
        assert_int_equal(gradc_split(bad[k].x, bad[k].size, bad[k].axis, bad[k].n, part), bad[k].status);
        assert_refused(g, part[0], bad[k].status, "split");
    }
    assert_int_equal(gradc_split(x, 2, 1, 2, NULL), GRADC_E_ARG);
    assert_refused(g, NULL, GRADC_E_ARG, "split");
    operands_free(g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"many", many},
                                        {"through split", through_split},
                                        {"wrong arguments", wrong_arguments}};
    return RUN_SUITE("concat", tests);
}
