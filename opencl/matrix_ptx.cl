/* matrix_ptx.cl - the instructions of matrix_mma.cl, in PTX: NVIDIA's devices from compute capability 8.0 on.
 *
 * Addresses of local memory are handed over as 64-bit integers; what copies and unit_rows address is aligned to 16
 * bytes, which only static arrays can be. */

/* What the unit needs of local memory. */
#define UNIT_LOCAL(name) __local uint *const name = 0

#if defined(UNIT_F16)
#define UNIT_SHAPE "m16n8k16.row.col.f32.f16.f16.f32"
#elif defined(UNIT_BF16)
#define UNIT_SHAPE "m16n8k16.row.col.f32.bf16.bf16.f32"
#else
#define UNIT_SHAPE "m16n8k8.row.col.f32.tf32.tf32.f32"
#endif

/* x[j]: word item % 4 of row item / 4 of matrix j.  Item i of the team says where row i % 8 of matrix i / 8 begins in
 * tile, whose 4 words are read. */
static inline void unit_rows(uint x[4], __local const uint *tile, uint first, int item, __local uint *exchange)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                 : "l"((size_t)(tile + first))
                 : "memory");
}

/* The same of matrices of 16-bit numbers that lie with the depth across: item i says where line i % 8 of matrix i /
 * 8, 8 numbers of one depth, begins, in words.  x[j]: numbers item / 4 of lines 2 (item % 4) and the next. */
static inline void unit_columns(uint x[4], __local const uint *tile, uint first, int item, __local uint *exchange)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                 : "l"((size_t)(tile + first))
                 : "memory");
}

static inline void unit_multiply(float c[4], const uint a[4], const uint b[2], int item, __local uint *exchange)
{
    asm volatile("mma.sync.aligned." UNIT_SHAPE " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* f32 to the nearest tf32.  Ties go to even where that is one instruction, UNIT_ROUNDS (compute capability 9.0); else
 * away from zero, which is a comparison, for NaN, and an addition behind it. */
static inline uint unit_round(uint x)
{
    uint rounded;

#ifdef UNIT_ROUNDS
    asm("cvt.rn.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(as_float(x)));
#else
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(as_float(x)));
#endif
    return rounded;
}

/* Two f32 to the nearest bf16, ties to even; `low` comes first in the depth. */
static inline uint unit_pair(uint low, uint high)
{
    uint pair;

    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(as_float(high)), "f"(as_float(low)));
    return pair;
}

/* Begins to copy `bytes` (0 to 16) to local memory; the rest of the 16 is 0.  from is aligned, and not read for 0. */
static inline void async_copy(__local uint *to, __global const void *from, int bytes)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "l"((size_t)to), "l"((size_t)from), "r"(bytes)
                 : "memory");
}

/* Copies since the last mark are one set; all but the last STAGES - 2 sets are there for the item that copied them. */
static inline void async_mark(void)
{
    asm volatile("cp.async.commit_group;" : : : "memory");
}

static inline void async_wait(void)
{
#if STAGES == 2
    asm volatile("cp.async.wait_group 0;" : : : "memory");
#elif STAGES == 3
    asm volatile("cp.async.wait_group 1;" : : : "memory");
#else
    asm volatile("cp.async.wait_group 2;" : : : "memory");
#endif
}

/* All copies are there for the item that copied them. */
static inline void async_finish(void)
{
    asm volatile("cp.async.wait_all;" : : : "memory");
}
