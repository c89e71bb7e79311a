/* isa.h - files named *_isa.c are compiled once per instruction set, with ISA defined as plain, avx2, avx512 or neon
 * (which every 64-bit ARM has: there it is the only set).
 *
 * Such a file ends its external names with ISA_NAME(name) and defines one table of its loops; the file that uses them
 * declares the tables with ISA_DECLARE and picks a row of ISA_TABLE by cpu_isa().  All sets give the same bits for
 * elementwise work: -ffp-contract=off, and no reassociation but what the source spells out. */
#ifndef GRADC_ISA_H
#define GRADC_ISA_H

#include "device/device.h"

#define ISA_JOIN2(a, b) a##_##b
#define ISA_JOIN(a, b) ISA_JOIN2(a, b)
#define ISA_NAME(name) ISA_JOIN(name, ISA)

#if defined(__x86_64__)
#define ISA_DECLARE(type, name) extern const type name##_plain, name##_avx2, name##_avx512
#define ISA_TABLE(name)                                            \
    {                                                              \
        &name##_plain, &name##_avx2, &name##_avx512, &name##_plain \
    }
#elif defined(__aarch64__)
#define ISA_DECLARE(type, name) extern const type name##_neon
#define ISA_TABLE(name)                                        \
    {                                                          \
        &name##_neon, &name##_neon, &name##_neon, &name##_neon \
    }
#else
#define ISA_DECLARE(type, name) extern const type name##_plain
#define ISA_TABLE(name)                                            \
    {                                                              \
        &name##_plain, &name##_plain, &name##_plain, &name##_plain \
    }
#endif

#endif
