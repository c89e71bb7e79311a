/* loader.c - batches of a data set, made ahead by threads of their own.
 *
 * What a batch holds follows from the seed, the epoch and its number alone: neither the threads nor a seek change it.
 * A thread claims the next batch, fills the slot of the ring that is its turn, and marks it ready; the caller takes the
 * slots in order.  Without threads the caller fills them. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/host.h"
#include "base/options.h"
#include "base/os.h"
#include "core/context.h"
#include "data/dataset.h"
#include "data/transform.h"

enum { WORKERS = 256, PREFETCH = 1024, SIDE = 1 << 14 };

struct settings {
    int64_t batch, image, channels, shuffle, seed, workers, prefetch, drop_last;
    char resize[OPTION_TEXT], augment[OPTION_TEXT];
    struct option_list mean, std;
};

struct slot {
    int ready; /* under the lock; the rest belongs to who fills the slot, then to who takes it */
    int64_t epoch, batch, n;
    int64_t *index, *labels;
    float *x;
    struct failure failure;
};

struct gradc_loader {
    gradc_dataset *d;
    struct settings o;
    struct transform transform;
    int64_t batches;      /* of an epoch */
    int64_t epoch, batch; /* what the caller gets next */
    struct slot *slots;
    pthread_t threads[WORKERS];
    int nthreads, started, forks;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t filled, freed;
    int64_t *order;
    int64_t order_epoch, next_epoch, next_batch; /* order's; the next to be claimed */
    int64_t claimed, taken;                      /* slots so far */
    int busy, paused, stopping; /* threads that fill; whether none may begin, and all must end */
};

/* ---- What a batch holds ---- */

/* The seed of one round of random numbers. */
static uint64_t seed_of(uint64_t seed, uint64_t round)
{
    return seed * 0x2545f4914f6cdd1du + round;
}

/* Fisher and Yates's shuffle of an epoch. */
static void set_order(gradc_loader *l, int64_t epoch)
{
    if (l->order_epoch == epoch)
        return;
    uint64_t state = seed_of((uint64_t)l->o.seed, (uint64_t)epoch);
    for (int64_t i = 0; i < l->d->count; i++)
        l->order[i] = i;
    for (int64_t i = l->o.shuffle ? l->d->count - 1 : 0; i > 0; i--) {
        const int64_t j = (int64_t)(split_mix(&state) % (uint64_t)(i + 1)), keep = l->order[i];
        l->order[i] = l->order[j];
        l->order[j] = keep;
    }
    l->order_epoch = epoch;
}

/* The slot of the next batch, told what to hold.  Under the lock. */
static struct slot *claim(gradc_loader *l)
{
    struct slot *s = &l->slots[l->claimed++ % l->o.prefetch];
    set_order(l, l->next_epoch);
    s->epoch = l->next_epoch;
    s->batch = l->next_batch;
    const int64_t first = s->batch * l->o.batch, left = l->d->count - first;
    s->n = left < l->o.batch ? left : l->o.batch;
    memcpy(s->index, l->order + first, (size_t)s->n * sizeof *s->index);
    if (++l->next_batch == l->batches) {
        l->next_batch = 0;
        l->next_epoch++;
    }
    return s;
}

static gradc_status fill_image(const gradc_loader *l, struct slot *s, int64_t k)
{
    const int64_t i = s->index[k];
    struct image image;
    gradc_status status = dataset_pixels(l->d, i, l->transform.channels, &image, &s->failure);
    if (status)
        return status;
    uint64_t state = seed_of((uint64_t)l->o.seed, (uint64_t)s->epoch);
    uint64_t key = split_mix(&state) + (uint64_t)i * 0x9e3779b97f4a7c15u;
    const int64_t numbers = l->transform.channels * l->transform.height * l->transform.width;
    struct failure f;
    failure_clear(&f);
    status = transform_run(&l->transform, &image, split_mix(&key), s->x + k * numbers, &f);
    image_free(&image);
    s->labels[k] = gradc_dataset_label(l->d, i);
    if (status)
        fail(&s->failure, status, "image %lld%s%s: %s", (long long)i, l->d->paths ? ", " : "",
             l->d->paths ? l->d->paths[i] : "", f.text);
    return status;
}

static void fill(const gradc_loader *l, struct slot *s)
{
    failure_clear(&s->failure);
    for (int64_t k = 0; k < s->n; k++)
        if (fill_image(l, s, k))
            return;
}

/* ---- Threads ---- */

static void *work(void *arg)
{
    gradc_loader *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stopping && (l->paused || l->claimed == l->taken + l->o.prefetch))
            pthread_cond_wait(&l->freed, &l->lock);
        if (l->stopping)
            break;
        struct slot *s = claim(l);
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        fill(l, s);
        pthread_mutex_lock(&l->lock);
        s->ready = 1;
        l->busy--;
        pthread_cond_signal(&l->filled);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* With the first batch: a loader that is only asked for its numbers, or is sent elsewhere first, costs nothing. */
static void start_threads(gradc_loader *l)
{
    if (l->started)
        return;
    l->started = 1;
    l->forks = os_forks();
    const int wanted = (int)l->o.workers;
    while (l->nthreads < wanted && !os_thread_start(&l->threads[l->nthreads], work, l))
        l->nthreads++;
    if (l->nthreads < wanted)
        host_log("loader: %d of %d threads could be started", l->nthreads, wanted);
}

/* Lets what is being filled be filled, forgets it all, and goes on from there. */
static void move(gradc_loader *l, int64_t epoch, int64_t batch)
{
    pthread_mutex_lock(&l->lock);
    l->paused = 1;
    while (l->busy)
        pthread_cond_wait(&l->filled, &l->lock);
    for (int64_t i = 0; i < l->o.prefetch; i++)
        l->slots[i].ready = 0;
    l->claimed = l->taken = 0;
    l->epoch = epoch;
    l->batch = batch;
    l->next_epoch = batch == l->batches ? epoch + 1 : epoch;
    l->next_batch = batch == l->batches ? 0 : batch;
    l->paused = 0;
    pthread_cond_broadcast(&l->freed);
    pthread_mutex_unlock(&l->lock);
}

/* The slot of the next batch, ready. */
static struct slot *wait_for_slot(gradc_loader *l)
{
    pthread_mutex_lock(&l->lock);
    struct slot *s = &l->slots[l->taken % l->o.prefetch];
    if (l->nthreads == 0 && l->claimed == l->taken) {
        claim(l);
        fill(l, s);
        s->ready = 1;
    }
    while (!s->ready)
        pthread_cond_wait(&l->filled, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void give_slot_back(gradc_loader *l, struct slot *s)
{
    pthread_mutex_lock(&l->lock);
    s->ready = 0;
    l->taken++;
    pthread_cond_signal(&l->freed);
    pthread_mutex_unlock(&l->lock);
}

/* ---- The caller's side ---- */

static gradc_status check_tensor(const struct tensor *t, const char *name, gradc_dtype dtype, int ndim,
                                 const int64_t *shape)
{
    struct layout wanted = {.ndim = ndim};
    memcpy(wanted.shape, shape, (size_t)ndim * sizeof *shape);
    if (t->dtype != dtype)
        return context_fail(t->g, GRADC_E_DTYPE, "loader_next: %s must be %s %s, not %s", name,
                            gradc_dtype_name(dtype), SHAPE(&wanted), gradc_dtype_name(t->dtype));
    if (!layout_same_shape(&t->layout, &wanted))
        return context_fail(t->g, GRADC_E_SHAPE, "loader_next: %s must be %s %s, not %s", name,
                            gradc_dtype_name(dtype), SHAPE(&wanted), SHAPE(&t->layout));
    return GRADC_OK;
}

/* Whether x, and labels where they are given, can take a batch. */
static gradc_status check_tensors(const gradc_loader *l, gradc_tensor *x, gradc_tensor *labels)
{
    gradc_status status;
    const struct transform *t = &l->transform;
    const struct tensor *to = context_enter_by(x, "loader_next", &status);
    if (!to)
        return status;
    const int64_t shape[] = {l->o.batch, t->channels, t->height, t->width};
    if ((status = check_tensor(to, "x", GRADC_F32, 4, shape)) || !labels)
        return status;
    const struct tensor *too = context_enter_by(labels, "loader_next", &status);
    if (!too)
        return status;
    if (too->g != to->g)
        return context_fail(to->g, GRADC_E_ARG, "loader_next: x and labels are of different contexts");
    return check_tensor(too, "labels", GRADC_I64, 1, shape);
}

/* Into the first n rows. */
static gradc_status write_rows(gradc_tensor *to, int64_t n, const void *from)
{
    if (n == gradc_size(to, 0))
        return gradc_write(to, from, (size_t)gradc_bytes(to));
    gradc_tensor *rows = gradc_slice(to, 0, 0, n, 1);
    if (!rows)
        return gradc_check(gradc_context_of(to));
    gradc_status status = gradc_write(rows, from, (size_t)gradc_bytes(rows));
    gradc_release(rows);
    return status;
}

int64_t gradc_loader_next(gradc_loader *l, gradc_tensor *x, gradc_tensor *labels)
{
    if (!l || !x) {
        fail_thread(GRADC_E_ARG, "loader_next: the loader and x must not be NULL");
        return -1;
    }
    if (check_tensors(l, x, labels))
        return -1;
    if (l->started && l->forks != os_forks()) {
        context_fail(gradc_context_of(x), GRADC_E_DEVICE, "loader_next: the loader is another process's");
        return -1;
    }
    if (l->batch == l->batches) {
        l->epoch++;
        l->batch = 0;
        return 0;
    }
    start_threads(l);
    struct slot *s = wait_for_slot(l);
    if (s->failure.status) {
        context_fail(gradc_context_of(x), s->failure.status, "loader_next: %s", s->failure.text);
        move(l, l->epoch, l->batch);
        return -1;
    }
    if (write_rows(x, s->n, s->x) || (labels && write_rows(labels, s->n, s->labels)))
        return -1;
    const int64_t n = s->n;
    give_slot_back(l, s);
    l->batch++;
    return n;
}

int64_t gradc_loader_batches(const gradc_loader *l)
{
    return l ? l->batches : -1;
}

gradc_status gradc_loader_state(const gradc_loader *l, int64_t *epoch, int64_t *batch)
{
    if (!l || !epoch || !batch)
        return fail_thread(GRADC_E_ARG, "loader_state: the loader and results must not be NULL");
    *epoch = l->epoch;
    *batch = l->batch;
    return GRADC_OK;
}

gradc_status gradc_loader_seek(gradc_loader *l, int64_t epoch, int64_t batch)
{
    const int64_t last = (int64_t)1 << 53; /* far from where counting on would overflow */
    if (!l)
        return fail_thread(GRADC_E_ARG, "loader_seek: the loader is NULL");
    if (epoch < 0 || epoch > last || batch < 0 || batch > l->batches)
        return fail_thread(GRADC_E_ARG,
                           "loader_seek: epoch %lld, batch %lld: epochs go from 0 to 2^53, and batches from "
                           "0 to %lld",
                           (long long)epoch, (long long)batch, (long long)l->batches);
    if (l->started && l->forks != os_forks())
        return fail_thread(GRADC_E_DEVICE, "loader_seek: the loader is another process's");
    if (epoch != l->epoch || batch != l->batch)
        move(l, epoch, batch);
    return GRADC_OK;
}

/* A fork's child has the memory, but no threads, and locks in any state. */
static void end_threads(gradc_loader *l)
{
    if (l->started && l->forks != os_forks())
        return;
    pthread_mutex_lock(&l->lock);
    l->stopping = 1;
    pthread_cond_broadcast(&l->freed);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->nthreads; i++)
        os_thread_join(l->threads[i]);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->freed);
}

void gradc_loader_free(gradc_loader *l)
{
    if (!l)
        return;
    end_threads(l);
    for (int64_t i = 0; l->slots && i < l->o.prefetch; i++) {
        host_free(l->slots[i].index);
        host_free(l->slots[i].labels);
        host_free(l->slots[i].x);
    }
    host_free(l->slots);
    host_free(l->order);
    gradc_dataset_free(l->d);
    host_free(l);
}

/* ---- Making one ---- */

/* clang-format off */
#define OPTION(name, kind, least, most) {#name, kind, offsetof(struct settings, name), least, most}

static const struct option loader_options[] = {
    OPTION(batch, OPTION_WHOLE, 1, 1 << 20),
    OPTION(image, OPTION_WHOLE, 1, SIDE),
    OPTION(channels, OPTION_WHOLE, 1, 3),
    OPTION(shuffle, OPTION_WHOLE, 0, 1),
    OPTION(seed, OPTION_WHOLE, 0, 0x1p53),
    OPTION(workers, OPTION_WHOLE, 0, WORKERS),
    OPTION(prefetch, OPTION_WHOLE, 1, PREFETCH),
    OPTION(drop_last, OPTION_WHOLE, 0, 1),
    OPTION(resize, OPTION_WORD, 0, 0),
    OPTION(augment, OPTION_WORD, 0, 0),
    OPTION(mean, OPTION_REALS, 0, 0),
    OPTION(std, OPTION_REALS, 0, 0),
};
/* clang-format on */

static gradc_status read_settings(struct settings *o, const char *options, struct failure *f)
{
    *o = (struct settings){
        .batch = 64, .shuffle = 1, .workers = 2, .prefetch = 4, .resize = "crop", .augment = "none"};
    o->mean = (struct option_list){.n = 1, .value = {0}};
    o->std = (struct option_list){.n = 1, .value = {1}};
    gradc_status status = options_read("options", options, loader_options,
                                       (int)(sizeof loader_options / sizeof *loader_options), o, NULL, f);
    if (!status && o->channels == 2)
        status = fail(f, GRADC_E_ARG, "channels must be 1 or 3, not 2");
    return status;
}

static gradc_status read_resize(gradc_loader *l, struct failure *f)
{
    static const struct {
        const char *name;
        enum resize_mode mode;
    } modes[] = {{"crop", RESIZE_CROP}, {"pad", RESIZE_PAD}, {"stretch", RESIZE_STRETCH}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(l->o.resize, modes[i].name)) {
            l->transform.mode = l->o.image ? modes[i].mode : RESIZE_NONE;
            return GRADC_OK;
        }
    return fail(f, GRADC_E_ARG, "resize must be crop, pad or stretch, not \"%s\"", l->o.resize);
}

/* Words between slashes. */
static gradc_status read_augment(gradc_loader *l, struct failure *f)
{
    for (const char *word = l->o.augment;;) {
        const size_t length = strcspn(word, "/");
        const int none = length == 4 && !strncmp(word, "none", 4);
        if (length == 4 && !strncmp(word, "flip", 4))
            l->transform.flip = 1;
        else if (length == 4 && !strncmp(word, "crop", 4))
            l->transform.crop = 1;
        else if (!none)
            return fail(f, GRADC_E_ARG, "augment must be none, crop, flip or crop/flip, not \"%s\"",
                        l->o.augment);
        if (!word[length])
            return GRADC_OK;
        word += length + 1;
    }
}

/* Channels and size of x: as asked for, else as the data set has them. */
static gradc_status set_size(gradc_loader *l, struct failure *f)
{
    struct image natural = {0};
    if (!l->o.image || !l->o.channels) {
        gradc_status status = dataset_natural(l->d, &natural, f);
        if (status)
            return status;
    }
    if (!l->o.image && !natural.height)
        return fail(f, GRADC_E_ARG, "the images differ in size: the option image=N makes them N x N");
    l->transform.height = l->o.image ? l->o.image : natural.height;
    l->transform.width = l->o.image ? l->o.image : natural.width;
    l->transform.channels = l->o.channels ? (int)l->o.channels : natural.channels;
    return GRADC_OK;
}

static gradc_status set_table(gradc_loader *l, struct failure *f)
{
    const struct option_list *mean = &l->o.mean, *std = &l->o.std;
    const int channels = l->transform.channels;
    if ((mean->n != 1 && mean->n != channels) || (std->n != 1 && std->n != channels))
        return fail(f, GRADC_E_ARG, "mean and std must have one number, or one for each of the %d channels",
                    channels);
    for (int c = 0; c < channels; c++) {
        const float middle = (float)mean->value[mean->n > 1 ? c : 0],
                    spread = (float)std->value[std->n > 1 ? c : 0];
        if (!(spread > 0) || !isfinite(spread) || !isfinite(middle))
            return fail(f, GRADC_E_ARG, "std must be above 0, and mean and std must be finite as f32");
        for (int value = 0; value < 256; value++)
            l->transform.table[c][value] = ((float)value / 255.0f - middle) / spread;
    }
    return GRADC_OK;
}

static gradc_status set_batches(gradc_loader *l, struct failure *f)
{
    const int64_t count = l->d->count, batch = l->o.batch;
    l->batches = l->o.drop_last ? count / batch : (count + batch - 1) / batch;
    return l->batches ? GRADC_OK
                      : fail(f, GRADC_E_ARG, "drop_last=1 leaves no batch of %lld out of %lld images",
                             (long long)batch, (long long)count);
}

static gradc_status make_slots(gradc_loader *l, struct failure *f)
{
    const size_t batch = (size_t)l->o.batch;
    const size_t numbers = (size_t)(l->transform.channels * l->transform.height * l->transform.width);
    l->o.prefetch = l->o.workers ? l->o.prefetch : 1;
    l->slots = host_zalloc((size_t)l->o.prefetch, sizeof *l->slots);
    l->order = host_zalloc((size_t)l->d->count, sizeof *l->order);
    l->order_epoch = -1;
    int made = l->slots && l->order;
    for (int64_t i = 0; made && i < l->o.prefetch; i++) {
        struct slot *s = &l->slots[i];
        s->index = host_zalloc(batch, sizeof *s->index);
        s->labels = host_zalloc(batch, sizeof *s->labels);
        s->x = host_zalloc(batch, numbers * sizeof *s->x);
        made = s->index && s->labels && s->x;
    }
    return made ? GRADC_OK
                : fail(f, GRADC_E_MEMORY, "no memory for %lld batches of %zu images of %zu numbers",
                       (long long)l->o.prefetch, batch, numbers);
}

static gradc_status set_up(gradc_loader *l, struct failure *f)
{
    gradc_status status = read_resize(l, f);
    if (!status)
        status = read_augment(l, f);
    if (!status)
        status = set_size(l, f);
    if (!status)
        status = set_table(l, f);
    if (!status)
        status = set_batches(l, f);
    return status ? status : make_slots(l, f);
}

gradc_loader *gradc_loader_new(gradc_dataset *d, const char *options)
{
    if (!d) {
        fail_thread(GRADC_E_ARG, "loader_new: the data set is NULL");
        return NULL;
    }
    struct failure f;
    failure_clear(&f);
    struct settings o;
    gradc_loader *l = NULL;
    gradc_status status = read_settings(&o, options, &f);
    if (!status && !(l = host_zalloc(1, sizeof *l)))
        status = fail(&f, GRADC_E_MEMORY, "no memory for a loader");
    if (l) {
        dataset_hold(d);
        l->d = d;
        l->o = o;
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->filled, NULL);
        pthread_cond_init(&l->freed, NULL);
        status = set_up(l, &f);
    }
    if (!status)
        return l;
    fail_thread(status, "loader_new: %s", f.text);
    gradc_loader_free(l);
    return NULL;
}
