/* What things cost: the price book with its history and own prices, and what has no price. */
#include "admin/settings.h"

#include "admin/inside.h"
#include "base/time.h"
#include "ledger/unpriced.h"

#include <stdlib.h>

/* ---- the book */

struct listing {
    struct api_rows rows;
    const struct settings *settings;
    str provider, search, origin;
    bool history; /* those that are not in force, too */
    int64_t from, most, seen, shown, now_us;
};

static str origin_of(const struct settings *s, const struct price *p)
{
    if (!price_book_is_own(s->book, p)) return S("book");
    return settings_is_runtime(p->source) ? S("runtime") : S("file");
}

static void put_units(struct api_rows *r, const struct price *p)
{
    struct buf units;
    buf_init(&units, 0);
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (p->unit[u] == PRICE_UNSET) continue;
        str name = unit_name(u);
        buf_printf(&units, "%s\"%" STR_FMT "\":%lld", units.n ? "," : "{", STR_ARG(name), (long long)p->unit[u]);
    }
    buf_add(&units, units.n ? S("}") : S("{}"));
    api_put_json(r, "units_picousd", buf_str(&units));
    buf_free(&units);
}

static bool holds_at(const struct price *p, int64_t at_us)
{
    return p->from_us <= at_us && at_us < p->until_us;
}

static void put_price(struct listing *l, const struct price *p)
{
    struct api_rows *r = &l->rows;
    bool own = price_book_is_own(l->settings->book, p);
    api_row(r);
    api_put_str(r, "provider", p->provider);
    api_put_str(r, "model", p->model);
    api_put_str(r, "tier", price_tier_name(p->tier));
    api_put_int(r, "context_from", p->context_from);
    api_put_time(r, "from", p->from_us > 0 ? p->from_us : 0); /* many of the book hold since ever */
    api_put_time(r, "until", p->until_us == INT64_MAX ? 0 : p->until_us);
    api_put_bool(r, "in_force", holds_at(p, l->now_us));
    api_put_str(r, "origin", origin_of(l->settings, p));
    api_put_str(r, "source", p->source);
    api_put_time(r, "checked", own ? 0 : p->checked_us);
    api_put_bool(r, "free", p->free);
    put_units(r, p);
}

static bool has_nocase(str text, str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++) {
        if (str_eq_nocase(str_of(text.p + i, part.n), part)) return true;
    }
    return false;
}

static bool is_wanted(const struct listing *l, const struct price *p)
{
    return (!l->provider.n || str_eq(l->provider, p->provider)) && (!l->search.n || has_nocase(p->model, l->search)) &&
           (!l->origin.n || str_eq(l->origin, origin_of(l->settings, p))) && (l->history || holds_at(p, l->now_us));
}

/* Returns whether the page is full, and there is another. */
static bool list(struct listing *l, size_t from, size_t until)
{
    struct price space;
    for (size_t i = from; i < until; i++) {
        const struct price *p = price_book_at(l->settings->book, i, &space);
        if (!is_wanted(l, p) || l->seen++ < l->from) continue;
        if (l->shown == l->most) return true;
        l->shown++;
        put_price(l, p);
    }
    return false;
}

static void add_book(struct api_call *c, const struct price_book *book)
{
    char text[40];
    str made = time_format_date(price_book_date(book), text);
    buf_printf(&c->out, ",\n\"book\":{\"made\":\"%" STR_FMT "\",\"age_days\":%lld,\"source\":", STR_ARG(made),
               (long long)((c->now_us - price_book_date(book)) / US_PER_DAY));
    buf_add_json(&c->out, price_book_source(book));
    buf_add(&c->out, S("}}\n"));
}

/* Own prices come first: they stand in front of the book's. */
void serve_prices_get(struct api_call *c)
{
    const struct settings *s = c->snapshot->settings;
    struct listing l = {.settings = s,
                        .provider = api_param(c, S("provider")),
                        .search = api_param(c, S("search")),
                        .now_us = c->now_us};
    if (!api_param_word(c, S("origin"), &l.origin) || !api_limit(c, &l.most) ||
        !api_param_count(c, S("cursor"), INT32_MAX, &l.from) || !api_param_bool(c, S("history"), &l.history))
        return;
    size_t own = price_book_first_own(s->book);
    api_rows_begin(&l.rows, c, API_RESOURCE_price);
    bool more = list(&l, own, price_book_count(s->book)) || list(&l, 0, own);
    api_rows_end_open(&l.rows,
                      more ? arena_printf(&c->arena, "%lld", (long long)l.from + (long long)l.shown) : STR_NONE);
    if (!l.rows.csv) add_book(c, s->book);
}

/* ---- what has none */

struct unpriced {
    struct api_rows rows;
    const struct settings *settings;
    struct price candidate; /* that it is reckoned at */
    bool reckoned;
    int64_t now_us;
};

static bool has_price(struct unpriced *u, str provider, str model)
{
    const struct setting_provider *p = settings_provider(u->settings, provider);
    struct arena arena;
    bool missing;
    arena_init(&arena);
    str vendor = p ? p->book : STR_NONE;
    struct price_set set = price_book_find_target(u->settings->book, provider, vendor, model, &arena);
    bool any = price_pick(&set, TIER_STANDARD, 0, u->now_us, &missing) || (p && p->cost_per_hour != PRICE_UNSET);
    arena_free(&arena);
    return any;
}

static void put_usage(struct api_rows *r, const struct usage *usage)
{
    struct buf units;
    buf_init(&units, 0);
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (!usage->units[u]) continue;
        str name = unit_name(u);
        buf_printf(&units, "%s\"%" STR_FMT "\":%lld", units.n ? "," : "{", STR_ARG(name), (long long)usage->units[u]);
    }
    buf_add(&units, units.n ? S("}") : S("{}"));
    api_put_json(r, "usage", buf_str(&units));
    buf_free(&units);
}

static void add_unpriced(void *ctx, const struct ledger_unpriced *from)
{
    struct unpriced *u = ctx;
    struct api_rows *r = &u->rows;
    api_row(r);
    api_put_str(r, "provider", from->provider);
    api_put_str(r, "model", from->model);
    api_put_int(r, "attempts", from->attempts);
    api_put_bool(r, "exact", from->others == 0);
    api_put_int(r, "posted_picousd", from->posted);
    put_usage(r, &from->usage);
    struct cost cost = price_cost(&u->candidate, &from->usage);
    if (u->reckoned && cost.state != COST_UNPRICED)
        api_put_int(r, "candidate_picousd", cost.total);
    else
        api_put_null(r, "candidate_picousd");
    api_put_bool(r, "priced_now", has_price(u, from->provider, from->model));
    api_put_time(r, "first", from->first_us);
    api_put_time(r, "last", from->last_us);
}

/* A price per million, of the unit that the parameter names. */
static bool read_unit(struct api_call *c, struct unpriced *u, const char *name, enum unit unit)
{
    str text = api_param(c, str_from(name));
    if (!text.n) return true;
    u->reckoned = true;
    if (money_parse_per_million(text, &u->candidate.unit[unit])) return true;
    api_fail(c, 400, "bad_parameter", "%s: dollars for a million, such as 0.15", name);
    return false;
}

/* `as`: at the price of a model that has one. */
static bool read_as(struct api_call *c, struct unpriced *u)
{
    str model = api_param(c, S("as"));
    if (!model.n) return true;
    str whole = model, provider = str_cut(&model, '/');
    const struct setting_provider *p = settings_provider(u->settings, provider);
    bool missing;
    struct price_set set =
        price_book_find_target(u->settings->book, provider, p ? p->book : provider, model.p ? model : S(""), &c->arena);
    const struct price *price = model.n ? price_pick(&set, TIER_STANDARD, 0, c->now_us, &missing) : NULL;
    if (!price) {
        api_fail(c, 400, "bad_parameter",
                 "as: '%" STR_FMT "' has no known price; it is provider/model, such as openai/gpt-5-mini",
                 STR_ARG(str_head(whole, 200)));
        return false;
    }
    u->candidate = *price;
    u->reckoned = true;
    return true;
}

static bool read_candidate(struct api_call *c, struct unpriced *u)
{
    u->candidate.per_hour = PRICE_UNSET;
    for (enum unit unit = 0; unit < UNIT_COUNT; unit++) u->candidate.unit[unit] = PRICE_UNSET;
    return read_as(c, u) && read_unit(c, u, "input", UNIT_INPUT) && read_unit(c, u, "output", UNIT_OUTPUT) &&
           read_unit(c, u, "cache_read", UNIT_CACHE_READ) && read_unit(c, u, "cache_write", UNIT_CACHE_WRITE_5M) &&
           read_unit(c, u, "reasoning", UNIT_REASONING) && read_unit(c, u, "image", UNIT_IMAGE) &&
           read_unit(c, u, "requests", UNIT_REQUESTS);
}

void serve_prices_unpriced(struct api_call *c)
{
    struct unpriced u = {.settings = c->snapshot->settings, .now_us = c->now_us};
    int64_t since_us, until_us;
    struct buf why;
    if (!api_range(c, &since_us, &until_us) || !read_candidate(c, &u)) return;
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger);
    api_rows_begin(&u.rows, c, API_RESOURCE_unpriced);
    if (ledger_unpriced_each(c->dir, since_us, until_us, add_unpriced, &u, &why))
        api_rows_end(&u.rows, STR_NONE);
    else
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
}

/* ---- own ones */

void serve_price_get(struct api_call *c)
{
    setting_get(c, "price", c->path_args[0]);
}

void serve_price_put(struct api_call *c)
{
    setting_put(c, "price", c->path_args[0]);
}

void serve_price_delete(struct api_call *c)
{
    setting_delete(c, "price", c->path_args[0]);
}
