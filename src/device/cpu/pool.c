/* pool.c - a job's tasks are handed out by one counter to the caller and to workers that were posted for
 * it.
 *
 * Each worker has a state of its own.  The caller posts it; the worker takes the post and runs tasks
 * until there are no more; the caller, when it has none left, takes back the posts that no worker took
 * yet and waits for the others. So a worker that the system is slow to wake costs nothing, and a small
 * job is done before it stirs. Idle workers, and a caller that waits, spin for a bounded time and then
 * sleep. */
#include "device/cpu/pool.h"

#include "base/os.h"

#include <stdatomic.h>

/* 10 to 25 us of pauses, then turns given to other threads, until about 100 us have passed. */
enum { SPIN_PAUSES = 512, SPIN_LOOK = 16 };
static const double spin_seconds = 80e-6;

enum { IDLE, POSTED, RUNNING };

/* One pair of cache lines each, so that spinning on one does not slow the others. */
struct worker {
    _Alignas(128) atomic_int state;
    atomic_int sleeping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static struct {
    _Alignas(128) atomic_int taken; /* a context's job is running; what is not atomic belongs to it */
    atomic_int hopes;
    int tried;   /* hopes when a thread could last not be started */
    int started; /* workers */
    int forks;   /* os_forks() when the first was started */
    int64_t tasks;
    void (*run)(void *arg, int64_t task, int thread);
    void *arg;
    _Alignas(128) atomic_llong next;  /* the next task */
    _Alignas(128) atomic_int waiting; /* the caller sleeps until a worker is idle */
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct worker workers[POOL_THREADS - 1];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};

int pool_most(void)
{
    const int cpus = os_cpu_count();
    return cpus < POOL_THREADS ? cpus : POOL_THREADS;
}

void pool_hope(void)
{
    atomic_fetch_add(&pool.hopes, 1);
}

/* Waits a while for a state; 0 if it did not come. */
static int spin(atomic_int *state, int value)
{
    for (int i = 0; i < SPIN_PAUSES; i++) {
        if (atomic_load_explicit(state, memory_order_acquire) == value)
            return 1;
        os_pause();
    }
    const double end = os_seconds() + spin_seconds;
    do {
        for (int i = 0; i < SPIN_LOOK; i++) {
            if (atomic_load_explicit(state, memory_order_acquire) == value)
                return 1;
            os_yield();
        }
    } while (os_seconds() < end);
    return 0;
}

static void run_tasks(int thread)
{
    for (;;) {
        const int64_t task = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed);
        if (task >= pool.tasks)
            return;
        pool.run(pool.arg, task, thread);
    }
}

/* Either the worker sees the post here, or who posted it sees `sleeping`: both are sequentially
 * consistent. */
static void sleep_until_posted(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->sleeping, 1);
    if (atomic_load(&w->state) == POSTED)
        atomic_store(&w->sleeping, 0);
    while (atomic_load(&w->sleeping))
        pthread_cond_wait(&w->wake, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* Clearing `sleeping` here lets later posts find the worker on its way, without a call to the system. */
static void post(struct worker *w)
{
    atomic_store(&w->state, POSTED);
    if (!atomic_load(&w->sleeping))
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->sleeping, 0);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    const int thread = 1 + (int)(w - pool.workers);
    for (;;) {
        if (!spin(&w->state, POSTED))
            sleep_until_posted(w);
        int expected = POSTED;
        if (!atomic_compare_exchange_strong(&w->state, &expected, RUNNING))
            continue; /* taken back */
        run_tasks(thread);
        atomic_store(&w->state, IDLE);
        if (atomic_load(&pool.waiting)) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.idle);
            pthread_mutex_unlock(&pool.lock);
        }
    }
    return NULL;
}

/* Takes the worker's post back, or waits until it has run its last task. */
static void finish(struct worker *w)
{
    int expected = POSTED;
    if (atomic_compare_exchange_strong(&w->state, &expected, IDLE) || spin(&w->state, IDLE))
        return;
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, 1);
    while (atomic_load(&w->state) != IDLE)
        pthread_cond_wait(&pool.idle, &pool.lock);
    atomic_store(&pool.waiting, 0);
    pthread_mutex_unlock(&pool.lock);
}

static int start_worker(void)
{
    struct worker *w = &pool.workers[pool.started];
    pthread_t thread;
    if (pthread_mutex_init(&w->lock, NULL))
        return -1;
    if (pthread_cond_init(&w->wake, NULL)) {
        pthread_mutex_destroy(&w->lock);
        return -1;
    }
    if (os_thread_start(&thread, work, w)) {
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        return -1;
    }
    pthread_detach(thread);
    pool.started++;
    return 0;
}

/* Starts what is missing of `count` workers; how many of them there are. */
static int workers_for(int count)
{
    const int hopes = atomic_load(&pool.hopes);
    if (!pool.started)
        pool.forks = os_forks();
    while (pool.started < count && (!pool.tried || pool.tried != hopes))
        if (start_worker())
            pool.tried = hopes;
    return pool.started < count ? pool.started : count;
}

int pool_run(int width, int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg)
{
    int expected = 0;
    if (!atomic_compare_exchange_strong(&pool.taken, &expected, 1))
        return 0;
    /* In a fork's child the workers are not there. */
    const int lost = pool.started && pool.forks != os_forks();
    const int workers = lost ? 0 : workers_for((width < POOL_THREADS ? width : POOL_THREADS) - 1);
    if (workers) {
        pool.run = run;
        pool.arg = arg;
        pool.tasks = tasks;
        atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
        for (int i = 0; i < workers; i++)
            post(&pool.workers[i]);
        run_tasks(0);
        for (int i = 0; i < workers; i++)
            finish(&pool.workers[i]);
    }
    atomic_store(&pool.taken, 0);
    return workers > 0;
}
