/* tiles.h - the tiles of OpenCL's products and convolutions, also those that a device would not take. */
#ifndef GRADC_TEST_TILES_H
#define GRADC_TEST_TILES_H

#include "support.h"

/* From here on the context's products (form "tiled") or convolutions ("direct") take this tile and so many splits; tile
 * -1: what the device chooses.  Its plans go, with their workspaces.  OpenCL only. */
void force_tile(gradc_context *g, const char *form, int tile, int splits);

/* A small product and convolution for each tile, forward and backward, and thin products: many programs, so in the long
 * form with GRADC_TEST_ALL=1 only.  What they give is not looked at.  some_tiles: a sample of them. */
void each_tile(struct fixture *f);
void some_tiles(struct fixture *f);

#endif
