/* Lifting by hand what blocks a session or task. */
#include "admin/inside.h"

#include "base/json.h"
#include "policy/runaway.h"

static bool read_text(const struct json *doc, struct arena *arena, str name, str *out)
{
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    return at == JSON_ABSENT || json_string(doc, at, arena, out);
}

/* Names belong to purser's keys: where none is said, those of all keys are meant. */
static size_t lift(struct admin *a, str key, str name)
{
    size_t lifted = 0;
    if (key.n) return runaway_lift(a->purser->runaways, key, name);
    for (size_t i = 0; i < key_table_count(a->snapshot->keys); i++)
        lifted += runaway_lift(a->purser->runaways, key_table_at(a->snapshot->keys, i)->name, name);
    return lifted;
}

/* {"name", "key"}: forgets the session or task of that name. Answers of how many keys there was one. */
void admin_serve_runaway_lift(struct admin *a, struct http_exchange *x)
{
    struct json doc;
    struct json_fail fail;
    str name = STR_NONE, key = STR_NONE;
    struct buf out;
    json_init(&doc);
    bool ok = json_parse(&doc, x->request.body, &fail) && read_text(&doc, &x->arena, S("name"), &name) &&
              read_text(&doc, &x->arena, S("key"), &key) && name.n;
    json_free(&doc);
    if (!ok) {
        admin_error(x, 400, "Which session or task? Send its 'name', and the 'key' of purser that it belongs to.");
        return;
    }
    buf_init(&out, 0);
    buf_printf(&out, "{\"lifted\":%zu}\n", lift(a, key, name));
    admin_json(x, 200, &out);
    buf_free(&out);
}
