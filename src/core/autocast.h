/* autocast.h - casts of operands at the record, as gradc_autocast asks for them. */
#ifndef GRADC_AUTOCAST_H
#define GRADC_AUTOCAST_H

#include "core/context.h"

enum { AUTOCAST_OPERANDS = 16 };

/* The operands that op is recorded with: `in`, or `cast`, where some of them were cast.  NULL operands, old handles and
 * other contexts' are left for the record to refuse. */
gradc_tensor *const *autocast_operands(const struct op *op, int nin, gradc_tensor *const *in,
                                       gradc_tensor *cast[AUTOCAST_OPERANDS]);

/* The casts of parameters are forgotten: their handles end with the tape. */
void autocast_clear(gradc_context *g);

#endif
