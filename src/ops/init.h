/* init.h - parameters that start as layers ask for: gradc_param with other bounds. */
#ifndef GRADC_INIT_H
#define GRADC_INIT_H

#include "core/op.h"

/* f32, wants a gradient.  GRADC_NORMAL: mean 0, deviation numbers[0]; GRADC_UNIFORM: in [numbers[0], numbers[1]), all
 * numbers[0] if they are equal.  No other kind. */
gradc_tensor *param_new(gradc_context *g, gradc_init how, const double numbers[2], const struct layout *l);

#endif
