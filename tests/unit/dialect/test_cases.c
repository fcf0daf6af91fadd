/* The dialect's cases: tests/cases/dialect/<name>.case, one file each. See README there. */
#include "dialect/call.h"

#include "cases.h"

#include "dialect/cohere.h"
#include "dialect/converse.h"

#define CASES "tests/cases/dialect"

struct test_case {
    struct case_file file;
    const char *path;
    str headers;
    struct json doc, reread;
    struct arena arena;
};

static bool find_section(const struct test_case *t, const char *name, str *out)
{
    return case_section(&t->file, name, out);
}

static str value_of(str lines, str name)
{
    return case_value(lines, name);
}

static enum call_kind kind_of(const struct test_case *t)
{
    str name = value_of(t->headers, S("kind"));
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++)
        if (str_eq(call_kind_name(k), name)) return k;
    fail_msg("%s: no such kind: %.*s", t->path, (int)name.n, name.p ? name.p : "");
    return CALL_CHAT;
}

static uint32_t quirks_of(const struct test_case *t)
{
    static const struct {
        str name;
        uint32_t bit;
    } quirks[] = {
        {STR_INIT("x_groq"), QUIRK_X_GROQ},
        {STR_INIT("cumulative"), QUIRK_CUMULATIVE},
        {STR_INIT("cache_miss"), QUIRK_CACHE_MISS},
        {STR_INIT("flat_cached"), QUIRK_FLAT_CACHED},
        {STR_INIT("audio_outside"), QUIRK_AUDIO_OUTSIDE},
        {STR_INIT("own_cost"), QUIRK_OWN_COST},
        {STR_INIT("reasoning_outside"), QUIRK_REASONING_OUTSIDE},
        {STR_INIT("reasoning_is_rest"), QUIRK_REASONING_IS_REST},
    };
    uint32_t bits = 0;
    str rest = value_of(t->headers, S("quirks"));
    while (rest.p) {
        str name = str_trim(str_cut(&rest, ','));
        uint32_t before = bits;
        for (size_t i = 0; i < COUNT_OF(quirks); i++)
            if (str_eq(quirks[i].name, name)) bits |= quirks[i].bit;
        if (before == bits) fail_msg("%s: no such quirk: %.*s", t->path, (int)name.n, name.p);
    }
    return bits;
}

/* Each line of `expect` must stand among `actual`. */
static void compare(const struct test_case *t, str expect, str actual)
{
    for (str rest = expect; rest.p;) {
        str line = str_trim(str_cut(&rest, '\n')), name = line;
        if (!line.n || line.p[0] == '#') continue;
        size_t colon = str_find_byte(line, ':', 0);
        if (colon == SIZE_MAX) fail_msg("%s: no `name: value`: %.*s", t->path, (int)line.n, line.p);
        name.n = colon;
        str want = str_trim(str_from_at(line, colon + 1)), is = value_of(actual, name);
        if (!is.p || !str_eq(want, is))
            fail_msg("%s: expected %.*s, got:\n%.*s", t->path, (int)line.n, line.p, (int)actual.n, actual.p);
    }
}

/* ---- what came out, as lines */

static void say_number(struct buf *out, const char *name, int64_t v)
{
    buf_printf(out, "%s: %lld\n", name, (long long)v);
}

static void say_bool(struct buf *out, const char *name, bool v)
{
    buf_printf(out, "%s: %s\n", name, v ? "yes" : "no");
}

static void say_text(struct buf *out, const char *name, str s)
{
    buf_printf(out, "%s: %.*s\n", name, (int)s.n, s.n ? s.p : "");
}

static void say_call(struct buf *out, const struct call *c)
{
    say_text(out, "status", S("ok"));
    say_text(out, "model", c->model);
    say_bool(out, "stream", c->stream);
    say_bool(out, "include_usage", c->include_usage);
    say_bool(out, "include_usage_false", c->include_usage_false);
    say_bool(out, "background", c->background);
    say_bool(out, "server_tools", c->server_tools);
    say_bool(out, "references", c->references);
    say_number(out, "max_output", c->max_output);
    say_number(out, "choices", c->choices);
    say_number(out, "choices_returned", c->choices_returned);
    say_number(out, "max_tool_calls", c->max_tool_calls);
    say_number(out, "text_bytes", c->text_bytes);
    say_number(out, "prediction_bytes", c->prediction_bytes);
    say_number(out, "messages", c->messages);
    say_number(out, "tools", c->tools);
    say_number(out, "images", c->images);
    say_number(out, "audio", c->audio);
    say_number(out, "audio_bytes", c->audio_bytes);
    say_number(out, "files", c->files);
    say_text(out, "user", c->user);
    say_text(out, "feature", c->feature);
    say_text(out, "session", c->session);
    say_text(out, "service_tier", c->service_tier);
    say_number(out, "system_bytes", c->segments.system_bytes);
    say_number(out, "history_bytes", c->segments.history_bytes);
    say_number(out, "retrieved_bytes", c->segments.retrieved_bytes);
    say_number(out, "tools_bytes", c->segments.tools_bytes);
    say_number(out, "user_bytes", c->segments.user_bytes);
}

static void say_flags(struct buf *out, uint32_t flags)
{
    static const char *const names[] = {"clamped",     "total_differs", "not_a_count", "overflow",
                                        "above_bound", "tier_differs",  "other_rate"};
    buf_add(out, S("flags:"));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (flags & 1u << i) buf_printf(out, " %s", names[i]);
    buf_add(out, S("\n"));
}

static void say_usage(struct buf *out, const struct usage *u)
{
    say_bool(out, "known", u->known);
    for (enum unit i = 0; i < UNIT_COUNT; i++) {
        str name = unit_name(i);
        buf_printf(out, "usage.%.*s: %lld\n", (int)name.n, name.p, (long long)u->units[i]);
    }
    /* the units in one line: "input 5, output 3"; requests is always 1 */
    buf_add(out, S("units:"));
    const char *comma = "";
    for (enum unit i = 0; i < UNIT_COUNT; i++) {
        str name = unit_name(i);
        if (!u->units[i] || i == UNIT_REQUESTS) continue;
        buf_printf(out, "%s %.*s %lld", comma, (int)name.n, name.p, (long long)u->units[i]);
        comma = ",";
    }
    buf_add(out, S("\n"));
    say_flags(out, u->flags);
}

static void say_answer(struct buf *out, const struct answer *a)
{
    say_usage(out, &a->usage);
    say_text(out, "usage_raw", a->usage_raw);
    say_text(out, "model", a->model);
    say_text(out, "service_tier", a->service_tier);
    say_text(out, "finish", a->finish);
    say_text(out, "error", a->provider_error);
    say_number(out, "cost_picousd", a->provider_cost);
    say_bool(out, "complete", answer_complete(a));
    say_bool(out, "finished", a->finished);
    say_bool(out, "ended", a->ended);
    say_bool(out, "failed", a->failed);
    say_number(out, "output_events", a->output_events);
    say_number(out, "output_bytes", a->output_bytes);
    say_number(out, "choices_seen", a->choices_seen);
    say_number(out, "choices_finished", a->choices_finished);
    say_number(out, "sequence", a->sequence);
    say_number(out, "searches", a->searches);
    say_number(out, "tool_calls", a->tool_calls);
    say_bool(out, "tool_used", a->tool_used);
}

/* ---- calls */

static void check_edit(struct test_case *t, const struct call *call, str change, str edited)
{
    struct call_changes changes = {.max_output = -1};
    str model = value_of(change, S("model")), max = value_of(change, S("max_output"));
    if (model.p) changes.model = model;
    if (max.p) assert_true(str_to_i64(max, &changes.max_output));
    changes.add_usage = str_eq(value_of(change, S("add_usage")), S("yes"));
    changes.use_max_tokens = str_eq(value_of(change, S("use_max_tokens")), S("yes"));
    struct json_edit edits[CALL_EDITS_MAX];
    size_t count = call_edit(call, &t->doc, &changes, edits);
    assert_true(count <= CALL_EDITS_MAX);
    struct buf out;
    struct json_fail why;
    buf_init(&out, 0);
    assert_true(json_splice(t->doc.text, edits, count, &out));
    str got = str_trim(buf_str(&out));
    if (!str_eq(got, edited))
        fail_msg("%s: expected\n%.*s\ngot\n%.*s", t->path, (int)edited.n, edited.p, (int)got.n, got.p);
    if (!json_parse(&t->reread, got, &why)) fail_msg("%s: the edited body is no JSON: %s", t->path, why.why);
    buf_free(&out);
}

static void run_call(struct test_case *t, str body)
{
    struct call call;
    struct call_problem problem = {0};
    struct json_fail why;
    struct buf out;
    str expect, change, edited;
    buf_init(&out, 0);
    if (!json_parse(&t->doc, body, &why)) fail_msg("%s: the body is no JSON: %s", t->path, why.why);
    bool ok = call_read(kind_of(t), &t->doc, &t->arena, &call, &problem);
    if (ok) {
        const struct call_segments *s = &call.segments;
        int64_t sum = s->system_bytes + s->history_bytes + s->retrieved_bytes + s->tools_bytes + s->user_bytes;
        assert_int_equal(sum, call.text_bytes);
        say_call(&out, &call);
    } else {
        buf_printf(&out, "status: %d\n", err_info(problem.err)->status);
        say_text(&out, "param", problem.param);
        say_text(&out, "message", problem.message);
    }
    if (find_section(t, "expect", &expect)) compare(t, expect, buf_str(&out));
    if (find_section(t, "change", &change)) {
        assert_true(ok);
        assert_true(find_section(t, "edited", &edited));
        check_edit(t, &call, change, edited);
    }
    buf_free(&out);
}

/* ---- answers */

/* Events: `event:` and `data:` lines up to an empty line. Framing has its own tests. */
static void feed_stream(struct test_case *t, struct answer *a, str text, struct buf *verdicts)
{
    static const char *const names[] = {
        [TAP_PASS] = "pass", [TAP_USAGE_ONLY] = "usage_only", [TAP_END] = "end", [TAP_ERROR] = "error"};
    str event = STR_NONE;
    buf_add(verdicts, S("verdicts:"));
    for (str rest = text; rest.p;) {
        str line = str_cut(&rest, '\n');
        if (!str_trim(line).n) event = STR_NONE;
        if (str_starts(line, S("event:"))) event = str_trim(str_from_at(line, 6));
        if (!str_starts(line, S("data:"))) continue;
        enum tap_verdict v = answer_feed(a, kind_of(t), quirks_of(t), &t->doc, event, str_trim(str_from_at(line, 5)));
        buf_printf(verdicts, " %s", names[v]);
    }
    buf_add(verdicts, S("\n"));
}

static void run_answer(struct test_case *t, str text, bool stream)
{
    struct answer a;
    struct buf out;
    str expect, choices = value_of(t->headers, S("choices_expected"));
    buf_init(&out, 0);
    answer_init(&a, &t->arena);
    if (choices.p) assert_true(str_to_i64(choices, &a.choices_expected));
    if (stream)
        feed_stream(t, &a, text, &out);
    else
        say_bool(&out, "read", answer_read(&a, kind_of(t), quirks_of(t), &t->doc, text));
    say_answer(&out, &a);
    assert_true(find_section(t, "expect", &expect));
    compare(t, expect, buf_str(&out));
    buf_free(&out);
}

static void read_usage(const struct test_case *t, struct usage *out)
{
    switch (call_kind_dialect(kind_of(t))) {
    case DIALECT_MESSAGES:
        usage_read_messages(&t->doc, JSON_ROOT, out);
        break;
    case DIALECT_CONVERSE:
        usage_read_converse(&t->doc, JSON_ROOT, out);
        break;
    case DIALECT_COHERE:
        usage_read_cohere(&t->doc, JSON_ROOT, out);
        break;
    default:
        usage_read_openai(&t->doc, JSON_ROOT, quirks_of(t), out);
        break;
    }
}

/* Several usage objects, one a line, each with the units that it must give. */
static void run_usage(struct test_case *t, str text)
{
    str expect, body;
    assert_true(find_section(t, "expect", &expect));
    for (str rest = text; rest.p;) {
        body = str_trim(str_cut(&rest, '\n'));
        struct json_fail why;
        struct usage u;
        struct buf out;
        buf_init(&out, 0);
        if (!json_parse(&t->doc, body, &why)) fail_msg("%s: %s", t->path, why.why);
        read_usage(t, &u);
        say_usage(&out, &u);
        compare(t, expect, buf_str(&out));
        buf_free(&out);
    }
}

static void runs_case(void **state)
{
    struct test_case t = {.path = *state};
    str part;
    case_open(&t.file, t.path);
    t.headers = t.file.headers;
    json_init(&t.doc);
    json_init(&t.reread);
    if (find_section(&t, "call", &part))
        run_call(&t, part);
    else if (find_section(&t, "stream", &part))
        run_answer(&t, part, true);
    else if (find_section(&t, "body", &part))
        run_answer(&t, part, false);
    else if (find_section(&t, "usage", &part))
        run_usage(&t, part);
    else
        fail_msg("%s: no section call, stream, body or usage", t.path);
    json_free(&t.doc);
    json_free(&t.reread);
    arena_free(&t.arena);
    case_close(&t.file);
}

int main(void)
{
    return cases_run("dialect cases", CASES, runs_case, 200);
}
