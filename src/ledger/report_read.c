/* A report's figures one by one, for those who reckon on with them. */
#include "ledger/report_inside.h"

static struct group *group_of(const struct report *r, size_t row)
{
    return row == REPORT_TOTALS ? (struct group *)&r->totals : r->shown[row];
}

size_t report_rows(const struct report *r)
{
    return r->shown_count;
}

int64_t report_rows_from_us(const struct report *r)
{
    return r->rows_from_us;
}

str report_key(const struct report *r, size_t row, size_t by, char text[40])
{
    return report_value(r, r->shown[row], by, text);
}

__int128 report_sum(const struct report *r, size_t row, enum report_sum sum)
{
    return group_of(r, row)->sums[sum];
}

int64_t report_latency_us(const struct report *r, size_t row, unsigned permille)
{
    return histogram_quantile(&group_of(r, row)->latency.sparse, permille);
}

int64_t report_first_token_us(const struct report *r, size_t row, unsigned permille)
{
    return histogram_quantile(&group_of(r, row)->first_token.sparse, permille);
}

static uint64_t over(const struct histogram *h, int64_t us, uint64_t *counted)
{
    *counted = h->total;
    return histogram_count_over(h, us);
}

uint64_t report_latency_over(const struct report *r, size_t row, int64_t us, uint64_t *counted)
{
    return over(&group_of(r, row)->latency.sparse, us, counted);
}

uint64_t report_first_token_over(const struct report *r, size_t row, int64_t us, uint64_t *counted)
{
    return over(&group_of(r, row)->first_token.sparse, us, counted);
}

size_t report_groups(const struct report *r)
{
    return r->group_count;
}
