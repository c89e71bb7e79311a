/* argmax_loops.h - the search for the first best element in one element type.  Included by argmax_isa.c with
 *   BETTER(x, y)  x is better than y: larger, or smaller; neither is NaN
 *   ELEMENT       the type
 *   VALUE, LOAD   what an element is compared as, and the way there; left out where it is the element itself
 *   INDEX         a signed integer, as wide where there is one of at least 32 bits
 *   NAME(name)    name with the type's suffix
 * and all are undefined again here but BETTER. */

#ifdef VALUE
#define WIDENS
#else
#define VALUE ELEMENT
#define LOAD(x) (x)
#endif

/* Whether x comes before best: better, or NaN where best is not. */
static inline int NAME(better)(VALUE x, VALUE best)
{
    return BETTER(x, best) | (IS_NAN(x) & !IS_NAN(best));
}

/* Of w outputs, `step` apart, the positions among elements start .. end-1, `stride` apart; fewer than
 * 2^31. */
static inline void NAME(lanes)(const ELEMENT *x, int64_t start, int64_t end, int64_t stride, int64_t step,
                               int w, int64_t *z)
{
    VALUE best[LANES];
    INDEX at[LANES];

    for (int k = 0; k < w; k++) {
        best[k] = LOAD(x[start * stride + k * step]);
        at[k] = 0;
    }
    for (INDEX i = 1; i < end - start; i++)
        for (int k = 0; k < w; k++) {
            VALUE value = LOAD(x[(start + i) * stride + k * step]);
            int better = NAME(better)(value, best[k]);

            best[k] = better ? value : best[k];
            at[k] = better ? i : at[k];
        }
    for (int k = 0; k < w; k++)
        z[k] = start + at[k];
}

/* The position of the best of the reduced elements start .. end-1, the first of equals.  A long stretch goes block by
 * block: the vector loop finds a block's best, and only a block with a better one is searched. */
static int64_t NAME(search)(const ELEMENT *x, const struct reduction *r, int64_t start, int64_t end,
                            reduce_loop *fold)
{
    int64_t at = start;
    VALUE best = LOAD(x[reduction_element(r, start)]);

    for (int64_t first = start; first < end; first += BLOCK) {
        int64_t last = end - first < BLOCK ? end : first + BLOCK;
        VALUE most;

#ifdef WIDENS
        VALUE wide[BLOCK];
        const int neighbours = r->nreduced == 1 && r->stride[0] == 1;
        const struct reduction flat = {
            .nkept = 1, .nreduced = 1, .kept_size = {1}, .size = {BLOCK}, .stride = {1}, .outputs = 1, .count = BLOCK};

        for (int64_t i = first; neighbours && i < last; i++)
            wide[i - first] = LOAD(x[i]);
        for (int64_t i = first; !neighbours && i < last; i++)
            wide[i - first] = LOAD(x[reduction_element(r, i)]);
        fold(wide, &flat, 0, last - first, 1, &(struct reduce_map){0}, &most);
#define VALUE_AT(i) wide[(i)-first]
#else
        fold(x, r, first, last, 1, &(struct reduce_map){0}, &most);
#define VALUE_AT(i) x[r->nreduced == 1 ? (i)*r->stride[0] : reduction_element(r, i)]
#endif
        for (int64_t i = first; i < last && NAME(better)(most, best); i++) {
            VALUE value = VALUE_AT(i);

            if (value == most || (IS_NAN(value) && IS_NAN(most))) {
                best = most;
                at = i;
            }
        }
    }
    return at;
}

static void NAME(task)(void *arg, int64_t task, int thread)
{
    const struct argmax_job *job = arg;
    const struct reduction *r = &job->r;
    int64_t segment = task % job->segments, start = segment * job->segment;
    int64_t end = start + job->segment < r->count ? start + job->segment : r->count;
    int64_t o = task / job->segments * job->per_task, left = r->outputs - o;
    int64_t last = r->kept_size[r->nkept - 1], step = r->kept_stride[r->nkept - 1];
    int neighbours = step == 1 && r->stride[0] != 1, few = end - start <= SHORT;
    int side_by_side = r->nreduced == 1 && end - start < INT32_MAX && (neighbours || few);
    int64_t stop = o + (left < job->per_task ? left : job->per_task);

    (void)thread;
    while (o < stop) {
        const ELEMENT *x = (const ELEMENT *)job->x + reduction_kept(r, o);
        int64_t *z = job->z + segment * r->outputs + o;
        int64_t row = last - o % last, w = row < stop - o ? row : stop - o; /* outputs up to the axis' end */

        if (!side_by_side) {
            *z = NAME(search)(x, r, start, end, job->best);
            o++;
            continue;
        }
        w = w < LANES ? w : LANES;
        if (w == LANES && step == 1)
            NAME(lanes)(x, start, end, r->stride[0], 1, LANES, z);
        else
            NAME(lanes)(x, start, end, r->stride[0], step, (int)w, z);
        o += w;
    }
}

static void NAME(merge)(const struct argmax_job *job, int64_t *z)
{
    const struct reduction *r = &job->r;

    for (int64_t o = 0; o < r->outputs; o++) {
        const ELEMENT *x = (const ELEMENT *)job->x + reduction_kept(r, o);

        z[o] = job->z[o];
        for (int64_t s = 1; s < job->segments; s++) {
            int64_t at = job->z[s * r->outputs + o];

            if (NAME(better)(LOAD(x[reduction_element(r, at)]), LOAD(x[reduction_element(r, z[o])])))
                z[o] = at;
        }
    }
}

#undef ELEMENT
#undef VALUE
#undef LOAD
#undef WIDENS
#undef VALUE_AT
#undef INDEX
#undef NAME
