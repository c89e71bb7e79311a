/* device.c - the list of devices and the strings that name them: the CPU is 0, OpenCL devices follow in
 * the order of the loader.  Not here: what a device does. */
#include "device/device.h"

#include "base/host.h"
#include "device/cpu/cpu.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/opencl.h"
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#ifdef GRADC_NO_OPENCL
static int32_t opencl_count(void)
{
    return 0;
}

static gradc_status opencl_describe(int32_t n, struct device_info *info, struct failure *f)
{
    (void)n;
    (void)info;
    return fail(f, GRADC_E_DEVICE, "this build is without OpenCL");
}

static gradc_status opencl_open(int32_t n, struct device **out, struct failure *f)
{
    (void)n;
    *out = NULL;
    return fail(f, GRADC_E_DEVICE, "this build is without OpenCL");
}
#endif

const char *const math_names[MATHS] = {
    [MATH_FAST] = "fast", [MATH_STRICT] = "strict", [MATH_TF32] = "tf32", [MATH_BF16] = "bf16"};

int32_t device_count(void)
{
    return 1 + opencl_count();
}

gradc_status device_describe(int32_t index, struct device_info *info, struct failure *f)
{
    if (index == 0) { /* without a look at OpenCL, whose drivers are slow to load */
        cpu_describe(info);
        return GRADC_OK;
    }
    const int32_t count = device_count();
    if (index < 0 || index >= count)
        return fail(f, GRADC_E_ARG, "device_info: device %d is not in 0..%d", (int)index, (int)(count - 1));
    return opencl_describe(index - 1, info, f);
}

/* ---- Choosing ---- */

/* What a device string asks of an OpenCL device. */
struct wish {
    int gpu;          /* a GPU */
    int64_t number;   /* the how-manieth of those that fit, from 0; -1: the first, a GPU before others */
    const char *text; /* in its platform, vendor or name; NULL: any */
};

/* Appends to text, cut off at its size. */
static void append(char *text, size_t size, const char *format, ...) GRADC_PRINTF(3, 4);
static void append(char *text, size_t size, const char *format, ...)
{
    const size_t n = strlen(text);
    va_list list;
    va_start(list, format);
    if (n < size && vsnprintf(text + n, size - n, format, list) < 0)
        text[n] = 0;
    va_end(list);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether text contains part, case ignored for ASCII. */
static int contains(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t n = 0;
        while (part[n] && lower(text[n]) == lower(part[n]))
            n++;
        if (!part[n])
            return 1;
    }
    return 0;
}

static int fits(const struct device_info *info, const struct wish *w)
{
    if (w->gpu && strcmp(info->kind, "gpu"))
        return 0;
    return !w->text || contains(info->platform, w->text) || contains(info->vendor, w->text) ||
           contains(info->name, w->text);
}

/* The OpenCL device that is wished for, or -1.  A device that can't be described is not chosen. */
static int32_t choose(const struct wish *w)
{
    int32_t first = -1;
    int64_t seen = 0;
    for (int32_t n = 0; n < opencl_count(); n++) {
        struct device_info info;
        if (opencl_describe(n, &info, NULL) || !fits(&info, w))
            continue;
        if (w->number < 0 && (w->text || !strcmp(info.kind, "gpu")))
            return n;
        if (seen++ == w->number)
            return n;
        first = first < 0 ? n : first;
    }
    return w->number < 0 ? first : -1;
}

/* "no OpenCL device matches "X"; there are: opencl:0 (NAME, PLATFORM), ..." */
static gradc_status none(const char *name, const struct wish *w, struct failure *f)
{
    char list[1024] = "";
    const int32_t count = opencl_count();
    for (int32_t n = 0; n < count; n++) {
        struct device_info info;
        if (!opencl_describe(n, &info, NULL))
            append(list, sizeof list, "%sopencl:%d (%s, %s, %s)", *list ? ", " : "", (int)n, info.kind,
                   info.name, info.platform);
    }
    if (*list)
        return fail(f, GRADC_E_DEVICE, "no OpenCL %s matches \"%s\"; there are: %s",
                    w->gpu ? "GPU" : "device", name, list);
    struct failure why = {.status = GRADC_OK};
    struct device_info info;
    opencl_describe(0, &info, &why);
    return fail(f, GRADC_E_DEVICE, "\"%s\": there is no OpenCL device (%s); \"cpu\" is there", name,
                why.status ? why.text : "none can be described");
}

static gradc_status open_opencl(int32_t n, struct device **out, struct failure *f)
{
    const gradc_status status = opencl_open(n, out, f);
    if (!status)
        (*out)->index = n + 1;
    return status;
}

/* The first GPU that opens, else the CPU. */
static gradc_status open_auto(struct device **out, struct failure *f)
{
    const struct wish gpu = {1, -1, NULL};
    for (int32_t n = 0; n < opencl_count(); n++) {
        struct device_info info;
        if (opencl_describe(n, &info, NULL) || !fits(&info, &gpu))
            continue;
        struct failure why = {.status = GRADC_OK};
        if (!open_opencl(n, out, &why))
            return GRADC_OK;
        host_log("auto: opencl:%d does not open: %s", (int)n, why.text);
    }
    return cpu_open(out, f);
}

/* Digits to the end of text, at least one; -1 for anything else.  Too many digits are a number that no
 * device has. */
static int64_t number_of(const char *text)
{
    int64_t n = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return -1;
        n = n > INT32_MAX ? n : n * 10 + (*c - '0');
    }
    return *text ? n : -1;
}

/* "gpu", "gpu:N", "opencl", "opencl:N", "opencl:TEXT"; 0 for another string. */
static int wish_of(const char *name, struct wish *w)
{
    const char *colon = strchr(name, ':');
    const size_t length = colon ? (size_t)(colon - name) : strlen(name);
    const int gpu = length == 3 && !strncmp(name, "gpu", 3);
    if (!gpu && !(length == 6 && !strncmp(name, "opencl", 6)))
        return 0;
    *w = (struct wish){gpu, colon ? number_of(colon + 1) : -1, NULL};
    if (!colon || w->number >= 0)
        return 1;
    w->text = colon + 1;
    return !gpu && *w->text;
}

gradc_status device_open(const char *name, struct device **out, struct failure *f)
{
    struct wish w;
    *out = NULL;
    if (!strcmp(name, "cpu"))
        return cpu_open(out, f);
    if (!strcmp(name, "auto"))
        return open_auto(out, f);
    if (!wish_of(name, &w))
        return fail(f, GRADC_E_ARG,
                    "\"%s\" names no device: use cpu, gpu, gpu:N, opencl, opencl:N, opencl:TEXT, auto", name);
    const int32_t n = choose(&w);
    return n < 0 ? none(name, &w, f) : open_opencl(n, out, f);
}

/* ---- Public ---- */

int32_t gradc_device_count(void)
{
    return device_count();
}

enum fact { FACT_TEXT, FACT_I32, FACT_I64 };

static const struct {
    const char *key;
    enum fact fact;
    size_t at;
} facts[] = {
    {"device", FACT_TEXT, offsetof(struct device_info, device)},
    {"kind", FACT_TEXT, offsetof(struct device_info, kind)},
    {"name", FACT_TEXT, offsetof(struct device_info, name)},
    {"vendor", FACT_TEXT, offsetof(struct device_info, vendor)},
    {"platform", FACT_TEXT, offsetof(struct device_info, platform)},
    {"driver", FACT_TEXT, offsetof(struct device_info, driver)},
    {"opencl", FACT_TEXT, offsetof(struct device_info, opencl)},
    {"memory", FACT_I64, offsetof(struct device_info, memory)},
    {"largest_buffer", FACT_I64, offsetof(struct device_info, largest_buffer)},
    {"units", FACT_I32, offsetof(struct device_info, units)},
    {"f64", FACT_I32, offsetof(struct device_info, f64)},
};

static int write_fact(const struct device_info *info, size_t row, char *text, size_t size)
{
    const char *at = (const char *)info + facts[row].at;
    int32_t small;
    int64_t large;
    if (facts[row].fact == FACT_TEXT)
        return snprintf(text, size, "%s", at);
    if (facts[row].fact == FACT_I32) {
        memcpy(&small, at, sizeof small);
        return snprintf(text, size, "%d", (int)small);
    }
    memcpy(&large, at, sizeof large);
    return snprintf(text, size, "%lld", (long long)large);
}

gradc_status gradc_device_info(int32_t index, const char *key, char *text, size_t size)
{
    const size_t rows = sizeof facts / sizeof facts[0];
    size_t row = 0;
    if (text && size)
        *text = 0;
    while (key && row < rows && strcmp(facts[row].key, key))
        row++;
    if (!key || row == rows)
        return fail_thread(GRADC_E_ARG, "device_info: there is no key \"%s\"", key ? key : "(NULL)");
    struct failure f = {.status = GRADC_OK};
    struct device_info info;
    if (device_describe(index, &info, &f))
        return fail_thread(f.status, "%s", f.text);
    const int length = text && size ? write_fact(&info, row, text, size) : -1;
    if (length < 0 || (size_t)length >= size)
        return fail_thread(GRADC_E_ARG, "device_info: %zu bytes are too few for %s", text ? size : 0, key);
    return GRADC_OK;
}
