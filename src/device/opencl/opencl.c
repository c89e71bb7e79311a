/* opencl.c - opens and closes an OpenCL device and holds its table; the parts are in the files beside it. */
#include "device/opencl/opencl.h"

#include <string.h>

#include "base/host.h"
#include "device/opencl/engines.h"
#include "device/opencl/queue.h"
#include "device/opencl/sources.h"
#include "device/opencl/tuning.h"

static void close_device(struct device *device)
{
    struct opencl_device *d = (struct opencl_device *)device;
    if (!d)
        return;
    queue_stages_free(d);
    kernels_free(d);
    if (d->tuning)
        tuning_close(device);
    host_free(d->tuning);
    if (d->queue)
        cl.ReleaseCommandQueue(d->queue);
    hardware_release(d->hardware);
    host_free(d);
}

static void counters(const struct device *device, int64_t *built, int64_t *loaded)
{
    const struct opencl_device *d = (const struct opencl_device *)device;
    if (built)
        *built = atomic_load(&d->tally.built);
    if (loaded)
        *loaded = atomic_load(&d->tally.loaded);
}

struct tuning *opencl_tuning(const struct device *d)
{
    return ((const struct opencl_device *)d)->tuning;
}

static uint64_t tuned(const struct device *d)
{
    return opencl_tuning(d)->digest;
}

/* Behind the trials that preparing began, and not inside one. */
static gradc_status prepared(struct device *d, struct failure *f)
{
    struct tuning *t = opencl_tuning(d);
    if (t->unsaved && !t->forced) {
        t->unsaved = 0;
        tuning_keep(d);
    }
    return kernels_prepared(d, f);
}

static const struct device_table table = {
    .close = close_device,
    .slab_new = queue_slab_new,
    .slab_free = queue_slab_free,
    .write = queue_write,
    .read = queue_read,
    .zero = queue_zero,
    .flush = queue_flush,
    .finish = queue_finish,
    .prepare = kernels_prepare,
    .prepared = prepared,
    .launch = kernels_launch,
    .gemm_workspace = opencl_gemm_workspace,
    .gemm = opencl_gemm,
    .conv_workspace = opencl_conv_workspace,
    .conv = opencl_conv,
    .counters = counters,
    .tuned = tuned,
    .tune = opencl_tune,
    .tuning_export = tuning_export,
    .tuning_import = tuning_import,
};

int32_t opencl_count(void)
{
    return hardware_count(NULL);
}

gradc_status opencl_describe(int32_t n, struct device_info *info, struct failure *f)
{
    const struct hardware *h = hardware_at(n, f);
    if (!h)
        return GRADC_E_DEVICE;
    *info = h->info;
    return GRADC_OK;
}

gradc_status opencl_open(int32_t n, struct device **out, struct failure *f)
{
    struct hardware *h = hardware_at(n, f);
    if (!h)
        return GRADC_E_DEVICE;
    struct opencl_device *d = host_zalloc(1, sizeof *d);
    if (!d)
        return fail(f, GRADC_E_MEMORY, "no host memory for %s", h->info.device);
    gradc_status status = hardware_retain(h, f);
    if (status) {
        host_free(d);
        return status;
    }
    d->base = (struct device){.table = &table, .info = h->info, .opencl = 1, .matrix = h->matrix};
    d->hardware = h;
    d->base.first_use = strcmp(h->info.kind, "gpu") == 0 && !h->simulated;
    cl_int code;
    d->queue = cl.CreateCommandQueue(h->context, h->id, 0, &code);
    if (code != CL_SUCCESS) {
        d->queue = NULL;
        status = opencl_refused(f, code, "clCreateCommandQueue", h->info.name);
        close_device(&d->base);
        return status;
    }
    d->tuning = host_zalloc(1, sizeof *d->tuning);
    if (!d->tuning) {
        close_device(&d->base);
        return fail(f, GRADC_E_MEMORY, "no host memory for %s", h->info.device);
    }
    status = tuning_open(&d->base, h->cache, shipped_stores, f);
    if (status) {
        close_device(&d->base);
        return status;
    }
    if (h->info.cuts_loops)
        host_log("%s (%s) ends an item's loops after 65,535 turns: results of large sums are wrong there",
                 h->info.device, h->info.name);
    *out = &d->base;
    return GRADC_OK;
}
