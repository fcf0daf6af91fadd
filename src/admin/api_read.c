/* What a call asks: its parameters and its body. */
#include "admin/api.h"
#include "admin/inside.h"
#include "base/hex.h"
#include "base/time.h"
#include "ledger/report.h"

#define NO_FEATURE "\x01" /* a name that none can have */

/* ---- parameters */

str api_decode(struct arena *arena, str s, bool form)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit_of(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit_of(s.p[i + 2]) : -1;
        out[n++] = low >= 0 ? (char)(high * 16 + low) : form && s.p[i] == '+' ? ' ' : s.p[i];
        if (low >= 0) i += 2;
    }
    out[n] = '\0';
    return str_of(out, n);
}

str api_param(struct api_call *c, str name)
{
    for (str rest = c->query; rest.p;) {
        str value = str_cut(&rest, '&');
        str key = str_cut(&value, '=');
        if (str_eq(key, name)) return api_decode(&c->arena, value, true);
    }
    return STR_NONE;
}

static bool read_time(str s, int64_t now_us, int64_t *out)
{
    int64_t ago_us;
    if (!time_parse_duration(s, &ago_us)) return time_parse(s, out);
    *out = ago_us > now_us ? 0 : now_us - ago_us;
    return true;
}

bool api_read_until(const struct api_call *c, str s, int64_t *out)
{
    int64_t in_us;
    if (time_parse_duration(s, &in_us))
        *out = in_us > INT64_MAX - c->now_us ? INT64_MAX : c->now_us + in_us;
    else if (!time_parse(s, out))
        return false;
    return *out > c->now_us;
}

bool api_param_time(struct api_call *c, str name, int64_t *out)
{
    str s = api_param(c, name);
    if (!s.n || read_time(s, c->now_us, out)) return true;
    api_fail(c, 400, "bad_parameter", "%" STR_FMT ": a duration such as 7d, or a time such as 2026-11-01",
             STR_ARG(name));
    return false;
}

bool api_param_count(struct api_call *c, str name, int64_t most, int64_t *out)
{
    uint64_t count = 0;
    str s = api_param(c, name);
    if (!s.n) return true;
    if (str_to_u64(s, &count) && count >= 1 && count <= (uint64_t)most) {
        *out = (int64_t)count;
        return true;
    }
    api_fail(c, 400, "bad_parameter", "%" STR_FMT ": a number from 1 to %lld", STR_ARG(name), (long long)most);
    return false;
}

bool api_param_bool(struct api_call *c, str name, bool *out)
{
    str s = api_param(c, name);
    bool yes = str_eq(s, S("1")) || str_eq(s, S("true")), no = str_eq(s, S("0")) || str_eq(s, S("false"));
    if (!s.p) return true;
    if (yes || no) {
        *out = yes;
        return true;
    }
    api_fail(c, 400, "bad_parameter", "%" STR_FMT ": true or false", STR_ARG(name));
    return false;
}

bool api_param_word(struct api_call *c, str name, str *out)
{
    str s = api_param(c, name);
    const char *words = api_find_param(c->route, name)->words;
    if (!s.n) return true;
    for (str rest = str_from(words); rest.n;) {
        *out = str_trim(str_cut(&rest, ','));
        if (str_eq(s, *out)) return true;
    }
    api_fail(c, 400, "bad_parameter", "%" STR_FMT ": one of %s", STR_ARG(name), words);
    return false;
}

bool api_range(struct api_call *c, int64_t *since_us, int64_t *until_us)
{
    *since_us = c->now_us - 7 * US_PER_DAY;
    *until_us = INT64_MAX;
    return api_param_time(c, S("since"), since_us) && api_param_time(c, S("until"), until_us);
}

bool api_limit(struct api_call *c, int64_t *out)
{
    *out = API_LIMIT_STANDARD;
    return api_param_count(c, S("limit"), API_LIMIT_MAX, out);
}

bool api_wants_csv(struct api_call *c)
{
    return str_eq(api_param(c, S("format")), S("csv"));
}

/* Up to the next comma; `\,` is one that does not count, `\\` a backslash. */
static str cut_filter(struct arena *arena, str *rest)
{
    char *out = arena_alloc(arena, rest->n + 1);
    size_t n = 0, i = 0;
    for (; i < rest->n && rest->p[i] != ','; i++) {
        bool escaped = rest->p[i] == '\\' && i + 1 < rest->n && (rest->p[i + 1] == ',' || rest->p[i + 1] == '\\');
        out[n++] = rest->p[i += escaped];
    }
    *rest = i < rest->n ? str_from_at(*rest, i + 1) : STR_NONE;
    return str_of(out, n);
}

bool api_filters_asked(struct api_call *c, struct api_filter *out, size_t most, size_t *count)
{
    str where = api_param(c, S("where"));
    *count = 0;
    while (where.n) {
        if (*count == most) {
            api_fail(c, 400, "bad_parameter", "where: at most %zu filters", most);
            return false;
        }
        str value = cut_filter(&c->arena, &where);
        str column = str_trim(str_cut(&value, '='));
        if (!value.p || !column.n) {
            api_fail(c, 400, "bad_parameter", "where: name=value, separated by commas");
            return false;
        }
        out[(*count)++] = (struct api_filter){column, value};
    }
    return true;
}

/* Of the features that are asked for those that may be seen; where none is asked for, all that may be. */
static bool keep_to_scope(struct api_call *c, struct api_filter *filters, size_t most, size_t *count)
{
    size_t kept = 0, features = 0;
    bool asked = false;
    for (size_t i = 0; i < *count; i++) {
        bool feature = str_eq(filters[i].column, S("feature"));
        asked = asked || feature;
        if (feature && !api_sees(c, filters[i].equals)) continue;
        features += feature;
        filters[kept++] = filters[i];
    }
    *count = kept;
    size_t more = asked ? 0 : c->scope.count;
    if (kept + more + 1 > most) {
        api_fail(c, 400, "bad_parameter", "where: too many filters beside your %zu features", c->scope.count);
        return false;
    }
    for (size_t i = 0; i < more; i++) filters[(*count)++] = (struct api_filter){S("feature"), c->scope.features[i]};
    if (!features && !more) filters[(*count)++] = (struct api_filter){S("feature"), S(NO_FEATURE)};
    return true;
}

bool api_filters(struct api_call *c, struct api_filter *out, size_t most, size_t *count)
{
    return api_filters_asked(c, out, most, count) && (!c->scope.restricted || keep_to_scope(c, out, most, count));
}

void api_scope_report(const struct api_scope *scope, struct report_ask *ask)
{
    ask->scoped = scope->restricted;
    ask->features = scope->features;
    ask->feature_count = scope->count;
}

/* ---- the body */

static const char *const type_names[] = {
    [API_TEXT] = "a text of at most 500 characters, none of them control characters",
    [API_INT] = "a whole number",
    [API_USD] = "a whole number of pico-dollars",
    [API_NUMBER] = "a number",
    [API_BOOL] = "true or false",
    [API_TIME] = "a time such as 2026-11-01T12:00:00Z",
    [API_ID] = "an id, as the header x-purser-request-id shows it",
    [API_JSON] = "a JSON value",
};

static bool has_type(struct api_call *c, const struct json *doc, json_ref at, enum api_type type)
{
    enum json_type is = json_type(doc, at);
    int64_t number;
    str text;
    switch (type) {
    case API_TEXT:
    case API_TIME:
    case API_ID:
        return is == JSON_STRING && json_string(doc, at, &c->arena, &text) && admin_is_plain(text) &&
               (type != API_TIME || time_parse(text, &number));
    case API_INT:
    case API_USD:
        return json_i64(doc, at, &number);
    case API_NUMBER:
        return is == JSON_NUMBER;
    case API_BOOL:
        return is == JSON_TRUE || is == JSON_FALSE;
    case API_JSON:
        return true;
    }
    return false;
}

static bool check_members(struct api_call *c, const struct json *doc, const struct api_resource *of)
{
    uint64_t seen = 0;
    for (json_ref key = json_first(doc, JSON_ROOT); key != JSON_ABSENT; key = json_next(doc, JSON_ROOT, key)) {
        json_ref value = json_next(doc, JSON_ROOT, key);
        const struct api_field *field = NULL;
        for (size_t i = 0; i < of->field_count && !field; i++) {
            if (json_string_is(doc, key, of->fields[i].name)) field = &of->fields[i];
        }
        if (!field) {
            struct buf known;
            buf_init(&known, 0);
            for (size_t i = 0; i < of->field_count; i++)
                buf_printf(&known, "%s'%" STR_FMT "'", i ? ", " : "", STR_ARG(of->fields[i].name));
            api_fail(c, 400, "unknown_member",
                     "The body has a member %" STR_FMT " that is not known here. There are: %" STR_FMT ".",
                     STR_ARG(str_head(json_raw(doc, key), 66)), STR_ARG(buf_str(&known)));
            buf_free(&known);
            return false;
        }
        size_t at = (size_t)(field - of->fields);
        if (at < 64 && seen >> at & 1) {
            api_fail(c, 400, "bad_member", "'%" STR_FMT "' stands there twice.", STR_ARG(field->name));
            return false;
        }
        if (at < 64) seen |= UINT64_C(1) << at;
        bool none = !field->required && json_type(doc, value) == JSON_NULL;
        if (!none && !has_type(c, doc, value, field->type)) {
            api_fail(c, 400, "bad_member", "'%" STR_FMT "' must be %s.", STR_ARG(field->name), type_names[field->type]);
            return false;
        }
        key = value;
    }
    for (size_t i = 0; i < of->field_count; i++) {
        if (!of->fields[i].required || json_find(doc, JSON_ROOT, of->fields[i].name, NULL) != JSON_ABSENT) continue;
        api_fail(c, 400, "missing_member", "The body needs '%" STR_FMT "': %" STR_FMT ".", STR_ARG(of->fields[i].name),
                 STR_ARG(of->fields[i].meaning));
        return false;
    }
    return true;
}

bool api_body(struct api_call *c, struct json *doc)
{
    struct json_fail fail;
    json_init(doc);
    if (!json_parse(doc, c->body, &fail)) {
        api_fail(c, 400, "bad_json", "The body is no JSON: at byte %zu, %s.", fail.at, fail.why);
        return false;
    }
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        api_fail(c, 400, "bad_json", "The body must be a JSON object.");
        return false;
    }
    return c->route->takes == API_RESOURCES || check_members(c, doc, api_resource(c->route->takes));
}

str api_member(struct api_call *c, const struct json *doc, str name)
{
    str out = STR_NONE;
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    if (at == JSON_ABSENT || json_type(doc, at) != JSON_STRING || !json_string(doc, at, &c->arena, &out))
        return STR_NONE;
    return arena_str(&c->arena, out);
}

bool api_member_i64(const struct json *doc, str name, int64_t *out)
{
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    return at != JSON_ABSENT && json_i64(doc, at, out);
}

/* ---- for the audit */

str api_who(struct api_call *c)
{
    return c->visitor.name;
}

str api_who_for(struct api_call *c, str person)
{
    if (!person.n) return api_who(c);
    str kind = c->visitor.by_socket ? S("local user") : api_who(c);
    return arena_printf(&c->arena, "%" STR_FMT " %" STR_FMT, STR_ARG(kind), STR_ARG(person));
}

str api_origin(struct api_call *c)
{
    return c->visitor.origin;
}
