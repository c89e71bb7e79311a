/* reduce_finish.h - what folds of REAL go through at their end.  Included by reduce_isa.c with REAL and NAME(name),
 * which are undefined again here. */

static void NAME(finish)(enum reduce_finish finish, const struct reduce_map *map, int64_t n, void *to)
{
    const REAL *shift = map->shift;
    REAL *z = to, number = (REAL)map->number;

    for (int64_t i = 0; finish == REDUCE_DIVIDE && i < n; i++)
        z[i] /= number;
    for (int64_t i = 0; finish == REDUCE_ROOT && i < n; i++)
        z[i] = m_sqrt(z[i] / number);
    for (int64_t i = 0; finish == REDUCE_POWER && i < n; i++)
        z[i] = m_exp(m_log(z[i]) / number);
    for (int64_t i = 0; finish == REDUCE_FINITE && i < n; i++)
        z[i] = isinf(z[i]) ? 0 : z[i];
    for (int64_t i = 0; finish == REDUCE_LOG && i < n; i++)
        z[i] = shift[i] + m_log(z[i]);
}

#undef REAL
#undef NAME
