/* What a call names of what providers store must be its key's own: purser's keys
 * share one account there, to which an id is enough. Unknown ids are denied, too,
 * unless the key may pass everything (`passthrough: ["*"]`). */
#include "flow/request.h"

#include "flow/purser.h"

static bool passes_everything(const struct key *key)
{
    for (size_t i = 0; i < key->passthrough_count; i++) {
        if (str_eq(key->passthrough[i], S("*"))) return true;
    }
    return false;
}

static bool refuse(struct request *r, const struct stored_id *id)
{
    if (!objects_loaded(r->worker->purser->objects)) {
        r->err_headers = S("retry-after: 1\r\nx-should-retry: true\r\n");
        request_fail(r, ERR_OVERLOADED, S("purser has just started and is still reading who owns what. Try again."));
        return false;
    }
    str message = arena_printf(&r->arena, "%" STR_FMT " with id '%" STR_FMT "' not found.", STR_ARG(id->what),
                               STR_ARG(str_head(id->text, 200)));
    request_fail_param(r, ERR_OBJECT_NOT_FOUND, message, id->param);
    return false;
}

/* NULL: it is not in the settings any more, or off. */
static const struct setting_provider *provider_of(const struct request *r, const struct object_owner *owner)
{
    const struct settings *s = r->lease->snapshot->settings;
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        if (!p->off && objects_is_at(r->worker->purser->objects, owner, p->name)) return p;
    }
    return NULL;
}

bool stored_check(struct request *r, const struct stored_id *id, const struct setting_provider **at)
{
    struct objects *objects = r->worker->purser->objects;
    const struct key *key = r->authenticate.key;
    struct object_owner owner;
    if (!objects_find(objects, id->text, &owner)) return passes_everything(key) || refuse(r, id);
    if (!objects_is_owner(objects, &owner, key->name)) return refuse(r, id);
    const struct setting_provider *p = provider_of(r, &owner);
    if (!p) return refuse(r, id);
    if (*at && *at != p) {
        request_fail_param(r, ERR_BAD_FIELD,
                           arena_printf(&r->arena,
                                        "%" STR_FMT " '%" STR_FMT "' is stored at the provider '%" STR_FMT
                                        "', but this call goes to '%" STR_FMT "'.",
                                        STR_ARG(id->what), STR_ARG(str_head(id->text, 200)), STR_ARG(p->name),
                                        STR_ARG((*at)->name)),
                           id->param);
        return false;
    }
    *at = p;
    return true;
}

/* ---- ids in bodies */

/* Members that name something stored. Of the root alone: what elsewhere is the client's own word. */
static const struct reference {
    str member, what;
    bool root;
} references[] = {
    {STR_INIT("previous_response_id"), STR_INIT("Previous response"), true},
    {STR_INIT("conversation"), STR_INIT("Conversation"), true},
    {STR_INIT("input_file_id"), STR_INIT("File"), true},
    {STR_INIT("training_file"), STR_INIT("File"), true},
    {STR_INIT("validation_file"), STR_INIT("File"), true},
    {STR_INIT("thread"), STR_INIT("Thread"), true},
    {STR_INIT("file_id"), STR_INIT("File"), false},
    {STR_INIT("file_ids"), STR_INIT("File"), false},
};

struct walk {
    struct request *r;
    const struct json *doc;
    const struct setting_provider **at;
};

static const struct reference *find_reference(const struct walk *w, json_ref key, bool root)
{
    for (size_t i = 0; i < COUNT_OF(references); i++) {
        if ((root || !references[i].root) && json_string_is(w->doc, key, references[i].member)) return &references[i];
    }
    return NULL;
}

static bool check_text(struct walk *w, const struct reference *ref, json_ref value)
{
    struct stored_id id = {.what = ref->what, .param = ref->member};
    if (!json_string(w->doc, value, &w->r->arena, &id.text)) return refuse(w->r, &id);
    return !id.text.n || stored_check(w->r, &id, w->at);
}

/* An id, a list of ids, or an object with an `id`; a schema that describes one is none. */
static bool check_value(struct walk *w, const struct reference *ref, json_ref value)
{
    const struct json *doc = w->doc;
    switch (json_type(doc, value)) {
    case JSON_STRING:
        return check_text(w, ref, value);
    case JSON_ARRAY:
        for (json_ref at = json_first(doc, value); at; at = json_next(doc, value, at)) {
            if (json_type(doc, at) == JSON_STRING && !check_text(w, ref, at)) return false;
        }
        return true;
    case JSON_OBJECT: {
        for (json_ref key = json_first(doc, value); key; key = json_next(doc, value, key + 1)) {
            bool named = json_string_is(doc, key, S("id")) || json_string_is(doc, key, S("previous_message_id"));
            bool id = ref->root && named && json_type(doc, key + 1) == JSON_STRING;
            if (id && !check_text(w, ref, key + 1)) return false;
        }
        return true;
    }
    default:
        return true;
    }
}

static bool walk_value(struct walk *w, json_ref at) /* at most JSON_DEPTH_MAX deep */
{
    const struct json *doc = w->doc;
    if (json_type(doc, at) == JSON_ARRAY) {
        for (json_ref it = json_first(doc, at); it; it = json_next(doc, at, it)) {
            if (!walk_value(w, it)) return false;
        }
    }
    if (json_type(doc, at) != JSON_OBJECT) return true;
    for (json_ref key = json_first(doc, at); key; key = json_next(doc, at, key + 1)) {
        const struct reference *ref = find_reference(w, key, at == JSON_ROOT);
        if (ref && !check_value(w, ref, key + 1)) return false;
        if (!ref && !json_string_is(doc, key, S("metadata")) && !walk_value(w, key + 1)) return false;
    }
    return true;
}

bool stored_check_body(struct request *r, const struct json *doc, const struct setting_provider **at)
{
    struct walk w = {r, doc, at};
    return walk_value(&w, JSON_ROOT);
}
