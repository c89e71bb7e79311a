/* kernel.c - a kernel call filled in, argument by argument, and where a view's elements lie.
 *
 * Nothing here fails: a call that got too many arguments or options is spoilt, with nargs beyond
 * KERNEL_ARGS, and the device refuses to launch it. */
#include "device/device.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    RANGE_GROUPS = 16384,  /* of kernel_range at most: loops go on with a stride */
    RANGE_STRIDE = 1 << 25 /* above any work size of kernel_range, so that a 32-bit index can't wrap */
};

void *place_host(struct place p)
{
    return p.slab ? (char *)p.slab->memory + p.offset : NULL;
}

void *view_host(const struct view *v)
{
    if (!v->at.slab)
        return NULL;
    const size_t first = (size_t)v->layout.offset * gradc_dtype_size(v->dtype);
    return (char *)v->at.slab->memory + v->at.offset + first;
}

void kernel_start(struct kernel_call *k, const char *source, const char *kernel, gradc_dtype real)
{
    k->source = source;
    k->kernel = kernel;
    k->real = real;
    k->wide = 0;
    k->options[0] = 0;
    k->text = NULL;
    k->text_hash = 0;
    k->nargs = 0;
    k->ndim = 1;
    for (int i = 0; i < 3; i++) {
        k->global[i] = 1;
        k->local[i] = 0;
    }
}

static void spoil(struct kernel_call *k)
{
    k->nargs = KERNEL_ARGS + 1;
}

void kernel_option(struct kernel_call *k, const char *format, ...)
{
    const size_t n = strlen(k->options), room = sizeof k->options - n - 1; /* behind the space */
    va_list list;
    va_start(list, format);
    const int length = room ? vsnprintf(k->options + n + 1, room, format, list) : -1;
    va_end(list);
    if (length < 0 || (size_t)length >= room) {
        k->options[n] = 0;
        spoil(k);
        return;
    }
    k->options[n] = ' ';
}

void kernel_text(struct kernel_call *k, const char *text, uint64_t hash)
{
    k->text = text;
    k->text_hash = hash;
}

/* Eight bytes at a time. */
uint64_t kernel_hash(const char *text)
{
    size_t left = strlen(text);
    uint64_t h = left;
    while (left) {
        size_t n = left < 8 ? left : 8;
        uint64_t word = 0;
        memcpy(&word, text, n);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 29;
        text += n;
        left -= n;
    }
    return h * 0xff51afd7ed558ccdu;
}

static void kernel_arg(struct kernel_call *k, struct kernel_arg arg)
{
    if (k->nargs >= KERNEL_ARGS)
        spoil(k);
    else
        k->args[k->nargs++] = arg;
}

/* Whether a 32-bit index can't count the elements, or reach the last one from the first. */
static int is_wide(const struct layout *l)
{
    const double limit = (double)INT32_MAX - RANGE_STRIDE;
    double numel = 1, reach = 0;
    for (int i = 0; i < l->ndim; i++) {
        numel *= (double)l->shape[i];
        reach += (double)(l->shape[i] - 1) * fabs((double)l->stride[i]);
    }
    return numel > limit || reach > limit;
}

void kernel_tensor(struct kernel_call *k, const struct view *v)
{
    const size_t size = gradc_dtype_size(v->dtype);
    const int64_t first = v->layout.offset + (int64_t)(size ? v->at.offset / size : 0);
    kernel_arg(k, (struct kernel_arg){ARG_PLACE, {.place = v->at}});
    kernel_arg(k, (struct kernel_arg){ARG_I64, {.i64 = first}});
    k->wide |= is_wide(&v->layout);
}

void kernel_prologue(struct kernel_call *k, const struct epilogue *e)
{
    if (!e)
        return;
    kernel_text(k, e->text, e->text_hash);
    e->give(e, k);
}

void kernel_result(struct kernel_call *k, const struct epilogue *e, const struct view *c, int64_t done)
{
    if (!e) {
        kernel_tensor(k, c);
        return;
    }
    kernel_text(k, e->text, e->text_hash);
    kernel_i64(k, done);
    e->give(e, k);
}

void kernel_place(struct kernel_call *k, struct place at)
{
    kernel_arg(k, (struct kernel_arg){ARG_PLACE, {.place = at}});
    if (at.offset)
        spoil(k);
}

void kernel_i32(struct kernel_call *k, int32_t value)
{
    kernel_arg(k, (struct kernel_arg){ARG_I32, {.i32 = value}});
}

void kernel_i64(struct kernel_call *k, int64_t value)
{
    kernel_arg(k, (struct kernel_arg){ARG_I64, {.i64 = value}});
}

void kernel_real(struct kernel_call *k, double value)
{
    if (k->real == GRADC_F64)
        kernel_arg(k, (struct kernel_arg){ARG_F64, {.f64 = value}});
    else
        kernel_arg(k, (struct kernel_arg){ARG_F32, {.f32 = (float)value}});
}

void kernel_local(struct kernel_call *k, size_t bytes)
{
    kernel_arg(k, (struct kernel_arg){ARG_LOCAL, {.local = bytes}});
}

/* Small groups for small work, so that it spreads over the device's units. */
void kernel_range(struct kernel_call *k, int64_t items)
{
    int64_t local = 256;
    if (items <= 131072)
        local = items <= 16384 ? 64 : 128;
    const int64_t all = items / local + (items % local != 0);
    const int64_t groups = all < RANGE_GROUPS ? all + (all < 1) : RANGE_GROUPS;
    k->ndim = 1;
    k->local[0] = (size_t)local;
    k->global[0] = (size_t)(groups * local);
}

void kernel_groups(struct kernel_call *k, int ndim, const size_t *groups, const size_t *local)
{
    k->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        k->local[i] = local[i];
        k->global[i] = groups[i] * local[i];
    }
}
