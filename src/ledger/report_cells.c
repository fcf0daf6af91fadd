/* Figures as people read them. */
#include "base/time.h"
#include "ledger/report_inside.h"

/* "1,234,567", from ten million on "12.35M". */
void cell_add_count(struct buf *out, __int128 v)
{
    static const char scale[] = {'M', 'G', 'T', 'P', 'E'};
    if (v < 10000000) {
        unsigned n = v < 0 ? 0 : (unsigned)v;
        if (n >= 1000000)
            buf_printf(out, "%u,%03u,%03u", n / 1000000, n / 1000 % 1000, n % 1000);
        else if (n >= 1000)
            buf_printf(out, "%u,%03u", n / 1000, n % 1000);
        else
            buf_printf(out, "%u", n);
        return;
    }
    size_t s = 0;
    for (; v >= 1000000000 && s + 1 < sizeof(scale); s++) v /= 1000;
    uint64_t hundredths = (uint64_t)(v / 10000);
    buf_printf(out, "%llu.%02u%c", (unsigned long long)(hundredths / 100), (unsigned)(hundredths % 100), scale[s]);
}

/* "850ms", "1.25s", "2m05s". */
void cell_add_latency(struct buf *out, const struct spread *s, unsigned permille)
{
    if (!s->sparse.total) {
        buf_add_byte(out, '-');
        return;
    }
    int64_t us = histogram_quantile(&s->sparse, permille);
    long long ms = us / US_PER_MS, seconds = us / US_PER_SECOND;
    if (us < 10 * US_PER_MS)
        buf_printf(out, "%lld.%lldms", ms, (long long)(us / 100 % 10));
    else if (us < US_PER_SECOND)
        buf_printf(out, "%lldms", ms);
    else if (us < US_PER_MINUTE)
        buf_printf(out, "%lld.%02llds", seconds, ms / 10 % 100);
    else
        buf_printf(out, "%lldm%02llds", seconds / 60, seconds % 60);
}

/* "0%", "<0.1%", "2.5%". */
void cell_add_rate(struct buf *out, __int128 part, __int128 all)
{
    unsigned permille = all > 0 ? (unsigned)((part * 1000 + all / 2) / all) : 0;
    if (part == 0)
        buf_add(out, S("0%"));
    else if (permille == 0)
        buf_add(out, S("<0.1%"));
    else
        buf_printf(out, "%u.%u%%", permille / 10, permille % 10);
}

/* A share of the whole, in eighths of a column. */
void cell_add_bar(struct buf *out, __int128 part, __int128 all)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned n = all > 0 && part > 0 ? (unsigned)((part * CELL_BAR_WIDTH * 8 + all / 2) / all) : 0;
    for (unsigned i = 0; i < n / 8; i++) buf_add(out, S("█"));
    buf_add(out, str_from(eighths[n % 8]));
}

void cell_add_times(struct buf *out, __int128 v, __int128 of)
{
    if (v < 0 || of <= 0 || v / of > INT32_MAX) {
        buf_add_byte(out, '-');
        return;
    }
    uint64_t hundredths = (uint64_t)(v / of) * 100 + (uint64_t)((v % of * 100 + of / 2) / of);
    buf_printf(out, "%llu.%02ux", (unsigned long long)(hundredths / 100), (unsigned)(hundredths % 100));
}
