/* window.c - rows of which a window is copied and the rest is one value, in tasks of fixed grain. */
#include "ops/window.h"

#include <string.h>

#include "ops/strided.h"

enum { WINDOW_GRAIN = 32768 };

struct window_job {
    char *z;
    const char *x;
    int64_t size, count, columns, step; /* size: bytes of an element */
    uint64_t fill;
    strided_loop *copy;
    struct window (*window)(const void *arg, int64_t row);
    const void *arg;
};

static void fill_elements(char *z, int64_t n, int64_t size, uint64_t bits)
{
    if (bits == 0 || size == 1)
        memset(z, (int)(bits & 255), (size_t)(n * size));
    else if (size == 4)
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)(void *)z)[i] = (uint32_t)bits;
    else if (size == 2)
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)(void *)z)[i] = (uint16_t)bits;
    else
        for (int64_t i = 0; i < n; i++)
            ((uint64_t *)(void *)z)[i] = bits;
}

static int64_t between(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

/* Elements column .. end - 1 of a row. */
static void window_row(const struct window_job *job, int64_t row, int64_t column, int64_t end)
{
    const struct window w = job->window(job->arg, row);
    int64_t low = between(w.low, column, end), high = between(w.high, low, end);
    char *z = job->z + row * job->columns * job->size;

    fill_elements(z + column * job->size, low - column, job->size, job->fill);
    if (high > low) {
        char *x = (char *)(uintptr_t)job->x + (w.from + low * job->step) * job->size;

        job->copy(high - low, (char *const[]){z + low * job->size, x}, (const int64_t[]){1, job->step}, NULL);
    }
    fill_elements(z + high * job->size, end - high, job->size, job->fill);
}

static void window_task(void *arg, int64_t task, int thread)
{
    const struct window_job *job = arg;
    int64_t at = task * WINDOW_GRAIN, end = at + WINDOW_GRAIN < job->count ? at + WINDOW_GRAIN : job->count;

    (void)thread;
    while (at < end) {
        int64_t row = at / job->columns, column = at - row * job->columns;
        int64_t n = job->columns - column < end - at ? job->columns - column : end - at;

        window_row(job, row, column, column + n);
        at += n;
    }
}

void window_copy(struct device *d, const struct view *z, const struct view *x, int64_t columns, int64_t step,
                 uint64_t fill, struct window (*window)(const void *arg, int64_t row), const void *arg)
{
    struct window_job job = {.z = view_host(z),
                             .x = view_host(x),
                             .size = (int64_t)gradc_dtype_size(z->dtype),
                             .count = layout_numel(&z->layout),
                             .columns = columns,
                             .step = step,
                             .fill = fill,
                             .copy = strided_copy(z->dtype),
                             .window = window,
                             .arg = arg};

    cpu_parallel(d, cpu_tasks(job.count, WINDOW_GRAIN), window_task, &job);
}
