/* argmin.c - where the first minimum is, against a loop; the first NaN wins. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n && !isnan(items[at]); i++)
        if (isnan(items[i]) || items[i] < items[at])
            at = i;
    return (double)at;
}

static const struct reduction kind = {
    .name = "argmin", .op = gradc_argmin, .want = want, .whole = 1, .always_i64 = 1, .refuses_empty = 1, .exact = 1};

static void values(struct fixture *f)
{
    reduction_values(f, &kind);
}

static void wrong_arguments(struct fixture *f)
{
    reduction_refusals(f, &kind);
}

static void devices_agree(struct fixture *f)
{
    reduction_devices(f, &kind, 0);
}

/* Of equal ones the first, also in rows that are split over tasks. */
static void ties(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){2, 50000});
    assert_true(gradc_item(gradc_argmin(x, 0, NULL, 0)) == 0);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"ties", ties}};
    return RUN_SUITE("argmin", tests);
}
