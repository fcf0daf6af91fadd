/* Cutting down a schema: one pass over it, each keyword by a table. */
#include "dialect/schema_subset.h"

enum { DEPTH_MAX = 64, REFS_MAX = 32, OUT_MAX = 1024 * 1024, TOLD_MAX = 16 * 1024 };

enum shape { VALUE, SCHEMA, LIST, MAP };

enum action {
    KEEP,
    TELL, /* into the description */
    DROP,
    ANY,    /* as anyOf; `allOf` only where it has one entry */
    ENUM,   /* a constant as an enumeration of one */
    FORMAT, /* where it is one of the formats that all know */
    ONE,    /* a least count: kept where it is 0 or 1 */
};

static const struct keyword {
    str name;
    enum shape shape;
    enum action action[SCHEMA_DIALECT_COUNT]; /* Anthropic, OpenAI, Gemini */
} keywords[] = {
    {STR_INIT("type"), VALUE, {KEEP, KEEP, KEEP}},
    {STR_INIT("title"), VALUE, {KEEP, KEEP, KEEP}},
    {STR_INIT("enum"), VALUE, {KEEP, KEEP, KEEP}},
    {STR_INIT("const"), VALUE, {KEEP, KEEP, ENUM}},
    {STR_INIT("required"), VALUE, {KEEP, KEEP, KEEP}},
    {STR_INIT("properties"), MAP, {KEEP, KEEP, KEEP}},
    {STR_INIT("items"), SCHEMA, {KEEP, KEEP, KEEP}},
    {STR_INIT("prefixItems"), LIST, {TELL, TELL, KEEP}},
    {STR_INIT("anyOf"), LIST, {KEEP, KEEP, KEEP}},
    {STR_INIT("oneOf"), LIST, {ANY, ANY, ANY}},
    {STR_INIT("allOf"), LIST, {KEEP, ANY, ANY}},
    {STR_INIT("$defs"), MAP, {KEEP, KEEP, DROP}},
    {STR_INIT("definitions"), MAP, {KEEP, KEEP, DROP}},
    {STR_INIT("format"), VALUE, {FORMAT, FORMAT, FORMAT}},
    {STR_INIT("pattern"), VALUE, {TELL, KEEP, TELL}},
    {STR_INIT("minItems"), VALUE, {ONE, KEEP, KEEP}},
    {STR_INIT("maxItems"), VALUE, {TELL, KEEP, KEEP}},
    {STR_INIT("minimum"), VALUE, {TELL, KEEP, KEEP}},
    {STR_INIT("maximum"), VALUE, {TELL, KEEP, KEEP}},
    {STR_INIT("exclusiveMinimum"), VALUE, {TELL, KEEP, TELL}},
    {STR_INIT("exclusiveMaximum"), VALUE, {TELL, KEEP, TELL}},
    {STR_INIT("multipleOf"), VALUE, {TELL, KEEP, TELL}},
    {STR_INIT("$schema"), VALUE, {DROP, DROP, DROP}},
    {STR_INIT("$id"), VALUE, {DROP, DROP, DROP}},
    {STR_INIT("$comment"), VALUE, {DROP, DROP, DROP}},
};

static const struct {
    bool refs;         /* takes $ref */
    bool closed;       /* objects must say that they are */
    bool all_required; /* ... and require all their properties */
} rules[SCHEMA_DIALECT_COUNT] = {
    [SCHEMA_ANTHROPIC] = {true, true, false},
    [SCHEMA_OPENAI_STRICT] = {true, true, true},
    [SCHEMA_GEMINI] = {false, false, false},
};

/* A schema being cut down. */
struct subset {
    const struct json *doc;
    enum schema_dialect to;
    struct buf *out;
    struct arena *arena;
    json_ref active[REFS_MAX]; /* references being resolved */
    size_t active_count;
};

static bool put_schema(struct subset *s, json_ref at, int depth);

static enum action action_of(const struct subset *s, json_ref key, enum shape *shape)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (!json_string_is(s->doc, key, keywords[i].name)) continue;
        *shape = keywords[i].shape;
        return keywords[i].action[s->to];
    }
    *shape = VALUE;
    return TELL;
}

static size_t length(const struct json *doc, json_ref list)
{
    size_t n = 0;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) n++;
    return n;
}

/* ---- references */

/* "#/$defs/Name" within the schema. */
static json_ref resolve(struct subset *s, json_ref ref)
{
    str path;
    json_ref at = JSON_ROOT;
    if (!json_string(s->doc, ref, s->arena, &path) || !str_starts(path, S("#"))) return JSON_ABSENT;
    str rest = str_from_at(path, 1);
    if (rest.n && !str_starts(rest, S("/"))) return JSON_ABSENT;
    (void)str_cut(&rest, '/');
    while (rest.p) {
        str step = str_cut(&rest, '/');
        if (str_find_byte(step, '~', 0) != SIZE_MAX) return JSON_ABSENT;
        at = json_find(s->doc, at, step, NULL);
        if (!at) return JSON_ABSENT;
    }
    return at; /* the root itself is a recursion wherever it stands: it reads as absent */
}

static bool put_reference(struct subset *s, json_ref ref, int depth)
{
    json_ref at = resolve(s, ref);
    if (!at || s->active_count >= REFS_MAX) return false;
    for (size_t i = 0; i < s->active_count; i++)
        if (s->active[i] == at) return false;
    s->active[s->active_count++] = at;
    bool ok = put_schema(s, at, depth + 1);
    s->active_count--;
    return ok;
}

/* ---- keywords */

static bool format_is_known(const struct subset *s, json_ref at)
{
    static const str formats[] = {STR_INIT("date-time"), STR_INIT("time"),     STR_INIT("date"), STR_INIT("duration"),
                                  STR_INIT("email"),     STR_INIT("hostname"), STR_INIT("uri"),  STR_INIT("ipv4"),
                                  STR_INIT("ipv6"),      STR_INIT("uuid")};
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (json_string_is(s->doc, at, formats[i])) return s->to != SCHEMA_OPENAI_STRICT || i != 6;
    return false;
}

/* What the keyword's action comes to for this value: KEEP, TELL, DROP, ANY or ENUM. */
static enum action settle(const struct subset *s, json_ref key, enum action action)
{
    json_ref value = key + 1;
    int64_t n;
    switch (action) {
    case FORMAT:
        return format_is_known(s, value) ? KEEP : TELL;
    case ONE:
        return json_i64(s->doc, value, &n) && n >= 0 && n <= 1 ? KEEP : TELL;
    case ANY:
        return json_string_is(s->doc, key, S("allOf")) && length(s->doc, value) != 1 ? TELL : ANY;
    default:
        return action;
    }
}

static bool put_children(struct subset *s, json_ref at, enum shape shape, int depth)
{
    bool map = shape == MAP;
    buf_add_byte(s->out, map ? '{' : '[');
    for (json_ref child = json_first(s->doc, at); child; child = json_next(s->doc, at, map ? child + 1 : child)) {
        canon_comma(s->out);
        if (map) {
            buf_add(s->out, json_raw(s->doc, child));
            buf_add_byte(s->out, ':');
        }
        if (!put_schema(s, map ? child + 1 : child, depth + 1)) return false;
    }
    return buf_add_byte(s->out, map ? '}' : ']');
}

static bool put_keyword(struct subset *s, json_ref key, enum action action, enum shape shape, int depth)
{
    json_ref value = key + 1;
    enum json_type type = json_type(s->doc, value);
    canon_comma(s->out);
    buf_add(s->out, action == ANY ? S("\"anyOf\"") : action == ENUM ? S("\"enum\"") : json_raw(s->doc, key));
    buf_add_byte(s->out, ':');
    if (action == ENUM) {
        buf_add_byte(s->out, '[');
        buf_add(s->out, json_raw(s->doc, value));
        return buf_add_byte(s->out, ']');
    }
    if (shape == SCHEMA && type != JSON_ARRAY) return put_schema(s, value, depth + 1);
    if ((shape == LIST && type == JSON_ARRAY) || (shape == MAP && type == JSON_OBJECT))
        return put_children(s, value, shape, depth);
    return buf_add(s->out, json_raw(s->doc, value));
}

/* `minLength: 1, pattern: "^a"` inside a JSON string. */
static void tell(struct buf *told, const struct json *doc, json_ref key)
{
    if (told->n) buf_add(told, S(", "));
    buf_add(told, canon_inside((jraw){json_raw(doc, key)}));
    buf_add(told, S(": "));
    struct buf quoted;
    buf_init(&quoted, TOLD_MAX);
    buf_add_json(&quoted, json_raw(doc, key + 1));
    buf_add(told, canon_inside((jraw){buf_str(&quoted)}));
    buf_free(&quoted);
}

static void put_description(struct subset *s, json_ref at, const struct buf *told)
{
    jraw description = canon_raw_string(s->doc, at, S("description"));
    if (!description.json.p && !told->n) return;
    canon_key(s->out, S("description"));
    buf_add_byte(s->out, '"');
    buf_add(s->out, canon_inside(description));
    if (description.json.p && told->n) buf_add(s->out, S("\\n\\n"));
    if (told->n) buf_add_byte(s->out, '{');
    buf_add(s->out, buf_str(told));
    if (told->n) buf_add_byte(s->out, '}');
    buf_add_byte(s->out, '"');
}

/* ---- objects */

static bool is_object(const struct json *doc, json_ref at)
{
    json_ref type = json_find(doc, at, S("type"), NULL);
    if (json_find(doc, at, S("properties"), NULL)) return true;
    if (json_type(doc, type) != JSON_ARRAY || !type) return json_string_is(doc, type, S("object"));
    for (json_ref one = json_first(doc, type); one; one = json_next(doc, type, one))
        if (json_string_is(doc, one, S("object"))) return true;
    return false;
}

static bool requires_all(const struct json *doc, json_ref at)
{
    json_ref properties = json_find(doc, at, S("properties"), NULL), required = json_find(doc, at, S("required"), NULL);
    size_t all = properties ? length(doc, properties) / 2 : 0;
    return all == (required && json_type(doc, required) == JSON_ARRAY ? length(doc, required) : 0);
}

/* An object that must be closed, and may be: one whose keys are free would become an empty one. */
static bool close_object(struct subset *s, json_ref at)
{
    json_ref more = json_find(s->doc, at, S("additionalProperties"), NULL);
    json_ref properties = json_find(s->doc, at, S("properties"), NULL);
    bool open = more && json_type(s->doc, more) != JSON_FALSE;
    bool empty = !properties || !json_first(s->doc, properties);
    if ((open && json_type(s->doc, more) == JSON_OBJECT) || (empty && (open || !more))) return false;
    if (rules[s->to].all_required && !requires_all(s->doc, at)) return false;
    canon_put_bool(s->out, S("additionalProperties"), false);
    return true;
}

static bool put_schema(struct subset *s, json_ref at, int depth)
{
    if (depth > DEPTH_MAX || s->out->overflow) return false;
    if (json_type(s->doc, at) != JSON_OBJECT) return buf_add(s->out, S("{}")); /* true: anything */
    json_ref ref = json_find(s->doc, at, S("$ref"), NULL);
    if (ref && !rules[s->to].refs) return put_reference(s, ref, depth);
    struct buf told;
    buf_init(&told, TOLD_MAX);
    bool ok = true, closed = rules[s->to].closed && is_object(s->doc, at);
    buf_add_byte(s->out, '{');
    for (json_ref key = json_first(s->doc, at); key && ok; key = json_next(s->doc, at, key + 1)) {
        enum shape shape;
        enum action action = settle(s, key, action_of(s, key, &shape));
        if (json_string_is(s->doc, key, S("description"))) continue;
        if (json_string_is(s->doc, key, S("additionalProperties"))) {
            if (closed) continue;
            action = KEEP;
            shape = json_type(s->doc, key + 1) == JSON_OBJECT ? SCHEMA : VALUE;
        }
        if (json_string_is(s->doc, key, S("$ref"))) action = KEEP;
        if (action == TELL)
            tell(&told, s->doc, key);
        else if (action != DROP)
            ok = put_keyword(s, key, action, shape, depth);
    }
    if (ok && closed) ok = close_object(s, at);
    put_description(s, at, &told);
    buf_add_byte(s->out, '}');
    buf_free(&told);
    return ok && !s->out->overflow;
}

bool schema_subset(jraw schema, enum schema_dialect to, struct arena *arena, jraw *out)
{
    struct json doc;
    struct json_fail why;
    struct buf text;
    json_init(&doc);
    buf_init(&text, OUT_MAX);
    struct subset s = {.doc = &doc, .to = to, .out = &text, .arena = arena};
    bool ok = schema.json.p && json_parse(&doc, schema.json, &why) && json_type(&doc, JSON_ROOT) == JSON_OBJECT &&
              put_schema(&s, JSON_ROOT, 0) && !text.overflow;
    if (ok) *out = (jraw){arena_str(arena, buf_str(&text))};
    buf_free(&text);
    json_free(&doc);
    return ok;
}

void schema_for_openai(const struct canon_call *call, jraw *schema, int8_t *strict)
{
    if (*strict != 1 || call->from == DIALECT_CHAT || call->from == DIALECT_RESPONSES) return;
    if (!schema_subset(*schema, SCHEMA_OPENAI_STRICT, call->arena, schema)) *strict = 0;
}
