/* Settings made at run time: beside the file, out of what somebody sends, and back as YAML. */
#include "help.h"

static const char file[] = "providers: { desk: { kind: ollama } }\n"
                           "models: { cheap: desk/small }\n"
                           "admin: { token: \"${PURSER_ADMIN_TOKEN}\" }\n";

static const char env[] = "PURSER_ADMIN_TOKEN=token-token-token";

static struct setting_entry must_make(const char *kind, const char *name, const char *body, struct arena *arena)
{
    struct setting_entry e;
    str why;
    if (!settings_make_entry(str_from(kind), str_from(name), str_from(body), arena, &e, &why))
        fail_msg("%s: %.*s", body, (int)why.n, why.p);
    return e;
}

static struct settings *must_read(const struct settings *s, const struct setting_entry *entries, size_t count)
{
    struct settings_report report = {0};
    struct settings *next = settings_with(s, entries, count, &report);
    if (!next) fail_msg("%.*s", (int)report.errors.n, report.errors.p);
    settings_report_free(&report);
    return next;
}

static void expect_made(const char *kind, const char *name, const char *body, const char *made_name, const char *made)
{
    struct arena arena;
    arena_init(&arena);
    struct setting_entry e = must_make(kind, name, body, &arena);
    assert_str(e.name, str_from(made_name));
    assert_str(e.body, str_from(made));
    arena_free(&arena);
}

static void bodies(void **state)
{
    (void)state;
    expect_made("budget", "cap", " { \"limit_usd\" : 5.00,\n\"scope\": {\"user\":\"*\"} } ", "cap",
                "{\"name\":\"cap\",\"limit_usd\":5.00,\"scope\":{\"user\":\"*\"}}");
    expect_made("limit", "r", "{\"concurrency\":2,\"name\":\"r\",\"x\":[1,\"a\\\"b\",null,true]}", "r",
                "{\"name\":\"r\",\"concurrency\":2,\"x\":[1,\"a\\\"b\",null,true]}");
    /* a second one stays, and is complained about when it is read */
    expect_made("limit", "r", "{\"name\":\"r\",\"name\":\"s\"}", "r", "{\"name\":\"r\",\"name\":\"s\"}");
    expect_made("feature", "bot", "{\"owner\":\"\\u00e4\\ud83d\\ude42\"}", "bot",
                "{\"owner\":\"\xc3\xa4\xf0\x9f\x99\x82\"}");
}

static void names_of_prices(void **state)
{
    (void)state;
    expect_made("price", "", "{\"model\":\"desk/a\",\"input\":1}", "desk/a", "{\"model\":\"desk/a\",\"input\":1}");
    expect_made("price", "x", "{\"model\":\"desk/a\",\"tier\":\"default\",\"context_from\":0,\"from\":null}", "desk/a",
                "{\"model\":\"desk/a\",\"tier\":\"default\",\"context_from\":0,\"from\":null}");
    expect_made("price", "x",
                "{\"from\":\"2026-01-01T00:00:00Z\",\"context_from\":200000,\"tier\":\"batch\",\"model\":\"desk/a\"}",
                "desk/a,tier=batch,context_from=200000,from=2026-01-01",
                "{\"from\":\"2026-01-01T00:00:00Z\",\"context_from\":200000,\"tier\":\"batch\",\"model\":\"desk/a\"}");
}

static void expect_refused(const char *kind, const char *body, const char *expected)
{
    struct arena arena;
    struct setting_entry e;
    str why;
    arena_init(&arena);
    assert_false(settings_make_entry(str_from(kind), S("cap"), str_from(body), &arena, &e, &why));
    if (str_find(why, str_from(expected), 0) == SIZE_MAX) fail_msg("'%s': %.*s", expected, (int)why.n, why.p);
    arena_free(&arena);
}

static void refused_bodies(void **state)
{
    (void)state;
    struct buf deep;
    buf_init(&deep, 0);
    for (int i = 0; i < 40; i++) buf_add(&deep, S("{\"a\":"));
    buf_add_byte(&deep, '1');
    for (int i = 0; i < 40; i++) buf_add_byte(&deep, '}');
    buf_add_byte(&deep, '\0');
    expect_refused("budget", deep.p, "deeper than 32 levels");
    expect_refused("budget", "limit_usd: 5", "no valid JSON");
    expect_refused("budget", "[]", "must be a JSON object");
    expect_refused("budget", "{\"name\":\"other\"}", "is not that of the entry");
    expect_refused("budget", "{\"name\":1}", "is not that of the entry");
    expect_refused("budget", "{\"scope\":{\"user\":\"$\\ue000HOME\\ue001\"}}", "U+E000");
    expect_refused("provider", "{}", "no such kind");
    buf_free(&deep);
}

/* What each is, once it was read; the second reading starts from the same text. */
static void states(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct settings *s = test_settings(file, env);
    struct setting_entry entries[] = {
        must_make("budget", "bad", "{\"limit_usd\":5,\"window\":\"day\",\"on_exceed\":\"downgrade:gone\"}", &arena),
        must_make("budget", "cap", "{\"limit_usd\":5,\"window\":\"day\"}", &arena),
        must_make("feature", "bot", "{\"owner\":\"ana\"}", &arena),
    };
    struct settings *next = must_read(s, entries, COUNT_OF(entries));
    settings_drop(s);
    assert_int_equal(next->entry_count, 3);
    assert_int_equal(settings_entry(next, S("budget"), S("bad"))->state, ENTRY_LEFT_OUT);
    assert_str(
        settings_entry(next, S("budget"), S("bad"))->why,
        S("on_exceed: 'downgrade:gone' is no way down (downgrade: and a name of models, or provider/model, such as "
          "downgrade:openai/gpt-5-nano)"));
    assert_int_equal(settings_entry(next, S("budget"), S("cap"))->state, ENTRY_HOLDS);
    assert_int_equal(settings_entry(next, S("limit"), S("cap")) == NULL, 1);
    assert_int_equal(next->budget_count, 1);
    assert_true(settings_is_runtime(next->budgets[0].where));
    assert_true(settings_is_runtime(settings_feature(next, S("bot"))->where));
    assert_str(next->admin_token, S("token-token-token"));
    struct settings *without = must_read(next, NULL, 0);
    assert_int_equal(without->budget_count, 0);
    assert_int_equal(without->feature_count, 0);
    settings_drop(without);
    settings_drop(next);
    arena_free(&arena);
}

/* A file that names what is gone fails as ever, whatever else is wrong. */
static void files_that_do_not_hold(void **state)
{
    (void)state;
    struct settings_report report = {0};
    struct settings s = {.file = S("purser.yaml"), .text = S("budgets: 5\nfeatures: { a: 1 }\n"), .env = test_env};
    struct setting_entry entries[] = {{.kind = S("budget"), .name = S("cap"), .body = S("{}")},
                                      {.kind = S("feature"), .name = S("bot"), .body = S("{}")}};
    assert_null(settings_with(&s, entries, COUNT_OF(entries), &report));
    assert_int_equal(report.error_count, 2);
    assert_str(buf_str(&report.errors), S("purser.yaml:2: features.a: must be a map, not a single value: key: value\n"
                                          "purser.yaml:1: budgets: must be a list (- { name: all, limit_usd: 500, "
                                          "window: month }), not a single value\n"));
    settings_report_free(&report);
}

/* Exported, pasted into the file: the same settings. */
static void export_and_paste(void **state)
{
    (void)state;
    struct arena arena;
    struct buf yaml, exported, first, second;
    arena_init(&arena);
    buf_init(&yaml, 0);
    buf_init(&exported, 0);
    buf_init(&first, 0);
    buf_init(&second, 0);
    struct settings *s = test_settings(file, env);
    struct setting_entry entries[] = {
        must_make("budget", "bad", "{\"limit_usd\":\"x\",\"window\":\"day\"}", &arena),
        must_make("budget", "cap",
                  "{\"limit_usd\":\"5.5\",\"window\":\"day\",\"timezone\":\"Europe/Berlin\",\"scope\":{\"user\":\"*\","
                  "\"feature\":\"$${HOME}\"},\"thresholds\":[80,100],\"burn\":{\"rate\":2,\"over\":\"1h\"}}",
                  &arena),
        must_make(
            "feature", "a: b #c",
            "{\"owner\":\"\\\"ana\\\" \\\\ \\u00e4 \\ud83d\\ude42: # x\",\"degraded\":[{\"match\":\"^(?i)a\\\\s$\","
            "\"reply\":\"- yes\"},{\"reply\":\"null\",\"status\":200}],\"ai\":{\"off\":true,\"why\":\"true\"}}",
            &arena),
        must_make("limit", "rate", "{\"concurrency\":3,\"requests_per_minute\":null}", &arena),
        must_make("price", "", "{\"model\":\"desk/small\",\"input\":0.1,\"output\":\"0.2\",\"from\":\"2026-01-01\"}",
                  &arena),
    };
    struct settings *with = must_read(s, entries, COUNT_OF(entries));
    settings_export(with, &exported);
    assert_true(str_find(buf_str(&exported), S("# not here: budget bad, limit_usd: 'x' is no amount"), 0) != SIZE_MAX);
    buf_add(&yaml, str_from(file));
    buf_add(&yaml, buf_str(&exported));
    buf_add_byte(&yaml, '\0');
    struct settings *pasted = test_settings(yaml.p, env);
    settings_print(with, &first);
    settings_print(pasted, &second);
    buf_add_byte(&first, '\0');
    for (char *at; (at = strstr(first.p, "  # made at run time"));) memmove(at, at + 20, strlen(at + 20) + 1);
    assert_str(str_from(first.p), buf_str(&second));
    assert_int_equal(pasted->budget_count + pasted->limit_count + pasted->feature_count, 3);
    /* and there they win */
    struct settings *both = must_read(pasted, entries, COUNT_OF(entries));
    for (size_t i = 1; i < both->entry_count; i++) assert_int_equal(both->entries[i].state, ENTRY_SHADOWED);
    settings_drop(both);
    settings_drop(pasted);
    settings_drop(with);
    settings_drop(s);
    buf_free(&yaml);
    buf_free(&exported);
    buf_free(&first);
    buf_free(&second);
    arena_free(&arena);
}

/* What the file sets, as it stands there: names are what it is called, variables stay. */
static void entries_of_the_file(void **state)
{
    (void)state;
    struct settings *s =
        test_settings("providers: { desk: { kind: ollama } }\n"
                      "features: { bot: { owner: \"${OWNER}\", tier: critical }, idle: }\n"
                      "prices:\n"
                      "  - { model: desk/small, input: 1.50, output: 2, tier: batch, from: 2026-01-01 }\n"
                      "budgets:\n"
                      "  - { name: \"${CAP}\", limit_usd: 007, window: 24h, thresholds: [ 80, 90% ], wait: ~ }\n"
                      "limits:\n"
                      "  - { scope: { user: \"*\" }, concurrency: 5 }\n",
                      "OWNER=ana@example.com\nCAP=all");
    static const char *const expected[][4] = {
        {"feature", "bot", "purser.yaml:2", "{\"owner\":\"${OWNER}\",\"tier\":\"critical\"}"},
        {"feature", "idle", "purser.yaml:2", "{}"},
        {"price", "desk/small,tier=batch,from=2026-01-01", "purser.yaml:4",
         "{\"model\":\"desk/small\",\"input\":1.50,\"output\":2,\"tier\":\"batch\",\"from\":\"2026-01-01\"}"},
        {"budget", "all", "purser.yaml:6",
         "{\"name\":\"${CAP}\",\"limit_usd\":\"007\",\"window\":\"24h\",\"thresholds\":[80,\"90%\"],\"wait\":null}"},
        {"limit", "user=*", "purser.yaml:8", "{\"scope\":{\"user\":\"*\"},\"concurrency\":5}"},
    };
    assert_int_equal(s->file_entry_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct setting_entry *e = settings_file_entry(s, str_from(expected[i][0]), str_from(expected[i][1]));
        assert_non_null(e);
        assert_str(e->where, str_from(expected[i][2]));
        assert_str(e->body, str_from(expected[i][3]));
    }
    struct setting_entry cap = {.kind = S("budget"),
                                .name = S("cap"),
                                .body = S("{\"limit_usd\":1,\"window\":\"day\"}")};
    struct settings *with = must_read(s, &cap, 1);
    assert_int_equal(with->file_entry_count, COUNT_OF(expected));
    assert_str(with->entries[0].where, S(SETTINGS_RUNTIME));
    settings_drop(with);
    settings_drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(names_of_prices),
        cmocka_unit_test(refused_bodies),
        cmocka_unit_test(states),
        cmocka_unit_test(files_that_do_not_hold),
        cmocka_unit_test(export_and_paste),
        cmocka_unit_test(entries_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
