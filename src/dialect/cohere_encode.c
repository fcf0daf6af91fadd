/* A canonical call as a Cohere v2 chat body. */
#include "dialect/cohere.h"

struct writer {
    struct buf *out;
    const struct canon_call *call;
    const struct canon_target *target;
};

/* ---- parts */

static void open_part(struct buf *out, const char *type)
{
    canon_comma(out);
    buf_printf(out, "{\"type\":\"%s\"", type);
}

static void write_image(struct writer *w, const struct canon_part *p)
{
    struct buf *out = w->out;
    if (!p->media.data.p && !p->media.url.json.p) return; /* refused before */
    open_part(out, "image_url");
    buf_add(out, S(",\"image_url\":{\"url\":"));
    if (p->media.data.p) {
        buf_printf(out, "\"data:%.*s;base64,", (int)p->media.type.n, p->media.type.n ? p->media.type.p : "");
        buf_add(out, p->media.data);
        buf_add_byte(out, '"');
    } else {
        buf_add(out, p->media.url.json);
    }
    canon_put_text(out, S("detail"), p->media.detail);
    buf_add(out, S("}}"));
}

static void write_text(struct buf *out, jraw text)
{
    if (text.json.n <= 2) return; /* an empty text is refused */
    open_part(out, "text");
    canon_put_raw(out, S("text"), text);
    buf_add_byte(out, '}');
}

static void write_part(struct writer *w, const struct canon_part *p)
{
    bool own = w->call->from == DIALECT_COHERE;
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
    case PART_DOCUMENT:
        if (own && p->value.json.p) {
            canon_comma(w->out);
            buf_add(w->out, p->value.json);
        } else {
            write_text(w->out, p->kind == PART_DOCUMENT ? canon_document_text(w->call->arena, p) : p->text);
        }
        break;
    case PART_IMAGE:
        write_image(w, p);
        break;
    case PART_REASONING:
        if (str_eq(p->id, S(COHERE_TOOL_PLAN)) || p->text.json.n <= 2) break;
        open_part(w->out, "thinking");
        canon_put_raw(w->out, S("thinking"), p->text);
        buf_add_byte(w->out, '}');
        break;
    case PART_OPAQUE:
        if (p->extras.of != DIALECT_COHERE || !own) break;
        canon_comma(w->out);
        buf_add(w->out, p->value.json);
        break;
    default:
        break;
    }
}

/* ---- messages */

static void open_message(struct buf *out, const char *role)
{
    canon_comma(out);
    buf_printf(out, "{\"role\":\"%s\"", role);
}

/* All texts of a list of parts as one string. */
static jraw all_text(struct arena *arena, const struct canon_part *parts, bool reasoning)
{
    enum { TEXTS_MAX = 256 };
    jraw texts[TEXTS_MAX];
    size_t count = 0;
    for (const struct canon_part *p = parts; p && count < TEXTS_MAX; p = p->next) {
        bool text = p->kind == PART_TEXT || p->kind == PART_REFUSAL || p->kind == PART_DOCUMENT;
        if ((text || (reasoning && p->kind == PART_REASONING)) && p->text.json.n > 2) texts[count++] = p->text;
    }
    return count ? canon_join(arena, texts, count, S("\\n")) : RAW_NONE;
}

static bool has_kind(const struct canon_part *parts, enum canon_part_kind kind)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if (p->kind == kind) return true;
    return false;
}

static void write_calls(struct writer *w, const struct canon_message *m)
{
    struct buf *out = w->out;
    canon_put_raw(out, S("tool_plan"),
                  all_text(w->call->arena, m->parts, true)); /* beside calls no other text is taken */
    canon_key(out, S("tool_calls"));
    buf_add_byte(out, '[');
    for (const struct canon_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL) continue;
        canon_comma(out);
        buf_add_byte(out, '{');
        canon_put_text(out, S("id"), p->tool.id);
        canon_put_text(out, S("type"), S("function"));
        canon_key(out, S("function"));
        buf_add_byte(out, '{');
        canon_put_text(out, S("name"), p->tool.name);
        canon_key(out, S("arguments"));
        buf_add_json(out, p->tool.arguments.n ? p->tool.arguments : S("{}"));
        buf_add_byte(out, '}');
        canon_put_extras(out, &p->extras, DIALECT_COHERE);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static void write_content(struct writer *w, const struct canon_part *parts)
{
    struct buf *out = w->out;
    bool only = parts && !parts->next && parts->kind == PART_TEXT && !parts->value.json.p && parts->text.json.p;
    canon_key(out, S("content"));
    if (only) {
        buf_add(out, parts->text.json);
        return;
    }
    buf_add_byte(out, '[');
    for (const struct canon_part *p = parts; p; p = p->next) write_part(w, p);
    if (out->p[out->n - 1] == '[') {
        out->n--;
        buf_add(out, S("\"\""));
    } else {
        buf_add_byte(out, ']');
    }
}

static void write_result(struct writer *w, const struct canon_part *p)
{
    struct buf *out = w->out;
    open_message(out, "tool");
    canon_put_text(out, S("tool_call_id"), p->tool.id);
    if (p->tool.is_error) { /* there is no other word for it */
        jraw text = all_text(w->call->arena, p->tool.content, false);
        canon_key(out, S("content"));
        buf_add(out, S("\"Error: "));
        buf_add(out, canon_inside(text));
        buf_add_byte(out, '"');
    } else {
        write_content(w, p->tool.content);
    }
    buf_add_byte(out, '}');
}

static bool is_result(const struct canon_part *p)
{
    return p->kind == PART_TOOL_RESULT;
}

static void write_user(struct writer *w, const struct canon_message *m)
{
    struct canon_part *rest = NULL, **last = &rest;
    for (const struct canon_part *p = m->parts; p; p = p->next) {
        if (is_result(p)) continue; /* written before */
        struct canon_part *copy = arena_alloc(w->call->arena, sizeof(*copy));
        *copy = *p;
        copy->next = NULL;
        *last = copy;
        last = &copy->next;
    }
    if (!rest && m->parts) return;
    open_message(w->out, "user");
    write_content(w, rest);
    buf_add_byte(w->out, '}');
}

/* Nothing but what only its own dialect knows. */
static bool is_foreign(const struct writer *w, const struct canon_message *m)
{
    for (const struct canon_part *p = m->parts; p; p = p->next)
        if (p->kind != PART_OPAQUE) return false;
    return m->parts && w->call->from != DIALECT_COHERE;
}

/* A run of user messages: all results, which must follow their calls at once, then what the user says. Returns what
 * follows it. */
static const struct canon_message *write_run(struct writer *w, const struct canon_message *first)
{
    const struct canon_message *end = first;
    for (; end && end->role == ROLE_USER; end = end->next)
        for (const struct canon_part *p = end->parts; p; p = p->next)
            if (is_result(p)) write_result(w, p);
    for (const struct canon_message *m = first; m != end; m = m->next)
        if (!is_foreign(w, m)) write_user(w, m);
    return end;
}

static void write_message(struct writer *w, const struct canon_message *m)
{
    if (is_foreign(w, m)) return;
    open_message(w->out, m->role == ROLE_ASSISTANT ? "assistant" : "system");
    if (m->role == ROLE_ASSISTANT && has_kind(m->parts, PART_TOOL_CALL))
        write_calls(w, m);
    else
        write_content(w, m->parts);
    buf_add_byte(w->out, '}');
}

/* What asks for a format in words stands behind what the system says first. */
static const struct canon_message *write_systems(struct writer *w, str instruction)
{
    const struct canon_message *m = w->call->messages;
    for (; m && (m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER); m = m->next) write_message(w, m);
    if (!instruction.n) return m;
    open_message(w->out, "system");
    canon_put_text(w->out, S("content"), instruction);
    buf_add_byte(w->out, '}');
    return m;
}

/* ---- tools */

static bool allowed(const struct canon_tool_choice *choice, str name)
{
    if (choice->mode == CHOICE_REQUIRED && choice->name.n) return str_eq(choice->name, name); /* the only one: forced */
    return canon_allows(choice, name);
}

static void write_tools(struct writer *w)
{
    const struct canon_call *call = w->call;
    struct buf *out = w->out;
    size_t from = out->n;
    bool strict = false;
    if (!call->tools) return;
    canon_key(out, S("tools"));
    buf_add_byte(out, '[');
    size_t empty = out->n;
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        if (t->kind != TOOL_FUNCTION || !allowed(&call->choice, t->name)) continue;
        strict = strict || t->strict == 1;
        canon_comma(out);
        buf_add(out, S("{\"type\":\"function\",\"function\":{"));
        canon_put_text(out, S("name"), t->name);
        if (t->description.json.n > 2) canon_put_raw(out, S("description"), t->description);
        canon_put_raw(out, S("parameters"),
                      t->schema.json.p ? t->schema : (jraw){S("{\"type\":\"object\",\"properties\":{}}")});
        buf_add(out, S("}}"));
    }
    if (out->n == empty) {
        out->n = from;
        return;
    }
    buf_add_byte(out, ']');
    if (strict) canon_put_bool(out, S("strict_tools"), true);
    if (call->choice.mode == CHOICE_REQUIRED) canon_put_text(out, S("tool_choice"), S("REQUIRED"));
    if (call->choice.mode == CHOICE_NONE) canon_put_text(out, S("tool_choice"), S("NONE"));
}

/* ---- the rest */

static void put_ranged(struct writer *w, str key, enum canon_feature f, str number)
{
    canon_put_number(w->out, key, canon_ranged(w->call, w->target, DIALECT_COHERE, f, number));
}

static void write_sampling(struct writer *w)
{
    const struct canon_sampling *s = &w->call->sampling;
    struct buf *out = w->out;
    canon_put_number(out, S("temperature"), s->temperature);
    put_ranged(w, S("p"), FEATURE_TOP_P, s->top_p);
    put_ranged(w, S("k"), FEATURE_TOP_K, s->top_k);
    canon_put_number(out, S("seed"), s->seed);
    put_ranged(w, S("frequency_penalty"), FEATURE_FREQUENCY_PENALTY, s->frequency_penalty);
    put_ranged(w, S("presence_penalty"), FEATURE_PRESENCE_PENALTY, s->presence_penalty);
    if (s->logprobs >= 0) canon_put_bool(out, S("logprobs"), s->logprobs);
    size_t stops = canon_stops(w->call, DIALECT_COHERE, STR_NONE);
    if (!stops) return;
    canon_key(out, S("stop_sequences"));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < stops; i++) {
        canon_comma(out);
        buf_add(out, w->call->stop[i].json);
    }
    buf_add_byte(out, ']');
}

/* Beside tools a format is refused. */
static bool takes_format(const struct canon_call *call)
{
    return call->from == DIALECT_COHERE || !call->tools;
}

static void write_format(struct writer *w)
{
    const struct canon_output *o = &w->call->output;
    if (o->format == FORMAT_TEXT || !takes_format(w->call)) return;
    canon_key(w->out, S("response_format"));
    buf_add(w->out, S("{\"type\":\"json_object\""));
    if (o->format == FORMAT_SCHEMA) canon_put_raw(w->out, S("json_schema"), o->schema);
    buf_add_byte(w->out, '}');
}

static void write_thinking(struct writer *w, int64_t max_output)
{
    const struct canon_reasoning *r = &w->call->reasoning;
    int64_t budget = canon_thinking_budget(r, max_output);
    if (budget < 0 && !r->adaptive) return;
    canon_key(w->out, S("thinking"));
    if (budget == 0) {
        buf_add(w->out, S("{\"type\":\"disabled\"}"));
        return;
    }
    buf_add(w->out, S("{\"type\":\"enabled\""));
    if (budget > 0) canon_put_i64(w->out, S("token_budget"), budget);
    buf_add_byte(w->out, '}');
}

bool cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem)
{
    struct writer w = {out, call, target};
    (void)problem;
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model);
    canon_key(out, S("messages"));
    buf_add_byte(out, '[');
    bool asks = call->output.format != FORMAT_TEXT && !takes_format(call);
    if (asks)
        canon_leave_out(call, target, call->output.format == FORMAT_SCHEMA ? FEATURE_JSON_SCHEMA : FEATURE_JSON_OBJECT);
    const struct canon_message *m = write_systems(&w, asks ? canon_format_instruction(call) : STR_NONE);
    while (m) {
        if (m->role == ROLE_USER) {
            m = write_run(&w, m);
            continue;
        }
        write_message(&w, m);
        m = m->next;
    }
    buf_add_byte(out, ']');
    write_tools(&w);
    if (target->max_output >= 0) canon_put_i64(out, S("max_tokens"), target->max_output);
    write_sampling(&w);
    write_format(&w);
    write_thinking(&w, target->max_output);
    canon_put_bool(out, S("stream"), target->stream);
    canon_put_extras(out, &call->extras, DIALECT_COHERE);
    buf_add_byte(out, '}');
    return true;
}
