/* support.h - what the test programs share: devices, suites, random numbers, comparisons, the gradient check.
 *
 * Environment: GRADC_TEST_DEVICES (names, separated by spaces; by default all that the machine has),
 * GRADC_TEST_SEED, GRADC_TEST_LONG (the long forms). */
#ifndef GRADC_TEST_SUPPORT_H
#define GRADC_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gradc.h"

/* ---- Devices ---- */

enum { TEST_DEVICES = 8, DEVICE_TEXT = 64 };

int test_device_count(void);
const char *test_device(int i); /* for gradc_open: "cpu", "opencl:0" */

/* A context, or the test fails with the reason. */
gradc_context *test_open(const char *device);

/* OpenCL on the CPU takes a quarter of a second to compile a chain: unless this is the long form, chains are left to
 * test/plan.c, epilogue.c, prologue.c and some of the random programs there. */
gradc_status test_without_chains(gradc_context *g, const char *device);

/* Whether its device computes in f64, as some GPUs do not; and f64, or f32 on these. */
int test_has_f64(gradc_context *g);
gradc_dtype test_widest(gradc_context *g);

/* Whether the long forms were asked for (GRADC_TEST_LONG); and all of what Oclgrind and the vendors' compilers see a
 * sample of (GRADC_TEST_ALL). */
int test_long(void);
int test_all(void);

/* Whether GRADC_TEST_DTYPES, names with spaces between, is not set or has it. */
int test_takes(gradc_dtype dtype);

/* ---- Suites: each test on every device, planned and eager ---- */

struct fixture {
    gradc_context *g; /* fresh for each test; closed behind it unless the test made it NULL */
    const char *device;
    int eager;
};

struct test {
    const char *name;
    void (*run)(struct fixture *f);
};

/* The CPU first, then each OpenCL device; returns main's status. */
int run_suite(const char *name, const struct test *tests, int n);
#define RUN_SUITE(name, tests) run_suite(name, tests, (int)(sizeof(tests) / sizeof *(tests)))

/* ---- Failures ---- */

/* The context is, or is not, failed so, and its message holds `text` (NULL: any); failed: recovered from it. */
void assert_works(gradc_context *g);
void assert_failed(gradc_context *g, gradc_status status, const char *text);
/* The same for this thread's error. */
void assert_failed_here(gradc_status status, const char *text);

/* ---- Random numbers ---- */

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *r);
int64_t random_below(struct random *r, int64_t limit); /* 0 .. limit-1 */
double random_real(struct random *r, double low, double high);

/* GRADC_TEST_SEED, or 1; printed when it is first asked for. */
uint64_t test_seed(void);

/* ---- Tensors ---- */

/* Up to 8 dimensions, ended by -1: {3, 4, -1}. */
gradc_tensor *tensor_f32(gradc_context *g, const int64_t *shape, const float *values);
gradc_tensor *tensor_i64(gradc_context *g, const int64_t *shape, const int64_t *values);
gradc_tensor *tensor_random(gradc_context *g, gradc_dtype dtype, const int64_t *shape, double low,
                            double high, struct random *r);
#define SHAPE_OF(...) ((const int64_t[]){__VA_ARGS__, -1})

/* A vector of f32 that wants a gradient. */
gradc_tensor *leaf_f32(gradc_context *g, int n, const float *values);

void assert_f32(gradc_tensor *t, int n, const float *values); /* exactly */
void assert_f32_near(gradc_tensor *t, int n, const float *values, double tolerance);
void assert_gone(gradc_tensor *t);    /* reading says so; nothing sticks */
void assert_cleared(gradc_tensor *t); /* reading says so, and no fact is known; recovered */

#endif
