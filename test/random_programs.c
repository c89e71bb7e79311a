/* random_programs.c - random programs, each run eager and planned: what they answer must be the same, bit for bit.
 *
 * usage: random_programs [COUNT]    on the CPU; GRADC_TEST_PROGRAMS does the same, GRADC_TEST_SEED is the first seed.
 * A failing program is cut down to the operations that it needs, and printed as both runs saw it. */
#include "support/program.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    CPU_PROGRAMS = 10000,
    CPU_PROGRAMS_LONG = 100000,
    OTHER_PROGRAMS = 80,
    OTHER_PROGRAMS_LONG = 300,
    MOST_FAILURES = 3
};

static struct text eager_text, planned_text;
static volatile uint64_t running;

/* ---- A crash names its program ---- */

static void say_seed(void)
{
    char text[] = "crashed in the program of GRADC_TEST_SEED=00000000000000000000\n",
         *at = text + sizeof text - 2;
    for (uint64_t seed = running; *--at == '0'; seed /= 10)
        *at = (char)('0' + seed % 10);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(1);
}

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_set_death_callback(void (*callback)(void));

static void watch_crashes(void)
{
    __sanitizer_set_death_callback(say_seed);
}
#else
static void crashed(int number)
{
    say_seed();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], crashed);
}
#endif

/* ---- One program ---- */

static int differs(const struct program *p, const char *device)
{
    running = p->seed;
    program_run(p, device, 1, &eager_text);
    program_run(p, device, 0, &planned_text);
    return eager_text.count != planned_text.count ||
           memcmp(eager_text.bytes, planned_text.bytes, eager_text.count) != 0;
}

/* Leaves out what can be left out, halves first, then single operations, as long as anything goes. */
static void shrink(struct program *p, const char *device)
{
    struct program smaller = *p;
    smaller.times = 1;
    if (differs(&smaller, device))
        *p = smaller;
    smaller = *p;
    smaller.pending = 0;
    if (differs(&smaller, device))
        *p = smaller;
    for (int step = p->count; step > 0; step /= 2)
        for (int again = 1; again;) {
            again = 0;
            for (int from = p->count - step; from > -step; from -= step) {
                int any = 0;
                smaller = *p;
                for (int i = from < 0 ? 0 : from; i < from + step; i++) {
                    any |= smaller.operations[i].kind >= 0;
                    smaller.operations[i].kind = -1;
                }
                if (any && differs(&smaller, device)) {
                    *p = smaller;
                    again = step == 1;
                }
            }
        }
    differs(p, device);
}

static size_t line_length(const char *at)
{
    return strcspn(at, "\n");
}

static void show(const struct program *p, const char *device)
{
    printf("\nGRADC_TEST_SEED=%llu GRADC_TEST_PROGRAMS=1 on %s: eager and planned differ (times %d, pending %d)\n",
           (unsigned long long)p->seed, device, p->times, p->pending);
    const char *x = eager_text.bytes, *y = planned_text.bytes;
    while (*x || *y) {
        size_t nx = line_length(x), ny = line_length(y);
        if (nx == ny && memcmp(x, y, nx) == 0)
            printf("    %.*s\n", (int)nx, x);
        else
            printf("  e %.*s\n  p %.*s\n", (int)nx, x, (int)ny, y);
        x += nx + (x[nx] == '\n');
        y += ny + (y[ny] == '\n');
    }
    fflush(stdout);
}

/* ---- All of them ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run_programs(const char *device, int64_t count)
{
    int failures = 0;
    double start = seconds();
    gradc_context *g = gradc_open(device);
    if (!g) { /* both runs of each program would answer so */
        printf("%s: %s\n", device, gradc_message(NULL));
        return 1;
    }
    gradc_close(g);
    for (int64_t i = 0; i < count && failures < MOST_FAILURES; i++) {
        struct program p;
        program_make(&p, test_seed() + (uint64_t)i);
        if (!differs(&p, device))
            continue;
        failures++;
        shrink(&p, device);
        show(&p, device);
    }
    printf("%s: %lld programs, %.1f s\n", device, (long long)count, seconds() - start);
    fflush(stdout);
    return failures;
}

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : getenv("GRADC_TEST_PROGRAMS");
    int64_t wanted = text && *text ? strtoll(text, NULL, 10) : 0;
    int passed = 0, failed = 0;
    watch_crashes();
    for (int i = 0; i < test_device_count(); i++) {
        int cpu = strcmp(test_device(i), "cpu") == 0;
        const int64_t others = test_long() ? OTHER_PROGRAMS_LONG : OTHER_PROGRAMS;
        int64_t count = cpu ? (test_long() ? CPU_PROGRAMS_LONG : CPU_PROGRAMS) : others;
        if (wanted)
            count = cpu || wanted < others ? wanted : others;
        if (run_programs(test_device(i), count))
            failed++;
        else
            passed++;
    }
    free(eager_text.bytes);
    free(planned_text.bytes);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
