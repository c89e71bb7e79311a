/* events.c - event files for TensorBoard: records of TFRecord (length and data, each with its masked CRC-32C) that hold
 * the messages of events.proto. */
#include "events.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "events.pb-c.h"

struct events {
    FILE *f;
    char *path;
};

/* CRC-32C (Castagnoli), bit by bit: a record has a hundred bytes. */
static uint32_t crc32c(const unsigned char *data, size_t bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & -(crc & 1));
    }
    return ~crc;
}

static void put_number(FILE *f, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        putc((int)(value >> (8 * i) & 0xff), f);
}

static void put_crc(FILE *f, const unsigned char *data, size_t bytes)
{
    uint32_t crc = crc32c(data, bytes);
    put_number(f, (crc >> 15 | crc << 17) + 0xa282ead8u, 4);
}

static double wall_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int write_event(struct events *e, Gradc__Event *event)
{
    unsigned char length[8];
    event->wall_time = wall_time();
    size_t bytes = gradc__event__get_packed_size(event);
    unsigned char *data = malloc(bytes + 1);
    if (data == NULL)
        return tool_no_memory();
    gradc__event__pack(event, data);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)bytes >> (8 * i) & 0xff);
    fwrite(length, 1, sizeof length, e->f);
    put_crc(e->f, length, sizeof length);
    fwrite(data, 1, bytes, e->f);
    put_crc(e->f, data, bytes);
    free(data);
    if (fflush(e->f) == 0 && !ferror(e->f))
        return TOOL_OK;
    fprintf(stderr, "gradc: %s: %s\n", e->path, strerror(errno));
    return TOOL_FAILED;
}

struct events *events_open(const char *folder)
{
    Gradc__Event first = GRADC__EVENT__INIT;
    char host[64] = "localhost";
    struct events *e = calloc(1, sizeof *e);
    if (e == NULL) {
        tool_no_memory();
        return NULL;
    }
    gethostname(host, sizeof host - 1);
    int failed = mkdir(folder, 0777) != 0 && errno != EEXIST;
    e->path =
        text_format("%s/events.out.tfevents.%lld.%s.%ld", folder, (long long)time(NULL), host, (long)getpid());
    e->f = failed || e->path == NULL ? NULL : fopen(e->path, "wb");
    if (e->f == NULL) {
        tool_usage("--log-dir %s: %s", folder, strerror(errno));
        events_close(e);
        return NULL;
    }
    first.file_version = "brain.Event:2"; /* what its readers look for */
    if (write_event(e, &first) == TOOL_OK)
        return e;
    events_close(e);
    return NULL;
}

int events_point(struct events *e, const struct point *p)
{
    const struct {
        char *tag;
        double value;
    } scalars[] = {{"loss/train", p->loss},
                   {"accuracy/train", p->accuracy},
                   {"learning_rate", p->rate},
                   {"loss/test", p->test_loss},
                   {"accuracy/test", p->test_accuracy}};
    enum { SCALARS = sizeof scalars / sizeof *scalars };
    Gradc__Summary__Value values[SCALARS], *list[SCALARS];
    Gradc__Summary summary = GRADC__SUMMARY__INIT;
    Gradc__Event event = GRADC__EVENT__INIT;
    for (int i = 0; i < SCALARS; i++) {
        if (isnan(scalars[i].value))
            continue;
        gradc__summary__value__init(&values[i]);
        values[i].tag = scalars[i].tag;
        values[i].value_case = GRADC__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
        values[i].simple_value = (float)scalars[i].value;
        list[summary.n_value++] = &values[i];
    }
    summary.value = list;
    event.step = p->step;
    event.summary = &summary;
    return write_event(e, &event);
}

int events_close(struct events *e)
{
    if (e == NULL)
        return TOOL_OK;
    int bad = e->f != NULL && fclose(e->f) != 0;
    free(e->path);
    free(e);
    return bad ? TOOL_FAILED : TOOL_OK;
}
