/* pieces.c - the table of pieces. */
#include "ops/pieces.h"

#include <string.h>

int64_t piece_rows(int64_t n)
{
    return n / PIECE + (n % PIECE != 0);
}

int64_t piece_owner(const void *works, size_t size, int64_t count, int64_t task)
{
    int64_t low = 0, high = count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (*(const int64_t *)(const void *)((const char *)works + (size_t)middle * size) <= task)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The number of the place's slab; -1: there are PIECE_SLABS others already. */
static int slab_of(struct slabs *s, struct place at)
{
    for (int i = 0; i < s->n; i++)
        if (s->at[i].slab == at.slab)
            return i;
    if (s->n == PIECE_SLABS)
        return -1;
    s->at[s->n].slab = at.slab;
    s->at[s->n].offset = 0;
    return s->n++;
}

int piece_add(struct pieces *p, const struct view *const *t, int count, unsigned scalars, int64_t n)
{
    struct slabs with = p->slabs;
    int64_t values[1 + PIECE_TENSORS];
    const size_t bytes = (size_t)(1 + count) * sizeof *values;
    for (int i = 0; i < count; i++) {
        int slab = slab_of(&with, t[i]->at);
        int64_t size = (int64_t)gradc_dtype_size(t[i]->dtype);
        if (slab < 0)
            return 0;
        values[1 + i] = ((int64_t)t[i]->at.offset / size + t[i]->layout.offset) << 3 | slab;
    }
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t *at = p->table + p->rows++ * (1 + count);
        values[0] = n - first < PIECE ? n - first : PIECE;
        p->changed |= memcmp(at, values, bytes) != 0;
        memcpy(at, values, bytes);
        for (int i = 0; i < count; i++)
            values[1 + i] += scalars >> i & 1 ? 0 : (int64_t)PIECE << 3;
    }
    p->slabs = with;
    return 1;
}

gradc_status piece_write(const struct pieces *p, struct device *d, struct place table, size_t bytes,
                         struct failure *f)
{
    return p->changed ? d->table->write(d, table, p->table, bytes, f) : GRADC_OK;
}

void piece_give(struct kernel_call *k, const struct slabs *s, struct place table, int64_t first, int64_t last)
{
    kernel_i64(k, first);
    kernel_i64(k, last);
    kernel_tensor(k, &(struct view){.at = table, .dtype = GRADC_I64});
    for (int i = 0; i < PIECE_SLABS; i++)
        kernel_place(k, s->at[i < s->n ? i : 0]);
}

void piece_groups(struct kernel_call *k, int64_t rows)
{
    kernel_groups(k, 1, &(size_t){rows < 65535 ? (size_t)rows : 65535}, &(size_t){PIECE_GROUP});
}
