/* host.c - stands between the library and Oclgrind 21.10, whose --uninitialized reports what is not so: its shadow of a
 * buffer forgets what kernels wrote when the host wrote or filled a part of it, and keeps the size of a buffer that had
 * the same number before.  Here a fill becomes a write, the one byte that the library writes to make a driver take
 * memory is left out, and buffers are never freed.  Preloaded before Oclgrind by oclgrind.sh. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef cl_int write_buffer(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint,
                            const cl_event *, cl_event *);

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void *pattern, size_t size,
                           size_t offset, size_t bytes, cl_uint n, const cl_event *after, cl_event *event)
{
    write_buffer *write;
    void *symbol = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer");
    memcpy(&write, &symbol, sizeof write);
    char *data = bytes > 1 ? malloc(bytes) : NULL;
    if (!data)
        return bytes > 1 ? CL_OUT_OF_HOST_MEMORY : CL_SUCCESS;
    for (size_t i = 0; i < bytes; i += size)
        memcpy(data + i, pattern, size);
    cl_int status = write(queue, memory, CL_TRUE, offset, bytes, data, n, after, event);
    free(data);
    return status;
}

cl_int clReleaseMemObject(cl_mem memory)
{
    (void)memory;
    return CL_SUCCESS;
}
