/* tuning.c - what an OpenCL device is tuned to: the store and its files, the digest that checkpoints have of it, forms
 * that are wrong, and the forms that this device would not choose. */
#include "base/host.h"
#include "base/os.h"
#include "core/context.h"
#include "io/tuning.h"
#include "support/files.h"
#include "support/stores.h"
#include "support/values.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/sources.h"
#include "device/opencl/trial.h"

/* ---- The store ---- */

static const struct tuned entry = {
    .of = {TUNED_WEIGHT, GRADC_F32, MATH_STRICT, FILTER_3X3, 6, 9, 14},
    .choice = {"direct", -1, 1},
    .before = 2e-3,
    .after = 1e-3,
};

static gradc_context *another(struct fixture *f)
{
    gradc_context *g = gradc_open(f->device);
    assert_non_null(g);
    store_move(g);
    return g;
}

static void round_trip(struct fixture *f)
{
    char before[TUNING_TEXT], with[TUNING_TEXT], again[TUNING_TEXT];
    if (!store_begin(f->g))
        return;
    struct device *d = f->g->device;
    assert_null(tuning_find(d, &entry.of));
    tuning_digest(f->g, before);
    assert_int_equal(tuning_put(d, &entry), 0);
    tuning_digest(f->g, with);
    assert_string_not_equal(before, with);
    assert_string_equal(tuning_find(d, &entry.of)->form, "direct");
    assert_int_equal(tuning_judge(d, TUNED_GEMM, GRADC_F32, "matrix", 1), 0);
    assert_int_equal(gradc_tune_save(f->g, files_path("tuning")), GRADC_OK);

    gradc_context *other = another(f);
    tuning_digest(other, again);
    assert_string_equal(again, before);
    assert_int_equal(gradc_tune_load(other, files_path("tuning")), GRADC_OK);
    tuning_digest(other, again);
    assert_string_equal(again, with);
    const struct choice *choice = tuning_find(other->device, &entry.of);
    assert_non_null(choice);
    assert_string_equal(choice->form, "direct");
    assert_int_equal(choice->tile, -1);
    assert_true(tuning_verdict(other->device, TUNED_GEMM, GRADC_F32, "matrix")->right);
    struct tuned_class next = entry.of;
    next.k++;
    assert_null(tuning_find(other->device, &next));
    gradc_close(other);

    other = another(f); /* kept by the import */
    assert_non_null(tuning_find(other->device, &entry.of));
    gradc_close(other);
}

static void assert_not_taken(struct fixture *f, const char *path, const char *why)
{
    char before[TUNING_TEXT], after[TUNING_TEXT];
    tuning_digest(f->g, before);
    assert_int_equal(gradc_tune_load(f->g, path), GRADC_E_ARG);
    if (!strstr(gradc_message(f->g), why))
        fail_msg("\"%s\" does not say \"%s\"", gradc_message(f->g), why);
    gradc_recover(f->g);
    tuning_digest(f->g, after);
    assert_string_equal(before, after);
}

/* One byte after the other is another one, and the file is cut short. */
static void damaged(struct fixture *f)
{
    char *text;
    size_t bytes;
    if (!store_begin(f->g))
        return;
    assert_int_equal(tuning_put(f->g->device, &entry), 0);
    assert_int_equal(gradc_tune_save(f->g, files_path("damaged")), GRADC_OK);
    assert_int_equal(os_file_read(files_path("damaged"), &text, &bytes), 0);
    for (size_t i = 0; i < bytes; i += test_long() ? 1 : 7) {
        text[i] ^= 4;
        assert_int_equal(os_file_replace(files_path("damaged"), text, bytes), 0);
        assert_not_taken(f, files_path("damaged"), "tune_load: ");
        text[i] ^= 4;
        assert_int_equal(os_file_replace(files_path("damaged"), text, i), 0);
        assert_not_taken(f, files_path("damaged"), "damaged");
    }
    host_free(text);
    assert_int_equal(gradc_tune_load(f->g, "/no/such/file"), GRADC_E_IO);
    gradc_recover(f->g);
}

/* The same file with another driver's name, and its sum right. */
static void of_another_device(struct fixture *f)
{
    if (!store_begin(f->g))
        return;
    struct device *d = f->g->device;
    char driver[sizeof d->info.driver];
    memcpy(driver, d->info.driver, sizeof driver);
    snprintf(d->info.driver, sizeof d->info.driver, "of yesterday");
    assert_int_equal(tuning_put(d, &entry), 0);
    assert_int_equal(gradc_tune_save(f->g, files_path("other")), GRADC_OK);
    memcpy(d->info.driver, driver, sizeof driver);
    assert_not_taken(f, files_path("other"), "another device or driver");
}

/* ---- Shipped stores ---- */

enum { STORE_LINES = 16, STORE_LINE = 512 };

/* A store as the library would bring it. */
struct shipped {
    char text[STORE_LINES][STORE_LINE];
    const char *lines[STORE_LINES];
    struct source list[2];
};

/* What the context has, as if another version of the library had written it, on a device whose driver is called
 * `driver` (NULL: as this one's), and with one line more. */
static void ship(struct fixture *f, struct shipped *s, const char *driver, const char *more)
{
    char *text, own[sizeof f->g->device->info.driver];
    size_t bytes;
    int n = 0;
    memcpy(own, f->g->device->info.driver, sizeof own);
    if (driver)
        snprintf(f->g->device->info.driver, sizeof own, "%s", driver);
    assert_int_equal(gradc_tune_save(f->g, files_path("shipped")), GRADC_OK);
    memcpy(f->g->device->info.driver, own, sizeof own);
    assert_int_equal(os_file_read(files_path("shipped"), &text, &bytes), 0);
    uint64_t sum = 0;
    for (char *line = strtok(text, "\n"); strncmp(line, "sum ", 4) != 0; line = strtok(NULL, "\n"), n++) {
        snprintf(s->text[n], STORE_LINE, "%s\n", n == 2 ? "version 0.0.9" : line);
        sum = tuning_hash(sum, s->text[n], strlen(s->text[n]));
    }
    snprintf(s->text[n++], STORE_LINE, "%s", more);
    sum = tuning_hash(sum, more, strlen(more));
    snprintf(s->text[n++], STORE_LINE, "sum %016llx\n", (unsigned long long)sum);
    for (int i = 0; i < n; i++)
        s->lines[i] = s->text[i];
    s->lines[n] = NULL;
    s->list[0] = (struct source){"one", s->lines};
    s->list[1] = (struct source){NULL, NULL};
    host_free(text);
}

static const struct choice *reopened(struct fixture *f, const struct source *shipped)
{
    tuning_close(f->g->device);
    assert_int_equal(tuning_open(f->g->device, files_path("cache"), shipped, NULL), GRADC_OK);
    return tuning_find(f->g->device, &entry.of);
}

/* Taken where nothing is kept, of another version too, without its verdicts; what is kept wins. */
static void a_shipped_store(struct fixture *f)
{
    char without[TUNING_TEXT], with[TUNING_TEXT], again[TUNING_TEXT];
    struct shipped s;
    struct tuned other = entry;
    if (!store_begin(f->g))
        return;
    struct device *d = f->g->device;
    tuning_digest(f->g, without);
    assert_int_equal(tuning_put(d, &entry), 0);
    tuning_digest(f->g, with);
    assert_int_equal(tuning_judge(d, TUNED_GEMM, GRADC_F32, "matrix", 1), 0);
    ship(f, &s, NULL, "");
    assert_int_equal(tuning_check_shipped(s.list, NULL), GRADC_OK);
    assert_null(reopened(f, NULL));
    assert_non_null(reopened(f, s.list));
    assert_null(tuning_verdict(d, TUNED_GEMM, GRADC_F32, "matrix"));
    tuning_digest(f->g, again);
    assert_string_equal(again, with);

    other.of.k++; /* what is kept is kept with it, and then stands alone */
    assert_int_equal(tuning_put(d, &other), 0);
    tuning_keep(d);
    assert_non_null(reopened(f, NULL));
    assert_non_null(tuning_find(d, &other.of));
    tuning_close(d);
    tuning_keep(d);
    assert_null(reopened(f, s.list));
    tuning_digest(f->g, again);
    assert_string_equal(again, without);
}

/* Of another driver it is taken where there is no better one, of another device never. */
static void a_store_shipped_for_another(struct fixture *f)
{
    static struct shipped s, exact;
    struct tuned better = entry;
    if (!store_begin(f->g))
        return;
    struct device *d = f->g->device;
    assert_int_equal(tuning_put(d, &entry), 0);
    ship(f, &s, "of yesterday", "");
    assert_non_null(reopened(f, s.list));
    better.choice.splits = 2;
    assert_int_equal(tuning_put(d, &better), 0);
    ship(f, &exact, NULL, "");
    assert_int_equal(reopened(f, s.list)->splits, 1);
    const struct source both[] = {s.list[0], exact.list[0], {NULL, NULL}};
    assert_int_equal(reopened(f, both)->splits, 2);
    char name[sizeof d->info.name];
    memcpy(name, d->info.name, sizeof name);
    snprintf(d->info.name, sizeof name, "another");
    const struct choice *none = reopened(f, both);
    memcpy(d->info.name, name, sizeof name);
    assert_null(none);
}

/* A damaged one is not taken; of a line that means nothing the rest is. */
static void a_bad_shipped_store(struct fixture *f)
{
    struct failure failure = {0};
    struct shipped s;
    if (!store_begin(f->g))
        return;
    assert_int_equal(tuning_put(f->g->device, &entry), 0);
    ship(f, &s, NULL, "tuned gemm f32 fast 1 2 3 4 witchcraft -1 1 2 1\n");
    assert_int_equal(tuning_check_shipped(s.list, &failure), GRADC_E_ARG);
    assert_non_null(strstr(failure.text, "witchcraft"));
    assert_non_null(reopened(f, s.list));
    assert_int_equal(opencl_tuning(f->g->device)->entries.n, 1);
    s.text[3][12] ^= 4;
    assert_null(reopened(f, s.list));
    s.lines[1] = NULL;
    assert_null(reopened(f, s.list));
    for (const struct source *own = shipped_stores; own->name; own++)
        if (tuning_check_shipped(own, &failure))
            fail_msg("opencl/tuned/%s.txt: %s", own->name, failure.text);
}

/* ---- The search ---- */

static int stop(void *payload, const char *line, double before, double after)
{
    struct fixture *f = payload;
    assert_non_null(strstr(line, "GFLOP/s"));
    assert_true(before >= after && after > 0);
    assert_null(gradc_new(f->g, GRADC_F32, 0, NULL));
    assert_int_equal(gradc_check(NULL), GRADC_E_BUSY);
    return 1;
}

static void search(struct fixture *f)
{
    if (!store_begin(f->g)) {
        assert_int_equal(gradc_tune(f->g, 1, NULL, NULL), GRADC_E_UNSUPPORTED);
        gradc_recover(f->g);
        assert_int_equal(gradc_tune_save(f->g, "x"), GRADC_E_UNSUPPORTED);
        gradc_recover(f->g);
        return;
    }
    assert_int_equal(gradc_tune(f->g, -1, NULL, NULL), GRADC_E_ARG);
    gradc_recover(f->g);
    assert_int_equal(gradc_tune(f->g, 0, stop, f), GRADC_OK);
    if (test_long())
        assert_int_equal(gradc_tune(f->g, 5, stop, f), GRADC_OK);
}

/* ---- Trust ---- */

static int applies(const struct device *d, const struct gemm *p)
{
    (void)d;
    (void)p;
    return 1;
}

static int runs;

/* All but the last element. */
static gradc_status forgetful(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                              struct failure *f)
{
    const size_t bytes = (size_t)(p->m * p->n) * gradc_dtype_size(p->dtype);
    struct place last = p->c.at;
    gradc_status status = gemm_tiled.run(d, p, workspace, prepare, f);
    runs += !prepare;
    last.offset += bytes - gradc_dtype_size(p->dtype);
    return status || prepare ? status : d->table->zero(d, last, gradc_dtype_size(p->dtype), f);
}

static size_t nothing(struct device *d, const struct gemm *p)
{
    (void)d;
    (void)p;
    return 0;
}

static gradc_status fine(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                         struct failure *f)
{
    runs += !prepare;
    return gemm_tiled.run(d, p, workspace, prepare, f);
}

/* A wrong form is found out, once, and the verdict outlives the context. */
static void wrong_forms(struct fixture *f)
{
    static const struct gemm_form wrong = {"forgetful", applies, nothing, forgetful, FORM_NEEDS_TEST};
    static const struct gemm_form right = {"fine", applies, nothing, fine, FORM_NEEDS_TEST};
    struct failure failure = {0};
    struct trial t;
    if (!store_begin(f->g))
        return;
    struct device *d = f->g->device;
    assert_int_equal(trial_gemm(d, GRADC_F32, (const int64_t[]){8, 8, 8}, KIND_A_DEEP, 1, &t, &failure),
                     GRADC_OK);
    runs = 0;
    assert_false(gemm_may_run(d, &t.gemm, &wrong));
    assert_true(gemm_may_run(d, &t.gemm, &right));
    assert_int_equal(runs, 2);
    assert_false(gemm_may_run(d, &t.gemm, &wrong));
    assert_true(gemm_may_run(d, &t.gemm, &right));
    assert_int_equal(runs, 2);
    gradc_context *other = another(f);
    t.device = other->device;
    assert_false(gemm_may_run(other->device, &t.gemm, &wrong));
    assert_true(gemm_may_run(other->device, &t.gemm, &right));
    assert_int_equal(runs, 2);
    t.device = d;
    trial_free(&t);
    gradc_close(other);
}

/* ---- Thin products, which this device would leave to tiles ---- */

static void thin_products(struct fixture *f)
{
    struct random r = {test_seed() + (uint64_t)f->eager};
    if (!store_begin(f->g))
        return;
    for (int i = 0; i < (test_long() ? 100 : 6); i++) {
        struct failure failure = {0};
        struct trial t;
        const int64_t thin = 1 + random_below(&r, 8), lines = 130 + random_below(&r, 300),
                      depth = random_below(&r, 2) ? 4 * (64 + random_below(&r, 300))
                                                  : 256 + random_below(&r, 900);
        const int turned = (int)random_below(&r, 2), kind = (int)random_below(&r, 4);
        const int64_t size[3] = {turned ? lines : thin, turned ? thin : lines, depth};
        assert_int_equal(trial_gemm(f->g->device, GRADC_F32, size, kind, 1, &t, &failure), GRADC_OK);
        struct view bias = t.gemm.b;
        if (random_below(&r, 2))
            t.gemm.bias = &bias;
        const struct candidate c = candidate_gemm(&gemm_skinny, -1, 1);
        double error = 2;
        assert_int_equal(trial_error(&t, &c, &error, &failure), GRADC_OK);
        if (!(error <= 1))
            fail_msg("%d x %d x %d, kind %d: %g of what is allowed", (int)size[0], (int)size[1], (int)depth,
                     kind, error);
        trial_free(&t);
    }
}
#endif

int main(void)
{
#ifdef GRADC_NO_OPENCL
    return 0;
#else
    static const struct test tests[] = {{"round trip", round_trip},
                                        {"damaged", damaged},
                                        {"of another device", of_another_device},
                                        {"a shipped store", a_shipped_store},
                                        {"a store shipped for another", a_store_shipped_for_another},
                                        {"a bad shipped store", a_bad_shipped_store},
                                        {"search", search},
                                        {"wrong forms", wrong_forms},
                                        {"thin products", thin_products}};
    files_begin();
    const int failed = RUN_SUITE("tuning", tests);
    files_end();
    return failed;
#endif
}
