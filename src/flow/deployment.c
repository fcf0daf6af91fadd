/* Paths that name the model of a call whose body names it as well: Azure's deployments and Vertex's Claude. The path
 * counts. The body is made to say the same, so that all that follows sees one model. */
#include "flow/request.h"

#include "flow/purser.h"

static bool rewrite(struct request *r, const struct json_edit *edits, size_t count)
{
    enum { NAME_MAX_BYTES = 4096 }; /* quoted: that much more than was allowed */
    struct buf body;
    buf_init(&body, (size_t)r->lease->snapshot->settings->ceilings.body_bytes + NAME_MAX_BYTES);
    bool fits = json_splice(r->receive.body, edits, count, &body);
    if (fits) r->receive.body = arena_str(&r->arena, buf_str(&body));
    buf_free(&body);
    return fits;
}

static str quoted(struct request *r, str text)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_json(&out, text);
    str kept = arena_str(&r->arena, buf_str(&out));
    buf_free(&out);
    return kept;
}

/* Takes a member away, and the comma that it leaves. It is not the only one. */
static struct json_edit without(const struct json *doc, str body, json_ref value)
{
    size_t from = doc->nodes[value - 1].start, to = doc->nodes[value].end; /* the key stands before its value */
    size_t comma = to;
    while (comma < body.n && strchr(" \t\r\n", body.p[comma])) comma++;
    if (comma < body.n && body.p[comma] == ',') return (struct json_edit){from, comma + 1 - from, STR_NONE};
    while (from > 0 && body.p[from] != ',') from--;
    return (struct json_edit){from, to - from, STR_NONE};
}

/* Both edits: where `anthropic_version` stands and no model does, the one takes the other's place. */
static size_t edit(struct request *r, struct json_edit edits[2])
{
    const struct json *doc = &r->worker->json;
    str name = r->receive.path.deployment, body = r->receive.body;
    json_ref model = json_find(doc, JSON_ROOT, S("model"), NULL), version = JSON_ABSENT;
    if (r->receive.path.body_version) version = json_find(doc, JSON_ROOT, S("anthropic_version"), NULL);
    size_t n = 0;
    if (model && version) edits[n++] = without(doc, body, version);
    if (!name.p || (model && json_string_is(doc, model, name))) return n;
    str member = arena_printf(&r->arena, "\"model\":%" STR_FMT, STR_ARG(quoted(r, name)));
    if (model) {
        const struct json_node *node = &doc->nodes[model];
        edits[n++] = (struct json_edit){node->start, node->end - node->start, quoted(r, name)};
    } else if (version) {
        size_t from = doc->nodes[version - 1].start;
        edits[n++] = (struct json_edit){from, doc->nodes[version].end - from, member};
    } else {
        bool empty = !json_first(doc, JSON_ROOT);
        str with = empty ? member : arena_printf(&r->arena, "%" STR_FMT ",", STR_ARG(member));
        edits[n++] = (struct json_edit){doc->nodes[JSON_ROOT].start + 1, 0, with};
    }
    return n;
}

bool deployment_spell_out(struct request *r)
{
    struct json_edit edits[2];
    bool asked = r->receive.path.deployment.p || r->receive.path.body_version;
    if (!asked || r->receive.form || json_type(&r->worker->json, JSON_ROOT) != JSON_OBJECT) return false;
    size_t n = edit(r, edits);
    if (n == 2 && edits[0].at > edits[1].at) {
        struct json_edit first = edits[1];
        edits[1] = edits[0];
        edits[0] = first;
    }
    return n && rewrite(r, edits, n);
}

bool deployment_spell_form(struct request *r)
{
    const struct call *call = &r->attribute.call;
    str name = r->receive.path.deployment;
    if (!r->receive.form || !name.p || str_eq(call->model, name)) return false;
    const struct json_edit edit = {call->media.model_at, call->media.model_bytes, name};
    return rewrite(r, &edit, 1);
}
