/* model.c - a trained model's file, opened on a device. */
#include <inttypes.h>

#include "tool.h"

const char *model_options(char text[MODEL_OPTIONS], const char *given, int64_t image, int64_t classes,
                          int64_t channels)
{
    const struct {
        const char *key;
        int64_t value;
    } more[] = {{"image", image}, {"classes", classes}, {"channels", channels}};
    size_t used = (size_t)snprintf(text, MODEL_OPTIONS, "%s", given);
    for (size_t i = 0; i < sizeof more / sizeof *more && used < MODEL_OPTIONS; i++)
        if (more[i].value > 0)
            used +=
                (size_t)snprintf(text + used, MODEL_OPTIONS - used, " %s=%" PRId64, more[i].key, more[i].value);
    return text;
}

int model_open(struct model *m, const char *path, const char *device, int64_t threads)
{
    *m = (struct model){0};
    m->file = gradc_file_open(path);
    if (m->file == NULL)
        return tool_failed(NULL, "");
    if (gradc_file_metadata(m->file, "model") == NULL)
        return tool_usage("%s does not say which model it is of; gradc train --save writes files that do", path);
    int status = open_device(device, threads, &m->g);
    if (status != TOOL_OK)
        return status;
    m->module = gradc_module_open(m->g, path);
    if (m->module == NULL)
        return tool_failed(m->g, "");
    status = input_of_file(m->file, m->module, &m->input);
    return status == TOOL_OK ? names_read(&m->names, gradc_file_metadata(m->file, "classes")) : status;
}

void model_close(struct model *m)
{
    names_free(&m->names);
    gradc_module_free(m->module);
    gradc_close(m->g);
    gradc_file_close(m->file);
    *m = (struct model){0};
}
