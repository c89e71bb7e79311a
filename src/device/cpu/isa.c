/* isa.c - which instruction set the vector loops use: asked of the processor once. */
#include "device/cpu/isa.h"

#include <stdatomic.h>

const char *const cpu_isa_names[CPU_ISAS] = {
    [CPU_PLAIN] = "plain", [CPU_AVX2] = "avx2", [CPU_AVX512] = "avx512", [CPU_NEON] = "neon"};

static enum cpu_isa isa_of_processor(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    return avx2 ? CPU_AVX2 : CPU_PLAIN;
#elif defined(__aarch64__)
    return CPU_NEON;
#else
    return CPU_PLAIN;
#endif
}

enum cpu_isa cpu_isa(void)
{
    static atomic_int known; /* 1 + the set; 0: not asked yet */
    int isa = atomic_load_explicit(&known, memory_order_relaxed);
    if (!isa) {
        isa = 1 + (int)isa_of_processor();
        atomic_store_explicit(&known, isa, memory_order_relaxed);
    }
    return (enum cpu_isa)(isa - 1);
}
