/* winograd_forms.c - which 3x3 convolutions go by Winograd's minimal filtering, and how: OpenCL's rules for processors
 * and for GPUs. */
#include "support/conv_rules.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/conv_winograd.h"
#include "device/opencl/matrix.h"

/* What rules come to, beside the size of tiles: the form with tiles of 2x2 in one kernel. */
enum { DIRECT = 0, FUSED = 22 };

static const struct rule_row opencl_cpu_choices[] = {
    {4, 3, 224, 64, 0}, {4, 64, 224, 64, 4}, {1, 512, 14, 512, 2},   {4, 512, 14, 512, 4},
    {1, 64, 7, 64, 0},  {1, 512, 7, 512, 0}, {8, 512, 7, 512, 4},    {128, 512, 2, 512, 2},
    {4, 16, 56, 16, 4}, {4, 12, 56, 12, 0},  {8, 1024, 14, 1024, 2}, {8, 2048, 14, 2048, 0},
    {0, 64, 28, 64, 0}, {.batch = -1}};

/* With the form that is one kernel, and without it. */
static const struct rule_row plain_gpu_choices[] = {
    {16, 3, 224, 64, 0},  {16, 64, 224, 64, 4},   {16, 512, 14, 512, 4},  {1, 512, 14, 512, 2},
    {16, 32, 56, 32, 0},  {16, 32, 56, 128, 4},   {1, 512, 7, 512, 0},    {128, 512, 2, 512, 2},
    {64, 512, 7, 512, 4}, {8, 1024, 14, 1024, 2}, {8, 2048, 14, 2048, 0}, {.batch = -1}};
static const struct rule_row gpu_choices[] = {{16, 3, 224, 64, 0},
                                              {16, 64, 224, 64, FUSED},
                                              {1, 64, 56, 64, FUSED},
                                              {16, 32, 56, 32, FUSED},
                                              {16, 16, 56, 16, 0},
                                              {16, 128, 56, 128, 4},
                                              {1, 128, 14, 128, FUSED},
                                              {16, 256, 56, 256, 4},
                                              {16, 512, 14, 512, 4},
                                              {8, 2048, 14, 2048, 0},
                                              {.batch = -1}};

/* Of four groups. */
static const struct rule_row opencl_cpu_groups[] = {
    {4, 64, 56, 64, 4}, {4, 32, 56, 32, 0}, {8, 2048, 14, 2048, 2}, {.batch = -1}};
static const struct rule_row gpu_groups[] = {{16, 256, 56, 256, FUSED},
                                             {16, 128, 56, 128, FUSED},
                                             {16, 64, 56, 64, 0},
                                             {8, 2048, 14, 2048, 2},
                                             {.batch = -1}};
static const struct rule_row plain_gpu_groups[] = {
    {16, 256, 56, 256, 4}, {16, 128, 56, 128, 0}, {8, 2048, 14, 2048, 2}, {.batch = -1}};

/* The first form of the list that is for it. */
static int64_t rule_of(const struct device *d, const struct conv *p)
{
    for (int i = 0;; i++) {
        const struct conv_form *form = conv_forms[i];
        if (!form->applies(d, p) || (form->pays && !form->pays(d, p)))
            continue;
        return form == &conv_form_fused      ? FUSED
               : form == &conv_form_winograd ? opencl_winograd_tile(d, p)
                                             : DIRECT;
    }
}

static int64_t opencl_cpu_rule(const struct conv *p)
{
    return rule_of(&(struct device){.info = {.kind = "cpu", .item_sums = 64, .local_memory = 1 << 20}}, p);
}

static int64_t gpu_rule(const struct conv *p)
{
    return rule_of(&(struct device){.info = {.kind = "gpu", .item_sums = 64, .local_memory = 32768}}, p);
}

/* Of registers, of local memory, or with a unit for f32. */
static int64_t few_registers(const struct conv *p)
{
    return rule_of(&(struct device){.info = {.kind = "gpu", .item_sums = 16, .local_memory = 65536}}, p);
}

static int64_t little_memory(const struct conv *p)
{
    return rule_of(&(struct device){.info = {.kind = "gpu", .item_sums = 64, .local_memory = 32767}}, p);
}

static int64_t exact_unit(const struct conv *p)
{
    struct device d = {.info = {.kind = "gpu", .item_sums = 64, .local_memory = 65536}, .matrix = MATRIX_MFMA};
    return p->dtype == GRADC_F32 && opencl_is_winograd(&d, p) ? rule_of(&d, p) : DIRECT;
}

static void shapes_choose(struct fixture *f)
{
    static const struct rule rules[] = {
        {"a processor", opencl_cpu_choices, opencl_cpu_rule, 1, ALL, 1},
        {"a processor, groups", opencl_cpu_groups, opencl_cpu_rule, 4, ALL, 1},
        {"a GPU", gpu_choices, gpu_rule, 1, FORWARD | INPUT, 1},
        {"a GPU, filters' gradient", plain_gpu_choices, gpu_rule, 1, WEIGHT, 1},
        {"a GPU, groups", gpu_groups, gpu_rule, 4, FORWARD | INPUT, 1},
        {"a GPU, groups, filters' gradient", plain_gpu_groups, gpu_rule, 4, WEIGHT, 1},
        {"few registers", plain_gpu_choices, few_registers, 1, ALL, 1},
        {"little local memory", plain_gpu_choices, little_memory, 1, ALL, 1},
        {"a unit for f32", plain_gpu_choices, exact_unit, 1, ALL, 0}};
    if (!f->eager && strcmp(f->device, "cpu") == 0)
        assert_rules(rules, sizeof rules / sizeof *rules);
}
#else
static void shapes_choose(struct fixture *f)
{
    (void)f;
}
#endif

int main(void)
{
    static const struct test tests[] = {{"shapes choose", shapes_choose}};
    return RUN_SUITE("winograd_forms", tests);
}
