/* progress.c - how far the training is: one line that is overwritten on a terminal, a line now and then elsewhere. */
#include <time.h>
#include <unistd.h>

#include "tool.h"

/* Seconds between two updates on a terminal, and plain lines in an epoch. */
static const double terminal_pause = 0.25;
enum { LINES_PER_EPOCH = 4 };

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(struct progress *p, int64_t total, int64_t done, int64_t per_epoch, int64_t batch)
{
    double start = now();
    *p = (struct progress){isatty(STDOUT_FILENO), total, batch, per_epoch, start, start, done, done};
}

int progress_due(const struct progress *p, int64_t step)
{
    int64_t inside = (step - 1) % p->per_epoch + 1, every = p->per_epoch / LINES_PER_EPOCH + 1;
    if (step == p->total || inside == p->per_epoch)
        return 1;
    return p->terminal ? now() - p->shown >= terminal_pause : inside % every == 0;
}

void progress_show(struct progress *p, int64_t step, double loss, double accuracy)
{
    double time = now(), left = (time - p->start) / (double)(step - p->first) * (double)(p->total - step);
    double speed = (double)((step - p->seen) * p->batch) / (time > p->shown ? time - p->shown : 1e-9);
    printf("%sepoch %lld, step %lld/%lld  loss %.4f  accuracy %.4f  %.0f images/s  %.0f s left%s",
           p->terminal ? "\r\033[K" : "", (long long)((step - 1) / p->per_epoch + 1), (long long)step,
           (long long)p->total, loss, accuracy, speed, left, p->terminal ? "" : "\n");
    fflush(stdout);
    p->shown = time;
    p->seen = step;
}

void progress_clear(const struct progress *p)
{
    if (p->terminal)
        fputs("\r\033[K", stdout);
}

void progress_keep(const struct progress *p)
{
    if (p->terminal)
        putchar('\n');
}
