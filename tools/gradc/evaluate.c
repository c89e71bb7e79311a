/* evaluate.c - a module over all images of a data set: loss, confusion matrix, the likeliest classes of each image. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct walk {
    gradc_context *g;
    gradc_module *m;
    gradc_loader *l;
    gradc_tensor *x, *y;
    float *probability; /* [batch][classes] */
    int64_t *label;     /* [batch] */
    int64_t done;
    struct results *r;
};

/* The likeliest classes of one row, ties to the lower number. */
static void best_of(const float *p, int classes, struct guess *g)
{
    for (int k = 0; k < BEST; k++) {
        g->class[k] = -1;
        g->probability[k] = 0;
    }
    for (int c = 0; c < classes; c++)
        for (int k = 0; k < BEST; k++) {
            if (g->class[k] >= 0 && !(p[c] > g->probability[k]))
                continue;
            for (int after = BEST - 1; after > k; after--) {
                g->class[after] = g->class[after - 1];
                g->probability[after] = g->probability[after - 1];
            }
            g->class[k] = c;
            g->probability[k] = p[c];
            break;
        }
}

static void take_row(struct walk *w, const float *p, int64_t label)
{
    struct results *r = w->r;
    struct guess *guess = &r->guess[w->done];
    best_of(p, r->classes, guess);
    label = label < 0 ? -1 : r->class_of[label];
    r->label[w->done++] = label;
    if (label < 0)
        return;
    r->labelled++;
    r->right += guess->class[0] == label;
    r->confusion[label * r->classes + guess->class[0]]++;
    r->loss -= log(p[label] < 1e-38f ? 1e-38 : (double)p[label]); /* NAN of a model that has diverged stays */
}

static int take_batch(struct walk *w, int64_t n)
{
    struct results *r = w->r;
    gradc_tensor *x = gradc_slice(w->x, 0, 0, n, 1), *y = gradc_slice(w->y, 0, 0, n, 1);
    gradc_tensor *probability = gradc_softmax(gradc_module_forward(w->m, x), 1);
    gradc_read(probability, w->probability, (size_t)(n * r->classes) * sizeof *w->probability);
    gradc_read(y, w->label, (size_t)n * sizeof *w->label);
    gradc_tape_clear(w->g);
    if (gradc_check(w->g) != GRADC_OK)
        return tool_failed(w->g, "");
    for (int64_t i = 0; i < n && w->done < r->count; i++)
        take_row(w, w->probability + i * r->classes, w->label[i]);
    return TOOL_OK;
}

static int walk_batches(struct walk *w, int64_t batch, const struct input *in)
{
    struct results *r = w->r;
    w->x = gradc_new(w->g, GRADC_F32, 4, (const int64_t[]){batch, in->channels, in->image, in->image});
    w->y = gradc_new(w->g, GRADC_I64, 1, &batch);
    if (w->x == NULL || w->y == NULL)
        return tool_failed(w->g, "");
    for (;;) {
        int64_t n = gradc_loader_next(w->l, w->x, w->y);
        if (n < 0)
            return tool_failed(w->g, "");
        if (n == 0 || w->done == r->count)
            break;
        int status = take_batch(w, n);
        if (status != TOOL_OK)
            return status;
    }
    if (r->labelled > 0)
        r->loss /= (double)r->labelled;
    return TOOL_OK;
}

/* The model's number of the data's class. */
static int find_class(const struct results *r, const struct names *names, const char *name, int number)
{
    if (names == NULL || names->n == 0 || name == NULL)
        return number < r->classes ? number : -1;
    for (int i = 0; i < names->n && i < r->classes; i++)
        if (strcmp(names->name[i], name) == 0)
            return i;
    return -1;
}

static int match_classes(struct results *r, const struct names *names, const gradc_dataset *d)
{
    int n = gradc_dataset_classes(d);
    r->class_of = malloc((size_t)(n > 0 ? n : 1) * sizeof *r->class_of);
    if (r->class_of == NULL)
        return tool_no_memory();
    for (int i = 0; i < n; i++) {
        const char *name = gradc_dataset_class_name(d, i);
        r->class_of[i] = find_class(r, names, name, i);
        if (r->class_of[i] < 0)
            return tool_usage("the images have a class \"%s\", which is none of the model's %d: take images of what it "
                              "was trained for",
                              name != NULL ? name : "?", r->classes);
    }
    return TOOL_OK;
}

static int make_results(struct results *r, gradc_module *m, gradc_dataset *d, const struct names *names,
                        int64_t limit)
{
    const char *classes = gradc_module_option(m, "classes");
    *r = (struct results){.count = gradc_dataset_count(d), .classes = classes != NULL ? atoi(classes) : 0};
    if (limit > 0 && limit < r->count)
        r->count = limit;
    size_t classes_squared = (size_t)r->classes * (size_t)r->classes;
    r->confusion = calloc(classes_squared + 1, sizeof *r->confusion);
    r->guess = calloc((size_t)r->count + 1, sizeof *r->guess);
    r->label = calloc((size_t)r->count + 1, sizeof *r->label);
    if (r->confusion == NULL || r->guess == NULL || r->label == NULL)
        return tool_no_memory();
    return match_classes(r, names, d);
}

int evaluate(gradc_module *m, gradc_dataset *d, const struct input *in, const struct names *names,
             int64_t batch, int64_t limit, struct results *r)
{
    double start = now();
    int status = make_results(r, m, d, names, limit);
    if (status != TOOL_OK)
        return status;
    if (batch > r->count && r->count > 0)
        batch = r->count;
    struct walk w = {.g = gradc_context_of(gradc_module_tensor(m, 0)), .m = m, .r = r};
    w.probability = malloc((size_t)(batch * r->classes) * sizeof *w.probability);
    w.label = malloc((size_t)batch * sizeof *w.label);
    w.l = input_loader(in, d, batch, "shuffle=0 drop_last=0");
    if (w.probability == NULL || w.label == NULL)
        status = tool_no_memory();
    else if (w.l == NULL)
        status = TOOL_FAILED;
    gradc_module_train(m, 0);
    gradc_record(w.g, 0);
    if (status == TOOL_OK)
        status = walk_batches(&w, batch, in);
    gradc_record(w.g, 1);
    gradc_module_train(m, 1);
    gradc_release(w.x);
    gradc_release(w.y);
    gradc_loader_free(w.l);
    free(w.probability);
    free(w.label);
    r->seconds = now() - start;
    return status;
}

void results_free(struct results *r)
{
    free(r->confusion);
    free(r->guess);
    free(r->label);
    free(r->class_of);
    *r = (struct results){0};
}
