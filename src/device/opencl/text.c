/* text.c - puts a program's text together from the embedded sources.  #line keeps the build log's file and
 * line. */
#include "device/opencl/text.h"

#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "device/opencl/sources.h"

void text_add(struct text *t, const char *more)
{
    size_t length = strlen(more);
    if (t->failed)
        return;
    if (host_grow(&t->data, &t->capacity, t->size + (int64_t)length + 1, 1)) {
        t->failed = 1;
        return;
    }
    memcpy(t->data + t->size, more, length + 1);
    t->size += (int64_t)length;
}

static const struct source *find_source(const char *name)
{
    for (const struct source *s = source_list; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* 1, and the name of X, if the line is  #include "X.cl"  or  #include "X.def" , which keeps its ending. */
static int is_include(const char *line, char name[64])
{
    static const char start[] = "#include \"";
    if (strncmp(line, start, sizeof start - 1) != 0)
        return 0;
    line += sizeof start - 1;
    const char *end = strchr(line, '"');
    if (!end || end - line >= 64)
        return 0;
    if (end - line > 3 && strncmp(end - 3, ".cl", 3) == 0)
        end -= 3;
    memcpy(name, line, (size_t)(end - line));
    name[end - line] = 0;
    return 1;
}

static void add_line_mark(struct text *t, int line, const char *name)
{
    char mark[128];
    snprintf(mark, sizeof mark, "#line %d \"%s%s\"\n", line, name, strchr(name, '.') ? "" : ".cl");
    text_add(t, mark);
}

static gradc_status add_source(struct text *t, const char *name, const char *wanted, struct failure *f)
{
    const struct source *s = find_source(name);
    char other[64];
    if (!s)
        return fail(f, GRADC_E_UNSUPPORTED, "there is no kernel source %s.cl (for %s.cl)", name, wanted);
    for (int i = 0; i < t->nincluded; i++)
        if (strcmp(t->included[i], name) == 0)
            return GRADC_OK;
    if (t->nincluded == TEXT_INCLUDES)
        return fail(f, GRADC_E_UNSUPPORTED, "kernel source %s.cl includes more than %d", wanted, TEXT_INCLUDES);
    t->included[t->nincluded++] = s->name;
    add_line_mark(t, 1, name);
    for (int line = 0; s->lines[line]; line++) {
        if (!is_include(s->lines[line], other)) {
            text_add(t, s->lines[line]);
            continue;
        }
        gradc_status status = add_source(t, other, wanted, f);
        if (status)
            return status;
        add_line_mark(t, line + 2, name);
    }
    return GRADC_OK;
}

gradc_status text_program(struct text *t, const char *source, const char *more, struct failure *f)
{
    gradc_status status = add_source(t, "prelude", source, f);
    if (more && !status) {
        status = add_source(t, "steps", source, f);
        text_add(t, "#line 1 \"made for this chain\"\n");
        text_add(t, more);
    }
    if (!status)
        status = add_source(t, source, source, f);
    if (!status && t->failed)
        status = fail(f, GRADC_E_MEMORY, "no host memory for the text of %s.cl", source);
    return status;
}
