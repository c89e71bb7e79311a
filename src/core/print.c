/* print.c - NumPy's array formatting: one form for all elements that are shown, found in a first pass
 * over them; then rows that wrap, and axes that are abbreviated.
 *
 * A float's digits are the fewest that name it among floats of its type, cut to the form's precision.
 * They come from printf and are checked by strtod; the decimal point, which a locale may change, is read
 * from neither. */
#include "core/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "core/tensor.h"

enum {
    DIGITS = 17,   /* enough for any f64 */
    PRECISION = 8, /* digits behind the point, at most */
    COLUMNS = 75,
    ALL_SHOWN = 1000, /* a tensor of more elements is abbreviated */
    EDGE = 3,
    WORD = 64
};

/* ---- Numbers ---- */

/* +-d.ddd * 10^exponent, without zeros at the end. */
struct decimal {
    int negative, count, exponent;
    char digits[DIGITS + 1];
};

/* A finite x rounded to `count` significant digits, ties to even. */
static struct decimal round_to(double x, int count)
{
    char text[WORD];
    struct decimal d = {.negative = signbit(x) != 0};
    snprintf(text, sizeof text, "%.*e", count - 1, fabs(x));
    const char *c = text;
    for (; *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            d.digits[d.count++] = *c;
    d.exponent = (int)strtol(c + 1, NULL, 10);
    while (d.count > 1 && d.digits[d.count - 1] == '0')
        d.count--;
    d.digits[d.count] = 0;
    return d;
}

/* Whether these digits are read back as |x|: an integer times a power of ten needs no decimal point. */
static int names(const struct decimal *d, double x, gradc_dtype dtype)
{
    char text[WORD];
    snprintf(text, sizeof text, "%se%d", d->digits, d->exponent - (d->count - 1));
    switch (dtype) {
    case GRADC_F32: return strtof(text, NULL) == (float)fabs(x);
    case GRADC_F16: return f16_narrow(strtof(text, NULL)) == f16_narrow((float)fabs(x));
    case GRADC_BF16: return bf16_narrow(strtof(text, NULL)) == bf16_narrow((float)fabs(x));
    default: return strtod(text, NULL) == fabs(x);
    }
}

/* The next number up with as many digits, where its last digit is not 9. */
static struct decimal next_up(struct decimal d, int count)
{
    while (d.count < count)
        d.digits[d.count++] = '0';
    if (d.digits[d.count - 1] != '9')
        d.digits[d.count - 1]++;
    d.digits[d.count] = 0;
    return d;
}

/* The fewest digits that name a finite x, or x rounded to `most` where those are too few.  Below a power
 * of two floats lie closer than above it, so the nearest number of some length may miss where the next
 * one up does not. */
static struct decimal fewest(double x, gradc_dtype dtype, int most)
{
    for (int count = 1;; count++) {
        const struct decimal d = round_to(x, count);
        if (names(&d, x, dtype))
            return d;
        const struct decimal up = next_up(d, count);
        if (names(&up, x, dtype))
            return up;
        if (count >= most)
            return d;
    }
}

/* `count` digits: those that name x where it needs as many, else x rounded. */
static struct decimal exactly(double x, gradc_dtype dtype, int count)
{
    const struct decimal d = fewest(x, dtype, count);
    return d.count == count ? d : round_to(x, count);
}

/* The fewest digits that name x, at most PRECISION of them behind the point. */
static struct decimal fewest_fixed(double x, gradc_dtype dtype)
{
    const int most = round_to(x, DIGITS).exponent + 1 + PRECISION; /* from 1 on: x is 0, or at least 1e-8 */
    return fewest(x, dtype, most < DIGITS ? most : DIGITS);
}

/* The same with the digits in front of the point as they are, where fewer would name x. */
static struct decimal exact_units(double x, gradc_dtype dtype)
{
    const struct decimal d = fewest_fixed(x, dtype);
    const int units = round_to(x, DIGITS).exponent + 1;
    return d.count < units ? round_to(x, units) : d;
}

/* Digits in front of the point, with the sign; digits behind it. */
static int in_front(const struct decimal *d)
{
    return d->negative + (d->exponent < 0 ? 1 : d->exponent + 1);
}

static int behind(const struct decimal *d)
{
    const int count = d->count - 1 - d->exponent;
    return count < 0 ? 0 : count;
}

/* "-12.5", "3.": the bytes. */
static int write_positional(const struct decimal *d, char *text)
{
    int n = 0;
    if (d->negative)
        text[n++] = '-';
    const int units = d->exponent; /* the digit in front of the point: there are none before the first */
    for (int i = units < 0 ? units : 0; i <= units || i < d->count; i++) {
        text[n++] = '0';
        if (i >= 0 && i < d->count)
            text[n - 1] = d->digits[i];
        if (i == units)
            text[n++] = '.';
    }
    return n;
}

/* "-1.25e+08" with `precision` digits behind the point and an exponent of `size` digits. */
static int write_scientific(const struct decimal *d, int precision, int size, char *text)
{
    int n = 0;
    if (d->negative)
        text[n++] = '-';
    text[n++] = d->digits[0];
    text[n++] = '.';
    for (int i = 1; i <= precision; i++)
        text[n++] = i < d->count ? d->digits[i] : '0';
    return n + snprintf(text + n, (size_t)(WORD - n), "e%c%0*d", d->exponent < 0 ? '-' : '+', size,
                        abs(d->exponent));
}

static int write_not_finite(double x, char *text)
{
    return snprintf(text, WORD, "%s%s", x < 0 ? "-" : "", isnan(x) ? "nan" : "inf");
}

/* ---- Elements ---- */

static double real_at(gradc_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case GRADC_F32: return (double)((const float *)data)[i];
    case GRADC_F16: return (double)f16_widen(((const uint16_t *)data)[i]);
    case GRADC_BF16: return (double)bf16_widen(((const uint16_t *)data)[i]);
    default: return ((const double *)data)[i];
    }
}

static long long integer_at(gradc_dtype dtype, const void *data, int64_t i)
{
    if (dtype == GRADC_I64)
        return ((const int64_t *)data)[i];
    return dtype == GRADC_I32 ? ((const int32_t *)data)[i] : ((const uint8_t *)data)[i];
}

static int is_real(gradc_dtype dtype)
{
    return dtype_is_float(dtype);
}

/* What all elements that are shown have in common. */
struct printer {
    gradc_dtype dtype;
    const struct layout *l;
    const void *data;
    int abbreviated;
    /* What the first pass finds. */
    int count, finite, minus_inf;
    double largest, smallest; /* magnitudes, of what is finite and not 0; 0: nothing is */
    int scientific, precision, exponent_size;
    int left, right; /* the most that stand in front of and behind the point */
    /* The text. */
    char *text;
    size_t size;
    int64_t length;
    int spaces; /* not written yet: at the end of a line that wraps they are dropped */
};

/* The index after i that is shown on an axis. */
static int64_t shown_after(const struct printer *p, int64_t i, int64_t size)
{
    return p->abbreviated && size > 2 * EDGE && i == EDGE - 1 ? size - EDGE : i + 1;
}

/* Calls note for each element that is shown. */
static void visit(struct printer *p, int axis, int64_t first, void (*note)(struct printer *p, int64_t i))
{
    if (axis == p->l->ndim) {
        note(p, first);
        return;
    }
    const int64_t size = p->l->shape[axis];
    for (int64_t i = 0; i < size; i = shown_after(p, i, size))
        visit(p, axis + 1, first * size + i, note);
}

static void at_least(int *most, int value)
{
    *most = value > *most ? value : *most;
}

static void note_range(struct printer *p, int64_t i)
{
    const double x = real_at(p->dtype, p->data, i), magnitude = fabs(x);
    p->count++;
    p->minus_inf |= isinf(x) && x < 0;
    if (!isfinite(x))
        return;
    p->finite++;
    if (magnitude > p->largest)
        p->largest = magnitude;
    if (magnitude > 0 && (!(p->smallest > 0) || magnitude < p->smallest))
        p->smallest = magnitude;
}

static void note_real(struct printer *p, int64_t i)
{
    const double x = real_at(p->dtype, p->data, i);
    if (!isfinite(x))
        return;
    if (p->scientific) {
        const struct decimal d = fewest(x, p->dtype, 1 + PRECISION);
        at_least(&p->left, 1 + d.negative);
        at_least(&p->precision, d.count - 1);
        at_least(&p->exponent_size, abs(d.exponent) > 99 ? 3 : 2);
    } else {
        const struct decimal d = fewest_fixed(x, p->dtype);
        at_least(&p->left, in_front(&d));
        at_least(&p->right, behind(&d));
    }
}

static void note_integer(struct printer *p, int64_t i)
{
    char text[WORD];
    at_least(&p->left, snprintf(text, sizeof text, "%lld", integer_at(p->dtype, p->data, i)));
}

/* The ratio is one of the dtype, where it may overflow. */
static int wants_scientific(const struct printer *p)
{
    if (!(p->largest > 0))
        return 0;
    const double ratio =
        p->dtype == GRADC_F64 ? p->largest / p->smallest : (double)((float)p->largest / (float)p->smallest);
    return p->largest >= 1e8 || p->smallest < 1e-4 || ratio > 1000;
}

static void find_form(struct printer *p)
{
    if (p->dtype == GRADC_BOOL) {
        p->left = 5;
        return;
    }
    if (!is_real(p->dtype)) {
        visit(p, 0, 0, note_integer);
        return;
    }
    visit(p, 0, 0, note_range);
    p->scientific = wants_scientific(p);
    visit(p, 0, 0, note_real);
    if (p->scientific)
        p->right = p->exponent_size + 2 + p->precision;
    if (p->count > p->finite)
        at_least(&p->left, 3 + p->minus_inf - (p->right + 1));
}

/* ---- Text ---- */

static void put(struct printer *p, const char *text, int n)
{
    for (int i = 0; i < n; i++) {
        if (text[i] == ' ') {
            p->spaces++;
            continue;
        }
        for (; p->spaces; p->spaces--, p->length++)
            if ((size_t)p->length + 1 < p->size)
                p->text[p->length] = ' ';
        if ((size_t)p->length + 1 < p->size)
            p->text[p->length] = text[i];
        p->length++;
    }
}

static void new_line(struct printer *p, int indent)
{
    p->spaces = 0;
    put(p, "\n", 1);
    p->spaces = indent;
}

/* An element of a real dtype: the bytes, and how far it stands from the left edge. */
static int write_real(const struct printer *p, double x, char *text, int *pad)
{
    int n;
    if (!isfinite(x)) {
        n = write_not_finite(x, text);
        *pad = p->left + p->right + 1 - n;
    } else if (p->scientific) {
        const struct decimal d = exactly(x, p->dtype, 1 + p->precision);
        n = write_scientific(&d, p->precision, p->exponent_size, text);
        *pad = p->left - 1 - d.negative;
    } else {
        const struct decimal d = exact_units(x, p->dtype);
        n = write_positional(&d, text);
        *pad = p->left - in_front(&d);
        for (int i = behind(&d); i < p->right; i++)
            text[n++] = ' ';
    }
    return n;
}

/* A bool or an integer. */
static int write_plain(const struct printer *p, int64_t i, char *text)
{
    if (p->dtype == GRADC_BOOL)
        return snprintf(text, WORD, "%s", ((const uint8_t *)p->data)[i] ? "True" : "False");
    return snprintf(text, WORD, "%lld", integer_at(p->dtype, p->data, i));
}

/* An element as wide as all others, at most WORD bytes: the bytes. */
static int write_word(const struct printer *p, int64_t i, char *word)
{
    char text[WORD];
    int n, pad;
    if (is_real(p->dtype)) {
        n = write_real(p, real_at(p->dtype, p->data, i), text, &pad);
    } else {
        n = write_plain(p, i, text);
        pad = p->left - n;
    }
    return snprintf(word, WORD, "%*s%.*s", pad, "", n, text);
}

/* The last axis: words that wrap.  NumPy counts one column for the first bracket and one for each axis's
 * closing. */
static void put_row(struct printer *p, int axis, int64_t first)
{
    const int64_t size = p->l->shape[axis];
    const int indent = 1 + axis, width = COLUMNS - axis - 1;
    int column = indent;
    for (int64_t i = 0, dots = 0; i < size;) {
        char word[WORD] = "...";
        const int n = dots ? 3 : write_word(p, first * size + i, word);
        if (column + n > width && column > indent) {
            new_line(p, indent);
            column = indent;
        }
        put(p, word, n);
        column += n + 1;
        const int64_t next = dots ? size - EDGE : shown_after(p, i, size);
        dots = !dots && next > i + 1;
        i = dots ? i : next;
        if (i < size)
            put(p, " ", 1);
    }
}

static void put_axis(struct printer *p, int axis, int64_t first)
{
    const int64_t size = p->l->shape[axis];
    const int below = p->l->ndim - 1 - axis, indent = 1 + axis;
    put(p, "[", 1);
    if (!below)
        put_row(p, axis, first);
    for (int64_t i = 0; below && i < size;) {
        put_axis(p, axis + 1, first * size + i);
        const int64_t next = shown_after(p, i, size);
        for (int rows = next > i + 1 ? 2 : next < size; rows; rows--) {
            for (int line = 0; line < below; line++)
                new_line(p, indent);
            if (rows == 2)
                put(p, "...", 3);
        }
        i = next;
    }
    put(p, "]", 1);
}

/* One number by itself: all its digits, "1.5", "1e-05". */
static int write_scalar(const struct printer *p, char *text)
{
    if (!is_real(p->dtype))
        return write_plain(p, 0, text);
    const double x = real_at(p->dtype, p->data, 0), magnitude = fabs(x);
    if (!isfinite(x))
        return write_not_finite(x, text);
    const struct decimal d = fewest(x, p->dtype, DIGITS);
    if (magnitude > 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
        const int n = write_scientific(&d, d.count - 1, 2, text), point = 1 + d.negative;
        if (d.count > 1)
            return n;
        memmove(text + point, text + point + 1, (size_t)(n - point - 1));
        return n - 1;
    }
    int n = write_positional(&d, text);
    if (!behind(&d))
        text[n++] = '0';
    return n;
}

int64_t print_array(gradc_dtype dtype, const struct layout *l, const void *data, char *text, size_t size)
{
    const size_t bytes = gradc_dtype_size(dtype);
    if (!bytes)
        return -1;
    int64_t numel = 1;
    for (int i = 0; i < l->ndim; i++)
        numel *= l->shape[i];
    struct printer p = {.dtype = dtype, .l = l, .data = data, .text = text, .size = size};
    p.abbreviated = numel > ALL_SHOWN;
    if (!numel) {
        put(&p, "[]", 2);
    } else if (!l->ndim) {
        char word[WORD];
        put(&p, word, write_scalar(&p, word));
    } else {
        find_form(&p);
        put_axis(&p, 0, 0);
    }
    if (size)
        text[(size_t)p.length < size ? (size_t)p.length : size - 1] = 0;
    return p.length;
}
