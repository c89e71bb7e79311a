/* json_read.c - reads JSON that may be hostile.
 *
 * cJSON builds the values, but it is lenient: it takes control characters, bytes that are no UTF-8 and NUL in strings,
 * and rounds numbers to doubles.  So the text is looked through first, character by character; what passes costs cJSON
 * neither depth nor more memory than JSON_VALUES values do. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "io/json.h"

struct scan {
    const char *text;
    size_t size, at;
    int depth;
    int64_t values;
    struct failure *f;
};

static gradc_status not_json(const struct scan *s, const char *why)
{
    return fail(s->f, GRADC_E_IO, "is not JSON: %s at byte %zu", why, s->at);
}

/* Behind the backslash at s->at; which letters may follow is cJSON's to say. */
static gradc_status scan_escape(struct scan *s)
{
    if (s->size - s->at >= 6 && memcmp(s->text + s->at, "\\u0000", 6) == 0)
        return not_json(s, "a NUL in a string");
    s->at += 2;
    return GRADC_OK;
}

/* From the opening quote to behind the closing one. */
static gradc_status scan_string(struct scan *s)
{
    gradc_status status = GRADC_OK;
    s->at++;
    while (status == GRADC_OK && s->at < s->size) {
        const char c = s->text[s->at];
        if (c == '"') {
            s->at++;
            return GRADC_OK;
        }
        if (c == '\\') {
            status = scan_escape(s);
            continue;
        }
        size_t length = (unsigned char)c < 0x20 ? 0 : json_utf8_length(s->text + s->at, s->size - s->at);
        if (length == 0)
            status = not_json(s, (unsigned char)c < 0x20 ? "a control character in a string" : "no UTF-8");
        s->at += length;
    }
    return status != GRADC_OK ? status : not_json(s, "a string without an end");
}

static gradc_status scan_number(struct scan *s)
{
    const int64_t most = ((int64_t)1 << 53) - 1;
    const char *start = s->text + s->at;
    size_t length = 0;
    int64_t value = 0;
    int whole = 1;
    while (length < s->size - s->at && start[length] != '\0' && strchr("0123456789+-.eE", start[length]) != NULL) {
        const char c = start[length++];
        whole = whole && c >= '0' && c <= '9' && value <= (most - (c - '0')) / 10;
        value = whole ? 10 * value + (c - '0') : value;
    }
    if (!whole || (length > 1 && start[0] == '0'))
        return fail(s->f, GRADC_E_IO, "holds the number %.*s%s, which is not a whole one of 0 .. 2^53 - 1",
                    length > 40 ? 40 : (int)length, start, length > 40 ? "..." : "");
    s->at += length;
    return GRADC_OK;
}

static gradc_status scan_next(struct scan *s)
{
    const char c = s->text[s->at];
    if (c == '"')
        return scan_string(s);
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.')
        return scan_number(s);
    if ((unsigned char)c >= 0x7f || ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
        return not_json(s, "a character outside of a string");
    s->depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (s->depth > JSON_DEPTH)
        return fail(s->f, GRADC_E_IO, "nests its values more than %d deep", JSON_DEPTH);
    s->values += c == ',' || c == '{' || c == '[';
    if (s->values > JSON_VALUES)
        return fail(s->f, GRADC_E_IO, "holds more than %d values", JSON_VALUES);
    s->at++;
    return GRADC_OK;
}

cJSON *json_read(const char *text, size_t size, struct failure *f)
{
    struct scan s = {.text = text, .size = size, .f = f};
    if (size == 0 || text[0] != '{') {
        fail(f, GRADC_E_IO, "does not begin with {");
        return NULL;
    }
    while (s.at < size)
        if (scan_next(&s) != GRADC_OK)
            return NULL;
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text, size, &end, 0);
    s.at = end != NULL ? (size_t)(end - text) : 0;
    if (json == NULL) {
        not_json(&s, "something else is expected (or there is no memory)");
        return NULL;
    }
    while (s.at < size && text[s.at] == ' ')
        s.at++;
    if (s.at == size)
        return json;
    not_json(&s, "more than spaces behind the object");
    cJSON_Delete(json);
    return NULL;
}
