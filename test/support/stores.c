/* stores.c - a tuning store of the test's own. */
#ifndef GRADC_NO_OPENCL
#include "base/os.h"
#include "core/context.h"
#include "device/opencl/tuning.h"
#endif
#include "files.h"
#include "stores.h"

#ifdef GRADC_NO_OPENCL
void store_move(gradc_context *g)
{
    (void)g;
}

int store_begin(gradc_context *g)
{
    (void)g;
    return 0;
}
#else

void store_move(gradc_context *g)
{
    tuning_close(g->device);
    assert_int_equal(tuning_open(g->device, files_path("cache"), NULL, NULL), GRADC_OK);
}

int store_begin(gradc_context *g)
{
    if (!g->device->opencl)
        return 0;
    store_move(g);
    os_file_remove(opencl_tuning(g->device)->path);
    store_move(g);
    return 1;
}
#endif
