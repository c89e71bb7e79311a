/* argmax_loops.h - the search for the first maximum in one element type.  Included by argmax.c with
 *   ELEMENT       the type
 *   NAME(name)    name with the type's suffix
 * and both are undefined again here. */

/* Whether x comes before best: larger, or NaN where best is not. */
static inline int NAME(better)(ELEMENT x, ELEMENT best)
{
    return (x > best) | (IS_NAN(x) & !IS_NAN(best));
}

/* The position of the first maximum of the reduced elements start .. end-1; *best is that maximum.  A long
 * stretch goes block by block: the vector loop finds a block's maximum, and only a block with a better one is
 * searched. */
static int64_t NAME(search)(const ELEMENT *x, const struct reduction *r, int64_t start, int64_t end,
                            reduce_loop *max, ELEMENT *best)
{
    int64_t at = start;

    *best = x[reduction_element(r, start)];
    for (int64_t first = start; first < end; first += ARGMAX_BLOCK) {
        int64_t last = end - first < ARGMAX_BLOCK ? end : first + ARGMAX_BLOCK;
        ELEMENT most;

        if (last - first > ARGMAX_SHORT) {
            max(x, r, first, last, 1, &most);
            if (!NAME(better)(most, *best))
                continue;
        }
        for (int64_t i = first; i < last; i++) {
            ELEMENT value = r->nreduced == 1 ? x[i * r->stride[0]] : x[reduction_element(r, i)];

            if (NAME(better)(value, *best)) {
                *best = value;
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
    int64_t first = task / job->segments * job->per_task;
    ELEMENT best;

    (void)thread;
    for (int64_t o = first; o < first + job->per_task && o < r->outputs; o++)
        job->z[segment * r->outputs + o] =
            NAME(search)((const ELEMENT *)job->x + reduction_kept(r, o), r, start, end, job->max, &best);
}

/* z[o] = the best of the segments' positions. */
static void NAME(segments)(const struct argmax_job *job, int64_t *z)
{
    const struct reduction *r = &job->r;

    for (int64_t o = 0; o < r->outputs; o++) {
        const ELEMENT *x = (const ELEMENT *)job->x + reduction_kept(r, o);

        z[o] = job->z[o];
        for (int64_t s = 1; s < job->segments; s++) {
            int64_t at = job->z[s * r->outputs + o];

            if (NAME(better)(x[reduction_element(r, at)], x[reduction_element(r, z[o])]))
                z[o] = at;
        }
    }
}

#undef ELEMENT
#undef NAME
