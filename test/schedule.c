/* schedule.c - learning rates of steps: values worked out by hand, ends, texts that are refused.  PyTorch judges the
 * rest in test/oracle/training.py. */
#include <math.h>

#include "support/support.h"

static void assert_rate(const char *text, int64_t step, int64_t steps, double want)
{
    double rate = gradc_schedule(text, 0.5, step, steps);
    if (!(fabs(rate - want) <= 1e-15))
        fail_msg("%s, step %d of %d: %.17g, not %.17g (%s)", text, (int)step, (int)steps, rate, want,
                 gradc_message(NULL));
}

static void rates(void **state)
{
    (void)state;
    assert_rate("constant", 9, 10, 0.5);
    assert_rate("linear", 0, 10, 0.5);
    assert_rate("linear", 9, 10, 0.05);
    assert_rate("step,size=3", 2, 10, 0.5);
    assert_rate("step,size=3", 3, 10, 0.05);
    assert_rate("step size=3 gamma=0.5", 9, 10, 0.0625);
    assert_rate("cosine", 5, 10, 0.25);
    assert_rate("cosine,min=0.1", 5, 10, 0.3);
    assert_rate("onecycle,start=0.5,div=10,final=100", 0, 12, 0.05);
    assert_rate("onecycle,start=0.5,div=10,final=100", 5, 12, 0.5);
    assert_rate("onecycle,start=0.5,div=10,final=100", 11, 12, 0.0005);
    assert_rate("onecycle,start=1", 0, 1, 0.5);
    assert_rate("onecycle,start=0", 9, 10, 2e-6);
}

static void warm_up(void **state)
{
    (void)state;
    static const char *const texts[] = {"constant,warmup=4", "linear,warmup=4", "step,size=100,warmup=4",
                                        "cosine,warmup=4", "onecycle,warmup=4"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int64_t step = 0; step < 4; step++)
            assert_rate(texts[i], step, 20, 0.125 * (double)(step + 1));
    assert_rate("linear,warmup=4", 4, 12, 0.5);
    assert_rate("linear,warmup=4", 8, 12, 0.25);
    assert_rate("cosine,warmup=4", 8, 12, 0.25);
    assert_rate("onecycle,warmup=4", 4, 20, 0.02);
    assert_rate("constant,warmup=100", 9, 10, 0.05); /* it never gets there */
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {{NULL, "onecycle"},
               {"", "onecycle"},
               {"exponential", "onecycle"},
               {"cosin", "cosin"},
               {"cosine=1", "cosine"},
               {"cosine,max=1", "min"},
               {"step", "size"},
               {"step,size=0", "size"},
               {"step,size=1.5", "size"},
               {"step,size", "step"},
               {"constant,warmup=-1", "-1"},
               {"onecycle,start=1.5", "start"},
               {"onecycle,div=0", "div"},
               {"linear,min=0", "warmup"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(isnan(gradc_schedule(bad[i].text, 0.5, 0, 10)));
        assert_failed_here(GRADC_E_ARG, bad[i].says);
    }
    assert_true(isnan(gradc_schedule("constant", 0.5, 10, 10)));
    assert_failed_here(GRADC_E_ARG, "step 10");
    assert_true(isnan(gradc_schedule("constant", 0.5, -1, 10)));
    assert_failed_here(GRADC_E_ARG, "step -1");
    assert_true(isnan(gradc_schedule("constant", -0.5, 0, 10)));
    assert_failed_here(GRADC_E_ARG, "learning rate");
    assert_true(isnan(gradc_schedule("constant", (double)NAN, 0, 10)));
    assert_failed_here(GRADC_E_ARG, "learning rate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rates), cmocka_unit_test(warm_up),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
