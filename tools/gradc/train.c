/* train.c - gradc train: the training loop.  The device is named once, by --device; the rest is the same on all. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

/* Images in one step of a test, and points of the curves in an epoch. */
enum { TEST_BATCH = 250, POINTS = 20 };

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* The second Ctrl-C ends the process at once. */
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- Steps ---- */

/* How many of the labels the logits meet: a scalar. */
static gradc_tensor *count_hits(gradc_tensor *logits, gradc_tensor *labels)
{
    gradc_tensor *guess = gradc_argmax(logits, 1, (const int[]){1}, 0);
    return gradc_sum(gradc_cast(gradc_eq(guess, labels), GRADC_F32), 0, NULL, 0);
}

/* The next batch into x and y; the loader ends each epoch once. */
static int64_t next_batch(struct training *t)
{
    int64_t n = gradc_loader_next(t->loader, t->x, t->y);
    return n != 0 ? n : gradc_loader_next(t->loader, t->x, t->y);
}

/* One step; the context has the error if one happens. */
static gradc_status train_step(struct training *t)
{
    if (next_batch(t) < 0)
        return gradc_check(t->g);
    if (t->o.amp != NULL)
        gradc_autocast(t->g, t->scaler != NULL ? GRADC_F16 : GRADC_BF16);
    gradc_tensor *logits = gradc_module_forward(t->module, t->x);
    gradc_tensor *loss = gradc_cross_entropy(logits, t->y);
    gradc_assign(t->loss_sum, gradc_add(t->loss_sum, loss));
    gradc_assign(t->hits, gradc_add(t->hits, count_hits(logits, t->y)));
    gradc_autocast(t->g, GRADC_F32);
    gradc_backward(t->scaler != NULL ? gradc_scaler_scale(t->scaler, loss) : loss);
    if (t->scaler != NULL)
        gradc_scaler_unscale(t->scaler, t->optim);
    if (t->o.clip > 0)
        gradc_clip_grad_norm(t->params, t->nparams, t->o.clip);
    gradc_optim_set(t->optim, "lr", gradc_schedule(t->o.schedule, t->o.lr, t->step, t->planned));
    if (t->scaler != NULL) {
        gradc_scaler_step(t->scaler, t->optim);
        gradc_scaler_update(t->scaler);
    } else {
        gradc_step(t->optim);
    }
    if (t->losses != NULL)
        fprintf(t->losses, "%.9g\n", gradc_item(loss));
    gradc_tape_clear(t->g);
    t->step++;
    return gradc_check(t->g);
}

/* Loss and accuracy of the steps since the last point. */
static void since_point(struct training *t, double *loss, double *accuracy)
{
    double steps = (double)(t->step - t->point_step);
    *loss = gradc_item(t->loss_sum) / steps;
    *accuracy = gradc_item(t->hits) / (steps * (double)t->batch);
}

/* Ends a stretch of the curves; test: whether the last test belongs to it. */
static int take_point(struct training *t, int test)
{
    const float zero = 0;
    struct point p = {.step = t->step,
                      .epoch = (double)t->step / (double)t->per_epoch,
                      .rate = gradc_schedule(t->o.schedule, t->o.lr, t->step - 1, t->planned),
                      .test_loss = test ? t->results.loss : NAN,
                      .test_accuracy = test ? t->accuracy : NAN,
                      .seconds = t->seconds + now() - t->started};
    since_point(t, &p.loss, &p.accuracy);
    t->point_step = t->step;
    gradc_write(t->loss_sum, &zero, sizeof zero);
    gradc_write(t->hits, &zero, sizeof zero);
    int status = history_add(&t->history, &p);
    return status == TOOL_OK && t->events != NULL ? events_point(t->events, &p) : status;
}

static int test_model(struct training *t)
{
    results_free(&t->results);
    int status = evaluate(t->module, t->test_images, &t->input, NULL, TEST_BATCH, 0, &t->results);
    if (status == TOOL_OK)
        t->accuracy = (double)t->results.right / (double)t->results.labelled;
    return status;
}

/* ---- The loop ---- */

static int end_epoch(struct training *t, const struct progress *p)
{
    int64_t epoch = t->step / t->per_epoch;
    int test = t->o.steps == 0 && (epoch % t->o.eval_every == 0 || t->step == t->total);
    double trained = now() - t->started + t->seconds;
    int status = test ? test_model(t) : TOOL_OK;
    if (status == TOOL_OK)
        status = take_point(t, test);
    if (status != TOOL_OK)
        return status;
    progress_clear(p);
    if (test)
        printf("epoch %" PRId64 ": test accuracy %.4f  loss %.4f  after %.1f s of training, tested in %.1f s\n",
               epoch, t->accuracy, t->results.loss, trained, t->results.seconds);
    fflush(stdout);
    return t->o.checkpoint != NULL ? save_checkpoint(t, t->o.checkpoint) : TOOL_OK;
}

/* Saves what there is, and says how to go on. */
static int stop(struct training *t, const struct progress *p)
{
    const char *path = t->o.checkpoint != NULL ? t->o.checkpoint : "gradc-interrupted.safetensors";
    progress_keep(p);
    int status = t->point_step < t->step ? take_point(t, 0) : TOOL_OK;
    if (status == TOOL_OK)
        status = save_checkpoint(t, path);
    if (status != TOOL_OK)
        return status;
    printf("interrupted after step %" PRId64 " of %" PRId64 "; saved %s, go on with: gradc train --resume %s\n",
           t->step, t->total, path, path);
    return TOOL_INTERRUPTED;
}

/* What is due after a step that does not end its epoch. */
static int between(struct training *t, struct progress *p)
{
    int status = TOOL_OK;
    if (progress_due(p, t->step)) {
        double loss, accuracy;
        since_point(t, &loss, &accuracy);
        progress_show(p, t->step, loss, accuracy);
    }
    if (t->step % t->per_epoch == 0)
        return end_epoch(t, p);
    if (t->step % t->per_epoch % (t->per_epoch / POINTS + 1) == 0)
        status = take_point(t, 0);
    int every = t->o.checkpoint_every > 0 && t->step % t->o.checkpoint_every == 0;
    if (status == TOOL_OK && t->o.checkpoint != NULL && (every || t->step == t->total)) {
        status = t->point_step < t->step ? take_point(t, 0) : TOOL_OK;
        if (status == TOOL_OK)
            status = save_checkpoint(t, t->o.checkpoint);
    }
    return status;
}

static int train_all(struct training *t)
{
    struct progress p;
    int64_t first = t->step;
    progress_start(&p, t->total, t->step, t->per_epoch, t->batch);
    t->started = now();
    while (t->step < t->total) {
        if (train_step(t) != GRADC_OK)
            return tool_failed(t->g, "");
        int status = between(t, &p);
        if (status == TOOL_OK && interrupted && t->step < t->total)
            status = stop(t, &p);
        if (status != TOOL_OK)
            return status;
    }
    if (gradc_sync(t->g) != GRADC_OK)
        return tool_failed(t->g, "");
    if (t->o.steps > 0)
        progress_keep(&p);
    t->seconds += now() - t->started;
    if (t->step > first)
        printf("%" PRId64 " steps in %.1f s, %.0f images/s\n", t->step - first, now() - t->started,
               (double)((t->step - first) * t->batch) / (now() - t->started));
    return TOOL_OK;
}

static int finish(struct training *t)
{
    int status = TOOL_OK;
    if (t->losses != NULL && (ferror(t->losses) || fflush(t->losses) != 0)) {
        fprintf(stderr, "gradc: %s could not be written\n", t->o.losses);
        return TOOL_FAILED;
    }
    /* Where an earlier run tested, or none. */
    if (t->results.count == 0 && (t->o.report != NULL || t->from != NULL)) {
        status = test_model(t);
        if (status == TOOL_OK)
            printf("test accuracy %.4f  loss %.4f\n", t->accuracy, t->results.loss);
    }
    if (status == TOOL_OK && t->o.save != NULL)
        status = save_model(t);
    if (status == TOOL_OK && t->o.report != NULL)
        status = report_write(t, t->o.report);
    return status;
}

static void say_what(const struct training *t)
{
    char name[160] = "?";
    gradc_device_info(gradc_context_device(t->g), "name", name, sizeof name);
    printf("training %s on %s: %" PRId64 " images of %d classes as %dx%" PRId64 "x%" PRId64, t->o.model, name,
           gradc_dataset_count(t->images), gradc_dataset_classes(t->images), t->input.channels,
           t->input.image, t->input.image);
    if (t->step > 0)
        printf(", from step %" PRId64 " of %" PRId64, t->step, t->total);
    if (t->step >= t->total)
        printf(": nothing is left to train (--epochs sets how long)");
    putchar('\n');
    fflush(stdout);
}

int command_train(int argc, char **argv)
{
    struct training t = {.accuracy = -1};
    int help = 0, status = train_options_read(&t, argc, argv, &help);
    if (status == TOOL_OK && !help) {
        status = train_setup(&t);
        if (status == TOOL_OK) {
            say_what(&t);
            watch_signals();
            status = train_all(&t);
        }
        if (status == TOOL_OK)
            status = finish(&t);
    }
    train_free(&t);
    return status;
}
