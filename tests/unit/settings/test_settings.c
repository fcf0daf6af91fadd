/* Fields of a snapshot, routes, masks, files. */
#include "help.h"

#include <unistd.h>

static const char full[] =
    "listen: 127.0.0.1:8400            # a list is allowed\n"
    "admin: { listen: 127.0.0.1:8401, token: ${PURSER_ADMIN_TOKEN} }\n"
    "data: ./purser-data\n"
    "workers: auto\n"
    "providers:\n"
    "  openai: { kind: openai, base_url: https://api.openai.com/v1, api_key: ${OPENAI_API_KEY} }\n"
    "  lab:    { kind: openai, base_url: http://127.0.0.1:9100/v1, timeouts: { connect: 2s, first_token: 30s, "
    "between_tokens: 20s, total: 600s } }\n"
    "models:\n"
    "  gpt-5-mini: openai/gpt-5-mini\n"
    "  cheap: lab/sim-small\n"
    "prices:\n"
    "  - { model: lab/sim-small, input: 0.15, output: 0.60, cache_read: 0.075, from: 2026-01-01 }\n"
    "unpriced: refuse\n"
    "keys:\n"
    "  - { name: alice, secret: ${ALICE_KEY}, team: support, models: [cheap, \"openai/*\"] }\n"
    "budgets:\n"
    "  - { name: alice-daily, scope: { key: alice }, limit_usd: 1.00, window: day, timezone: UTC, wait: 5s, clamp: "
    "false }\n"
    "  - { name: everything, scope: {}, limit_usd: 500, window: month }\n"
    "limits:\n"
    "  - { scope: { key: alice }, requests_per_minute: 600, tokens_per_minute: 200000, concurrency: 50 }\n"
    "features:\n"
    "  support-bot: { owner: ana@example.com, max_output_tokens: 800 }\n";

static const char full_env[] = "PURSER_ADMIN_TOKEN=token-token-token\nOPENAI_API_KEY=sk-test-0123456789abcdef\n"
                               "ALICE_KEY=pk-alice-0123456789";

static void front(void **state)
{
    (void)state;
    struct settings *s = test_settings(full, full_env);
    assert_int_equal(s->listener_count, 1);
    assert_str(s->listeners[0].host, S("127.0.0.1"));
    assert_int_equal(s->listeners[0].port, 8400);
    assert_int_equal(s->admin_listeners[0].port, 8401);
    assert_str(s->admin_token, S("token-token-token"));
    assert_str(s->data, S("./purser-data"));
    assert_int_equal(s->workers, 0);
    const struct setting_provider *openai = settings_provider(s, S("openai")), *lab = settings_provider(s, S("lab"));
    assert_str(openai->host, S("api.openai.com"));
    assert_str(openai->path, S("/v1"));
    assert_int_equal(openai->port, 443);
    assert_true(openai->tls && openai->tls_verify && !openai->off);
    assert_str(openai->api_key, S("sk-test-0123456789abcdef"));
    assert_str(openai->book, S("openai"));
    assert_int_equal(lab->port, 9100);
    assert_false(lab->tls);
    assert_int_equal(lab->book.n, 0); /* somebody else's address: not OpenAI's prices */
    assert_int_equal(lab->timeouts.connect_us, 2 * US_PER_SECOND);
    assert_int_equal(lab->timeouts.first_token_us, 30 * US_PER_SECOND);
    assert_int_equal(lab->timeouts.between_tokens_us, 20 * US_PER_SECOND);
    assert_int_equal(lab->timeouts.total_us, 600 * US_PER_SECOND);
    assert_int_equal(lab->cost_per_hour, PRICE_UNSET);
    settings_drop(s);
}

/* The reference tells the defaults that the module has. */
static void health(void **state)
{
    (void)state;
    struct health_rules usual;
    struct settings *s =
        test_settings("providers: { a: { kind: ollama }, b: { kind: ollama, health: { open: 7s } } }", "");
    health_rules_default(&usual);
    const struct health_rules *r = &s->health;
    assert_int_equal(r->failures_in_a_row, usual.failures_in_a_row);
    assert_int_equal(r->open_us, usual.open_us);
    assert_int_equal(r->open_max_us, usual.open_max_us);
    assert_int_equal(r->slow_us, usual.slow_us);
    assert_int_equal(r->limit_max, usual.limit_max);
    assert_int_equal(r->queue_max, usual.queue_max);
    assert_int_equal(r->repeat_tokens, usual.repeat_tokens); /* no setting: the module's own */
    assert_int_equal(settings_provider(s, S("a"))->health.open_us, usual.open_us);
    assert_int_equal(settings_provider(s, S("b"))->health.open_us, 7 * US_PER_SECOND);
    assert_int_equal(settings_provider(s, S("b"))->health.excess_failures, usual.excess_failures);
    settings_drop(s);
}

static void runaways(void **state)
{
    (void)state;
    struct runaway_limits usual;
    struct settings *s = test_settings("runaway: { tokens_per_minute: 0 }\n"
                                       "features: { a: {}, b: { runaway: { same: 5, tokens_per_minute: 7 } }, c: { "
                                       "runaway: { same: 0, same_answers: 0, action: warn } } }",
                                       "");
    runaway_limits_default(&usual);
    const struct runaway_limits *l = &s->runaway.limits;
    assert_int_equal(s->runaway.most, RUNAWAY_BLOCK);
    assert_int_equal(l->within_us, usual.within_us);
    assert_int_equal(l->repeat_warn, usual.repeat_warn);
    assert_int_equal(l->repeat_slow, usual.repeat_slow);
    assert_int_equal(l->repeat_block, usual.repeat_block);
    assert_int_equal(l->swings_warn, usual.swings_warn);
    assert_int_equal(l->same_answers, usual.same_answers);
    assert_int_equal(l->task_factor, usual.task_factor);
    assert_int_equal(l->task_steps_floor, usual.task_steps_floor);
    assert_int_equal(l->task_cost_floor, usual.task_cost_floor);
    assert_int_equal(l->delay_us, usual.delay_us);
    assert_int_equal(l->pace_factor, 0); /* off */
    assert_int_equal(settings_feature(s, S("a"))->runaway.limits.pace_factor, 0);
    l = &settings_feature(s, S("b"))->runaway.limits;
    assert_int_equal(l->repeat_warn, 3);
    assert_int_equal(l->repeat_slow, 3);
    assert_int_equal(l->repeat_block, 5);
    assert_int_equal(l->pace_factor, usual.pace_factor);
    assert_int_equal(l->pace_floor, 7);
    l = &settings_feature(s, S("c"))->runaway.limits;
    assert_true(!l->repeat_warn && !l->repeat_slow && !l->repeat_block);
    assert_int_equal(l->same_answers, 0);
    assert_int_equal(settings_feature(s, S("c"))->runaway.most, RUNAWAY_WARN);
    settings_drop(s);
    s = test_settings("", "");
    assert_int_equal(s->runaway.limits.pace_factor, usual.pace_factor);
    assert_int_equal(s->runaway.limits.pace_floor, usual.pace_floor);
    settings_drop(s);
}

static void rules(void **state)
{
    (void)state;
    struct settings *s = test_settings(full, full_env);
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(S("pk-alice-0123456789"), hash);
    assert_int_equal(s->key_count, 1);
    assert_memory_equal(s->keys[0].hash, hash, sizeof(hash));
    assert_str(s->keys[0].team, S("support"));
    assert_int_equal(s->keys[0].model_count, 2);
    assert_str(s->keys[0].models[1], S("openai/*"));
    assert_int_equal(s->budget_count, 2);
    const struct budget_rule *b = &s->budgets[0];
    assert_str(b->scope.want[SCOPE_KEY], S("alice"));
    assert_null(b->scope.want[SCOPE_TEAM].p);
    assert_int_equal(b->measure, BUDGET_MONEY);
    assert_int_equal(b->limit, PICOUSD_PER_USD);
    assert_int_equal(b->window.kind, WINDOW_DAY);
    assert_null(b->window.zone);
    assert_int_equal(b->wait_us, 5 * US_PER_SECOND);
    assert_true(b->enforced && !b->clamp);
    assert_str(b->where, S("purser.yaml:17"));
    assert_int_equal(s->limits[0].requests_per_minute, 600);
    assert_str(s->limits[0].name, S("key=alice"));
    const struct setting_feature *f = settings_feature(s, S("support-bot"));
    assert_int_equal(f->max_output_tokens, 800);
    assert_int_equal(f->on_disconnect, ON_DISCONNECT_DEFAULT);
    assert_null(settings_feature(s, S("support")));
    settings_drop(s);
}

static void prices(void **state)
{
    (void)state;
    struct settings *s = test_settings(full, full_env);
    struct arena arena;
    arena_init(&arena);
    struct price_set set = price_book_find(s->book, S("lab"), S("sim-small"), &arena);
    int64_t then;
    bool missing;
    assert_true(time_parse(S("2026-06-01"), &then));
    const struct price *p = price_pick(&set, TIER_STANDARD, 10, then, &missing);
    assert_non_null(p);
    assert_int_equal(p->unit[UNIT_INPUT], 150000);
    assert_int_equal(p->unit[UNIT_OUTPUT], 600000);
    assert_int_equal(p->unit[UNIT_CACHE_READ], 75000);
    assert_int_equal(p->unit[UNIT_REASONING], PRICE_UNSET);
    assert_str(p->source, S("purser.yaml:12"));
    assert_null(price_pick(&set, TIER_STANDARD, 10, 0, &missing)); /* before `from` */
    arena_free(&arena);
    settings_drop(s);
}

static void expect_route(const struct settings *s, const char *model, const char *provider, const char *target)
{
    struct arena arena;
    struct setting_target t;
    str why = STR_NONE;
    arena_init(&arena);
    bool ok = settings_route(s, str_from(model), &arena, &t, &why);
    if (!provider) {
        assert_false(ok);
        if (str_find(why, str_from(target), 0) == SIZE_MAX) fail_msg("'%" STR_FMT "'", STR_ARG(why));
    } else {
        if (!ok) fail_msg("%s: %" STR_FMT, model, STR_ARG(why));
        assert_str(t.provider->name, str_from(provider));
        assert_str(t.model, str_from(target));
    }
    arena_free(&arena);
}

/* A name that two books carry goes to who has it, in the settings' order. */
static void routes_by_family(void **state)
{
    (void)state;
    struct settings *s = test_settings("providers:\n"
                                       "  gemini: { api_key: g }\n"
                                       "  bedrock: { region: us-east-1, api_key: b }\n"
                                       "  anthropic: { api_key: a }\n"
                                       "  cohere: { api_key: c }\n"
                                       "  voyage: { api_key: v }\n",
                                       "");
    expect_route(s, "gemini-2.5-flash", "gemini", "gemini-2.5-flash");
    expect_route(s, "claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5");
    expect_route(s, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock",
                 "us.anthropic.claude-sonnet-4-5-20250929-v1:0");
    expect_route(s, "command-a-03-2025", "cohere", "command-a-03-2025");
    expect_route(s, "voyage-3.5", "voyage", "voyage-3.5");
    settings_drop(s);
}

static void routes(void **state)
{
    (void)state;
    struct settings *s = test_settings(full, full_env);
    expect_route(s, "cheap", "lab", "sim-small");
    expect_route(s, "gpt-5-mini", "openai", "gpt-5-mini");
    expect_route(s, "lab/other/thing", "lab", "other/thing");
    expect_route(s, "gpt-4o", "openai", "gpt-4o");    /* the price book has it there */
    expect_route(s, "sim-small", "lab", "sim-small"); /* an own price has it here */
    expect_route(s, "gpt-99", NULL, "under `models:` in purser.yaml: \"gpt-99\": openai/gpt-99");
    expect_route(s, "nobody/x", NULL, "no provider named 'nobody' is set up in purser.yaml (there are: openai, lab)");
    expect_route(s, "opanai/gpt-5-mini", NULL, "did you mean 'openai'?");
    expect_route(s, "a\nb", NULL, "'a?b'");
    expect_route(s, "", NULL, "no provider is known");
    settings_drop(s);

    s = test_settings("providers: { lab: { kind: vllm } }", "");
    expect_route(s, "anything", "lab", "anything"); /* the only one */
    expect_route(s, "org/anything", "lab", "org/anything");
    settings_drop(s);

    s = test_settings("providers: { lab: { kind: vllm } }\nmodels_only: true\nmodels: { a: lab/b }", "");
    expect_route(s, "a", "lab", "b");
    expect_route(s, "lab/c", "lab", "c");
    expect_route(s, "anything", NULL, "add under `models:`");
    settings_drop(s);

    s = test_settings("providers: { lab: { kind: vllm }, groq: {} }\nmodels: { a: groq/b }", "");
    expect_route(s, "a", NULL, "the provider 'groq' is off: the environment variable GROQ_API_KEY is not set");
    expect_route(s, "groq/x", NULL, "'groq' is off");
    settings_drop(s);
}

static void vendors_chosen(void **state)
{
    (void)state;
    struct settings *s = test_settings(
        "providers:\n"
        "  groq: {}\n"
        "  fast: { kind: openai, base_url: https://api.groq.com/openai/v1/ }\n"
        "  mine: { base_url: https://my.openai.azure.com/openai/v1 }\n"
        "  proxy: { kind: openai, base_url: http://127.0.0.1:1/v1, book: openai, quirks: [max_tokens, own_cost] }\n"
        "  eu: { kind: mistral, base_url: https://eu.example.com/v1 }\n",
        "GROQ_API_KEY=gsk_0123456789abcdef\nAZURE_OPENAI_API_KEY=0123456789abcdef\n"
        "MISTRAL_API_KEY=abcdef0123456789\n");
    assert_str(settings_provider(s, S("groq"))->vendor->kind, S("groq"));
    assert_str(settings_provider(s, S("groq"))->api_key, S("gsk_0123456789abcdef"));
    assert_str(settings_provider(s, S("fast"))->vendor->kind, S("groq"));
    assert_str(settings_provider(s, S("fast"))->base_url, S("https://api.groq.com/openai/v1"));
    assert_int_equal(settings_provider(s, S("fast"))->quirks, QUIRK_X_GROQ);
    assert_str(settings_provider(s, S("mine"))->vendor->kind, S("azure"));
    assert_int_equal(settings_provider(s, S("mine"))->flags, PROVIDER_API_KEY_HEADER);
    const struct setting_provider *proxy = settings_provider(s, S("proxy"));
    assert_str(proxy->book, S("openai"));
    assert_int_equal(proxy->quirks, QUIRK_OWN_COST);
    assert_int_equal(proxy->flags, PROVIDER_MAX_TOKENS | PROVIDER_KEY_OPTIONAL);
    assert_str(settings_provider(s, S("eu"))->vendor->kind, S("mistral"));
    settings_drop(s);
}

/* What vendors.def calls its sellers is what the price book calls them. */
static void sellers(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    price_book_seal(book);
    for (size_t v = 0; vendor_at(v); v++) {
        bool found = vendor_at(v)->book.n == 0;
        str seller;
        for (size_t i = 0; !found && (seller = price_book_seller(book, i)).n; i++) {
            found = str_eq(seller, vendor_at(v)->book);
        }
        if (!found) fail_msg("%" STR_FMT, STR_ARG(vendor_at(v)->book));
    }
    price_book_drop(book);
}

static void masks(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_str(settings_mask(S("sk-proj-0123456789f3a2"), &arena), S("sk-...f3a2"));
    assert_str(settings_mask(S("0123456789abcdef"), &arena), S("...cdef"));
    assert_str(settings_mask(S("sk-123456789"), &arena), S("***"));
    assert_str(settings_mask(S(""), &arena), S("***"));
    arena_free(&arena);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
    (void)state;
    char folder[] = "/tmp/purser-test-XXXXXX", file[64], sub[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/own.yaml", folder);
    snprintf(sub, sizeof(sub), "%s/none.yaml", folder);
    write_text(file, "providers: { desk: { kind: ollama, base_url: \"${PURSER_TEST_URL}\" } }\n");
    setenv("PURSER_TEST_URL", "http://127.0.0.1:9/v1", 1);
    struct settings_report report = {0};
    struct settings *s = settings_load(file, &report);
    assert_non_null(s);
    assert_int_equal(s->providers[0].port, 9);
    assert_str(s->file, str_from(file));
    settings_drop(s);
    assert_null(settings_load(sub, &report));
    assert_int_equal(report.error_count, 1);
    if (str_find(buf_str(&report.errors), S("No such file"), 0) == SIZE_MAX) fail_msg("does not say why");
    settings_report_free(&report);
    unlink(file);
    rmdir(folder);
}

enum { TOO_LARGE = 1024 * 1024 + 1 };

static void too_large(void **state)
{
    (void)state;
    char *big = mem_alloc(TOO_LARGE);
    memset(big, '#', TOO_LARGE);
    struct settings_report report = {0};
    assert_null(settings_parse(str_of(big, TOO_LARGE), S("purser.yaml"), NULL, &report));
    assert_str(buf_str(&report.errors), S("purser.yaml:1: larger than 1 MB, the ceiling for settings\n"));
    settings_report_free(&report);
    free(big);
}

static void many_problems(void **state)
{
    (void)state;
    struct buf text;
    struct settings_report report = {0};
    buf_init(&text, 0);
    for (int i = 0; i < 5000; i++) buf_printf(&text, "unknown%d: 1\n", i);
    assert_null(settings_parse(buf_str(&text), S("p"), NULL, &report));
    assert_int_equal(report.error_count, 5000);
    assert_true(report.errors.n < 200 * 400); /* a hundred are printed */
    settings_report_free(&report);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front),
        cmocka_unit_test(health),
        cmocka_unit_test(runaways),
        cmocka_unit_test(rules),
        cmocka_unit_test(prices),
        cmocka_unit_test(routes),
        cmocka_unit_test(routes_by_family),
        cmocka_unit_test(vendors_chosen),
        cmocka_unit_test(masks),
        cmocka_unit_test(sellers),
        cmocka_unit_test(files),
        cmocka_unit_test(too_large),
        cmocka_unit_test(many_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
