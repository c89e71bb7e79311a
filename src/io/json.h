/* json.h - JSON text: built piece by piece (a failure is remembered: ask once, at the end), and read. */
#ifndef GRADC_JSON_H
#define GRADC_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

struct cJSON;

/* Starts as {0}; text is host_alloc'd and not ended by NUL. */
struct json {
    char *text;
    int64_t size, capacity;
    int failed; /* 1: no memory */
};

void json_raw(struct json *j, const char *text);    /* as it stands */
void json_string(struct json *j, const char *text); /* quoted and escaped; text must be UTF-8 */
void json_integer(struct json *j, int64_t value);

/* The bytes of the character at text, of which `left` bytes can be read: 0 if it is not UTF-8 (surrogates and overlong
 * forms are none). */
size_t json_utf8_length(const char *text, size_t left);

/* Whether all of text is UTF-8: 1 or 0. */
int json_is_utf8(const char *text);

/* The object that text, `size` bytes not ended by NUL, holds; only spaces may follow it.  Numbers are whole and at most
 * 2^53 - 1, strings UTF-8 without NUL, nesting JSON_DEPTH deep at most: else NULL, and f says why ("is not JSON ...").
 * Keys may be there twice.  cJSON_Delete frees it. */
enum { JSON_DEPTH = 16, JSON_VALUES = 4000000 };
struct cJSON *json_read(const char *text, size_t size, struct failure *f);

#endif
