/* The pieces: the tree, suggestions, overlapping scopes. */
#include "settings/load.h"

#include "help.h"

static void lines(void **state)
{
    (void)state;
    struct arena arena;
    struct tree_fail fail;
    arena_init(&arena);
    const struct tree_node *t = tree_parse(S("a: 1\nb:\n  - x\n  - { c: 'y' }\na: 2\n"), &arena, &fail);
    assert_non_null(t);
    assert_int_equal(t->count, 3);
    assert_int_equal(tree_find(t, S("a"))->line, 1);
    const struct tree_node *b = tree_find(t, S("b"));
    assert_int_equal(b->kind, TREE_LIST);
    assert_int_equal(b->last->line, 4);
    assert_false(tree_find(b->last, S("c"))->plain);
    assert_int_equal(t->last->twice, 1);
    assert_int_equal(tree_find(t, S("a"))->twice, 0);
    assert_null(tree_parse(S("a: b: c"), &arena, &fail));
    assert_int_equal(fail.line, 1);
    assert_null(tree_parse(S("a: 1\nb: \"\xff\"\n"), &arena, &fail));
    assert_int_equal(fail.line, 2);
    arena_free(&arena);
}

static str fill_env(str name)
{
    return str_eq(name, S("HASH")) ? S("a # b: {c}") : str_eq(name, S("EMPTY")) ? S("") : STR_NONE;
}

static void expect_fill(const char *yaml, const char *text, const char *missing, bool malformed)
{
    struct arena arena;
    struct tree_fail fail;
    arena_init(&arena);
    const struct tree_node *t = tree_parse(str_from(yaml), &arena, &fail);
    if (!t) fail_msg("%s: %" STR_FMT, yaml, STR_ARG(fail.why));
    struct tree_filled f = tree_fill(tree_find(t, S("a"))->text, fill_env, &arena);
    assert_int_equal(f.malformed, malformed);
    if (!malformed) assert_str(f.text, str_from(text));
    assert_str(f.missing, str_from(missing));
    arena_free(&arena);
}

/* A value is a value, whatever YAML would make of its characters. */
static void variables(void **state)
{
    (void)state;
    expect_fill("a: ${HASH}", "a # b: {c}", NULL, false);
    expect_fill("{ a: ${HASH}, b: 1 }", "a # b: {c}", NULL, false);
    expect_fill("a: \"x${HASH}y\"", "xa # b: {c}y", NULL, false);
    expect_fill("a: 'x${NONE}y${EMPTY}'", "xy", "NONE", false);
    expect_fill("{ a: $${HASH} }", "${HASH}", NULL, false);
    expect_fill("a: $$${HASH", "$${HASH", NULL, false);
    expect_fill("a: $5 and $HASH", "$5 and $HASH", NULL, false);
    expect_fill("a: x${1}", "", NULL, true);
    expect_fill("a: x${", "", NULL, true);
    expect_fill("a: \"$\\uE000HASH\"", "", NULL, true); /* the mark itself, smuggled in */
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance(S("dya"), S("day")), 1);
    assert_int_equal(suggest_distance(S("kitten"), S("sitting")), 3);
    assert_int_equal(suggest_distance(S(""), S("abc")), 3);
    assert_int_equal(suggest_distance(S("same"), S("same")), 0);
    struct suggest s;
    suggest_init(&s, S("sinc"));
    suggest_offer(&s, S("sort"));
    suggest_offer(&s, S("since"));
    assert_str(s.best, S("since"));
    suggest_init(&s, S("zzz"));
    suggest_offer(&s, S("abc"));
    assert_null(s.best.p);
}

static size_t overlap(const char *const (*rows)[SCOPE_DIMS], size_t count)
{
    struct scope scopes[64] = {0};
    const struct scope *all[64];
    for (size_t i = 0; i < count; i++) {
        all[i] = &scopes[i];
        for (size_t d = 0; d < SCOPE_DIMS; d++) scopes[i].want[d] = str_from(rows[i][d]);
    }
    return scope_overlap(all, count, 2); /* a low ceiling shows as much as a high one */
}

static void overlaps(void **state)
{
    (void)state;
    static const char *const keys[][SCOPE_DIMS] = {
        {[SCOPE_KEY] = "a"}, {[SCOPE_KEY] = "b"}, {[SCOPE_KEY] = "c"}, {[SCOPE_KEY] = "d"}, {[SCOPE_KEY] = "*"}};
    assert_int_equal(overlap(keys, 5), 2); /* a key is one key */
    static const char *const any[][SCOPE_DIMS] = {{0},
                                                  {[SCOPE_USER] = "*"},
                                                  {[SCOPE_TEAM] = "x"},
                                                  {[SCOPE_TEAM] = "y"}};
    assert_true(overlap(any, 4) > 2);
    static const char *const crossed[][SCOPE_DIMS] = {{[SCOPE_KEY] = "a", [SCOPE_FEATURE] = "f"},
                                                      {[SCOPE_KEY] = "a", [SCOPE_FEATURE] = "g"},
                                                      {[SCOPE_KEY] = "b", [SCOPE_FEATURE] = "f"},
                                                      {[SCOPE_KEY] = "a"}};
    assert_int_equal(overlap(crossed, 4), 2);
    /* a call knows its model by two names */
    static const char *const models[][SCOPE_DIMS] = {{[SCOPE_MODEL] = "m"},
                                                     {[SCOPE_MODEL] = "n"},
                                                     {[SCOPE_MODEL] = "o"},
                                                     {[SCOPE_KEY] = "*"}};
    assert_true(overlap(models, 4) > 2);
}

/* Seventeen at once are refused, thousands side by side are not. */
static void many_budgets(void **state)
{
    (void)state;
    struct buf text;
    struct settings_report report = {0};
    buf_init(&text, 0);
    buf_add(&text, S("providers: { desk: { kind: ollama } }\nbudgets:\n"));
    for (int i = 0; i < 17; i++) buf_printf(&text, "  - { name: b%d, limit_usd: 1, window: day }\n", i);
    assert_null(settings_parse(buf_str(&text), S("p"), NULL, &report));
    assert_str(buf_str(&report.errors), S("p:2: budgets: one call could match more than 16 budgets, the ceiling\n"));
    settings_report_free(&report);

    buf_clear(&text);
    report = (struct settings_report){0};
    buf_add(&text, S("providers: { desk: { kind: ollama } }\nbudgets:\n"));
    for (int i = 0; i < 15; i++) buf_printf(&text, "  - { name: b%d, limit_usd: 1, window: day }\n", i);
    for (int i = 0; i < 5000; i++) {
        buf_printf(&text, "  - { name: c%d, scope: { user: u%d }, limit_usd: 1, window: day }\n", i, i);
    }
    struct settings *s = settings_parse(buf_str(&text), S("p"), NULL, &report);
    if (!s) fail_msg("%" STR_FMT, STR_ARG(buf_str(&report.errors)));
    assert_int_equal(s->budget_count, 5015);
    settings_drop(s);
    settings_report_free(&report);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),    cmocka_unit_test(variables),    cmocka_unit_test(distances),
        cmocka_unit_test(overlaps), cmocka_unit_test(many_budgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
