/* stores.h - a tuning store of the test's own, in its folder (files.h), not in the user's. */
#ifndef GRADC_TEST_STORES_H
#define GRADC_TEST_STORES_H

#include "support.h"

/* The context's store is from now on the one that the test keeps. */
void store_move(gradc_context *g);

/* The same, and it is empty.  0: the context is none of OpenCL's, and has no store. */
int store_begin(gradc_context *g);

#endif
