/* missing.c - what is not there: threads that can't be started, devices, kernels that can't be built.  A clear message,
 * and the work goes on without, or on the CPU. */
#include "base/os.h"
#include "device/device.h"
#include "support/support.h"

/* ---- Threads ---- */

enum { BROAD = 1024 };

/* Work that pays for several threads, and its sum by rows. */
static void work_hard(gradc_context *g, float rows[BROAD])
{
    gradc_tensor *x = gradc_new(g, GRADC_F32, 2, (const int64_t[]){BROAD, 256}), *y = gradc_add_scalar(x, 0.1);
    for (int i = 0; i < 8; i++)
        y = gradc_add(gradc_mul(y, y), y);
    gradc_read(gradc_sum(y, 1, (const int[]){1}, 0), rows, sizeof(float) * BROAD);
    gradc_release(x);
}

/* Once on the CPU: threads that were started stay. */
static void threads_fail(struct fixture *f)
{
    static float first[BROAD], rows[BROAD];
    for (int n = 1; n <= 3; n++) {
        gradc_close(f->g);
        os_fail_threads(n);
        f->g = test_open(f->device);
        work_hard(f->g, n == 1 ? first : rows);
        os_fail_threads(0);
        assert_works(f->g);
        assert_true(n == 1 || memcmp(first, rows, sizeof rows) == 0);
    }
    gradc_close(f->g);
    f->g = test_open(f->device);
    work_hard(f->g, rows);
    assert_memory_equal(first, rows, sizeof rows);
    assert_true(first[0] > 0);
}

/* ---- Devices that are not there, or do not do ---- */

static void missing_devices(struct fixture *f)
{
    static const struct {
        const char *name;
        gradc_status status;
    } missing[] = {{"opencl:99", GRADC_E_DEVICE},
                   {"opencl:nobody-makes-this", GRADC_E_DEVICE},
                   {"gpu:99", GRADC_E_DEVICE},
                   {"quantum", GRADC_E_ARG}};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        assert_null(gradc_open(missing[i].name));
        assert_int_equal(gradc_check(NULL), missing[i].status);
        assert_true(strlen(gradc_message(NULL)) > 20);
        gradc_recover(NULL);
    }
    struct fixture cpu = {test_open("cpu"), "cpu", f->eager};
    float rows[BROAD];
    work_hard(cpu.g, rows);
    assert_works(cpu.g);
    gradc_close(cpu.g);
}

#ifndef GRADC_NO_OPENCL
/* A kernel that can't be built: the compiler's words; the next one is. */
static void a_kernel_is_not_built(struct fixture *f)
{
    if (strcmp(f->device, "cpu") == 0)
        return;
    struct device *d;
    struct failure why = {0}, nothing = {0};
    struct kernel_call k;
    assert_int_equal(device_open(f->device, &d, &why), GRADC_OK);
    kernel_start(&k, "sgd", "update_one", GRADC_F32);
    kernel_option(&k, " -D__kernel=no_such_type");
    assert_int_equal(d->table->prepare(d, &k, &why), GRADC_OK);
    assert_int_equal(d->table->prepared(d, &why), GRADC_E_DEVICE);
    if (!strstr(why.text, "no_such_type") || !strstr(why.text, "sgd.cl"))
        fail_msg("the message has no build log: %s", why.text);
    why.status = GRADC_OK;
    kernel_start(&k, "sgd", "no_such_kernel", GRADC_F32);
    assert_int_equal(d->table->prepare(d, &k, &why), GRADC_OK);
    assert_int_equal(d->table->prepared(d, &why), GRADC_E_DEVICE);
    if (!strstr(why.text, "no_such_kernel"))
        fail_msg("the message does not name the kernel: %s", why.text);
    kernel_start(&k, "sgd", "update_one", GRADC_F32);
    assert_int_equal(d->table->prepare(d, &k, &nothing), GRADC_OK);
    assert_int_equal(d->table->prepared(d, &nothing), GRADC_OK);
    d->table->close(d);
}
#endif

int main(void)
{
    static const struct test tests[] = {
        {"threads can't be started", threads_fail},
        {"a device is missing", missing_devices},
#ifndef GRADC_NO_OPENCL
        {"a kernel can't be built", a_kernel_is_not_built},
#endif
    };
    gradc_device_count(); /* libtsan of gcc 12 ends a program whose OpenCL loader makes its thread's data late */
    return RUN_SUITE("missing", tests);
}
