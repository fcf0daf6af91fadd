/* Entries of the settings: the file's and those made at run time, shown and changed. */
#include "admin/settings.h"

#include "admin/inside.h"
#include "base/hash.h"
#include "flow/runtime.h"

#include <stdio.h>

enum { BODY_BYTES_MAX = 16 * 1024 };

/* ---- shown */

/* Strong: of all that is shown of it, since a file may come to stand in front of an entry that stays as it was written.
 * With its quotes. */
static str etag_of(struct api_call *c, const struct setting_entry *e)
{
    static const struct hash_key key = {0x73657474, 0x696e6701};
    str shown =
        arena_printf(&c->arena, "%d %lld %" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT, (int)e->state,
                     (long long)e->at_us, STR_ARG(e->where), STR_ARG(e->who), STR_ARG(e->why), STR_ARG(e->body));
    return arena_printf(&c->arena, "\"%016llx\"", (unsigned long long)hash_text(key, shown.p, shown.n));
}

static void put_entry(struct api_rows *r, const struct setting_entry *e, str warnings)
{
    static const char *const states[] = {
        [ENTRY_HOLDS] = "holds", [ENTRY_SHADOWED] = "shadowed", [ENTRY_LEFT_OUT] = "left_out"};
    bool runtime = settings_is_runtime(e->where);
    api_put_str(r, "kind", e->kind);
    api_put_str(r, "name", e->name);
    api_put_str(r, "origin", runtime ? S("runtime") : S("file"));
    api_put_str(r, "where", runtime ? STR_NONE : e->where);
    api_put_str(r, "state", str_from(states[e->state]));
    api_put_str(r, "why", e->why.n ? e->why : STR_NONE);
    api_put_json(r, "setting", e->body);
    api_put_time(r, "changed", e->at_us);
    api_put_str(r, "by", e->who.n ? e->who : STR_NONE);
    api_put_str(r, "etag", etag_of(r->c, e));
    api_put_json(r, "warnings", warnings);
}

/* The file wins. NULL: there is none. */
static const struct setting_entry *find(const struct settings *s, const char *kind, str name)
{
    const struct setting_entry *e = settings_file_entry(s, str_from(kind), name);
    return e ? e : settings_entry(s, str_from(kind), name);
}

/* A name that no answer could say back is nobody's. */
static bool is_name(struct api_call *c, const char *kind, str name)
{
    if (name.n && admin_is_plain(name)) return true;
    api_fail(c, 422, "bad_name", "That is no name of a %s.", kind);
    return false;
}

static bool not_found(struct api_call *c, const char *kind, str name)
{
    api_fail(c, 404, "not_found",
             "There is no %s '%" STR_FMT "': GET /api/v1/settings?kind=%s tells those that are set.", kind,
             STR_ARG(str_head(name, 200)), kind);
    return false;
}

static void answer_entry(struct api_call *c, const struct setting_entry *e, str warnings)
{
    struct api_rows r;
    api_one_begin(&r, c, API_RESOURCE_setting);
    put_entry(&r, e, warnings);
    api_one_end(&r);
    c->etag = etag_of(c, e);
}

void setting_get(struct api_call *c, const char *kind, str name)
{
    if (!is_name(c, kind, name)) return;
    const struct setting_entry *e = find(c->snapshot->settings, kind, name);
    if (e)
        answer_entry(c, e, S("[]"));
    else
        (void)not_found(c, kind, name);
}

/* ---- all of them */

struct listing {
    struct api_rows rows;
    str kind, origin, state;
    int64_t from, most, seen, shown;
};

static bool is_wanted(const struct listing *l, const struct setting_entry *e)
{
    static const char *const states[] = {
        [ENTRY_HOLDS] = "holds", [ENTRY_SHADOWED] = "shadowed", [ENTRY_LEFT_OUT] = "left_out"};
    str origin = settings_is_runtime(e->where) ? S("runtime") : S("file");
    return (!l->kind.n || str_eq(l->kind, e->kind)) && (!l->origin.n || str_eq(l->origin, origin)) &&
           (!l->state.n || str_eq(l->state, str_from(states[e->state])));
}

/* Returns whether the page is full, and there is another. */
static bool list(struct listing *l, const struct setting_entry *of, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(l, &of[i]) || l->seen++ < l->from) continue;
        if (l->shown == l->most) return true;
        l->shown++;
        api_row(&l->rows);
        put_entry(&l->rows, &of[i], S("[]"));
    }
    return false;
}

void serve_settings_get(struct api_call *c)
{
    const struct settings *s = c->snapshot->settings;
    struct listing l = {.kind = STR_NONE};
    if (!api_param_word(c, S("kind"), &l.kind) || !api_param_word(c, S("origin"), &l.origin) ||
        !api_param_word(c, S("state"), &l.state) || !api_limit(c, &l.most) ||
        !api_param_count(c, S("cursor"), INT32_MAX, &l.from))
        return;
    api_rows_begin(&l.rows, c, API_RESOURCE_setting);
    bool more = list(&l, s->file_entries, s->file_entry_count) || list(&l, s->entries, s->entry_count);
    str next = more ? arena_printf(&c->arena, "%lld", (long long)l.from + (long long)l.shown) : STR_NONE;
    api_rows_end(&l.rows, next);
}

void serve_settings_export(struct api_call *c)
{
    struct buf yaml;
    buf_init(&yaml, 0);
    settings_export(c->snapshot->settings, &yaml);
    c->content_type = S("application/yaml");
    if (!yaml.n) buf_add(&c->out, S("# Nothing was set at run time.\n"));
    buf_add(&c->out, buf_str(&yaml));
    buf_free(&yaml);
}

/* ---- changed */

struct snapshot *setting_snapshot(struct api_call *c)
{
    return purser_shown(c->admin->purser);
}

bool setting_asker(struct api_call *c, str *who, str *why)
{
    str person = api_param(c, S("who"));
    *why = api_param(c, S("why"));
    if (!admin_is_plain(person) || !admin_is_plain(*why)) {
        api_fail(c, 400, "bad_parameter", "who, why: texts of at most 500 characters, none of them control characters");
        return false;
    }
    *who = api_who_for(c, person);
    return true;
}

/* Holds If-Match to what stands there; `expected` is then what must stand there still when it is changed. */
static bool check_match(struct api_call *c, const struct setting_entry *now, str *body, const str **expected)
{
    if (!c->if_match.n) return true;
    bool any = str_eq(c->if_match, S("*"));
    if (now && (any || str_find(c->if_match, etag_of(c, now), 0) != SIZE_MAX)) {
        *body = now->body;
        *expected = body;
        return true;
    }
    api_fail(c, 412, "changed", "%s If-Match does not hold: read it again.",
             now ? "It is not what it was." : "There is none.");
    return false;
}

static void tell_refusal(struct api_call *c, enum runtime_changed r, const struct runtime_change *change, str why)
{
    static const struct {
        int status;
        const char *code;
    } of[] = {[RUNTIME_INVALID] = {422, "invalid_setting"},
              [RUNTIME_TAKEN] = {409, "set_in_file"},
              [RUNTIME_ABSENT] = {404, "not_found"},
              [RUNTIME_MOVED] = {412, "changed"},
              [RUNTIME_UNABLE] = {500, "internal"}};
    bool named = r == RUNTIME_INVALID;
    api_fail(c, of[r].status, of[r].code, "%s%" STR_FMT "%s%" STR_FMT "%s%" STR_FMT, named ? "The " : "",
             STR_ARG(named ? change->kind : S("")), named ? " '" : "",
             STR_ARG(named ? str_head(change->name, 100) : S("")), named ? "' does not hold: " : "", STR_ARG(why));
}

static void add_warning(struct buf *out, str sentence)
{
    buf_add(out, out->n > 1 ? S(",") : S(""));
    buf_add_json(out, sentence);
}

/* Keys that were made at run time are not known to whoever reads settings: here they are. */
static void warn_unknown_key(struct api_call *c, const struct snapshot *s, const char *kind, str name, struct buf *out)
{
    const struct scope *scope = NULL;
    for (size_t i = 0; i < s->settings->budget_count && strcmp(kind, "budget") == 0; i++) {
        if (str_eq(s->settings->budgets[i].name, name)) scope = &s->settings->budgets[i].scope;
    }
    for (size_t i = 0; i < s->settings->limit_count && strcmp(kind, "limit") == 0; i++) {
        if (str_eq(s->settings->limits[i].name, name)) scope = &s->settings->limits[i].scope;
    }
    str key = scope ? scope->want[SCOPE_KEY] : STR_NONE;
    if (!key.n || scope_is_each(key) || key_table_find_name(s->keys, key)) return;
    add_warning(out, arena_printf(&c->arena, "scope.key: '%" STR_FMT "': there is no key of that name", STR_ARG(key)));
}

static void answer_changed(struct api_call *c, const char *kind, str name, str warned)
{
    struct snapshot *s = setting_snapshot(c);
    const struct setting_entry *e = settings_entry(s->settings, str_from(kind), name);
    struct buf warnings;
    buf_init(&warnings, 0);
    buf_add_byte(&warnings, '[');
    while (warned.n) add_warning(&warnings, str_cut(&warned, '\n'));
    warn_unknown_key(c, s, kind, name, &warnings);
    buf_add_byte(&warnings, ']');
    if (e) {
        answer_entry(c, e, buf_str(&warnings));
        api_header(c, "etag", c->etag);
    } else { /* somebody has removed it since */
        (void)not_found(c, kind, name);
    }
    buf_free(&warnings);
    snapshot_put(s);
}

static bool read_body(struct api_call *c)
{
    struct json doc;
    if (c->body.n > BODY_BYTES_MAX) {
        api_fail(c, 413, "too_large", "A setting has at most %d bytes.", BODY_BYTES_MAX);
        return false;
    }
    bool ok = api_body(c, &doc);
    json_free(&doc);
    return ok;
}

/* A price is named by what it is for: the path must say the same. */
static bool check_name(struct api_call *c, const char *kind, str name, str body)
{
    struct setting_entry made;
    str why;
    if (!settings_make_entry(str_from(kind), name, body, &c->arena, &made, &why)) {
        api_fail(c, 422, "invalid_setting", "The %s '%" STR_FMT "' does not hold: %" STR_FMT, kind,
                 STR_ARG(str_head(name, 100)), STR_ARG(why));
        return false;
    }
    if (str_eq(made.name, name)) return true;
    api_fail(c, 422, "bad_name", "This body is the %s '%" STR_FMT "', and the path must name it so.", kind,
             STR_ARG(str_head(made.name, 300)));
    return false;
}

void setting_put(struct api_call *c, const char *kind, str name)
{
    if (is_name(c, kind, name) && read_body(c)) setting_put_body(c, kind, name, c->body);
}

void setting_put_body(struct api_call *c, const char *kind, str name, str body)
{
    struct runtime_change change = {.kind = str_from(kind), .name = name, .body = body, .origin = api_origin(c)};
    struct runtime_said said;
    str stands;
    const struct setting_entry *now = settings_entry(c->snapshot->settings, change.kind, name);
    if (!check_name(c, kind, name, body) || !setting_asker(c, &change.who, &change.why) ||
        !check_match(c, now, &stands, &change.expected))
        return;
    enum runtime_changed r = purser_change_runtime(c->admin->purser, &change, &said);
    if (r == RUNTIME_DONE)
        answer_changed(c, kind, name, buf_str(&said.warnings));
    else
        tell_refusal(c, r, &change, buf_str(&said.why));
    buf_free(&said.why);
    buf_free(&said.warnings);
}

void setting_delete(struct api_call *c, const char *kind, str name)
{
    struct runtime_change change = {.kind = str_from(kind), .name = name, .origin = api_origin(c)};
    struct runtime_said said;
    str body;
    if (!is_name(c, kind, name)) return;
    const struct settings *s = c->snapshot->settings;
    const struct setting_entry *now = settings_entry(s, change.kind, name);
    const struct setting_entry *file = settings_file_entry(s, change.kind, name);
    if (!now && file) {
        api_fail(c, 409, "set_in_file", "%" STR_FMT " sets the %s '%" STR_FMT "': take it out there, then reload.",
                 STR_ARG(file->where), kind, STR_ARG(str_head(name, 200)));
        return;
    }
    if (!setting_asker(c, &change.who, &change.why) || !check_match(c, now, &body, &change.expected)) return;
    enum runtime_changed r = purser_change_runtime(c->admin->purser, &change, &said);
    if (r != RUNTIME_DONE) tell_refusal(c, r, &change, buf_str(&said.why));
    buf_free(&said.why);
    buf_free(&said.warnings);
}

/* ---- of features */

void serve_feature_setting_get(struct api_call *c)
{
    setting_get(c, "feature", c->path_args[0]);
}

void serve_feature_setting_put(struct api_call *c)
{
    setting_put(c, "feature", c->path_args[0]);
}

void serve_feature_setting_delete(struct api_call *c)
{
    setting_delete(c, "feature", c->path_args[0]);
}
