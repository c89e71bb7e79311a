/* conv_rules.h - what rules that choose a form of 3x3 convolutions must come to. */
#ifndef GRADC_TEST_CONV_RULES_H
#define GRADC_TEST_CONV_RULES_H

#include "device/device.h"
#include "support.h"

/* Of size x size images, padding 1: m, by whatever numbers a rule has, is what is chosen; 0: a direct form. */
struct rule_row {
    int batch, in, size, out, m;
};

enum {
    FORWARD = 1 << CONV_FORWARD,
    INPUT = 1 << CONV_INPUT,
    WEIGHT = 1 << CONV_WEIGHT,
    ALL = FORWARD | INPUT | WEIGHT
};

/* What `tile` chooses for so many groups and these kinds.  halves: with 16 bits the same; else, as with f64 and with
 * other filters, strides and dilations, the direct forms. */
struct rule {
    const char *name;
    const struct rule_row *rows; /* ended by a batch of -1 */
    int64_t (*tile)(const struct conv *p);
    int groups, kinds, halves;
};

/* The problem of a row. */
struct conv rule_problem(const struct rule_row *row, int groups, enum conv_kind kind);

void assert_rules(const struct rule *rules, int n);

#endif
