/* events.h - event files for TensorBoard. */
#ifndef GRADC_EVENTS_H
#define GRADC_EVENTS_H

#include "tool.h"

struct events *events_open(const char *folder); /* which is made; NULL: told why */
int events_point(struct events *e, const struct point *p);
int events_close(struct events *e); /* NULL: nothing */

#endif
