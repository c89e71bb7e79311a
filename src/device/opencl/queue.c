/* queue.c - memory on an OpenCL device and the way to it: slabs, writes, reads, zeroing, waiting.
 *
 * All goes through one in-order queue.  Only reads, large writes and finish wait; a small write waits when
 * the stages are full of copies that have not been made yet. */
#include "device/opencl/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/host.h"

static struct opencl_device *of(struct device *d)
{
    return (struct opencl_device *)d;
}

gradc_status queue_refused(struct opencl_device *d, struct failure *f, cl_int code, const char *call,
                           const char *about)
{
    if (opencl_is_lost(code))
        d->base.failed = 1;
    return opencl_refused(f, code, call, about);
}

gradc_status queue_check(const struct opencl_device *d, struct failure *f)
{
    if (!d->base.failed)
        return GRADC_OK;
    return fail(f, GRADC_E_DEVICE, "%s (%s) failed earlier: close the context and open another",
                d->base.info.device, d->base.info.name);
}

/* ---- Slabs ---- */

static gradc_status no_room(struct opencl_device *d, struct failure *f, cl_int code, const char *call, size_t bytes)
{
    char about[64];
    snprintf(about, sizeof about, "%zu bytes", bytes);
    if (code != CL_OUT_OF_RESOURCES && code != CL_INVALID_BUFFER_SIZE)
        return queue_refused(d, f, code, call, about);
    char text[32];
    return fail(f, GRADC_E_MEMORY, "%s: %s (%s)", call, opencl_error_name(code, text), about);
}

/* Many drivers take memory only when a buffer is used first: one byte is written, so that a lack shows here.
 * */
gradc_status queue_slab_new(struct device *device, size_t bytes, struct slab **out, struct failure *f)
{
    struct opencl_device *d = of(device);
    const unsigned char nothing = 0;
    gradc_status status = queue_check(d, f);
    if (status)
        return status;
    if (bytes > (uint64_t)d->base.info.largest_buffer)
        return no_room(d, f, CL_INVALID_BUFFER_SIZE, "clCreateBuffer", bytes); /* Oclgrind would end the process */
    struct slab *s = host_zalloc(1, sizeof *s);
    if (!s)
        return fail(f, GRADC_E_MEMORY, "no host memory for a slab");
    s->bytes = bytes ? bytes : 1;
    cl_int code;
    cl_mem memory = cl.CreateBuffer(d->hardware->context, CL_MEM_READ_WRITE, s->bytes, NULL, &code);
    const char *call = "clCreateBuffer";
    if (code == CL_SUCCESS) {
        call = "clEnqueueFillBuffer";
        code = cl.EnqueueFillBuffer(d->queue, memory, &nothing, 1, 0, 1, 0, NULL, NULL);
        if (code != CL_SUCCESS)
            cl.ReleaseMemObject(memory);
    }
    if (code != CL_SUCCESS) {
        host_free(s);
        return no_room(d, f, code, call, bytes);
    }
    s->memory = memory;
    *out = s;
    return GRADC_OK;
}

/* OpenCL keeps the memory until the commands that use it are done. */
void queue_slab_free(struct device *device, struct slab *s)
{
    (void)device;
    if (!s)
        return;
    cl.ReleaseMemObject(s->memory);
    host_free(s);
}

/* ---- Writes ---- */

static gradc_status write_now(struct opencl_device *d, struct place to, const void *src, size_t bytes,
                              int wait, struct failure *f)
{
    cl_int code = cl.EnqueueWriteBuffer(d->queue, to.slab->memory, wait ? CL_TRUE : CL_FALSE, to.offset,
                                        bytes, src, 0, NULL, NULL);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clEnqueueWriteBuffer", NULL);
}

/* Makes s free for new copies. */
static gradc_status stage_wait(struct opencl_device *d, struct stage *s, struct failure *f)
{
    cl_int code = CL_SUCCESS;
    if (s->done)
        code = cl.WaitForEvents(1, &s->done);
    if (code != CL_SUCCESS)
        return queue_refused(d, f, code, "clWaitForEvents", "a write");
    if (s->done)
        cl.ReleaseEvent(s->done);
    s->done = NULL;
    s->used = 0;
    return GRADC_OK;
}

/* Goes on to the next stage, with a mark behind the copies of the current one. */
static gradc_status stage_turn(struct opencl_device *d, struct failure *f)
{
    struct stage *now = &d->stages[d->stage], *next = &d->stages[(d->stage + 1) % STAGES];
    gradc_status status = stage_wait(d, next, f);
    if (status)
        return status;
    cl_int code = cl.EnqueueMarkerWithWaitList(d->queue, 0, NULL, &now->done);
    if (code != CL_SUCCESS) {
        now->done = NULL;
        return queue_refused(d, f, code, "clEnqueueMarkerWithWaitList", "a write");
    }
    d->stage = (d->stage + 1) % STAGES;
    return GRADC_OK;
}

gradc_status queue_write(struct device *device, struct place to, const void *src, size_t bytes, struct failure *f)
{
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (status || bytes == 0)
        return status;
    if (bytes > STAGE_BYTES)
        return write_now(d, to, src, bytes, 1, f);
    if (d->stages[d->stage].used + bytes > STAGE_BYTES)
        status = stage_turn(d, f);
    if (status)
        return status;
    struct stage *s = &d->stages[d->stage];
    if (!s->memory)
        s->memory = host_alloc(STAGE_BYTES);
    if (!s->memory)
        return write_now(d, to, src, bytes, 1, f);
    char *copy = s->memory + s->used;
    memcpy(copy, src, bytes);
    status = write_now(d, to, copy, bytes, 0, f);
    if (!status)
        s->used += (bytes + 63) & ~(size_t)63;
    return status;
}

/* A second try, because memory that is still being copied from must not be freed for a passing lack of it. */
void queue_stages_free(struct opencl_device *d)
{
    if (d->queue && cl.Finish(d->queue) != CL_SUCCESS)
        cl.Finish(d->queue);
    for (int i = 0; i < STAGES; i++) {
        if (d->stages[i].done)
            cl.ReleaseEvent(d->stages[i].done);
        host_free(d->stages[i].memory);
    }
}

/* ---- Reads, zeroing, waiting ---- */

gradc_status queue_read(struct device *device, void *dst, struct place from, size_t bytes, struct failure *f)
{
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (status || bytes == 0)
        return status;
    cl_int code =
        cl.EnqueueReadBuffer(d->queue, from.slab->memory, CL_TRUE, from.offset, bytes, dst, 0, NULL, NULL);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clEnqueueReadBuffer", NULL);
}

/* A fill's offset and size are multiples of its pattern. */
static size_t largest_pattern(size_t offset, size_t bytes)
{
    size_t pattern = 16;
    while ((offset | bytes) % pattern)
        pattern /= 2;
    return pattern;
}

gradc_status queue_zero(struct device *device, struct place to, size_t bytes, struct failure *f)
{
    static const unsigned char zeros[16];
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (status || bytes == 0)
        return status;
    cl_int code = cl.EnqueueFillBuffer(d->queue, to.slab->memory, zeros, largest_pattern(to.offset, bytes),
                                       to.offset, bytes, 0, NULL, NULL);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clEnqueueFillBuffer", NULL);
}

gradc_status queue_flush(struct device *device, struct failure *f)
{
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (status)
        return status;
    cl_int code = cl.Flush(d->queue);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clFlush", NULL);
}

gradc_status queue_finish(struct device *device, struct failure *f)
{
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (status)
        return status;
    cl_int code = cl.Finish(d->queue);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clFinish", NULL);
}
