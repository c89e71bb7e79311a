/* any.c - any and all over axes against a loop: exact; NaN is not 0. */
#include <math.h>

#include "../support/reductions.h"

static double want_any(const double *items, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (items[i] != 0)
            return 1;
    return 0;
}

static double want_all(const double *items, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (items[i] == 0)
            return 0;
    return 1;
}

static const struct reduction any = {
    .name = "any", .op = gradc_any, .want = want_any, .whole = 1, .always_bool = 1, .exact = 1};

static const struct reduction all = {
    .name = "all", .op = gradc_all, .want = want_all, .whole = 1, .always_bool = 1, .exact = 1};

static void values(struct fixture *f)
{
    reduction_values(f, &any);
    reduction_values(f, &all);
}

static void wrong_arguments(struct fixture *f)
{
    reduction_refusals(f, &any);
    reduction_refusals(f, &all);
}

static void devices_agree(struct fixture *f)
{
    reduction_devices(f, &any, 0);
    reduction_devices(f, &all, 0);
}

/* One element among many decides, wherever it is; -0 is 0, and a denormal number is not. */
static void one_among_many(struct fixture *f)
{
    enum { COUNT = 200003 };
    static const double special[] = {-0.0, 0, 1e-40, 0};
    static float numbers[COUNT];
    static const int places[] = {0, 77777, COUNT - 1};
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){COUNT});
    for (int i = 0; i < 3; i++) {
        memset(numbers, 0, sizeof numbers);
        numbers[places[i]] = -1;
        assert_int_equal(gradc_write(x, numbers, sizeof numbers), GRADC_OK);
        gradc_tensor *is_one = gradc_eq(x, gradc_min(x, 0, NULL, 0)),
                     *others = gradc_eq(x, gradc_max(x, 0, NULL, 0));
        assert_true(gradc_item(gradc_any(x, 0, NULL, 0)) == 1 && gradc_item(gradc_all(x, 0, NULL, 0)) == 0);
        assert_true(gradc_item(gradc_any(is_one, 0, NULL, 0)) == 1 &&
                    gradc_item(gradc_all(others, 0, NULL, 0)) == 0);
        gradc_tape_clear(f->g);
    }
    gradc_release(x);
    x = operand_of(f->g, GRADC_F32, SHAPE_OF(2, 2), special);
    assert_true(gradc_item(gradc_any(gradc_slice(x, 0, 0, 1, 1), 0, NULL, 0)) == 0);
    assert_true(gradc_item(gradc_any(gradc_slice(x, 0, 1, 2, 1), 0, NULL, 0)) == 1);
    operands_free(f->g);
    x = operand_of(f->g, GRADC_BOOL, SHAPE_OF(2, 0), NULL);
    gradc_tensor *none = gradc_any(x, 1, (const int[]){1}, 0), *every = gradc_all(x, 1, (const int[]){1}, 0);
    assert_true(gradc_item(gradc_any(none, 0, NULL, 0)) == 0 && gradc_item(gradc_all(every, 0, NULL, 0)) == 1);
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"one among many", one_among_many}};
    return RUN_SUITE("any", tests);
}
