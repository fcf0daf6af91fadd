/* Settings that fit the past: its providers, models, keys, features and budgets, with limits that make sense of what
 * was spent. Providers may all stand at one address, a simulator's. */
#include "past.h"

#include <errno.h>
#include <stdio.h>

/* Per million: what the contract of the second half of the time says. */
static const struct {
    const char *provider, *model, *input, *cache_read, *output;
} negotiated = {"openai", "gpt-5", "1.00", "0.10", "8.00"};

void settings_prices(struct past *p)
{
    struct price own = {.provider = str_from(negotiated.provider),
                        .model = str_from(negotiated.model),
                        .from_us = p->rhythm.price_us,
                        .until_us = INT64_MAX,
                        .per_hour = PRICE_UNSET,
                        .source = S("purser.yaml")};
    for (int u = 0; u < UNIT_COUNT; u++) own.unit[u] = PRICE_UNSET;
    if (!money_parse_per_million(str_from(negotiated.input), &own.unit[UNIT_INPUT]) ||
        !money_parse_per_million(str_from(negotiated.cache_read), &own.unit[UNIT_CACHE_READ]) ||
        !money_parse_per_million(str_from(negotiated.output), &own.unit[UNIT_OUTPUT]))
        return;
    price_book_add(p->book, &own);
}

static void write_providers(const struct past *p, FILE *out)
{
    static const struct {
        const char *name, *kind, *path, *book;
    } all[] = {{"openai", "openai", "/v1", "openai"},
               {"anthropic", "anthropic", "", "anthropic"},
               {"gemini", "gemini", "", "google"},
               {"mistral", "mistral", "/v1", "mistral"},
               {"gpu", "vllm", "/v1", NULL}};
    fprintf(out, "providers:\n");
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        fprintf(out, "  %s: { kind: %s", all[i].name, all[i].kind);
        if (p->ask.upstream) fprintf(out, ", base_url: \"%s%s\", api_key: sk-simulated", p->ask.upstream, all[i].path);
        if (p->ask.upstream && all[i].book) fprintf(out, ", book: %s", all[i].book); /* no vendor's own address */
        fprintf(out, " }\n");
    }
}

static void write_model(const struct past_feature *f, FILE *out)
{
    const struct past_model *m[3];
    for (int i = 0; i < 3; i++) m[i] = &past_models[i == 0 ? f->later : f->target[i]];
    if (f->kind == KIND_LADDER) {
        fprintf(out,
                "  %s: { ladder: [ { target: %s/%s, accept: { finish: stop } }, { target: %s/%s, accept: { finish: "
                "stop } }, { target: %s/%s } ] }\n",
                f->model, m[0]->provider, m[0]->name, m[1]->provider, m[1]->name, m[2]->provider, m[2]->name);
    } else if (m[0] == m[1]) {
        fprintf(out, "  %s: %s/%s\n", f->model, m[0]->provider, m[0]->name);
    } else {
        fprintf(out, "  %s: { targets: [ %s/%s, %s/%s ]%s }\n", f->model, m[0]->provider, m[0]->name, m[1]->provider,
                m[1]->name, f->hedged ? ", hedge: { after: p95, max_extra_spend: 5% }" : "");
    }
}

static void write_models(FILE *out)
{
    fprintf(out, "models:\n");
    for (size_t i = 0; i < PAST_FEATURES; i++) {
        bool known = strchr(past_features[i].model, '/') != NULL;
        for (size_t k = 0; k < i; k++) known = known || strcmp(past_features[k].model, past_features[i].model) == 0;
        if (!known) write_model(&past_features[i], out);
    }
}

/* What is promised: kept with room to spare, kept barely, and not kept. */
static const struct {
    const char *feature, *slo;
} promises[] = {
    {"support-bot", "{ latency: 5s, first_token: 1500ms, target: 97% }"},
    {"shop-search", "{ latency: 2s, target: 97% }"},
    {"translate", "{ latency: 3s, target: 99% }"},
    {"code-review", "{ latency: 15s, target: 95% }"},
    {"research-agent", "{ latency: 40s, target: 95% }"},
};

static void write_features(FILE *out)
{
    fprintf(out, "features:\n");
    for (size_t i = 0; i < PAST_FEATURES; i++) {
        const struct past_feature *f = &past_features[i];
        if (!*f->tier) continue; /* nobody ever wrote it down */
        fprintf(out, "  %s: { ", f->name);
        if (*f->owner) fprintf(out, "owner: %s, ", f->owner);
        for (size_t k = 0; k < COUNT_OF(promises); k++) {
            if (strcmp(promises[k].feature, f->name) == 0) fprintf(out, "slo: %s, ", promises[k].slo);
        }
        fprintf(out, "tier: %s, max_output_tokens: %d }\n", f->tier, f->output_tokens ? f->output_tokens * 4 : 16);
    }
}

/* What of the month is over, and a margin over what was spent: `fill` percent of the limit are gone by now. */
static void write_limit(FILE *out, const char *name, const char *scope, __int128 spent, int fill, const char *more)
{
    int64_t cents =
        (int64_t)(spent / (PICOUSD_PER_USD / 10000)) / fill; /* spent in hundredths of a cent x 100 / fill / 100 */
    if (cents < 100) cents = 100;
    fprintf(out, "  - { name: %s, scope: %s, limit_usd: %lld.%02lld, %s }\n", name, scope, (long long)cents / 100,
            (long long)cents % 100, more);
}

static void write_budgets(const struct past *p, FILE *out)
{
    __int128 most = 0;
    for (size_t k = 0; k < PAST_KEYS; k++) {
        __int128 spent = past_cells_spent(p, past_keys[k].team);
        if (spent > most) most = spent;
    }
    fprintf(out, "budgets:\n");
    write_limit(out, "company", "{}", past_cells_spent(p, "company"), 78, "window: month");
    write_limit(out, "each-team", "{ team: \"*\" }", most, 91, "window: month, wait: 0s");
    write_limit(out, "support-bot", "{ feature: support-bot }", past_cells_spent(p, ""), 64,
                "window: month, on_exceed: alert");
    fprintf(out, "  - { name: each-user, scope: { user: \"*\" }, limit_usd: 5.00, window: day }\n");
}

bool settings_write(struct past *p, struct buf *why)
{
    char date[40];
    FILE *out = fopen(p->ask.settings, "we");
    if (!out) {
        buf_printf(why, "%s: %s", p->ask.settings, strerror(errno));
        return false;
    }
    str from = time_format_date(p->rhythm.price_us, date);
    write_providers(p, out);
    write_models(out);
    fprintf(out, "prices:\n  - { model: %s/%s, input: %s, cache_read: %s, output: %s, from: %.*s }\n",
            negotiated.provider, negotiated.model, negotiated.input, negotiated.cache_read, negotiated.output,
            (int)from.n, from.p);
    fprintf(out, "unpriced: { ceiling: { input: 0.60, output: 0.90 } }\n");
    fprintf(out, "keys:\n");
    for (size_t k = 0; k < PAST_KEYS; k++)
        fprintf(out, "  - { name: %s, secret: \"sk-%s-%s\", team: %s }\n", past_keys[k].name, past_keys[k].name,
                p->ask.secret, past_keys[k].team);
    write_features(out);
    write_budgets(p, out);
    fprintf(out, "limits:\n  - { name: shop-search, scope: { key: shop-search }, requests_per_minute: 2400 }\n"
                 "  - { name: agents, scope: { team: research }, concurrency: 40 }\n");
    if (fclose(out) == 0) return true;
    buf_printf(why, "%s: %s", p->ask.settings, strerror(errno));
    return false;
}
