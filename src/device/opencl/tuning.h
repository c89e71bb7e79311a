/* tuning.h - what a device was tuned to: for classes of products and convolutions, the form, its tile and its splits.
 * A text file beside the compiled programs; one of another device or driver, or a damaged one, is not taken.  Where
 * there is none the library may have brought one: opencl/tuned/README.md.
 *
 * A context has its own copy, read when it is opened, so that no other one changes what it does.  Private to
 * device/opencl. */
#ifndef GRADC_OPENCL_TUNING_H
#define GRADC_OPENCL_TUNING_H

#include "device/opencl/engines.h"

enum { FORM_NAME = 16 };

/* The convolutions in the order of enum conv_kind. */
enum tuned_op { TUNED_GEMM, TUNED_FORWARD, TUNED_INPUT, TUNED_WEIGHT, TUNED_OPS };

static inline enum tuned_op tuned_op_of(enum conv_kind kind)
{
    return (enum tuned_op)(TUNED_FORWARD + (int)kind);
}

/* A class of problems.  Sizes are counted by log2, rounded down: 5 is 32..63. */
struct tuned_class {
    enum tuned_op op;
    gradc_dtype dtype;
    enum math math;
    int32_t kind;    /* gemm: KIND_*; conv: FILTER_* */
    int32_t m, n, k; /* of the product that it is: rows, columns, depth */
};

enum { KIND_A_DEEP = 1, KIND_B_DEEP = 2, KIND_BATCH = 4, KINDS = 8 };
enum { FILTER_POINTWISE, FILTER_3X3, FILTER_OTHER, FILTER_STRIDED, FILTER_GROUPS = 4, FILTERS = 8 };

struct choice {
    char form[FORM_NAME];
    int32_t tile, splits; /* of a form that is FORM_TILED; tile -1: its own choice; splits 0: as without a choice */
};

struct tuned {
    struct tuned_class of;
    struct choice choice;
    double before, after; /* seconds of the default and of the choice, for people */
};

/* What a form was found to be (trial.h). */
struct verdict {
    enum tuned_op op;
    gradc_dtype dtype;
    enum math math;
    char form[FORM_NAME];
    int32_t right;
};

/* What opencl_tiling_for found for a shape: to look for it takes longer than a launch. */
struct tiled {
    gradc_dtype dtype;
    int64_t m, n, depth, count; /* count 0: nothing here */
    struct tiling tiling;
};

enum { TILED = 256 };

/* Sorted by class. */
struct tuned_list {
    struct tuned *at;
    int64_t n, capacity;
};

struct tuning {
    struct tuned_list entries;
    struct tuned_list tiles; /* found on first use (first_use.c): where there is no entry, splits 0: no other bits */
    double spent;            /* seconds, in looking for these */
    int64_t trials;          /* classes that were looked at */
    int unsaved;             /* some are not in the file yet */
    struct verdict *verdicts;
    int64_t nverdicts, verdicts_capacity;
    const struct choice *forced; /* while a candidate is tried: taken in place of any other; NULL: none */
    uint64_t digest;             /* of the entries; 0: there are none */
    int32_t clblast;             /* what CLBlast has built for this context: bits of gemm_clblast.c */
    char path[1100];             /* "": nothing is kept */
    struct tiled tiled[TILED];   /* by a hash of the shape */
};

/* The tuning of an OpenCL device. */
struct tuning *opencl_tuning(const struct device *d);

struct tuned_class tuned_class_of_gemm(const struct device *d, const struct gemm *p);
struct tuned_class tuned_class_of_conv(const struct device *d, const struct conv *p);

/* What it was tuned to, or NULL.  tuning_tile: also what was found on first use, for those who ask for a tile. */
const struct choice *tuning_find(const struct device *d, const struct tuned_class *of);
const struct choice *tuning_of_gemm(const struct device *d, const struct gemm *p);
const struct choice *tuning_of_conv(const struct device *d, const struct conv *p);
const struct choice *tuning_tile(const struct device *d, const struct tuned_class *of);
const struct choice *tuning_tile_of_gemm(const struct device *d, const struct gemm *p);
const struct choice *tuning_tile_of_conv(const struct device *d, const struct conv *p);

/* Takes an entry up, in place of one of its class.  0, or -1 without memory. */
int tuning_put(const struct device *d, const struct tuned *entry);

/* NULL: not known yet. */
const struct verdict *tuning_verdict(const struct device *d, enum tuned_op op, gradc_dtype dtype,
                                     const char *form);
int tuning_judge(const struct device *d, enum tuned_op op, gradc_dtype dtype, const char *form, int right);

/* Opening and closing a device: reads what is kept in `folder` ("": nowhere), or else takes what `shipped` (as
 * shipped_stores, sources.h) has for it.  What is no store of this device counts as none; only a lack of memory is a
 * failure. */
struct source;
gradc_status tuning_open(struct device *d, const char *folder, const struct source *shipped, struct failure *f);
void tuning_close(struct device *d);

/* Whether a text may be shipped: NULL, or why not, for as long as it lives.  The device need not be this one. */
gradc_status tuning_check_shipped(const struct source *store, struct failure *f);

/* Writes it where it is kept; what goes wrong is only logged. */
void tuning_keep(const struct device *d);

/* To a file and from one.  A file of another device, driver or version, or a damaged one, is GRADC_E_ARG and changes
 * nothing. */
gradc_status tuning_export(const struct device *d, const char *path, struct failure *f);
gradc_status tuning_import(struct device *d, const char *path, struct failure *f);

/* ---- Between tuning.c and tuning_file.c ---- */

extern const char *const tuned_op_names[TUNED_OPS];

/* An entry's class and choice, as they stand in the file and in the digest. */
int tuned_describe(const struct tuned *e, char *text, size_t size);

/* Goes on from `before`; 0: begins. */
uint64_t tuning_hash(uint64_t before, const char *text, size_t bytes);

int tuned_put(struct tuned_list *l, const struct tuned *entry);
int tuning_take_verdict(struct tuning *t, const struct verdict *v);
void tuning_renew_digest(struct tuning *t);
void tuning_clear(struct tuning *t);

#endif
