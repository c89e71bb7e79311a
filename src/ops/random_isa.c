/* random_isa.c - the CPU loops of random numbers.  Compiled once per instruction set; all give the same bits, which
 * are those of opencl/random.cl. */
#include "device/cpu/isa.h"
#include "ops/math.h"
#include "ops/random.h"

typedef uint32_t philox_word;
typedef uint64_t philox_long;
#define PHILOX_HIGH(a, b) (uint32_t)((uint64_t)(a) * (b) >> 32)
#define PHILOX_BITS(x) bits_of_f32(x)
#define PHILOX_FLOAT(x) (float)(x)
#define PHILOX_SQRT(x) sqrtf(x)
#define LOG_F32(x) m_log(x)
#include "../opencl/philox.cl"

enum { BLOCK = 256 };

/* The words of BLOCK counters, by their place in four. */
struct words {
    uint32_t a[BLOCK], b[BLOCK], c[BLOCK], d[BLOCK];
};

static void draw(struct words *w, uint64_t seed, uint64_t counter)
{
    for (int i = 0; i < BLOCK; i++) {
        struct philox p = philox(counter + (uint64_t)i, seed);
        w->a[i] = p.a;
        w->b[i] = p.b;
        w->c[i] = p.c;
        w->d[i] = p.d;
    }
}

static void make_uniform(const struct words *w, const double *numbers, float *z)
{
    const float low = (float)numbers[0], scale = (float)numbers[1];
    for (int i = 0; i < BLOCK; i++) {
        z[4 * i] = low + scale * philox_uniform(w->a[i]);
        z[4 * i + 1] = low + scale * philox_uniform(w->b[i]);
        z[4 * i + 2] = low + scale * philox_uniform(w->c[i]);
        z[4 * i + 3] = low + scale * philox_uniform(w->d[i]);
    }
}

/* first and second of each four: one pair of words, one angle. */
static void make_pairs(const uint32_t *radius, const uint32_t *angle, float deviation, float *z)
{
    float x[BLOCK], y[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        float r = philox_radius(radius[i]), u = philox_uniform(angle[i]);
        x[i] = deviation * (r * philox_cos(u));
        y[i] = deviation * (r * philox_sin(u));
    }
    for (int i = 0; i < BLOCK; i++) {
        z[4 * i] = x[i];
        z[4 * i + 1] = y[i];
    }
}

static void make_normal(const struct words *w, const double *numbers, float *z)
{
    const float deviation = (float)numbers[0];
    make_pairs(w->a, w->b, deviation, z);
    make_pairs(w->c, w->d, deviation, z + 2);
}

#define MAKE_MASK(T)                                                              \
    static void make_mask_##T(const struct words *w, const double *numbers, T *z) \
    {                                                                             \
        const uint32_t least = (uint32_t)numbers[0];                              \
        const T scale = (T)numbers[1];                                            \
        for (int i = 0; i < BLOCK; i++) {                                         \
            z[4 * i] = w->a[i] < least ? 0 : scale;                               \
            z[4 * i + 1] = w->b[i] < least ? 0 : scale;                           \
            z[4 * i + 2] = w->c[i] < least ? 0 : scale;                           \
            z[4 * i + 3] = w->d[i] < least ? 0 : scale;                           \
        }                                                                         \
    }
MAKE_MASK(float)
MAKE_MASK(double)

/* By blocks; the last one, if it is not full, by way of a full one. */
#define RANDOM_LOOP(name, T, make)                                                                    \
    static void name(int64_t n, uint64_t seed, uint64_t counter, const double *numbers, void *result) \
    {                                                                                                 \
        struct words w;                                                                               \
        T last[4 * BLOCK], *z = result;                                                               \
        for (int64_t i = 0; i < n; i += 4 * BLOCK, counter += BLOCK) {                                \
            draw(&w, seed, counter);                                                                  \
            make(&w, numbers, n - i < 4 * BLOCK ? last : z + i);                                      \
            if (n - i < 4 * BLOCK)                                                                    \
                memcpy(z + i, last, (size_t)(n - i) * sizeof *z);                                     \
        }                                                                                             \
    }
RANDOM_LOOP(uniform, float, make_uniform)
RANDOM_LOOP(normal, float, make_normal)
RANDOM_LOOP(mask_f32, float, make_mask_float)
RANDOM_LOOP(mask_f64, double, make_mask_double)

const struct random_loops ISA_NAME(random_loops) = {uniform, normal, mask_f32, mask_f64};
