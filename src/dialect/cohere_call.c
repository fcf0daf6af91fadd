/* A Cohere v2 chat body, read: into the canonical call, and for accounting where it goes
 * on as it came. */
#include "dialect/cohere.h"

struct call_in {
    struct cohere_reader r;
    struct call_problem *problem;
};

static bool refuse(struct call_in *in, str field, const char *what)
{
    *in->problem =
        (struct call_problem){ERR_BAD_FIELD,
                              arena_printf(in->r.arena, "`%" STR_FMT "` must be %s.", STR_ARG(field), what), field};
    return false;
}

/* A member of the root, where it is of that type; absent and null are fine. */
static bool member(struct call_in *in, str key, enum json_type type, const char *what, json_ref *out)
{
    bool twice = false;
    (void)json_find(in->r.doc, JSON_ROOT, key, &twice);
    *out = openai_find(in->r.doc, JSON_ROOT, key);
    if (twice) return refuse(in, key, "sent once");
    return !*out || json_type(in->r.doc, *out) == type || refuse(in, key, what);
}

static void note(struct call_in *in, enum canon_feature f, str field)
{
    canon_note(in->r.call, f, field);
}

/* ---- parts */

static void note_part(struct cohere_reader *r, enum canon_feature f, str where, str member)
{
    if (r->call)
        canon_note(r->call, f, arena_printf(r->arena, "%" STR_FMT ".%" STR_FMT, STR_ARG(where), STR_ARG(member)));
}

static void read_image(struct cohere_reader *r, json_ref part, struct canon_part **parts, str where)
{
    json_ref image = openai_find(r->doc, part, S("image_url"));
    struct canon_part *p = canon_add_part(r->arena, parts, PART_IMAGE);
    jraw url = canon_raw_string(r->doc, image, S("url"));
    p->media.detail = canon_text(r->doc, image, S("detail"), r->arena);
    if (p->media.detail.n) note_part(r, FEATURE_IMAGE_DETAIL, where, S("image_url.detail"));
    if (url.json.p && canon_data_url(r->arena, url, &p->media)) {
        note_part(r, FEATURE_IMAGE_DATA, where, S("image_url"));
    } else {
        p->media.url = url;
        note_part(r, FEATURE_IMAGE_URL, where, S("image_url"));
    }
}

/* {"type":"document","document":{"data":...,"id":...}}: to others its data is text. */
static void read_document(struct cohere_reader *r, json_ref part, struct canon_part **parts)
{
    json_ref data = openai_find_in(r->doc, part, S("document"), S("data"));
    struct canon_part *p = canon_add_part(r->arena, parts, PART_TEXT);
    p->value = canon_raw(r->doc, part);
    p->text = !data                                    ? raw_of(S("\"\""))
              : json_type(r->doc, data) == JSON_STRING ? canon_raw(r->doc, data)
                                                       : canon_quote(r->arena, json_raw(r->doc, data));
}

static void read_part(struct cohere_reader *r, json_ref part, struct canon_part **parts, str where)
{
    json_ref type = openai_find(r->doc, part, S("type"));
    if (json_string_is(r->doc, type, S("text"))) {
        jraw text = canon_raw_string(r->doc, part, S("text"));
        canon_add_part(r->arena, parts, PART_TEXT)->text = text.json.p ? text : raw_of(S("\"\""));
    } else if (json_string_is(r->doc, type, S("thinking"))) {
        canon_add_part(r->arena, parts, PART_REASONING)->text = canon_raw_string(r->doc, part, S("thinking"));
        note_part(r, FEATURE_REASONING_HISTORY, where, S("thinking"));
    } else if (json_string_is(r->doc, type, S("image_url"))) {
        read_image(r, part, parts, where);
    } else if (json_string_is(r->doc, type, S("document"))) {
        read_document(r, part, parts);
    } else {
        struct canon_part *p = canon_add_part(r->arena, parts, PART_OPAQUE);
        p->value = canon_raw(r->doc, part);
        p->extras.of = DIALECT_COHERE;
        note_part(r, FEATURE_SERVER_TOOL_HISTORY, where, S("content"));
    }
}

void cohere_read_content(struct cohere_reader *r, json_ref content, struct canon_part **parts, str where)
{
    if (json_type(r->doc, content) == JSON_STRING) {
        canon_add_part(r->arena, parts, PART_TEXT)->text = canon_raw(r->doc, content);
        return;
    }
    if (json_type(r->doc, content) != JSON_ARRAY) return;
    for (json_ref at = json_first(r->doc, content); at; at = json_next(r->doc, content, at)) {
        while (*parts) parts = &(*parts)->next; /* appending stays cheap */
        read_part(r, at, parts, where);
    }
}

void cohere_read_calls(struct cohere_reader *r, json_ref message, struct canon_part **parts)
{
    static const str known[] = {STR_INIT("id"), STR_INIT("type"), STR_INIT("function")};
    json_ref list = openai_find(r->doc, message, S("tool_calls"));
    jraw plan = canon_raw_string(r->doc, message, S("tool_plan"));
    if (plan.json.n > 2) {
        struct canon_part *p = canon_add_part(r->arena, parts, PART_REASONING);
        p->text = plan;
        p->id = S(COHERE_TOOL_PLAN);
    }
    for (json_ref at = list && json_type(r->doc, list) == JSON_ARRAY ? json_first(r->doc, list) : JSON_ABSENT; at;
         at = json_next(r->doc, list, at)) {
        json_ref function = openai_find(r->doc, at, S("function"));
        while (*parts) parts = &(*parts)->next; /* appending stays cheap */
        struct canon_part *p = canon_add_part(r->arena, parts, PART_TOOL_CALL);
        p->tool.id = canon_text(r->doc, at, S("id"), r->arena);
        p->tool.name = canon_text(r->doc, function, S("name"), r->arena);
        p->tool.arguments = canon_text(r->doc, function, S("arguments"), r->arena);
        p->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_COHERE, r->arena);
    }
}

/* ---- messages */

static bool read_message(struct call_in *in, json_ref at, int64_t index)
{
    const struct json *doc = in->r.doc;
    str where = arena_printf(in->r.arena, "messages[%lld].content", (long long)index);
    json_ref role = openai_find(doc, at, S("role")), content = openai_find(doc, at, S("content"));
    if (json_type(doc, at) != JSON_OBJECT || !role || json_type(doc, role) != JSON_STRING)
        return refuse(in, S("messages"), "an array of objects with a role");
    if (content && json_type(doc, content) != JSON_STRING && json_type(doc, content) != JSON_ARRAY)
        return refuse(in, where, "a string or an array of parts");
    if (json_string_is(doc, role, S("tool"))) {
        struct canon_message *m = canon_add_message(in->r.call, ROLE_USER);
        struct canon_part *result = canon_add_part(in->r.arena, &m->parts, PART_TOOL_RESULT);
        result->tool.id = canon_text(doc, at, S("tool_call_id"), in->r.arena);
        if (content) cohere_read_content(&in->r, content, &result->tool.content, where);
        return true;
    }
    bool assistant = json_string_is(doc, role, S("assistant")), system = json_string_is(doc, role, S("system"));
    if (!assistant && !system && !json_string_is(doc, role, S("user")))
        return refuse(in, S("messages.role"), "user, assistant, system or tool");
    struct canon_message *m = canon_add_message(in->r.call, assistant ? ROLE_ASSISTANT
                                                            : system  ? ROLE_SYSTEM
                                                                      : ROLE_USER);
    if (content) cohere_read_content(&in->r, content, &m->parts, where);
    if (assistant) cohere_read_calls(&in->r, at, &m->parts);
    return true;
}

static bool read_messages(struct call_in *in)
{
    json_ref list;
    int64_t index = 0;
    if (!member(in, S("messages"), JSON_ARRAY, "an array of messages", &list)) return false;
    if (!list) return refuse(in, S("messages"), "an array of messages; it is missing");
    for (json_ref at = json_first(in->r.doc, list); at; at = json_next(in->r.doc, list, at))
        if (!read_message(in, at, index++)) return false;
    return true;
}

/* ---- tools */

static void read_tool(struct call_in *in, json_ref at)
{
    const struct json *doc = in->r.doc;
    json_ref function = openai_find(doc, at, S("function"));
    struct canon_tool *t = canon_add_tool(in->r.call, function ? TOOL_FUNCTION : TOOL_OPAQUE);
    if (!function) {
        t->value = canon_raw(doc, at);
        t->extras.of = DIALECT_COHERE;
        note(in, FEATURE_SERVER_TOOL, S("tools"));
        return;
    }
    t->name = canon_text(doc, function, S("name"), in->r.arena);
    t->description = canon_raw_string(doc, function, S("description"));
    t->schema = canon_raw(doc, openai_find(doc, function, S("parameters")));
    note(in, FEATURE_TOOLS, S("tools"));
}

static bool read_tools(struct call_in *in)
{
    const struct json *doc = in->r.doc;
    struct canon_call *call = in->r.call;
    json_ref list, choice;
    if (!member(in, S("tools"), JSON_ARRAY, "an array of tools", &list)) return false;
    if (!member(in, S("tool_choice"), JSON_STRING, "REQUIRED or NONE", &choice)) return false;
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) read_tool(in, at);
    if (canon_tristate(doc, JSON_ROOT, S("strict_tools")) == 1) {
        for (struct canon_tool *t = call->tools; t; t = t->next) t->strict = 1;
        note(in, FEATURE_TOOL_STRICT, S("strict_tools"));
    }
    if (choice && json_string_is(doc, choice, S("REQUIRED"))) {
        call->choice.mode = CHOICE_REQUIRED;
        note(in, FEATURE_TOOL_CHOICE_REQUIRED, S("tool_choice"));
    } else if (choice && json_string_is(doc, choice, S("NONE"))) {
        call->choice.mode = CHOICE_NONE;
        note(in, FEATURE_TOOL_CHOICE_NONE, S("tool_choice"));
    }
    return true;
}

/* ---- the rest */

static bool read_stop(struct call_in *in)
{
    json_ref list;
    const struct json *doc = in->r.doc;
    struct canon_call *call = in->r.call;
    size_t count = 0;
    if (!member(in, S("stop_sequences"), JSON_ARRAY, "an array of strings", &list)) return false;
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) count++;
    if (!count) return true;
    jraw *stop = arena_alloc(in->r.arena, count * sizeof(*stop));
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        if (json_type(doc, at) != JSON_STRING) return refuse(in, S("stop_sequences"), "an array of strings");
        stop[call->stop_count++] = canon_raw(doc, at);
    }
    call->stop = stop;
    note(in, FEATURE_STOP, S("stop_sequences"));
    return true;
}

static bool read_sampling(struct call_in *in)
{
    struct canon_sampling *s = &in->r.call->sampling;
    const struct {
        str key;
        str *to;
        enum canon_feature feature;
        bool none_at_zero;
    } numbers[] = {
        {S("temperature"), &s->temperature, FEATURE_TEMPERATURE, false},
        {S("p"), &s->top_p, FEATURE_TOP_P, true},
        {S("k"), &s->top_k, FEATURE_TOP_K, true},
        {S("seed"), &s->seed, FEATURE_SEED, false},
        {S("frequency_penalty"), &s->frequency_penalty, FEATURE_FREQUENCY_PENALTY, true},
        {S("presence_penalty"), &s->presence_penalty, FEATURE_PRESENCE_PENALTY, true},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_ref at;
        if (!member(in, numbers[i].key, JSON_NUMBER, "a number", &at)) return false;
        if (!at || (numbers[i].none_at_zero && canon_is_zero(json_raw(in->r.doc, at)))) continue;
        *numbers[i].to = json_raw(in->r.doc, at);
        note(in, numbers[i].feature, numbers[i].key);
    }
    s->logprobs = canon_tristate(in->r.doc, JSON_ROOT, S("logprobs"));
    if (s->logprobs == 1) note(in, FEATURE_LOGPROBS, S("logprobs"));
    return true;
}

static bool read_format(struct call_in *in)
{
    const struct json *doc = in->r.doc;
    struct canon_output *o = &in->r.call->output;
    json_ref format;
    if (!member(in, S("response_format"), JSON_OBJECT, "an object", &format)) return false;
    if (!format || !json_string_is(doc, openai_find(doc, format, S("type")), S("json_object"))) return true;
    json_ref schema = openai_find(doc, format, S("json_schema"));
    if (!schema) schema = openai_find(doc, format, S("schema"));
    o->format = schema ? FORMAT_SCHEMA : FORMAT_JSON;
    o->schema = canon_raw(doc, schema);
    note(in, schema ? FEATURE_JSON_SCHEMA : FEATURE_JSON_OBJECT, S("response_format"));
    return true;
}

static bool read_thinking(struct call_in *in)
{
    const struct json *doc = in->r.doc;
    struct canon_reasoning *r = &in->r.call->reasoning;
    json_ref thinking;
    if (!member(in, S("thinking"), JSON_OBJECT, "an object", &thinking)) return false;
    if (!thinking) return true;
    json_ref budget = openai_find(doc, thinking, S("token_budget"));
    bool off = json_string_is(doc, openai_find(doc, thinking, S("type")), S("disabled"));
    if (budget && !json_i64(doc, budget, &r->budget_tokens)) return refuse(in, S("thinking.token_budget"), "a number");
    r->show = !off;
    r->adaptive = !off && !budget;
    if (off) r->budget_tokens = 0;
    note(in, FEATURE_REASONING, S("thinking"));
    return true;
}

static const str told[] = {STR_INIT("model"),
                           STR_INIT("messages"),
                           STR_INIT("stream"),
                           STR_INIT("tools"),
                           STR_INIT("strict_tools"),
                           STR_INIT("tool_choice"),
                           STR_INIT("stop_sequences"),
                           STR_INIT("temperature"),
                           STR_INIT("p"),
                           STR_INIT("k"),
                           STR_INIT("seed"),
                           STR_INIT("frequency_penalty"),
                           STR_INIT("presence_penalty"),
                           STR_INIT("logprobs"),
                           STR_INIT("response_format"),
                           STR_INIT("thinking"),
                           STR_INIT("max_tokens")};

static const struct {
    str name;
    enum canon_feature feature;
} others[] = {
    {STR_INIT("documents"), FEATURE_RETRIEVED_DOCUMENTS},
    {STR_INIT("citation_options"), FEATURE_CITATIONS},
    {STR_INIT("safety_mode"), FEATURE_SAFETY},
    {STR_INIT("priority"), FEATURE_CLIENT_HINT},
    {STR_INIT("raw_prompting"), FEATURE_UNKNOWN},
};

static void read_rest(struct call_in *in)
{
    const struct json *doc = in->r.doc;
    struct canon_call *call = in->r.call;
    call->extras = canon_extras_of(doc, JSON_ROOT, told, COUNT_OF(told), DIALECT_COHERE, in->r.arena);
    for (json_ref key = json_first(doc, JSON_ROOT); key; key = json_next(doc, JSON_ROOT, key + 1)) {
        bool known = json_type(doc, key + 1) == JSON_NULL;
        for (size_t i = 0; i < COUNT_OF(told) && !known; i++) known = json_string_is(doc, key, told[i]);
        for (size_t i = 0; i < COUNT_OF(others) && !known; i++) {
            known = json_string_is(doc, key, others[i].name);
            if (known && !canon_is_nothing(doc, key + 1)) note(in, others[i].feature, others[i].name);
        }
        str name = STR_NONE;
        if (!known && json_string(doc, key, in->r.arena, &name)) note(in, FEATURE_UNKNOWN, str_head(name, 100));
    }
}

static bool read_root(struct call_in *in)
{
    const struct json *doc = in->r.doc;
    struct canon_call *call = in->r.call;
    json_ref model, limit;
    if (!member(in, S("model"), JSON_STRING, "a string", &model)) return false;
    if (!member(in, S("max_tokens"), JSON_NUMBER, "a whole number", &limit)) return false;
    call->model = canon_text(doc, JSON_ROOT, S("model"), in->r.arena);
    if (!call->model.n) return refuse(in, S("model"), "the name of a model, as a string");
    if (limit && (!json_i64(doc, limit, &call->max_output) || call->max_output < 0))
        return refuse(in, S("max_tokens"), "a whole number of at least 0");
    call->stream = canon_tristate(doc, JSON_ROOT, S("stream")) == 1;
    call->include_usage = true;
    return true;
}

bool cohere_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    struct call_in in = {.r = {doc, out->arena, out}, .problem = problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        *problem = (struct call_problem){ERR_BAD_REQUEST, S("The body must be a JSON object."), S("")};
        return false;
    }
    if (!read_root(&in) || !read_messages(&in) || !read_tools(&in) || !read_stop(&in) || !read_sampling(&in) ||
        !read_format(&in) || !read_thinking(&in))
        return false;
    read_rest(&in);
    return true;
}

bool cohere_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem)
{
    struct canon_call canon;
    canon_call_init(&canon, DIALECT_COHERE, arena);
    *out = (struct call){.kind = kind, .max_output = -1, .max_tool_calls = -1, .choices = 1, .choices_returned = 1};
    out->arena = arena;
    if (!cohere_decode_call(doc, &canon, problem)) return false;
    canon_count(&canon, doc, out);
    out->at_open = doc->nodes[JSON_ROOT].start + 1;
    out->root_empty = !json_first(doc, JSON_ROOT);
    out->model_ref = json_find(doc, JSON_ROOT, S("model"), NULL);
    out->max_refs[1] = json_find(doc, JSON_ROOT, S("max_tokens"), NULL);
    return true;
}
