/* Calls of odd shape to every target: tests/cases/shapes/<what>_<from>.case. See README there. UPDATE_CASES=1 writes
 * the sections of targets anew; read what changed. */
#include "dialect/codec.h"

#include "cases.h"

#define CASES "tests/cases/shapes"

static const struct {
    enum dialect_id to;
    str vendor, model;
} targets[] = {
    {DIALECT_CHAT, STR_INIT("openai"), STR_INIT("gpt-5-mini")},
    {DIALECT_RESPONSES, STR_INIT("openai"), STR_INIT("gpt-5-mini")},
    {DIALECT_MESSAGES, STR_INIT("anthropic"), STR_INIT("claude-sonnet-4-5")},
    {DIALECT_GEMINI, STR_INIT("gemini"), STR_INIT("gemini-2.5-flash")},
    {DIALECT_CONVERSE, STR_INIT("bedrock"), STR_INIT("anthropic.claude-sonnet-4-5-20250929-v1:0")},
    {DIALECT_COHERE, STR_INIT("cohere"), STR_INIT("command-a-03-2025")},
};

struct shape {
    struct case_file file;
    struct json doc;
    struct arena arena;
};

static void must_be_json(const struct shape *s, str text)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (!json_parse(&doc, text, &why)) fail_msg("%s: what is sent is no JSON: %s", s->file.path, why.why);
    json_free(&doc);
}

/* What one target gets: its body, and what was left out. False: refused. */
static bool give(struct shape *s, size_t i, str body, bool lenient, struct buf *out)
{
    struct call_problem problem = {0};
    struct canon_dropped dropped = {0};
    struct json_fail why;
    struct canon_call call;
    struct buf sent, left_out;
    enum dialect_id from = dialect_find(case_value(s->file.headers, S("from"))), to = targets[i].to;
    if (from == DIALECT_COUNT) fail_msg("%s: no such dialect in `from:`", s->file.path);
    if (!json_parse(&s->doc, body, &why)) fail_msg("%s: the call is no JSON: %s", s->file.path, why.why);
    struct canon_target target = {.model = targets[i].model,
                                  .vendor = targets[i].vendor,
                                  .max_output = 800,
                                  .left_out = &left_out};
    buf_init(&sent, 0);
    buf_init(&left_out, 0);
    canon_call_init(&call, from, &s->arena);
    bool ok = kind_decode_call(dialect_at(from)->kind, &s->doc, &call, &problem) &&
              canon_check_at(&call, to, &target, lenient, &dropped, &problem) &&
              kind_encode_call(dialect_at(to)->kind, &call, &target, &sent, &problem);
    if (ok) {
        must_be_json(s, buf_str(&sent));
        const char *comma = dropped.fields.n && left_out.n ? ", " : "";
        buf_printf(out, "%.*s\n", STR_ARG(buf_str(&sent)));
        if (dropped.fields.n || left_out.n)
            buf_printf(out, "dropped: %.*s%s%.*s\n", STR_ARG(dropped.fields), comma, STR_ARG(buf_str(&left_out)));
    } else {
        /* a refusal names a field of the client's, and its text says it */
        assert_true(problem.param.n && str_find(problem.message, problem.param, 0) != SIZE_MAX);
        buf_printf(out, "refused: %.*s\n", STR_ARG(problem.param));
    }
    buf_free(&left_out);
    buf_free(&sent);
    return ok;
}

/* Within one protocol the body goes on as it came. */
static bool is_target(const struct shape *s, size_t i)
{
    return dialect_find(case_value(s->file.headers, S("from"))) != targets[i].to;
}

/* Where a strict target refuses, what a lenient one gets stands below. */
static void give_both(struct shape *s, size_t i, str body, struct buf *out)
{
    if (give(s, i, body, false, out)) return;
    buf_add(out, S("lenient: "));
    (void)give(s, i, body, true, out);
}

static void write_anew(const struct shape *s, str body, struct buf got[])
{
    FILE *f = fopen(s->file.path, "wb");
    assert_non_null(f);
    fprintf(f, "%.*s\n\n--- call\n%.*s\n", STR_ARG(str_trim(s->file.headers)), STR_ARG(body));
    for (size_t i = 0; i < COUNT_OF(targets); i++)
        if (is_target(s, i))
            fprintf(f, "--- %.*s\n%.*s", STR_ARG(dialect_at(targets[i].to)->name), STR_ARG(buf_str(&got[i])));
    fclose(f);
}

static void runs_case(void **state)
{
    struct shape s = {0};
    str body = STR_NONE, want = STR_NONE;
    struct buf got[COUNT_OF(targets)];
    bool same = true;
    case_open(&s.file, *state);
    json_init(&s.doc);
    arena_init(&s.arena);
    if (!case_section(&s.file, "call", &body)) fail_msg("%s: no section call", s.file.path);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        str name = dialect_at(targets[i].to)->name;
        buf_init(&got[i], 0);
        if (!is_target(&s, i)) continue;
        give_both(&s, i, body, &got[i]);
        char section[32];
        assert_true(str_copy(section, sizeof section, name));
        if (case_section(&s.file, section, &want) && str_eq(want, str_trim(buf_str(&got[i])))) continue;
        same = false;
        /* longer than cmocka's messages may be */
        (void)fprintf(stderr, "%s: to %s:\n%.*s", s.file.path, section, STR_ARG(buf_str(&got[i])));
    }
    bool update = getenv("UPDATE_CASES") != NULL;
    if (update) write_anew(&s, body, got);
    for (size_t i = 0; i < COUNT_OF(targets); i++) buf_free(&got[i]);
    json_free(&s.doc);
    arena_free(&s.arena);
    const char *path = s.file.path;
    case_close(&s.file);
    if (!same && !update) fail_msg("%s: a target gets something else", path);
}

int main(void)
{
    return cases_run("shapes", CASES, runs_case, 1);
}
