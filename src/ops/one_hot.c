/* one_hot.c - z[..., c] = 1 where c is the index, else 0.  An index out of range goes to the device word; its row of z
 * is zero. */
#include <string.h>

#include "ops/gather.h"
#include "ops/ops.h"

/* ints: classes. */
static gradc_status one_hot_shape(struct record *r)
{
    const struct tensor *index = r->in[0];
    struct layout *z = &r->out[0].layout;

    if (index->dtype != GRADC_I32 && index->dtype != GRADC_I64)
        return record_fail(r, GRADC_E_DTYPE, "index is %s, not i32 or i64", gradc_dtype_name(index->dtype));
    if (r->ints[0] < 1)
        return record_fail(r, GRADC_E_ARG, "%lld classes, not 1 or more", (long long)r->ints[0]);
    if (index->layout.ndim == GRADC_MAX_NDIM)
        return record_fail(r, GRADC_E_SHAPE, "index %s leaves no room for another dimension",
                           SHAPE(&index->layout));
    *z = index->layout;
    z->shape[z->ndim++] = r->ints[0];
    r->out[0].dtype = GRADC_I64;
    return GRADC_OK;
}

enum { ONE_HOT_GRAIN = 16384 }; /* elements of z a task */

struct one_hot_job {
    const struct view *index;
    const void *indices;
    int64_t *z, *words;
    int64_t n, classes, per_task;
};

static int64_t one_hot_per_task(int64_t classes)
{
    return classes < ONE_HOT_GRAIN ? ONE_HOT_GRAIN / classes : 1;
}

static void one_hot_task(void *arg, int64_t task, int thread)
{
    const struct one_hot_job *job = arg;
    int64_t first = task * job->per_task, end = first + job->per_task < job->n ? first + job->per_task : job->n;

    (void)thread;
    job->words[task] = -1;
    memset(job->z + first * job->classes, 0, (size_t)((end - first) * job->classes) * sizeof *job->z);
    for (int64_t i = first; i < end; i++) {
        int64_t c = gather_index(job->index, job->indices, i);

        if (c >= 0 && c < job->classes)
            job->z[i * job->classes + c] = 1;
        else if (job->words[task] < 0)
            job->words[task] = i;
    }
}

static gradc_status one_hot_cpu(const struct launch *l, struct failure *f)
{
    struct one_hot_job job = {.index = &l->in[0],
                              .indices = view_host(&l->in[0]),
                              .z = view_host(&l->out[0]),
                              .words = gather_words(l),
                              .n = layout_numel(&l->in[0].layout),
                              .classes = l->ints[0],
                              .per_task = one_hot_per_task(l->ints[0])};
    int64_t tasks = cpu_tasks(job.n, job.per_task);

    (void)f;
    cpu_parallel(l->device, tasks, one_hot_task, &job);
    gather_report(l, job.index, tasks);
    return GRADC_OK;
}

static size_t one_hot_workspace(const struct launch *l)
{
    int64_t tasks = cpu_tasks(layout_numel(&l->in[0].layout), one_hot_per_task(l->ints[0]));

    return l->device->opencl ? 0 : (size_t)tasks * sizeof(int64_t);
}

static gradc_status one_hot_opencl(const struct launch *l, struct failure *f)
{
    int64_t n = layout_numel(&l->out[0].layout);
    struct kernel_call k;

    kernel_start(&k, "one_hot", "one_hot", l->out[0].dtype);
    kernel_option(&k, "-DINDEX=%s", gradc_dtype_name(l->in[0].dtype));
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, &l->in[0]);
    kernel_tensor(&k, &l->out[0]);
    kernel_i64(&k, n);
    kernel_i64(&k, l->ints[0]);
    kernel_range(&k, n);
    return launch_kernel(l, &k, f);
}

const struct op op_one_hot = {.name = "one_hot",
                              .nin = 1,
                              .nout = 1,
                              .flags = OP_REPORTS,
                              .shape = one_hot_shape,
                              .workspace = one_hot_workspace,
                              .cpu = one_hot_cpu,
                              .opencl = one_hot_opencl};

gradc_tensor *gradc_one_hot(gradc_tensor *index, int64_t classes)
{
    index = gradc_contiguous(index);
    return op_record(&op_one_hot, 1, &index, &(struct attributes){.nints = 1, .ints = &classes});
}
