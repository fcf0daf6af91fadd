/* Fields by their two names. */
#include "dialect/gemini.h"

enum { NAME_MAX_BYTES = 64, UNKNOWN_MAX = 64 };

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* "maxOutputTokens" as "max_output_tokens". */
static str snake(str name, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n + 2 < NAME_MAX_BYTES; i++) {
        if (is_upper(name.p[i])) out[n++] = '_';
        out[n++] = (char)(is_upper(name.p[i]) ? name.p[i] | 0x20 : name.p[i]);
    }
    return str_of(out, n);
}

static bool key_is(const struct json *doc, json_ref key, str name)
{
    char room[NAME_MAX_BYTES];
    const struct json_node *node = &doc->nodes[key];
    size_t bytes = node->end - node->start - 2;
    if (!node->escaped && (bytes < name.n || doc->text.p[node->start + 1] != name.p[0])) return false;
    if (json_string_is(doc, key, name)) return true;
    return (node->escaped || bytes > name.n) && json_string_is(doc, key, snake(name, room));
}

json_ref gemini_find(const struct json *doc, json_ref object, str name)
{
    char room[NAME_MAX_BYTES];
    json_ref at = json_find(doc, object, name, NULL);
    return at ? at : json_find(doc, object, snake(name, room), NULL);
}

void gemini_note(struct gemini_reader *r, enum canon_feature feature, str field)
{
    if (!r->call) return;
    /* each name is looked up among those before: somebody who makes up thousands of them is told of some */
    if (feature == FEATURE_UNKNOWN && ++r->unknown > UNKNOWN_MAX) return;
    canon_note(r->call, feature, field);
}

bool gemini_refuse(struct gemini_reader *r, str field, str wanted)
{
    *r->problem = (struct call_problem){ERR_BAD_FIELD,
                                        arena_printf(r->arena, "`%" STR_FMT "` must be %" STR_FMT ".", STR_ARG(field),
                                                     STR_ARG(wanted)),
                                        arena_str(r->arena, field)};
    return false;
}

static bool refuse_twice(struct gemini_reader *r, str field)
{
    *r->problem =
        (struct call_problem){ERR_BAD_FIELD,
                              arena_printf(r->arena,
                                           "`%" STR_FMT "` stands twice (a field has two names, write one of them).",
                                           STR_ARG(field)),
                              field};
    return false;
}

static str field_name(struct gemini_reader *r, str where, str name)
{
    return arena_printf(r->arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(where), where.n ? "." : "", STR_ARG(name));
}

static void keep(struct gemini_reader *r, json_ref key, str where, int becomes, struct buf *members)
{
    str name = json_raw(r->doc, key);
    if (members->n) buf_add_byte(members, ',');
    buf_add(members, name);
    buf_add_byte(members, ':');
    buf_add(members, json_raw(r->doc, key + 1));
    if (becomes < 0 || !r->call) return;
    gemini_note(r, (enum canon_feature)becomes, field_name(r, where, str_of(name.p + 1, name.n - 2)));
}

bool gemini_fields(struct gemini_reader *r, json_ref object, str where, const struct gemini_field *fields, size_t count,
                   json_ref *at, struct canon_extras *extras)
{
    struct buf members;
    bool ok = true;
    uint32_t seen = 0;
    buf_init(&members, 0);
    for (size_t i = 0; i < count; i++) at[i] = JSON_ABSENT;
    *extras = (struct canon_extras){.of = DIALECT_GEMINI};
    if (json_type(r->doc, object) != JSON_OBJECT) return true;
    for (json_ref key = json_first(r->doc, object); key && ok; key = json_next(r->doc, object, key + 1)) {
        size_t i = 0;
        while (i < count && !key_is(r->doc, key, fields[i].name)) i++;
        if (i < count && seen & 1u << i && r->call) ok = refuse_twice(r, field_name(r, where, fields[i].name));
        if (i < count) seen |= 1u << i;
        if (i < count && fields[i].becomes == GEMINI_READ)
            at[i] = json_type(r->doc, key + 1) == JSON_NULL ? JSON_ABSENT : key + 1;
        else
            keep(r, key, where, i < count ? fields[i].becomes : (int)FEATURE_UNKNOWN, &members);
    }
    if (members.n) extras->members = arena_str(r->arena, buf_str(&members));
    buf_free(&members);
    return ok;
}

bool gemini_count(const struct json *doc, json_ref at, int64_t *out)
{
    uint32_t flags = 0;
    if (json_type(doc, at) == JSON_STRING) {
        str raw = json_raw(doc, at);
        return str_to_i64(str_of(raw.p + 1, raw.n - 2), out);
    }
    if (json_i64(doc, at, out)) return true;
    *out = json_type(doc, at) == JSON_NUMBER ? usage_count(doc, at, &flags) : -1;
    return *out >= 0 && !flags;
}

str gemini_string(const struct gemini_reader *r, json_ref at)
{
    str text;
    if (!at || json_type(r->doc, at) != JSON_STRING || !json_string(r->doc, at, r->arena, &text)) return STR_NONE;
    return text;
}
