/* update.cl - the kernels of the optimisers' updates: one parameter, or many at once.  A file that includes this one
 * says before how many TENSORS (of one shape, without gaps) and NUMBERS the update takes, and behind it defines
 *
 *   static inline void update(__global stored *t0, .., index_t i, real n0, ..)      element i of all of them
 *
 * Nothing happens while the device word is set, unless IS_UPDATE is defined as 0: a result is made. */
#include "pieces.cl"

#ifndef IS_UPDATE
#define IS_UPDATE 1
#endif

#define LIST_1(m) m(0)
#define LIST_2(m) LIST_1(m), m(1)
#define LIST_3(m) LIST_2(m), m(2)
#define LIST_4(m) LIST_3(m), m(3)
#define LIST_5(m) LIST_4(m), m(4)
#define LIST_6(m) LIST_5(m), m(5)
#define LIST_7(m) LIST_6(m), m(6)
#define LIST_8(m) LIST_7(m), m(7)
#define LIST_JOIN(n) LIST_##n
#define LIST(n) LIST_JOIN(n)

#define TENSOR(k) __global stored *t##k
#define PLACED_TENSOR(k) __global stored *t##k, ulong t##k##_0
#define PLACE(k) t##k + t##k##_0
#define NUMBER(k) real n##k
#define NUMBER_NAME(k) n##k

static inline void update(LIST(TENSORS)(TENSOR), index_t i, LIST(NUMBERS)(NUMBER));

__kernel void update_one(__global const long *word, long n, LIST(TENSORS)(PLACED_TENSOR), LIST(NUMBERS)(NUMBER))
{
    if (IS_UPDATE && !word_clear(word))
        return;
    GRID(i, n)
        update(LIST(TENSORS)(PLACE), i, LIST(NUMBERS)(NUMBER_NAME));
}

#define ROW_TENSOR(k) tensor_at(at[1 + k], s0, s1, s2, s3, s4, s5, s6, s7)

/* A work-group takes a piece at a time. */
__kernel void update_many(__global const long *word, long first, long last, __global const long *table, ulong table_0,
                          SLABS, LIST(NUMBERS)(NUMBER))
{
    if (IS_UPDATE && !word_clear(word))
        return;
    for (long row = first + (long)get_group_id(0); row < last; row += (long)get_num_groups(0)) {
        __global const long *at = table + table_0 + (ulong)row * (1 + TENSORS);
        for (index_t i = (index_t)get_local_id(0); i < (index_t)at[0]; i += (index_t)get_local_size(0))
            update(LIST(TENSORS)(ROW_TENSOR), i, LIST(NUMBERS)(NUMBER_NAME));
    }
}
