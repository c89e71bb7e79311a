/* first_use.c - tiles that are looked for when a product or a convolution of a class is first prepared.
 *
 * The form, the splits and their chunks stay as they are, so that no bit of a result can differ (which is tried before
 * a tile wins); so what is found is kept beside the entries of gradc_tune and is not in their digest.  A class that has
 * an entry is left alone. */
#include <math.h>
#include <stdio.h>

#include "device/opencl/calls.h"
#include "device/opencl/conv_product.h"
#include "device/opencl/gemm_product.h"
#include "device/opencl/trial.h"

/* Tiles that are tried besides the default; a processor takes seconds to build each. */
enum { FEW = 4, CPU_FEW = 1, LEAST_DEPTH = 256 };

/* Seconds of runs: of a class, and of a context.  Building comes on top. */
static const double most_seconds = 50e-3, most_in_all = 3;

/* Below, a launch takes longer than what it computes.  Above so many for each unit (one of a card makes them in 0.5 to
 * 5 ms), a part of the problem is tried. */
static const double least_flop = 4e7, flop_of_a_unit = 2e8;

static double most_flop(const struct device *d)
{
    return flop_of_a_unit * (double)(d->info.units > 0 ? d->info.units : 1);
}

static int is_wanted(const struct device *d, int flags)
{
    const struct tuning *t = opencl_tuning(d);
    return d->first_use && flags & FORM_TILED && !t->forced && t->spent < most_in_all;
}

static int32_t number_of(const struct tile *tile)
{
    return (int32_t)(tile - opencl_tiles);
}

/* The tile alone: splits 0. */
static struct candidate candidate_of(const struct trial *t, int tile)
{
    return t->op == TUNED_GEMM ? candidate_gemm(&gemm_tiled, tile, 0) : candidate_conv(&conv_direct, tile, 0);
}

/* Puts the fastest of the default tile and the few that promise most into the store. */
static void search(struct trial *t, const struct tuned_class *of, gradc_dtype dtype, const int64_t size[4])
{
    struct device *d = t->device;
    struct tuning *store = opencl_tuning(d);
    const struct tiling own = opencl_tiling_for(d, NULL, dtype, size[0], size[1], size[2], size[3]);
    struct candidate c[FEW + 1];
    int tiles[FEW], best = 0;
    const int n = 1 + opencl_tiles_for(d, dtype, size, &own, tiles, is_cpu(d) ? CPU_FEW : FEW);
    c[0] = candidate_of(t, number_of(own.tile));
    for (int i = 1; i < n; i++)
        c[i] = candidate_of(t, tiles[i - 1]);
    store->trials++;
    t->limit = most_seconds;
    trial_build(t, c, n);
    struct tuned e = {.of = *of};
    e.before = e.after = trial_seconds(t, &c[0], INFINITY);
    for (int i = 1; i < n && t->spent < t->limit && e.before < INFINITY; i++) {
        const double seconds = trial_seconds(t, &c[i], e.after);
        if (trial_wins(&e, seconds) && trial_same_bits(t, &c[0], &c[i])) {
            e.after = seconds;
            best = i;
        }
    }
    e.choice = c[best].choice;
    store->spent += t->spent;
    if (!d->failed && e.before < INFINITY && tuned_put(&store->tiles, &e) == 0)
        store->unsaved = 1;
}

/* Fewer depths take as much less time, and are the same tiles of the result. */
static struct gemm part_of_gemm(const struct device *d, const struct gemm *p, double flop)
{
    struct gemm part = *p;
    while (flop > most_flop(d) && part.k >= 2 * LEAST_DEPTH) {
        part.k = part.k / 8 * 4 + part.k % 4;
        flop /= 2;
    }
    return part;
}

void opencl_first_use_of_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form)
{
    struct failure ignored = {0};
    struct trial t;
    const struct gemm_product whole = gemm_product_of(p);
    const double flop = 2 * (double)whole.m * (double)p->n * (double)p->k * (double)whole.count;
    if (!is_wanted(d, form->flags) || flop < least_flop)
        return;
    const struct tuned_class of = tuned_class_of_gemm(d, p);
    const struct gemm part = part_of_gemm(d, p, flop);
    if (tuning_tile(d, &of) || trial_like_gemm(d, &part, form, &t, &ignored))
        return;
    search(&t, &of, p->dtype, (const int64_t[]){whole.m, part.n, part.k, whole.count});
    trial_free(&t);
}

static struct conv part_of_conv(const struct device *d, const struct conv *p, double flop)
{
    struct conv part = *p;
    while (flop > most_flop(d) && part.batch > 1) {
        part.batch = (part.batch + 1) / 2;
        flop /= 2;
    }
    return part;
}

void opencl_first_use_of_conv(struct device *d, const struct conv *p, const struct conv_form *form)
{
    struct failure ignored = {0};
    struct trial t;
    const struct conv_product whole = conv_product_of(p);
    const double flop = 2 * (double)whole.total * (double)whole.depth;
    if (!is_wanted(d, form->flags) || flop < least_flop)
        return;
    const struct tuned_class of = tuned_class_of_conv(d, p);
    const struct conv part = part_of_conv(d, p, flop);
    if (tuning_tile(d, &of) || trial_like_conv(d, &part, form, &t, &ignored))
        return;
    const struct conv_product q = conv_product_of(&part);
    search(&t, &of, p->dtype, (const int64_t[]){q.m, q.n, q.depth, p->groups});
    trial_free(&t);
}
