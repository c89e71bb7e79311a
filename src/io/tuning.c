/* tuning.c - a digest of what decides the bits of a run. */
#include "io/tuning.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/context.h"
#include "device/cpu/blas.h"

/* FNV-1a over a text and the NUL behind it. */
static uint64_t digest(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    while (*text++ != '\0');
    return hash;
}

void tuning_digest(const gradc_context *g, char text[TUNING_TEXT])
{
    static const char *const facts[] = {"kind", "name", "vendor", "platform", "driver", "opencl"};
    const int32_t device = gradc_context_device(g);
    uint64_t hash = digest(0xcbf29ce484222325u, gradc_version());
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char fact[256] = "";
        gradc_device_info(device, facts[i], fact, sizeof fact);
        hash = digest(hash, fact);
    }
    if (device == 0) {
        hash = digest(hash, cpu_isa_names[cpu_isa()]);
        hash = digest(hash, cpu_blas_name());
    }
    hash = digest(hash, math_names[g->device->math]);
    if (g->device->table->tuned) {
        char tuned[17];
        snprintf(tuned, sizeof tuned, "%016" PRIx64, g->device->table->tuned(g->device));
        hash = digest(hash, tuned);
    }
    snprintf(text, TUNING_TEXT, "%016" PRIx64, hash);
}
