/* control.c - three kernels that Oclgrind must report, so that its silence about the others says something.
 * usage: control race | bounds | uninitialized | nothing */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdio.h>

static const char *const source = "kernel void nothing(global int *x) { x[get_global_id(0)] *= 2; }\n"
                                  "kernel void uninitialized(global int *x) { x[get_global_id(0)] += 1; }\n"
                                  "kernel void bounds(global int *x) { x[get_global_id(0) + 1] = 1; }\n"
                                  "kernel void race(global int *x) { x[0] = get_global_id(0); }\n";

int main(int argc, char **argv)
{
    static const int values[16];
    const size_t items = 16;
    const char *name = argc > 1 ? argv[1] : "nothing";
    cl_platform_id platform;
    cl_device_id device;
    cl_int status = clGetPlatformIDs(1, &platform, NULL);
    status |= clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL);
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
    cl_program program = clCreateProgramWithSource(context, 1, (const char **)&source, NULL, NULL);
    status |= clBuildProgram(program, 1, &device, "", NULL, NULL);
    cl_kernel kernel = clCreateKernel(program, name, NULL);
    cl_mem memory = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof values, NULL, NULL);
    if (name[0] != 'u')
        status |= clEnqueueWriteBuffer(queue, memory, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL);
    status |= clSetKernelArg(kernel, 0, sizeof memory, &memory);
    status |= clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL);
    status |= clFinish(queue);
    if (status != CL_SUCCESS)
        printf("%s: an OpenCL call failed\n", name);
    return status != CL_SUCCESS;
}
