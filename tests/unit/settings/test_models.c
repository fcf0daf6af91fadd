/* An entry of `models:` as the flow reads it. */
#include "dialect/canon.h"

#include "help.h"

#include <unistd.h>

static const char providers[] = "providers: { a: { kind: ollama }, b: { kind: ollama } }\n";

static struct settings *with(const char *yaml)
{
    static char text[4096];
    snprintf(text, sizeof(text), "%s%s", providers, yaml);
    return test_settings(text, "");
}

/* A string is one target, tried once, whose errors are the client's. */
static void plain(void **state)
{
    (void)state;
    struct settings *s = with("models: { cheap: a/m }");
    const struct setting_model *m = settings_model(s, S("cheap"));
    assert_non_null(m);
    assert_null(settings_model(s, S("chea")));
    assert_int_equal(m->target_count, 1);
    assert_str(m->targets[0].provider, S("a"));
    assert_str(m->targets[0].model, S("m"));
    assert_int_equal(m->attempts.max, 1);
    assert_int_equal(m->attempts.time_us, 0);
    assert_int_equal(m->attempts.money, -1);
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) assert_int_equal(m->on[i].what, REACTION_STOP);
    assert_false(m->hedge.on || m->degraded.set);
    settings_drop(s);
}

/* A map's defaults keep a call alive. */
static void defaults(void **state)
{
    (void)state;
    struct settings *s = with("models: { m: { targets: [ a/x, b/y/z ] } }");
    const struct setting_model *m = settings_model(s, S("m"));
    assert_int_equal(m->target_count, 2);
    assert_str(m->provider, S("a"));
    assert_str(m->targets[1].model, S("y/z"));
    assert_int_equal(m->targets[1].weight, 1);
    assert_int_equal(m->balance, BALANCE_ORDERED);
    assert_int_equal(m->attempts.max, 3);
    assert_int_equal(m->attempts.time_us, 3 * US_PER_MINUTE);
    assert_int_equal(m->attempts.money, -1);
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) {
        assert_int_equal(m->on[i].what, i == MISHAP_CONTENT_POLICY ? REACTION_STOP : REACTION_NEXT);
    }
    assert_false(m->hedge.on || m->degraded.set);
    assert_int_equal(m->sticky, STICKY_NONE);
    settings_drop(s);
}

static void everything(void **state)
{
    (void)state;
    struct settings *s = with("models:\n"
                              "  m:\n"
                              "    targets: [ { target: a/x, weight: 9 }, b/y ]\n"
                              "    balance: weighted\n"
                              "    attempts: { max: 5, time: 2m, money_usd: 0.05 }\n"
                              "    on: { error: stop, context_window: b/large }\n"
                              "    hedge: { after: 750ms, max_extra_spend: 7.5% }\n"
                              "    sticky: user\n"
                              "    degraded: [ { match: hours, reply: Nine to five. }, { status: 503 } ]\n");
    const struct setting_model *m = settings_model(s, S("m"));
    assert_int_equal(m->targets[0].weight, 9);
    assert_int_equal(m->balance, BALANCE_WEIGHTED);
    assert_int_equal(m->attempts.max, 5);
    assert_int_equal(m->attempts.time_us, 120 * US_PER_SECOND);
    assert_int_equal(m->attempts.money, PICOUSD_PER_USD / 20);
    assert_int_equal(m->on[MISHAP_ERROR].what, REACTION_STOP);
    assert_int_equal(m->on[MISHAP_CONTEXT_WINDOW].what, REACTION_TARGET);
    assert_str(m->on[MISHAP_CONTEXT_WINDOW].to.provider, S("b"));
    assert_str(m->on[MISHAP_CONTEXT_WINDOW].to.model, S("large"));
    assert_int_equal(m->on[MISHAP_RATE_LIMIT].what, REACTION_NEXT);
    assert_true(m->hedge.on);
    assert_int_equal(m->hedge.after_us, 750 * US_PER_MS);
    assert_int_equal(m->hedge.max_extra_ppm, 75000);
    assert_int_equal(m->sticky, STICKY_USER);
    assert_true(m->degraded.set && m->degraded.next && m->degraded.next->set && !m->degraded.next->next);
    assert_str(m->degraded.reply, S("Nine to five."));
    assert_int_equal(m->degraded.status, 200);
    assert_int_equal(m->degraded.next->status, 503);
    assert_int_equal(m->degraded.next->reply.n, 0);
    settings_drop(s);
}

static void ladder(void **state)
{
    (void)state;
    struct settings *s = with("models:\n"
                              "  m:\n"
                              "    ladder:\n"
                              "      - { reply: Nine to five., match: hours }\n"
                              "      - { target: a/w, when: { header: { X-Kind: ^scan$ } } }\n"
                              "      - { target: a/x, accept: { finish: stop, min_confidence: 0.85, max_length: 9 } }\n"
                              "      - { target: b/y, accept: { json_schema: true }, when: { longer_than: 5 } }\n"
                              "      - { target: a/z }\n");
    const struct setting_model *m = settings_model(s, S("m"));
    assert_int_equal(m->rung_count, 5);
    assert_int_equal(m->attempts.max, 5); /* as many as there are rungs */
    assert_int_equal(m->target_count, 4);
    assert_str(m->provider, S("a"));
    assert_str(m->model, S("w"));
    assert_str(m->targets[2].model, S("y"));
    const struct setting_rung *r = m->rungs;
    assert_int_equal(r[0].kind, RUNG_REPLY);
    assert_int_equal(pattern_find(r[0].match.code, S("your hours?")), PATTERN_YES);
    assert_int_equal(pattern_find(r[0].match.code, S("yours?")), PATTERN_NO);
    assert_str(r[1].when.headers[0].name, S("x-kind"));
    assert_int_equal(r[2].kind, RUNG_TARGET);
    assert_str(r[2].to.model, S("x"));
    assert_int_equal(r[2].accept.finish, 1u << STOP_END | 1u << STOP_SEQUENCE);
    assert_int_equal(r[2].accept.min_confidence_ppm, 850000);
    assert_true(r[2].accept.set && !r[2].accept.early && !r[2].accept.json_schema && !r[2].when.set);
    assert_true(r[3].accept.set && !r[3].accept.early && r[3].accept.json_schema && r[3].when.set);
    assert_false(r[4].accept.set);
    settings_drop(s);
}

/* A file's schema becomes one line that stands among the settings and reads back. */
static void schema_file(void **state)
{
    (void)state;
    static const char json[] = "{\n  \"enum\": [ \"a \\\" b\", \"\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xee\x80\x80\", "
                               "\"\xc3\xb6\xf0\x9f\x98\x80 ${X} $${Y}\" ]\t}\r\n";
    static const char line[] =
        "{\"enum\":[\"a \\\" b\",\"\\u007f\\u0085\\u2028\\ufeff\\ue000\",\"\xc3\xb6\xf0\x9f\x98\x80 ${X} $${Y}\"]}";
    char name[] = "/tmp/purser-schema-XXXXXX", yaml[256];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, sizeof(json) - 1), (ssize_t)sizeof(json) - 1);
    close(fd);
    snprintf(yaml, sizeof(yaml), "models: { m: { target: a/x, schema: %s } }", name);
    struct settings *s = with(yaml);
    unlink(name);
    assert_str(settings_model(s, S("m"))->schema.text, str_from(line));
    struct buf printed;
    buf_init(&printed, 0);
    settings_print(s, &printed);
    buf_add_byte(&printed, '\0');
    struct settings *again = test_settings(printed.p, "");
    assert_str(settings_model(again, S("m"))->schema.text, str_from(line));
    buf_free(&printed);
    settings_drop(again);
    settings_drop(s);
}

/* What people see first: how many of what. */
static void summary(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 0);
    struct settings *s = with("models: { m: { targets: [ a/x, b/y ] }, n: a/z }");
    settings_summary(s, &out);
    assert_true(str_find(buf_str(&out), S("2 models (3 targets), "), 0) != SIZE_MAX);
    settings_drop(s);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),  cmocka_unit_test(defaults),    cmocka_unit_test(everything),
        cmocka_unit_test(ladder), cmocka_unit_test(schema_file), cmocka_unit_test(summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
