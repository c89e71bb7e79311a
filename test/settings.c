/* settings.c - gradc_set, gradc_print, a locale with a decimal comma, devices, and errors of calls without a
 * context. */
#include <locale.h>
#include <math.h>

#include "core/context.h"
#include "support/support.h"

static void bad_settings_are_refused(struct fixture *f)
{
    static const char *const bad[][2] = {
        {"nonsense", "1"},      {"eager", "2"},           {"eager", ""},
        {"threads", "0"},       {"threads", "x"},         {"pending", "0"},
        {"pending", "-1"},      {"pending", "1x"},        {"memory_limit", "-1"},
        {"memory_limit", "1Q"}, {"memory_limit", "1,5G"}, {"math", ""},
        {"math", "Fast"},       {"math", "f32"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (gradc_set(f->g, bad[i][0], bad[i][1]) != GRADC_E_ARG)
            fail_msg("%s = \"%s\" was taken", bad[i][0], bad[i][1]);
        assert_failed(f->g, GRADC_E_ARG, bad[i][0]);
    }
    assert_int_equal(gradc_set(f->g, "threads", "2"), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "memory_limit", "64M"), GRADC_OK);
    assert_null(gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){1024, 1024 * 64}));
    assert_failed(f->g, GRADC_E_MEMORY, "new");
    assert_int_equal(gradc_set(f->g, "memory_limit", "0"), GRADC_OK);
}

static void assert_printed(gradc_tensor *t, const char *wanted)
{
    char text[1024];
    int64_t length = gradc_print(t, text, sizeof text);
    assert_string_equal(text, wanted);
    assert_int_equal(length, strlen(wanted));
}

static void tensors_print_as_arrays(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), (const float[]){1, 2, 3, 4, 5, 6.5f});
    gradc_tensor *scalar = tensor_f32(f->g, (const int64_t[]){-1}, (const float[]){-0.25f});
    gradc_tensor *odd = tensor_f32(f->g, SHAPE_OF(3), (const float[]){NAN, INFINITY, -INFINITY});
    gradc_tensor *i = tensor_i64(f->g, SHAPE_OF(3), (const int64_t[]){1, -20, 300});
    gradc_tensor *empty = tensor_f32(f->g, SHAPE_OF(0), NULL);
    char little[4];
    assert_printed(x, "[[1.  2.  3. ]\n [4.  5.  6.5]]");
    assert_printed(gradc_transpose(x, 0, 1), "[[1.  4. ]\n [2.  5. ]\n [3.  6.5]]");
    assert_printed(scalar, "-0.25");
    assert_printed(odd, "[ nan  inf -inf]");
    assert_printed(i, "[  1 -20 300]");
    assert_printed(empty, "[]");
    assert_int_equal(gradc_print(x, little, sizeof little), 30);
    assert_string_equal(little, "[[1");
    assert_int_equal(gradc_print(x, NULL, 0), 30);
    assert_int_equal(gradc_print(NULL, little, sizeof little), -1);
    assert_string_equal(little, "");
    gradc_release(empty);
    gradc_release(i);
    gradc_release(odd);
    gradc_release(scalar);
    gradc_release(x);
}

/* A locale whose decimal point is a comma: the machine's, or one compiled into a folder of its own. */
static int set_comma(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8"};
    static char folder[] = "/tmp/gradc-locale-XXXXXX";
    char command[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i]))
            return 1;
    if (!getenv("LOCPATH")) {
        if (!mkdtemp(folder) || setenv("LOCPATH", folder, 1))
            return 0;
        snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", folder,
                 folder);
        if (system(command) != 0)
            return 0;
    }
    return setlocale(LC_ALL, names[0]) != NULL;
}

static void remove_locale(void)
{
    char command[128];
    const char *folder = getenv("LOCPATH");
    if (!folder || strncmp(folder, "/tmp/gradc-locale-", 18) != 0)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        print_message("%s stays\n", folder);
}

/* Where there is no such locale there is nothing to see. */
static void a_decimal_comma_changes_nothing(struct fixture *f)
{
    if (!set_comma())
        skip();
    char comma[8];
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2), (const float[]){0.5f, 1.25f});
    char text[64];
    gradc_print(gradc_clamp(gradc_exp(gradc_mul_scalar(x, 0.5)), 0.5, 1.5), text, sizeof text);
    gradc_status status = gradc_set(f->g, "memory_limit", "1G");
    setlocale(LC_ALL, "C");
    assert_string_equal(comma, "0,5");
    assert_string_equal(text, "[1.2840254 1.5      ]");
    assert_int_equal(status, GRADC_OK);
    gradc_release(x);
}

static void calls_without_a_context(struct fixture *f)
{
    char text[64];
    (void)f;
    assert_null(gradc_open("no such device"));
    assert_true(gradc_check(NULL) < 0);
    assert_non_null(strstr(gradc_message(NULL), "no such device"));
    gradc_recover(NULL);
    assert_int_equal(gradc_check(NULL), GRADC_OK);
    assert_string_equal(gradc_message(NULL), "");
    assert_true(gradc_device_count() >= 1);
    assert_int_equal(gradc_device_info(0, "device", text, sizeof text), GRADC_OK);
    assert_string_equal(text, "cpu");
    assert_int_equal(gradc_device_info(0, "nonsense", text, sizeof text), GRADC_E_ARG);
    assert_int_equal(gradc_device_info(gradc_device_count(), "name", text, sizeof text), GRADC_E_ARG);
    assert_int_equal(gradc_device_info(0, "device", text, 2), GRADC_E_ARG);
    gradc_recover(NULL);
    assert_int_equal(gradc_context_device(NULL), -1);
    assert_string_equal(gradc_status_name(GRADC_E_SHAPE), "GRADC_E_SHAPE");
    assert_non_null(gradc_status_name(12345));
    assert_string_equal(gradc_dtype_name(99), "?");
    assert_int_equal(gradc_dtype_size(99), 0);
    gradc_close(NULL);
    gradc_recover(NULL);
}

static void count_lines(void *payload, const char *line)
{
    int *lines = payload;
    *lines += strstr(line, "loops after 65,535 turns") != NULL;
}

/* Whoever opens a device that cuts loops is told, and nobody else is. */
static void a_device_that_cuts_loops_says_so(struct fixture *f)
{
    int lines = 0;
    gradc_set_log(count_lines, &lines);
    gradc_context *g = gradc_open(f->device);
    gradc_set_log(NULL, NULL);
    assert_works(g);
    assert_int_equal(lines, g->device->info.cuts_loops);
    gradc_close(g);
}

int main(void)
{
    static const struct test tests[] = {
        {"bad settings are refused", bad_settings_are_refused},
        {"tensors print as arrays", tensors_print_as_arrays},
        {"a decimal comma changes nothing", a_decimal_comma_changes_nothing},
        {"calls without a context", calls_without_a_context},
        {"a device that cuts loops says so", a_device_that_cuts_loops_says_so},
    };
    int status = RUN_SUITE("settings", tests);
    remove_locale();
    return status;
}
