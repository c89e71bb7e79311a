/* json.c - builds JSON text: strings with their escapes, integers, and text as it stands; what is UTF-8. */
#include "io/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"

static void json_bytes(struct json *j, const char *bytes, size_t count)
{
    if (j->failed || host_grow(&j->text, &j->capacity, j->size + (int64_t)count, 1) != 0) {
        j->failed = 1;
        return;
    }
    if (count > 0)
        memcpy(j->text + j->size, bytes, count);
    j->size += (int64_t)count;
}

void json_raw(struct json *j, const char *text)
{
    json_bytes(j, text, strlen(text));
}

void json_integer(struct json *j, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    json_bytes(j, text, (size_t)n);
}

void json_string(struct json *j, const char *text)
{
    json_raw(j, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        char escape[8];
        if (*p == '"' || *p == '\\')
            snprintf(escape, sizeof escape, "\\%c", *p);
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*p);
        else
            snprintf(escape, sizeof escape, "%c", *p);
        json_raw(j, escape);
    }
    json_raw(j, "\"");
}

/* The table is Unicode's 3-7: well-formed sequences. */
size_t json_utf8_length(const char *text, size_t left)
{
    static const struct form {
        unsigned char first, last, second_low, second_high;
        size_t length;
    } forms[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; left > 0 && i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *f = &forms[i];
        if (p[0] < f->first || p[0] > f->last)
            continue;
        if (f->length > left)
            return 0;
        if (f->length > 1 && (p[1] < f->second_low || p[1] > f->second_high))
            return 0;
        for (size_t k = 2; k < f->length; k++)
            if (p[k] < 0x80 || p[k] > 0xbf)
                return 0;
        return f->length;
    }
    return 0;
}

int json_is_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = json_utf8_length(text, left);
        if (length == 0)
            return 0;
        text += length;
        left -= length;
    }
    return 1;
}
