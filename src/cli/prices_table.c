#include "base/time.h"
#include "cli/prices.h"

/* For people: what fits a line. */
static const struct table_column short_columns[] = {
    {"provider", "provider", false, false},
    {"model", "model", false, false},
    {"tier", "tier", false, false, 20},
    {"context from", "context_from", true, true, 30},
    {"from", "from", false, false, 45},
    {"until", "until", false, false, 50},
    {"input", "input", true, true},
    {"cache read", "cache_read", true, true},
    {"cache write", "cache_write_5m", true, true},
    {"output", "output", true, true},
    {"others", "others", false, false, 40},
    {"source", "source", false, false, 60},
    {"checked", "checked", false, false, 55},
};

/* Those that have a column of their own in the short form. */
static const enum unit short_units[] = {UNIT_INPUT, UNIT_CACHE_READ, UNIT_CACHE_WRITE_5M, UNIT_OUTPUT};

#define UNIT_COLUMN(constant, name, text) {name, name, true, true},
static const struct table_column long_columns[] = {
    {"provider", "provider", false, false},
    {"model", "model", false, false},
    {"tier", "tier", false, false},
    {"context from", "context_from", true, true},
    {"from", "from", false, false},
    {"until", "until", false, false},
    USAGE_UNITS(UNIT_COLUMN){"per hour", "per_hour", true, true},
    {"free", "free", false, true},
    {"source", "source", false, false},
    {"checked", "checked", false, false},
};
#undef UNIT_COLUMN

str price_text(picousd each, char out[MONEY_TEXT_MAX])
{
    return each == PRICE_UNSET ? STR_NONE : money_format((__int128)each * 1000000, out);
}

static str date_text(int64_t at_us, int64_t open, char out[40])
{
    return at_us == open || at_us == 0 ? STR_NONE : time_format_date(at_us, out);
}

/* "reasoning 3, searches 10000, free" */
static void add_others(struct table *t, const struct price *p)
{
    struct buf text;
    char money[MONEY_TEXT_MAX];
    buf_init(&text, 1024);
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        bool shown = p->unit[u] == PRICE_UNSET;
        for (size_t i = 0; i < COUNT_OF(short_units); i++) shown |= short_units[i] == u;
        if (shown) continue;
        buf_printf(&text, "%s%" STR_FMT " ", text.n ? ", " : "", STR_ARG(unit_name(u)));
        buf_add(&text, price_text(p->unit[u], money));
    }
    if (p->per_hour != PRICE_UNSET) {
        buf_printf(&text, "%s%" STR_FMT " an hour", text.n ? ", " : "", STR_ARG(money_format(p->per_hour, money)));
    }
    if (p->free) buf_printf(&text, "%sfree", text.n ? ", " : "");
    table_add(t, buf_str(&text));
    buf_free(&text);
}

void prices_table_init(struct table *t, enum output_format format)
{
    bool people = format == OUTPUT_TABLE;
    table_init(t, people ? short_columns : long_columns, people ? COUNT_OF(short_columns) : COUNT_OF(long_columns));
}

void prices_table_add(struct table *t, enum output_format format, const struct price *p)
{
    char money[MONEY_TEXT_MAX], date[40];
    table_add(t, p->provider);
    table_add(t, p->model);
    table_add(t, price_tier_name(p->tier));
    if (p->context_from || format != OUTPUT_TABLE) {
        table_addf(t, "%lld", (long long)p->context_from);
    } else {
        table_add(t, STR_NONE);
    }
    table_add(t, date_text(p->from_us, INT64_MIN, date));
    table_add(t, date_text(p->until_us, INT64_MAX, date));
    if (format == OUTPUT_TABLE) {
        for (size_t i = 0; i < COUNT_OF(short_units); i++) table_add(t, price_text(p->unit[short_units[i]], money));
        add_others(t, p);
    } else {
        for (enum unit u = 0; u < UNIT_COUNT; u++) table_add(t, price_text(p->unit[u], money));
        table_add(t, p->per_hour == PRICE_UNSET ? STR_NONE : money_format(p->per_hour, money));
        table_add(t, p->free ? S("true") : S("false"));
    }
    table_add(t, p->source);
    table_add(t, date_text(p->checked_us, 0, date));
}
