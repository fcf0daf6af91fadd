/* Building and writing canonical forms. */
#include "dialect/canon.h"

void canon_call_init(struct canon_call *call, enum dialect_id from, struct arena *arena)
{
    *call = (struct canon_call){
        .from = from,
        .choice = {.parallel = -1},
        .output = {.strict = -1},
        .reasoning = {.budget_tokens = -1},
        .sampling = {.logprobs = -1, .top_logprobs = -1},
        .max_output = -1,
        .choices = 1,
        .arena = arena,
    };
}

void canon_answer_init(struct canon_answer *answer, enum dialect_id from, struct arena *arena)
{
    *answer = (struct canon_answer){.from = from, .arena = arena};
}

struct canon_message *canon_add_message(struct canon_call *call, enum canon_role role)
{
    struct canon_message *m = arena_zalloc(call->arena, sizeof(*m));
    m->role = role;
    if (call->last_message)
        call->last_message->next = m;
    else
        call->messages = m;
    call->last_message = m;
    return m;
}

struct canon_part *canon_add_part(struct arena *arena, struct canon_part **list, enum canon_part_kind kind)
{
    struct canon_part *part = arena_zalloc(arena, sizeof(*part));
    part->kind = kind;
    while (*list) list = &(*list)->next;
    *list = part;
    return part;
}

struct canon_tool *canon_add_tool(struct canon_call *call, enum canon_tool_kind kind)
{
    struct canon_tool *tool = arena_zalloc(call->arena, sizeof(*tool));
    tool->kind = kind;
    tool->strict = -1;
    tool->max_uses = -1;
    if (call->last_tool)
        call->last_tool->next = tool;
    else
        call->tools = tool;
    call->last_tool = tool;
    return tool;
}

struct canon_choice *canon_add_choice(struct canon_answer *answer, int64_t index)
{
    struct canon_choice *choice = arena_zalloc(answer->arena, sizeof(*choice));
    choice->index = index;
    if (answer->last_choice)
        answer->last_choice->next = choice;
    else
        answer->choices = choice;
    answer->last_choice = choice;
    return choice;
}

/* So many fields are told apart; behind them each feature stands once, so that a call of ten thousand
 * odd fields is refused, or warned of, at the price of one. */
enum { NOTES_MAX = 64 };

int64_t canon_length(jraw text)
{
    str s = canon_inside(text);
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '\\' && i + 1 < s.n, unicode = escape && s.p[i + 1] == 'u';
        bool low = unicode && i + 3 < s.n && (s.p[i + 2] | 0x20) == 'd' && ((s.p[i + 3] | 0x20) >= 'c');
        n += !low && ((unsigned char)s.p[i] & 0xc0) != 0x80; /* the second half of a pair is no character */
        i += unicode ? 5 : escape;
    }
    return n;
}

bool canon_is_blank(jraw text)
{
    str s = canon_inside(text);
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '\\' && i + 1 < s.n && str_find_byte(S("nrt"), s.p[i + 1], 0) != SIZE_MAX;
        if (escape)
            i++;
        else if (s.p[i] != ' ')
            return false;
    }
    return true;
}

jraw canon_without_end(struct arena *arena, jraw text)
{
    str s = canon_inside(text);
    size_t n = s.n;
    for (;;) {
        size_t slashes = 0;
        if (n && s.p[n - 1] == ' ') {
            n--;
            continue;
        }
        if (n < 2 || str_find_byte(S("nrt"), s.p[n - 1], 0) == SIZE_MAX) break;
        while (slashes < n - 1 && s.p[n - 2 - slashes] == '\\') slashes++;
        if (slashes % 2 == 0) break;
        n -= 2;
    }
    return n == s.n ? text : (jraw){arena_printf(arena, "\"%.*s\"", (int)n, s.p)};
}

bool canon_is_zero(str number)
{
    for (size_t i = 0; i < number.n && (number.p[i] | 0x20) != 'e'; i++)
        if (number.p[i] >= '1' && number.p[i] <= '9') return false;
    return true;
}

bool canon_is_nothing(const struct json *doc, json_ref at)
{
    enum json_type type = json_type(doc, at);
    return type == JSON_FALSE || ((type == JSON_ARRAY || type == JSON_OBJECT) && !json_first(doc, at));
}

void canon_note(struct canon_call *call, enum canon_feature feature, str field)
{
    bool full = call->note_count >= NOTES_MAX;
    for (struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == feature && (full || str_eq(n->field, field))) return;
    call->note_count++;
    struct canon_note *note = arena_alloc(call->arena, sizeof(*note));
    *note = (struct canon_note){call->notes, feature, arena_str(call->arena, field)};
    call->notes = note;
}

struct canon_extras canon_extras_of(const struct json *doc, json_ref object, const str *known, size_t count,
                                    enum dialect_id of, struct arena *arena)
{
    struct canon_extras extras = {.of = of};
    struct buf members;
    buf_init(&members, 0);
    if (json_type(doc, object) == JSON_OBJECT) {
        for (json_ref key = json_first(doc, object); key; key = json_next(doc, object, key + 1)) {
            bool is_known = false;
            for (size_t i = 0; i < count && !is_known; i++) is_known = json_string_is(doc, key, known[i]);
            if (is_known) continue;
            if (members.n) buf_add_byte(&members, ',');
            buf_add(&members, json_raw(doc, key));
            buf_add_byte(&members, ':');
            buf_add(&members, json_raw(doc, key + 1));
        }
    }
    if (members.n) extras.members = arena_str(arena, buf_str(&members));
    buf_free(&members);
    return extras;
}

/* ---- reading */

jraw canon_raw(const struct json *doc, json_ref at)
{
    if (!at || json_type(doc, at) == JSON_NULL) return RAW_NONE;
    return (jraw){json_raw(doc, at)};
}

jraw canon_raw_string(const struct json *doc, json_ref object, str key)
{
    json_ref at = json_find(doc, object, key, NULL);
    return at && json_type(doc, at) == JSON_STRING ? raw_of(json_raw(doc, at)) : RAW_NONE;
}

jraw canon_keep(struct arena *arena, jraw raw)
{
    return raw.json.p ? raw_of(arena_str(arena, raw.json)) : RAW_NONE;
}

str canon_text(const struct json *doc, json_ref object, str key, struct arena *arena)
{
    str text;
    json_ref at = json_find(doc, object, key, NULL);
    if (!at || json_type(doc, at) != JSON_STRING || !json_string(doc, at, arena, &text)) return STR_NONE;
    return text;
}

str canon_number(const struct json *doc, json_ref object, str key)
{
    json_ref at = json_find(doc, object, key, NULL);
    return at && json_type(doc, at) == JSON_NUMBER ? json_raw(doc, at) : STR_NONE;
}

int8_t canon_tristate(const struct json *doc, json_ref object, str key)
{
    json_ref at = json_find(doc, object, key, NULL);
    if (!at) return -1;
    enum json_type type = json_type(doc, at);
    return type == JSON_TRUE ? 1 : type == JSON_FALSE ? 0 : -1;
}

str canon_inside(jraw string)
{
    return string.json.n >= 2 ? str_of(string.json.p + 1, string.json.n - 2) : S("");
}

jraw canon_quote(struct arena *arena, str text)
{
    struct buf quoted;
    buf_init(&quoted, 0);
    buf_add_json(&quoted, text);
    jraw out = {arena_str(arena, buf_str(&quoted))};
    buf_free(&quoted);
    return out;
}

str canon_decode(struct arena *arena, jraw string)
{
    struct json doc;
    struct json_fail why;
    str text = STR_NONE;
    if (!string.json.p) return STR_NONE;
    if (memchr(string.json.p, '\\', string.json.n) == NULL) return canon_inside(string);
    json_init(&doc);
    if (json_parse(&doc, string.json, &why) && !json_string(&doc, JSON_ROOT, arena, &text)) text = STR_NONE;
    json_free(&doc);
    return text;
}

jraw canon_join(struct arena *arena, const jraw *strings, size_t count, str between)
{
    struct buf all;
    bool any = false;
    if (count == 1) return strings[0];
    buf_init(&all, 0);
    buf_add_byte(&all, '"');
    for (size_t i = 0; i < count; i++) {
        if (!strings[i].json.p) continue;
        if (any) buf_add(&all, between);
        buf_add(&all, canon_inside(strings[i]));
        any = true;
    }
    buf_add_byte(&all, '"');
    jraw out = any ? raw_of(arena_str(arena, buf_str(&all))) : RAW_NONE;
    buf_free(&all);
    return out;
}

int64_t canon_base64_size(str data)
{
    return (int64_t)(data.n / 4 * 3 + 3);
}

bool canon_data_url(struct arena *arena, jraw url, struct canon_media *media)
{
    str text = canon_inside(url);
    if (text.n < 5 || !str_eq_nocase(str_head(text, 5), S("data:"))) return false;
    str rest = str_from_at(text, 5);
    size_t comma = str_find_byte(rest, ',', 0);
    if (comma == SIZE_MAX) return false;
    str head = str_head(rest, comma);
    if (!str_ends(head, S(";base64"))) return false;
    str type = str_head(head, head.n - 7);
    size_t semicolon = str_find_byte(type, ';', 0);
    if (semicolon != SIZE_MAX) type = str_head(type, semicolon);
    /* "image\/png": some encoders escape the slash */
    media->type = canon_decode(arena, (jraw){arena_printf(arena, "\"%" STR_FMT "\"", STR_ARG(type))});
    media->data = str_from_at(rest, comma + 1);
    media->size = canon_base64_size(media->data);
    return true;
}

/* ---- writing */

void canon_comma(struct buf *out)
{
    char last = out->n ? out->p[out->n - 1] : '{';
    if (last != '{' && last != '[' && last != ',' && last != ':') buf_add_byte(out, ',');
}

void canon_key(struct buf *out, str key)
{
    canon_comma(out);
    buf_add_json(out, key);
    buf_add_byte(out, ':');
}

void canon_put_raw(struct buf *out, str key, jraw value)
{
    if (!value.json.p) return;
    canon_key(out, key);
    buf_add(out, value.json);
}

void canon_put_text(struct buf *out, str key, str text)
{
    if (!text.n) return;
    canon_key(out, key);
    buf_add_json(out, text);
}

void canon_put_number(struct buf *out, str key, str number)
{
    if (!number.n) return;
    canon_key(out, key);
    buf_add(out, number);
}

void canon_put_i64(struct buf *out, str key, int64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    canon_key(out, key);
    if (v < 0) buf_add_byte(out, '-');
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    buf_add(out, str_of(digits + at, sizeof(digits) - at));
}

void canon_put_bool(struct buf *out, str key, bool v)
{
    canon_key(out, key);
    buf_add(out, v ? S("true") : S("false"));
}

void canon_put_extras(struct buf *out, const struct canon_extras *extras, enum dialect_id of)
{
    if (!extras->members.n || extras->of != of) return;
    canon_comma(out);
    buf_add(out, extras->members);
}
