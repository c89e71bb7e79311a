/* conv_rules.c - what rules that choose a form of 3x3 convolutions must come to. */
#include "conv_rules.h"

struct conv rule_problem(const struct rule_row *row, int groups, enum conv_kind kind)
{
    return (struct conv){.kind = kind,
                         .dtype = GRADC_F32,
                         .batch = row->batch,
                         .in = row->in,
                         .height = row->size,
                         .width = row->size,
                         .out = row->out,
                         .kh = 3,
                         .kw = 3,
                         .out_height = row->size,
                         .out_width = row->size,
                         .groups = groups,
                         .stride_h = 1,
                         .stride_w = 1,
                         .padding_h = 1,
                         .padding_w = 1,
                         .dilation_h = 1,
                         .dilation_w = 1};
}

static void one_rule(const struct rule *rule, const struct rule_row *row, enum conv_kind kind)
{
    struct conv c = rule_problem(row, rule->groups, kind), other[] = {c, c, c, c, c};
    if (rule->tile(&c) != row->m)
        fail_msg("%s, row %d, kind %d: %d, not %d", rule->name, (int)(row - rule->rows), (int)kind,
                 (int)rule->tile(&c), row->m);
    other[0].dtype = GRADC_F64;
    other[1].kh = 5;
    other[2].kw = 1;
    other[3].stride_h = 2;
    other[4].dilation_w = 2;
    for (int k = 0; k < 5; k++)
        assert_int_equal(rule->tile(&other[k]), 0);
    for (c.dtype = GRADC_F16; c.dtype <= GRADC_BF16; c.dtype++)
        assert_int_equal(rule->tile(&c), rule->halves ? row->m : 0);
}

void assert_rules(const struct rule *rules, int n)
{
    for (int i = 0; i < n; i++)
        for (const struct rule_row *row = rules[i].rows; row->batch >= 0; row++)
            for (int kind = 0; kind < 3; kind++)
                if (rules[i].kinds >> kind & 1)
                    one_rule(&rules[i], row, (enum conv_kind)kind);
}
