/* The settings as purser understood them: YAML again, defaults written out,
 * secrets masked. What it prints can be read back, but for the secrets. */
#include "settings/print.h"

#include "policy/burn.h"

static void print_listeners(struct buf *out, const char *key, const struct setting_listener *l, size_t count)
{
    buf_printf(out, "%s:\n", key);
    for (size_t i = 0; i < count; i++) {
        bool v6 = str_find_byte(l[i].host, ':', 0) != SIZE_MAX;
        int indent = key[0] == ' ' ? 4 : 2;
        buf_printf(out, "%*s- { address: \"", indent, "");
        if (str_starts(l[i].host, S("unix:")))
            buf_printf(out, "%" STR_FMT "\"", STR_ARG(l[i].host));
        else
            buf_printf(out, "%s%" STR_FMT "%s:%u\"", v6 ? "[" : "", STR_ARG(l[i].host), v6 ? "]" : "", l[i].port);
        if (l[i].tls_cert.n) {
            buf_add(out, S(", tls: { cert: "));
            print_text(out, l[i].tls_cert);
            buf_add(out, S(", key: "));
            print_text(out, l[i].tls_key);
            buf_add(out, S(" }"));
        }
        buf_add(out, S(" }\n"));
    }
}

static bool is_own(const struct settings *s, const struct price *p)
{
    bool file = str_starts(p->source, s->file) && p->source.n > s->file.n && p->source.p[s->file.n] == ':';
    return file || settings_is_runtime(p->source);
}

static void print_prices(const struct settings *s, struct buf *out)
{
    bool any = false;
    for (size_t i = price_book_first_own(s->book); i < price_book_count(s->book); i++) {
        const struct price *p = price_book_at(s->book, i, NULL);
        if (!is_own(s, p)) continue;
        if (!any) buf_add(out, S("prices:\n"));
        any = true;
        buf_add(out, S("  - { model: "));
        buf_printf(out, "\"%" STR_FMT "/%" STR_FMT "\"", STR_ARG(p->provider), STR_ARG(p->model));
        for (enum unit u = 0; u < UNIT_COUNT; u++) {
            if (p->unit[u] != PRICE_UNSET) print_money(out, unit_name(u).p, (__int128)p->unit[u] * 1000000);
        }
        if (p->free) buf_add(out, S(", free: true"));
        if (p->tier != TIER_STANDARD) print_pair(out, "tier", price_tier_name(p->tier));
        if (p->context_from) buf_printf(out, ", context_from: %lld", (long long)p->context_from);
        if (p->from_us) print_date(out, "from", p->from_us);
        if (p->until_us != INT64_MAX) print_date(out, "until", p->until_us);
        buf_add(out, S(" }"));
        print_end(out, p->source);
    }
    if (s->unpriced_refuse) {
        buf_add(out, S("unpriced: refuse\n"));
        return;
    }
    buf_add(out, S("unpriced: { ceiling: { "));
    size_t from = out->n;
    print_money(out, "input", (__int128)s->unpriced_ceiling.unit[UNIT_INPUT] * 1000000);
    print_money(out, "output", (__int128)s->unpriced_ceiling.unit[UNIT_OUTPUT] * 1000000);
    print_close(out, from, " }\n");
}

static void print_keys(const struct settings *s, struct buf *out)
{
    if (s->key_count) buf_add(out, S("keys:\n"));
    for (size_t i = 0; i < s->key_count; i++) {
        const struct key *k = &s->keys[i];
        buf_add(out, S("  - { name: "));
        print_text(out, k->name);
        if (s->key_shown[i].p)
            print_pair(out, "secret", s->key_shown[i]);
        else
            buf_add(out, S(", secret_hash: \"***\""));
        if (k->team.n) print_pair(out, "team", k->team);
        print_list(out, "models", k->models, k->model_count);
        print_list(out, "passthrough", k->passthrough, k->passthrough_count);
        if (k->expires_us) print_date(out, "expires", k->expires_us);
        buf_add(out, S(" }\n"));
    }
}

static void add_scope(struct buf *out, const struct scope *s)
{
    buf_add(out, S(", scope: { "));
    size_t from = out->n;
    for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) {
        if (s->want[d].p) print_pair(out, scope_dim_name(d).p, s->want[d]);
    }
    print_close(out, from, "");
}

static str zone_name(const struct settings *s, const struct zone *zone)
{
    for (size_t i = 0; i < s->zone_count; i++) {
        if (s->zones[i].zone == zone) return s->zones[i].name;
    }
    return S("UTC");
}

static void add_window(const struct settings *s, struct buf *out, const struct window *w)
{
    char text[40];
    str window = window_format(w, text);
    buf_printf(out, ", window: %" STR_FMT, STR_ARG(window));
    print_pair(out, "timezone", zone_name(s, w->zone));
}

static void add_exceed(struct buf *out, const struct budget_rule *b)
{
    static const struct budget_thresholds usual = {{50, 80, 100}, 3};
    const struct budget_thresholds *t = &b->thresholds;
    if (b->on_exceed == ON_EXCEED_DOWNGRADE) {
        buf_add(out, S(", on_exceed: "));
        struct buf text;
        buf_init(&text, 0);
        buf_printf(&text, "downgrade:%" STR_FMT, STR_ARG(b->downgrade_to));
        print_text(out, buf_str(&text));
        buf_free(&text);
    } else if (b->on_exceed != ON_EXCEED_BLOCK) {
        print_pair(out, "on_exceed", on_exceed_name(b->on_exceed));
    }
    if (memcmp(t, &usual, sizeof(usual)) == 0) return;
    buf_add(out, S(", thresholds: ["));
    for (size_t i = 0; i < t->count; i++) buf_printf(out, "%s%u", i ? ", " : "", t->percent[i]);
    buf_add(out, S("]"));
}

static void add_burn(struct buf *out, const struct burn_rule *b)
{
    if (!b->over_us) return;
    char rate[MONEY_TEXT_MAX];
    buf_printf(out, ", burn: { rate: %" STR_FMT, STR_ARG(burn_rate_format(b->rate_milli, rate)));
    print_duration(out, "over", b->over_us);
    buf_printf(out, ", action: %s }", b->alerts ? "alert" : "degrade");
}

static void print_budgets(const struct settings *s, struct buf *out)
{
    if (s->budget_count) buf_add(out, S("budgets:\n"));
    for (size_t i = 0; i < s->budget_count; i++) {
        const struct budget_rule *b = &s->budgets[i];
        buf_add(out, S("  - { name: "));
        print_text(out, b->name);
        add_scope(out, &b->scope);
        if (b->measure == BUDGET_MONEY)
            print_money(out, "limit_usd", b->limit);
        else {
            buf_printf(out, ", %s: %lld", b->measure == BUDGET_TOKENS ? "limit_tokens" : "limit_requests",
                       (long long)b->limit);
        }
        add_window(s, out, &b->window);
        print_duration(out, "wait", b->wait_us);
        buf_printf(out, ", clamp: %s", b->clamp ? "true" : "false");
        add_exceed(out, b);
        add_burn(out, &b->burn);
        buf_add(out, S(" }"));
        print_end(out, b->where);
    }
}

static void print_limits(const struct settings *s, struct buf *out)
{
    if (s->limit_count) buf_add(out, S("limits:\n"));
    for (size_t i = 0; i < s->limit_count; i++) {
        const struct limit_rule *r = &s->limits[i];
        buf_add(out, S("  - { "));
        size_t from = out->n;
        /* A name that was made from the scope has a "=" or a blank, which none of the file's has. */
        bool made = str_find_byte(r->name, '=', 0) != SIZE_MAX || str_find_byte(r->name, ' ', 0) != SIZE_MAX;
        if (!made) print_pair(out, "name", r->name);
        add_scope(out, &r->scope);
        if (r->requests_per_minute) buf_printf(out, ", requests_per_minute: %lld", (long long)r->requests_per_minute);
        if (r->tokens_per_minute) buf_printf(out, ", tokens_per_minute: %lld", (long long)r->tokens_per_minute);
        if (r->concurrency) buf_printf(out, ", concurrency: %lld", (long long)r->concurrency);
        print_close(out, from, "");
        print_end(out, r->where);
    }
}

static void print_idempotency(const struct settings *s, struct buf *out)
{
    const struct setting_idempotency *i = &s->idempotency;
    buf_add(out, S("idempotency: { "));
    size_t from = out->n;
    print_duration(out, "keep", i->keep_us);
    buf_printf(out, ", entries: %lld, bytes: %lld", (long long)i->entries, (long long)i->bytes);
    print_close(out, from, "\n");
}

static void print_ceilings(const struct settings *s, struct buf *out)
{
    const struct setting_ceilings *c = &s->ceilings;
    buf_add(out, S("ledger: { "));
    size_t from = out->n;
    if (s->ledger_keep_rows)
        buf_printf(out, ", keep: %lld", (long long)s->ledger_keep_rows);
    else
        print_duration(out, "keep", s->ledger_keep_us);
    buf_printf(out, ", sync_ms: %lld", (long long)(s->ledger_sync_us / US_PER_MS));
    print_close(out, from, "\n");
    buf_printf(out, "durability: %s\nceilings: { ", s->durability_disk ? "disk" : "process");
    from = out->n;
    buf_printf(out, ", header: %lld, body: %lld, values: %lld, connections: %lld, connections_per_ip: %lld",
               (long long)c->header_bytes, (long long)c->body_bytes, (long long)c->values, (long long)c->connections,
               (long long)c->connections_per_ip);
    print_duration(out, "request_time", c->request_us);
    print_duration(out, "idle_time", c->idle_us);
    print_duration(out, "write_time", c->write_us);
    print_duration(out, "drain_time", c->drain_us);
    buf_printf(out, ", tape: %lld, requests: %lld", (long long)c->tape_bytes, (long long)c->requests);
    print_close(out, from, "\n");
}

void settings_print(const struct settings *s, struct buf *out)
{
    struct arena scratch;
    arena_init(&scratch);
    print_listeners(out, "listen", s->listeners, s->listener_count);
    buf_add(out, S("admin:\n"));
    print_listeners(out, "  listen", s->admin_listeners, s->admin_listener_count);
    if (s->admin_token.n) {
        buf_add(out, S("  token: "));
        print_text(out, settings_mask(s->admin_token, &scratch));
        buf_add_byte(out, '\n');
    }
    buf_add(out, S("data: "));
    print_text(out, s->data);
    if (s->workers)
        buf_printf(out, "\nworkers: %lld\nlog: ", (long long)s->workers);
    else
        buf_add(out, S("\nworkers: auto\nlog: "));
    print_text(out, s->log);
    buf_add_byte(out, '\n');
    print_health(out, &s->health);
    buf_add(out, s->provider_count ? S("\nproviders:\n") : S("\n"));
    for (size_t i = 0; i < s->provider_count; i++) print_provider(out, &s->providers[i], s, &scratch);
    if (s->model_count) buf_add(out, S("models:\n"));
    for (size_t i = 0; i < s->model_count; i++) print_model(out, &s->models[i]);
    buf_printf(out, "models_only: %s\ncompat: %s\n", s->models_only ? "true" : "false",
               s->compat == COMPAT_LENIENT ? "lenient" : "strict");
    print_prices(s, out);
    buf_printf(out, "default_max_output_tokens: %lld\n", (long long)s->default_max_output_tokens);
    print_keys(s, out);
    print_runaway(out, &s->runaway);
    buf_add_byte(out, '\n');
    print_features(out, s);
    print_budgets(s, out);
    print_limits(s, out);
    buf_printf(out, "max_counters: %zu\n", s->max_counters);
    print_idempotency(s, out);
    print_ceilings(s, out);
    arena_free(&scratch);
}

static void add_count(struct buf *out, const char *before, size_t n, const char *what)
{
    buf_printf(out, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static size_t count_holding(const struct settings *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->entry_count; i++) n += s->entries[i].state == ENTRY_HOLDS;
    return n;
}

void settings_summary(const struct settings *s, struct buf *out)
{
    size_t on = 0, own = 0, targets = 0;
    for (size_t i = 0; i < s->provider_count; i++) on += !s->providers[i].off;
    for (size_t i = price_book_first_own(s->book); i < price_book_count(s->book); i++) {
        own += is_own(s, price_book_at(s->book, i, NULL));
    }
    add_count(out, "", s->provider_count, "provider");
    if (on < s->provider_count) buf_printf(out, " (%zu off)", s->provider_count - on);
    add_count(out, ", ", s->model_count, "model");
    for (size_t i = 0; i < s->model_count; i++) targets += s->models[i].target_count;
    if (targets > s->model_count) buf_printf(out, " (%zu targets)", targets);
    add_count(out, ", ", own, "own price");
    add_count(out, ", ", s->key_count, "key");
    add_count(out, ", ", s->budget_count, "budget");
    add_count(out, ", ", s->limit_count, "limit");
    add_count(out, ", ", s->feature_count, "feature");
    if (s->entry_count) buf_printf(out, "; %zu of them made at run time", count_holding(s));
    buf_add_byte(out, '\n');
}
