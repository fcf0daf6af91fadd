#include "flow/service.h"

#include "base/time.h"
#include "base/utf8.h"
#include "flow/purser.h"
#include "flow/reply.h"

bool service_fits(const struct request *r)
{
    const struct canon_call *call = r->plan.canon;
    if (call->choice.mode == CHOICE_REQUIRED || r->attribute.call.references || r->attribute.call.files) return false;
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == FEATURE_AUDIO_OUT || n->feature == FEATURE_IMAGE_OUT) return false;
    return true;
}

void service_plan(struct way *way)
{
    way->kind = CALL_CHAT;
    way->translated = true;
    way->by_call = true;
    way->max_output = -1;
    way->ask = (struct price_bound_ask){.requests = 1};
}

/* ---- what it is asked */

static void add_texts(struct request *r, const struct canon_part *parts, struct buf *out)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TOOL_RESULT) add_texts(r, p->tool.content, out);
        if (p->kind != PART_TEXT) continue;
        if (out->n) buf_add_byte(out, '\n');
        buf_add(out, canon_decode(&r->arena, p->text));
    }
}

static void put_message(struct request *r, const struct canon_message *m, struct buf *out)
{
    static const str roles[] = {[ROLE_SYSTEM] = STR_INIT("system"),
                                [ROLE_DEVELOPER] = STR_INIT("developer"),
                                [ROLE_USER] = STR_INIT("user"),
                                [ROLE_ASSISTANT] = STR_INIT("assistant")};
    struct buf text;
    buf_init(&text, 0);
    add_texts(r, m->parts, &text);
    buf_add(out, S("{\"role\":"));
    buf_add_json(out, roles[m->role]);
    buf_add(out, S(",\"text\":"));
    buf_add_json(out, buf_str(&text));
    buf_add_byte(out, '}');
    buf_free(&text);
}

static void put_file(const struct canon_part *p, struct buf *out)
{
    static const str kinds[] = {[PART_IMAGE] = STR_INIT("image"),
                                [PART_AUDIO] = STR_INIT("audio"),
                                [PART_VIDEO] = STR_INIT("video"),
                                [PART_DOCUMENT] = STR_INIT("document")};
    const struct canon_media *media = &p->media;
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_text(out, S("kind"), kinds[p->kind]);
    canon_put_text(out, S("type"), media->type);
    canon_put_text(out, S("name"), media->name);
    canon_put_raw(out, S("url"), media->url);
    canon_put_raw(out, S("text"), p->text);
    if (media->data.p) {
        canon_key(out, S("data"));
        buf_add_byte(out, '"');
        buf_add(out, media->data);
        buf_add_byte(out, '"');
    }
    buf_add_byte(out, '}');
}

static bool is_file(const struct canon_part *p)
{
    return p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_VIDEO || p->kind == PART_DOCUMENT;
}

/* Of the user's last turn, whose text stands beside them. */
static void put_files(const struct canon_call *call, struct buf *out)
{
    const struct canon_message *last = NULL;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        if (m->role == ROLE_USER) last = m;
    canon_key(out, S("files"));
    buf_add_byte(out, '[');
    for (const struct canon_part *p = last ? last->parts : NULL; p; p = p->next)
        if (is_file(p)) put_file(p, out);
    buf_add_byte(out, ']');
}

void service_write(struct request *r, struct buf *out)
{
    const struct canon_call *call = r->plan.canon;
    const str *who = r->attribute.payer.is;
    buf_add(out, S("{\"text\":"));
    buf_add_json(out, reply_question(r));
    put_files(call, out);
    buf_add(out, S(",\"messages\":["));
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        canon_comma(out);
        put_message(r, m, out);
    }
    buf_add_byte(out, ']');
    if (call->output.format == FORMAT_SCHEMA) canon_put_raw(out, S("schema"), call->output.schema);
    canon_put_text(out, S("model"), r->attribute.call.model);
    canon_put_text(out, S("feature"), who[SCOPE_FEATURE]);
    canon_put_text(out, S("user"), who[SCOPE_USER]);
    canon_put_text(out, S("task"), r->attribute.task);
    canon_put_text(out, S("session"), r->attribute.session);
    buf_printf(out, ",\"request_id\":\"%016llx\"}", (unsigned long long)r->id);
}

/* ---- what it tells */

/* "a~1b" of a pointer is the key "a/b". */
static str token_of(str token, struct arena *arena)
{
    char *p = arena_alloc(arena, token.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < token.n; i++) {
        bool tilde = token.p[i] == '~' && i + 1 < token.n;
        p[n++] = !tilde ? token.p[i] : token.p[++i] == '1' ? '/' : '~';
    }
    return str_of(p, n);
}

/* JSON_ABSENT where there is none; the root is never asked for. */
static json_ref item_at(const struct json *doc, json_ref list, str token)
{
    uint64_t wanted, i = 0;
    if (!str_to_u64(token, &wanted)) return JSON_ABSENT;
    json_ref at = json_first(doc, list);
    while (at != JSON_ABSENT && i++ < wanted) at = json_next(doc, list, at);
    return at;
}

static json_ref walk(const struct json *doc, str pointer, struct arena *arena)
{
    json_ref at = JSON_ROOT;
    str rest = str_from_at(pointer, 1);
    do {
        str token = token_of(str_cut(&rest, '/'), arena);
        at = json_type(doc, at) == JSON_ARRAY ? item_at(doc, at, token) : json_find(doc, at, token, NULL);
    } while (at != JSON_ABSENT && rest.p);
    return at;
}

/* STR_NONE: this is no answer; empty: it has none. */
static str text_of(struct attempt *a)
{
    struct request *r = a->request;
    struct json *doc = &r->worker->event_json;
    const struct setting_service *s = a->way->target->provider->service;
    struct json_fail fail;
    str body = buf_str(&a->body.kept), text;
    if (!body.n) return S("");
    if (!s->answer.n) return utf8_valid(body) ? str_trim(body) : STR_NONE;
    if (!json_parse(doc, body, &fail)) return STR_NONE;
    json_ref at = walk(doc, s->answer, &r->arena);
    if (at == JSON_ABSENT || json_type(doc, at) == JSON_NULL) return S("");
    if (json_type(doc, at) != JSON_STRING) return json_raw(doc, at);
    return json_string(doc, at, &r->arena, &text) ? text : STR_NONE;
}

/* As a chat's answer. */
static void write_answer(const struct attempt *a, str text, struct buf *out)
{
    const struct request *r = a->request;
    buf_printf(out,
               "{\"object\":\"chat.completion\",\"created\":%lld,\"model\":", (long long)(r->at_us / US_PER_SECOND));
    buf_add_json(out, a->way->target->provider->name);
    buf_add(out, S(",\"choices\":["));
    for (int64_t i = 0; i < r->attribute.call.choices_returned && i < CANON_CHOICES_MAX; i++) {
        buf_printf(out, "%s{\"index\":%lld,\"message\":{\"role\":\"assistant\",\"content\":", i ? "," : "",
                   (long long)i);
        buf_add_json(out, text);
        buf_add(out, S("},\"finish_reason\":\"stop\"}"));
    }
    buf_add(out, S("],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}"));
}

static bool refuse(struct attempt *a, enum err e, const char *why)
{
    a->body.complete = true; /* it has answered, and is paid for */
    attempt_fail(a, e, why);
    return false;
}

bool service_read(struct attempt *a)
{
    struct buf answer;
    bool error = a->head.status >= 300;
    if (error && a->head.status != 404) return true; /* as any provider's */
    str text = error ? S("") : text_of(a);
    if (!text.p) return refuse(a, ERR_PROVIDER_PROTOCOL, "the service's answer is no JSON, or no text");
    if (!text.n) return refuse(a, ERR_NOT_ACCEPTED, "the service found nothing");
    if (!a->way->rung->accept.json_schema && !reply_fits(a->request, text))
        return refuse(a, ERR_NOT_ACCEPTED, "the service's text is not the JSON that the call asks for");
    buf_init(&answer, 0);
    write_answer(a, text, &answer);
    buf_free(&a->body.kept);
    a->body.kept = answer;
    return true;
}
