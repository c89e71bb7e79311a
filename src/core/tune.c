/* tune.c - gradc_tune and what keeps its findings: the device does it, between two runs. */
#include "core/context.h"
#include "core/plan/plan.h"
#include "core/run.h"

/* Runs what waits; the plans go, for their launches and workspaces are those of the forms of today. */
static gradc_status begin(gradc_context *g, const char *what)
{
    gradc_status status = context_enter(g, what);
    if (status)
        return status;
    if (!g->device->table->tune)
        return context_fail(g, GRADC_E_UNSUPPORTED, "%s: %s has nothing to tune", what, g->device->info.device);
    status = run_pending(g, NULL);
    if (!status)
        plans_close(g);
    return status;
}

static gradc_status ended(gradc_context *g, const char *what, gradc_status status, const struct failure *f)
{
    return status ? context_fail(g, status, "%s: %s", what, f->text) : GRADC_OK;
}

gradc_status gradc_tune(gradc_context *g, double seconds,
                        int (*progress)(void *payload, const char *line, double before, double after),
                        void *payload)
{
    struct failure f = {0};
    gradc_status status = begin(g, "tune");
    if (status)
        return status;
    if (!(seconds >= 0))
        return context_fail(g, GRADC_E_ARG, "tune: %g seconds", seconds);
    g->busy = 1;
    status = g->device->table->tune(g->device, seconds, progress, payload, &f);
    g->busy = 0;
    return ended(g, "tune", status, &f);
}

gradc_status gradc_tune_save(gradc_context *g, const char *path)
{
    struct failure f = {0};
    gradc_status status = begin(g, "tune_save");
    if (status)
        return status;
    if (!path)
        return context_fail(g, GRADC_E_ARG, "tune_save: no path");
    return ended(g, "tune_save", g->device->table->tuning_export(g->device, path, &f), &f);
}

gradc_status gradc_tune_load(gradc_context *g, const char *path)
{
    struct failure f = {0};
    gradc_status status = begin(g, "tune_load");
    if (status)
        return status;
    if (!path)
        return context_fail(g, GRADC_E_ARG, "tune_load: no path");
    return ended(g, "tune_load", g->device->table->tuning_import(g->device, path, &f), &f);
}
