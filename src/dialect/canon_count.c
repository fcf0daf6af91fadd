/* Accounting from the canonical form: the same figures as OpenAI's own reader gives,
 * for every other dialect. Text counts as it stands on the wire, escapes included:
 * never fewer bytes than tokens. */
#include "dialect/canon.h"

struct count {
    struct call *call;
    int64_t *segment;
};

static void add(struct count *c, int64_t bytes)
{
    c->call->text_bytes += bytes;
    *c->segment += bytes;
}

static void add_raw(struct count *c, jraw r)
{
    add(c, (int64_t)r.json.n);
}

static void count_media(struct count *c, const struct canon_part *part)
{
    const struct canon_media *m = &part->media;
    switch (part->kind) {
    case PART_IMAGE:
        c->call->images++;
        break;
    case PART_AUDIO:
        c->call->audio++;
        c->call->audio_bytes += m->size;
        if (!m->data.p) c->call->references = true; /* somewhere else: its length is not known */
        break;
    default: /* a page of a document may become an image and its text: nothing but the window bounds it */
        c->call->files++;
        c->call->references = true;
        break;
    }
    if (m->file_id.n) c->call->references = true;
    add_raw(c, m->url);
    add(c, (int64_t)(m->name.n + m->file_id.n));
}

static void count_parts(struct count *c, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        add_raw(c, p->text);
        add_raw(c, p->value);
        add_raw(c, p->signature);
        add(c, (int64_t)p->extras.members.n);
        switch (p->kind) {
        case PART_DOCUMENT:
            if (p->text.json.p && !p->media.data.p) break; /* plain text: counted */
            count_media(c, p);
            break;
        case PART_IMAGE:
        case PART_AUDIO:
        case PART_VIDEO:
            count_media(c, p);
            break;
        case PART_TOOL_CALL:
            add(c, (int64_t)(p->tool.name.n + p->tool.arguments.n + p->tool.id.n));
            break;
        case PART_TOOL_RESULT: {
            int64_t *segment = c->segment;
            c->segment = &c->call->segments.retrieved_bytes;
            add(c, (int64_t)p->tool.id.n);
            count_parts(c, p->tool.content);
            c->segment = segment;
            break;
        }
        default:
            break;
        }
    }
}

/* The last user turn is only known at the end: each one makes history of the one before. */
static void count_messages(struct count *c, const struct canon_call *canon)
{
    struct call_segments *s = &c->call->segments;
    for (const struct canon_message *m = canon->messages; m; m = m->next) {
        c->call->messages++;
        if (m->role == ROLE_USER) {
            s->history_bytes += s->user_bytes;
            s->user_bytes = 0;
        }
        c->segment = m->role == ROLE_USER        ? &s->user_bytes
                     : m->role == ROLE_ASSISTANT ? &s->history_bytes
                                                 : &s->system_bytes;
        add(c, (int64_t)m->name.n);
        count_parts(c, m->parts);
    }
}

static bool uses(const struct canon_call *canon, enum canon_feature f)
{
    for (const struct canon_note *n = canon->notes; n; n = n->next)
        if (n->feature == f) return true;
    return false;
}

static void count_tools(struct count *c, const struct canon_call *canon)
{
    bool bounded = !uses(canon, FEATURE_SERVER_ACCESS); /* one tool without a bound leaves all without */
    int64_t uses_max = 0;
    c->segment = &c->call->segments.tools_bytes;
    if (!bounded) c->call->server_tools = true;
    for (const struct canon_tool *t = canon->tools; t; t = t->next) {
        c->call->tools++;
        add(c, (int64_t)t->name.n);
        add_raw(c, t->description);
        add_raw(c, t->schema);
        add_raw(c, t->value);
        if ((t->kind != TOOL_WEB_SEARCH && t->kind != TOOL_OPAQUE) || t->at_client) continue;
        c->call->server_tools = true;
        bounded = bounded && t->max_uses >= 0 && !__builtin_add_overflow(uses_max, t->max_uses, &uses_max);
    }
    if (c->call->server_tools && bounded) c->call->max_tool_calls = uses_max;
    add_raw(c, canon->output.schema);
}

static void read_metadata(const struct canon_call *canon, struct call *call)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (canon->metadata.json.p && json_parse(&doc, canon->metadata.json, &why)) {
        const struct {
            str key;
            str *to;
        } said[] = {{S("user_id"), &call->user},
                    {S("feature"), &call->feature},
                    {S("task"), &call->task},
                    {S("session_id"), &call->session},
                    {S("prompt"), &call->prompt}};
        for (size_t i = 0; i < COUNT_OF(said); i++) {
            str text = canon_text(&doc, JSON_ROOT, said[i].key, canon->arena);
            if (text.n && text.n <= 1024 && !said[i].to->n) *said[i].to = arena_str(canon->arena, text);
        }
    }
    json_free(&doc);
}

void canon_count(const struct canon_call *canon, const struct json *doc, struct call *call)
{
    (void)doc;
    struct count c = {.call = call, .segment = &call->segments.user_bytes};
    call->model = canon->model;
    call->stream = canon->stream;
    call->max_output = canon->max_output;
    call->choices = call->choices_returned = canon->choices > 0 ? canon->choices : 1;
    call->max_tool_calls = -1;
    call->user = canon->user;
    call->service_tier = canon->service_tier;
    call->arena = canon->arena;
    call->references = uses(canon, FEATURE_STORED_CONTEXT) || uses(canon, FEATURE_CACHE_STORED);
    count_messages(&c, canon);
    count_tools(&c, canon);
    c.segment = &call->segments.system_bytes;
    add(&c, (int64_t)canon->extras.members.n); /* what is not known may become prompt */
    read_metadata(canon, call);
}
