/* upload.c - writes: they copy the caller's elements to a stage and return.
 *
 * A stage is pinned host memory and as much device memory.  Large writes go from the one to the other on a queue of
 * their own, beside the kernels that are running, and from there to their place in the order of the queue, which is a
 * fast copy on the device: so the next batch travels while a step runs.  Small ones go straight through the queue.  A
 * write waits when all stages are full of copies that have not been made yet, and where the device has no memory for
 * stages. */
#include <string.h>

#include "base/host.h"
#include "device/opencl/queue.h"

enum {
    SMALL = 64 << 10,      /* bytes: up to here a second queue does not pay */
    STAGE_LEAST = 1 << 20, /* bytes of a stage, */
    STAGE_MOST = 16 << 20  /* which grows with the writes; larger ones go in parts */
};

static struct opencl_device *of(struct device *d)
{
    return (struct opencl_device *)d;
}

/* The queue beside the other one, or that one, where there can be no second. */
static cl_command_queue uploads(struct opencl_device *d)
{
    cl_int code;
    if (!d->uploads) {
        d->uploads = cl.CreateCommandQueue(d->hardware->context, d->hardware->id, 0, &code);
        if (code != CL_SUCCESS)
            d->uploads = NULL;
    }
    return d->uploads ? d->uploads : d->queue;
}

/* ---- Stages ---- */

static void stage_drop(struct opencl_device *d, struct stage *s)
{
    if (s->memory)
        cl.EnqueueUnmapMemObject(uploads(d), s->pinned, s->memory, 0, NULL, NULL);
    if (s->pinned)
        cl.ReleaseMemObject(s->pinned);
    if (s->device)
        cl.ReleaseMemObject(s->device);
    *s = (struct stage){0};
}

/* Pinned memory for `bytes`; without it s->bytes is 0, which is no failure. */
static void stage_make(struct opencl_device *d, struct stage *s, size_t bytes)
{
    size_t room = STAGE_LEAST;
    cl_int code;
    stage_drop(d, s);
    while (room < bytes)
        room *= 2;
    s->pinned =
        cl.CreateBuffer(d->hardware->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, room, NULL, &code);
    if (code != CL_SUCCESS)
        s->pinned = NULL;
    if (s->pinned)
        s->memory =
            cl.EnqueueMapBuffer(d->queue, s->pinned, CL_TRUE, CL_MAP_WRITE, 0, room, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        s->memory = NULL;
        stage_drop(d, s);
        return;
    }
    s->bytes = room;
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

/* The current stage, with room for `bytes`, or with none at all. */
static gradc_status stage_for(struct opencl_device *d, size_t bytes, struct stage **out, struct failure *f)
{
    struct stage *s = &d->stages[d->stage];
    if (s->used + bytes > s->bytes && s->used > 0) {
        if (stage_turn(d, f))
            return f->status;
        s = &d->stages[d->stage];
    }
    if (s->bytes < bytes)
        stage_make(d, s, bytes);
    *out = s;
    return GRADC_OK;
}

/* A second try, because memory that is still being copied from must not be freed for a passing lack of it. */
void queue_stages_free(struct opencl_device *d)
{
    if (d->uploads && cl.Finish(d->uploads) != CL_SUCCESS)
        cl.Finish(d->uploads);
    if (d->queue && cl.Finish(d->queue) != CL_SUCCESS)
        cl.Finish(d->queue);
    for (int i = 0; i < STAGES; i++) {
        if (d->stages[i].done)
            cl.ReleaseEvent(d->stages[i].done);
        stage_drop(d, &d->stages[i]);
    }
    if (d->uploads)
        cl.ReleaseCommandQueue(d->uploads);
}

/* ---- Writes ---- */

static gradc_status write_now(struct opencl_device *d, struct place to, const void *src, size_t bytes,
                              int wait, struct failure *f)
{
    cl_int code = cl.EnqueueWriteBuffer(d->queue, to.slab->memory, wait ? CL_TRUE : CL_FALSE, to.offset,
                                        bytes, src, 0, NULL, NULL);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clEnqueueWriteBuffer", NULL);
}

/* The stage's device memory; NULL: there is none. */
static cl_mem device_memory(struct opencl_device *d, struct stage *s)
{
    cl_int code;
    if (!s->device) {
        s->device = cl.CreateBuffer(d->hardware->context, CL_MEM_READ_WRITE, s->bytes, NULL, &code);
        if (code != CL_SUCCESS)
            s->device = NULL;
    }
    return s->device;
}

/* Bytes `at` .. of the stage to their place. */
static gradc_status write_beside(struct opencl_device *d, struct stage *s, size_t at, struct place to,
                                 size_t bytes, struct failure *f)
{
    cl_event arrived = NULL;
    const char *call = "clEnqueueWriteBuffer";
    cl_int code =
        cl.EnqueueWriteBuffer(uploads(d), s->device, CL_FALSE, at, bytes, s->memory + at, 0, NULL, &arrived);
    if (code == CL_SUCCESS) {
        call = "clFlush";
        code = cl.Flush(uploads(d));
    }
    if (code == CL_SUCCESS) {
        call = "clEnqueueCopyBuffer";
        code = cl.EnqueueCopyBuffer(d->queue, s->device, to.slab->memory, at, to.offset, bytes,
                                    arrived != NULL, arrived ? &arrived : NULL, NULL);
    }
    if (arrived)
        cl.ReleaseEvent(arrived);
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, call, "a write");
}

static gradc_status write_part(struct opencl_device *d, struct place to, const char *src, size_t bytes,
                               struct failure *f)
{
    struct stage *s = NULL;
    if (stage_for(d, bytes, &s, f))
        return f->status;
    if (s->bytes < bytes)
        return write_now(d, to, src, bytes, 1, f);
    const size_t at = s->used;
    memcpy(s->memory + at, src, bytes);
    s->used += (bytes + 63) & ~(size_t)63;
    return bytes > SMALL && device_memory(d, s) ? write_beside(d, s, at, to, bytes, f)
                                                : write_now(d, to, s->memory + at, bytes, 0, f);
}

gradc_status queue_write(struct device *device, struct place to, const void *src, size_t bytes, struct failure *f)
{
    struct opencl_device *d = of(device);
    const char *from = src;
    gradc_status status = queue_check(d, f);
    while (!status && bytes > 0) {
        const size_t part = bytes < STAGE_MOST ? bytes : STAGE_MOST;
        status = write_part(d, to, from, part, f);
        to.offset += part;
        from += part;
        bytes -= part;
    }
    return status;
}
