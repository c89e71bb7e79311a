/* queue.c - memory on an OpenCL device and the way to it: slabs, reads, zeroing, waiting.  Writes are in upload.c.
 *
 * All goes through one in-order queue, but for the first half of an upload's way. */
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

gradc_status queue_repeat(struct device *device, struct slab *s, size_t first, struct failure *f)
{
    struct opencl_device *d = of(device);
    for (size_t done = first; done < s->bytes;) {
        const size_t bytes = s->bytes - done < done ? s->bytes - done : done;
        const cl_int code = cl.EnqueueCopyBuffer(d->queue, s->memory, s->memory, 0, done, bytes, 0, NULL, NULL);
        if (code != CL_SUCCESS)
            return queue_refused(d, f, code, "clEnqueueCopyBuffer", NULL);
        done += bytes;
    }
    return GRADC_OK;
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
