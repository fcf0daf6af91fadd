/* An entry of `models:` as the flow reads it. */
#include "help.h"

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
    assert_int_equal(m->attempts.time_us, 60 * US_PER_SECOND);
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
        cmocka_unit_test(plain),
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
