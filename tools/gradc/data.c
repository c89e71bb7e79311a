/* data.c - where data sets are, how images become a model's input, and the names of classes in a model's file. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

char *data_source(const char *data)
{
    if (strcmp(data, "fashion-mnist") != 0)
        return text_format("%s", data);
    const char *named = getenv("FASHION_MNIST");
    return text_format("fashion-mnist:%s",
                       named != NULL && named[0] != '\0' ? named : "/usr/share/datasets/fashion-mnist");
}

/* ---- Input ---- */

static void take(const gradc_file *f, const char *key, char *to, size_t size, const char *otherwise)
{
    const char *text = gradc_file_metadata(f, key);
    snprintf(to, size, "%s", text != NULL && strlen(text) < size ? text : otherwise);
}

int input_of_file(const gradc_file *f, const gradc_module *m, struct input *in)
{
    const char *image = gradc_module_option(m, "image"), *channels = gradc_module_option(m, "channels");
    if (image == NULL || channels == NULL)
        return tool_failed(gradc_context_of(gradc_module_tensor(m, 0)), "");
    in->image = atoll(image);
    in->channels = atoi(channels);
    take(f, "mean", in->mean, sizeof in->mean, in->channels == 3 ? "0.485/0.456/0.406" : "0.5");
    take(f, "std", in->std, sizeof in->std, in->channels == 3 ? "0.229/0.224/0.225" : "0.5");
    take(f, "resize", in->resize, sizeof in->resize, "crop");
    return TOOL_OK;
}

gradc_loader *input_loader(const struct input *in, gradc_dataset *d, int64_t batch, const char *more)
{
    char options[512];
    snprintf(options, sizeof options, "batch=%lld image=%lld channels=%d mean=%s std=%s resize=%s %s",
             (long long)batch, (long long)in->image, in->channels, in->mean, in->std, in->resize, more);
    gradc_loader *l = gradc_loader_new(d, options);
    if (l == NULL)
        tool_failed(NULL, "");
    return l;
}

/* ---- Names ---- */

int names_read(struct names *names, const char *lines)
{
    *names = (struct names){0};
    if (lines == NULL || lines[0] == '\0')
        return TOOL_OK;
    names->text = text_format("%s", lines);
    for (const char *at = lines; at != NULL; at = strchr(at + 1, '\n'))
        names->n++;
    names->name = malloc((size_t)names->n * sizeof *names->name);
    if (names->text == NULL || names->name == NULL) {
        names_free(names);
        return tool_no_memory();
    }
    char *at = names->text;
    for (int i = 0; i < names->n; i++) {
        names->name[i] = at;
        at += strcspn(at, "\n");
        if (*at == '\n')
            *at++ = '\0';
    }
    return TOOL_OK;
}

void names_free(struct names *names)
{
    free(names->text);
    free(names->name);
    *names = (struct names){0};
}

const char *name_of(const struct names *names, int i, char text[32])
{
    if (i >= 0 && i < names->n)
        return names->name[i];
    snprintf(text, 32, "class %d", i);
    return text;
}

void print_column(const char *text, int least, int most)
{
    int bytes = 0, characters = 0;
    for (; text[bytes] != '\0'; bytes++) {
        int begins = (text[bytes] & 0xc0) != 0x80; /* not inside one */
        if (begins && characters == most)
            break;
        characters += begins;
    }
    int space = abs(least) > characters ? abs(least) - characters : 0;
    printf("%*s%.*s%*s", least < 0 ? space : 0, "", bytes, text, least < 0 ? 0 : space, "");
}
