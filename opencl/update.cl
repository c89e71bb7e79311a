/* update.cl - the kernels of the optimisers' updates: one parameter, or many at once.  A file that includes this one
 * says before how many TENSORS (of one shape, without gaps) and NUMBERS the update takes, and behind it defines
 *
 *   static inline void update(__global real *t0, .., index_t i, real n0, ..)      element i of all of them
 *
 * Nothing happens while the device word is set. */
#define LIST_2(m) m(0), m(1)
#define LIST_3(m) LIST_2(m), m(2)
#define LIST_4(m) LIST_3(m), m(3)
#define LIST_5(m) LIST_4(m), m(4)
#define LIST_6(m) LIST_5(m), m(5)
#define LIST_7(m) LIST_6(m), m(6)
#define LIST_8(m) LIST_7(m), m(7)
#define LIST_JOIN(n) LIST_##n
#define LIST(n) LIST_JOIN(n)

#define TENSOR(k) __global real *t##k
#define PLACED_TENSOR(k) __global real *t##k, ulong t##k##_0
#define PLACE(k) t##k + t##k##_0
#define NUMBER(k) real n##k
#define NUMBER_NAME(k) n##k
#define SLABS \
    __global real *s0, __global real *s1, __global real *s2, __global real *s3, __global real *s4, __global real *s5, \
        __global real *s6, __global real *s7

static inline void update(LIST(TENSORS)(TENSOR), index_t i, LIST(NUMBERS)(NUMBER));

__kernel void update_one(__global const long *word, long n, LIST(TENSORS)(PLACED_TENSOR), LIST(NUMBERS)(NUMBER))
{
    if (!word_clear(word))
        return;
    GRID(i, n)
        update(LIST(TENSORS)(PLACE), i, LIST(NUMBERS)(NUMBER_NAME));
}

/* Where a tensor begins: the slab in the lowest 3 bits, the first element above them. */
static inline __global real *tensor_at(long where, SLABS)
{
    __global real *slab = s0;
    switch (where & 7) {
    case 1: slab = s1; break;
    case 2: slab = s2; break;
    case 3: slab = s3; break;
    case 4: slab = s4; break;
    case 5: slab = s5; break;
    case 6: slab = s6; break;
    case 7: slab = s7; break;
    }
    return slab + (where >> 3);
}
#define ROW_TENSOR(k) tensor_at(at[1 + k], s0, s1, s2, s3, s4, s5, s6, s7)

/* A row of the table is a piece of a parameter: how many elements, and where each tensor's piece begins.  A work-group
 * takes a row at a time. */
__kernel void update_many(__global const long *word, long first, long last, __global const long *table, ulong table_0,
                          SLABS, LIST(NUMBERS)(NUMBER))
{
    if (!word_clear(word))
        return;
    for (long row = first + (long)get_group_id(0); row < last; row += (long)get_num_groups(0)) {
        __global const long *at = table + table_0 + (ulong)row * (1 + TENSORS);
        for (index_t i = (index_t)get_local_id(0); i < (index_t)at[0]; i += (index_t)get_local_size(0))
            update(LIST(TENSORS)(ROW_TENSOR), i, LIST(NUMBERS)(NUMBER_NAME));
    }
}
