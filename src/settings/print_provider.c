/* A provider as purser understood it; its secrets are masked. */
#include "settings/print.h"

static void add_protocols(struct buf *out, const struct setting_provider *p)
{
    str names[DIALECT_COUNT];
    for (size_t i = 0; i < p->protocols.count; i++) names[i] = protocol_name(p->protocols.at[i]);
    print_list(out, "protocols", names, p->protocols.count);
}

static void add_secret(struct buf *out, const char *key, str secret, struct arena *scratch)
{
    if (secret.n) print_pair(out, key, settings_mask(secret, scratch));
}

/* Where a token comes from; what it is, nobody prints. */
static void add_source(struct buf *out, const struct setting_provider *p)
{
    const struct credential_source *source = p->credential ? credential_source(p->credential) : NULL;
    if (!source) return;
    if (source->kind == CREDENTIAL_PROFILE) print_pair(out, "profile", source->profile);
    if (source->kind == CREDENTIAL_FILE) print_pair(out, "token_file", source->file);
    if (source->kind != CREDENTIAL_COMMAND) return;
    print_list(out, "token_command", p->token_shown, p->token_words);
    print_duration(out, "token_ttl", source->ttl_us);
}

/* Who it is shown to be from, and where of the vendor it is. */
static void print_access(struct buf *out, const struct setting_provider *p, struct arena *scratch)
{
    add_secret(out, "api_key", p->api_key, scratch);
    add_secret(out, "access_key_id", p->aws_key.id, scratch);
    add_secret(out, "secret_access_key", p->aws_key.secret, scratch);
    add_secret(out, "session_token", p->aws_key.session, scratch);
    add_source(out, p);
    if (p->paths.project.n) print_pair(out, "project", p->paths.project);
    if (p->paths.location.n) print_pair(out, "location", p->paths.location);
    if (p->region.n) print_pair(out, "region", p->region);
    if (p->api_version.n) print_pair(out, "api_version", p->api_version);
    if (p->header_count) buf_add(out, S(", headers: { "));
    size_t from = out->n;
    for (size_t i = 0; i < p->header_count; i++) {
        buf_add(out, S(", "));
        print_text(out, p->headers[i].name);
        buf_add(out, S(": "));
        print_text(out, settings_mask(p->headers[i].value, scratch));
    }
    if (p->header_count) print_close(out, from, "");
}

void print_health(struct buf *out, const struct health_rules *r)
{
    buf_printf(out, "health: { failures: %u", r->failures_in_a_row);
    print_duration(out, "open", r->open_us);
    print_duration(out, "open_max", r->open_max_us);
    print_duration(out, "slow", r->slow_us);
    buf_printf(out, ", concurrency_max: %u, queue_max: %u }", r->limit_max, r->queue_max);
}

static bool same_health(const struct health_rules *a, const struct health_rules *b)
{
    return a->failures_in_a_row == b->failures_in_a_row && a->open_us == b->open_us &&
           a->open_max_us == b->open_max_us && a->slow_us == b->slow_us && a->limit_max == b->limit_max &&
           a->queue_max == b->queue_max;
}

void print_provider(struct buf *out, const struct setting_provider *p, const struct settings *s, struct arena *scratch)
{
    bool lenient = s->compat == COMPAT_LENIENT;
    buf_printf(out, "  %" STR_FMT ": { ", STR_ARG(p->name));
    size_t from = out->n;
    print_pair(out, "kind", p->vendor->kind);
    print_pair(out, "base_url", p->base_url);
    print_access(out, p, scratch);
    buf_add(out, S(", timeouts: { "));
    size_t inner = out->n;
    print_duration(out, "connect", p->timeouts.connect_us);
    print_duration(out, "first_token", p->timeouts.first_token_us);
    print_duration(out, "between_tokens", p->timeouts.between_tokens_us);
    print_duration(out, "total", p->timeouts.total_us);
    print_close(out, inner, "");
    buf_printf(out, ", connections: %lld", (long long)p->connections);
    if (!same_health(&p->health, &s->health)) {
        buf_add(out, S(", "));
        print_health(out, &p->health);
    }
    add_protocols(out, p);
    if (p->lenient != lenient) print_pair(out, "compat", p->lenient ? S("lenient") : S("strict"));
    if (p->ca_file.n) print_pair(out, "ca_file", p->ca_file);
    if (!p->tls_verify) buf_add(out, S(", tls_verify: false"));
    if (p->cost_per_hour != PRICE_UNSET) {
        print_money(out, "cost_per_hour", p->cost_per_hour);
        buf_printf(out, ", concurrency_at_full: %lld", (long long)p->concurrency_at_full);
    }
    if (p->added_tokens) buf_printf(out, ", added_tokens: %lld", (long long)p->added_tokens);
    if (p->book.n) print_pair(out, "book", p->book);
    str names[32];
    size_t count = 0;
    for (size_t i = 0; quirk_at(i) && count < COUNT_OF(names); i++) {
        const struct quirk *q = quirk_at(i);
        bool own = (q->quirks & p->quirks & ~p->vendor->quirks) || (q->flags & p->flags & ~p->vendor->flags);
        if (own) names[count++] = q->name;
    }
    print_list(out, "quirks", names, count);
    print_close(out, from, "");
    if (p->off) buf_printf(out, "  # off: %" STR_FMT, STR_ARG(p->why_off));
    buf_add_byte(out, '\n');
}
