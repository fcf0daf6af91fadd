/* The tap on /v1/messages: events and whole bodies. */
#include "dialect/messages.h"

enum { MERGED_MAX = 64 * 1024 };

/* ---- usage */

static void take_usage(struct answer *a, const struct json *doc, json_ref usage, str raw)
{
    struct usage read;
    usage_read_messages(doc, usage, &read);
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, raw);
    answer_keep_tier(a, doc, openai_find(doc, usage, S("service_tier")));
    /* a tier of its own as far as the price is concerned */
    json_ref speed = openai_find(doc, usage, S("speed"));
    if (json_string_is(doc, speed, S("fast"))) answer_keep(a, &a->service_tier, doc, speed);
}

static void add_member(struct buf *out, const struct json *doc, json_ref key)
{
    canon_comma(out);
    buf_add(out, json_raw(doc, key));
    buf_add_byte(out, ':');
    buf_add(out, json_raw(doc, key + 1));
}

/* The members of `first` that `later` does not tell anew, then those that it tells. */
static void merge(struct buf *out, const struct json *first, const struct json *later, json_ref usage)
{
    buf_add_byte(out, '{');
    for (json_ref key = json_first(first, JSON_ROOT); key; key = json_next(first, JSON_ROOT, key + 1)) {
        str raw = json_raw(first, key);
        if (first->nodes[key].escaped || openai_find(later, usage, str_of(raw.p + 1, raw.n - 2))) continue;
        add_member(out, first, key);
    }
    for (json_ref key = json_first(later, usage); key; key = json_next(later, usage, key + 1)) {
        if (json_type(later, key + 1) != JSON_NULL) add_member(out, later, key);
    }
    buf_add_byte(out, '}');
}

/* The last event repeats the counts, as they are now, or tells a part of them: it
 * replaces what it tells. Both together make one object, read like any other. */
static void lay_over(struct answer *a, const struct json *doc, json_ref usage)
{
    struct json first, both;
    struct json_fail why;
    struct buf text;
    json_init(&first);
    json_init(&both);
    buf_init(&text, MERGED_MAX);
    if (json_parse(&first, a->usage_raw, &why)) merge(&text, &first, doc, usage);
    if (text.n && !text.overflow && json_parse(&both, buf_str(&text), &why))
        take_usage(a, &both, JSON_ROOT, buf_str(&text));
    else
        take_usage(a, doc, usage, json_raw(doc, usage));
    buf_free(&text);
    json_free(&first);
    json_free(&both);
}

static void take_usage_of(struct answer *a, const struct json *doc, json_ref object)
{
    json_ref usage = openai_find(doc, object, S("usage"));
    if (!usage || json_type(doc, usage) != JSON_OBJECT) return;
    if (a->usage_raw.n)
        lay_over(a, doc, usage);
    else
        take_usage(a, doc, usage, json_raw(doc, usage));
}

/* ---- output */

static int64_t text_under(struct answer *a, const struct json *doc, json_ref object, str key)
{
    return answer_take_text(a, doc, json_find(doc, object, key, NULL));
}

static int64_t thought_bytes(const struct json *doc, json_ref object)
{
    return openai_string_bytes(doc, json_find(doc, object, S("thinking"), NULL));
}

/* A block, whole or as it begins. */
static void take_block(struct answer *a, const struct json *doc, json_ref block)
{
    a->choices_seen = 1;
    if (json_type(doc, block) != JSON_OBJECT) return;
    int64_t bytes = text_under(a, doc, block, S("text")) + thought_bytes(doc, block);
    json_ref input = openai_find(doc, block, S("input"));
    if (input && json_first(doc, input)) bytes += answer_take_value(a, doc, input);
    if (json_string_is(doc, json_find(doc, block, S("type"), NULL), S("tool_use"))) {
        a->tool_used = true;
        bytes += text_under(a, doc, block, S("name"));
    }
    a->output_events += bytes > 0;
    a->output_bytes += bytes;
}

static void take_delta(struct answer *a, const struct json *doc)
{
    json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
    a->choices_seen = 1;
    if (!delta || json_type(doc, delta) != JSON_OBJECT) return;
    int64_t bytes = thought_bytes(doc, delta) + text_under(a, doc, delta, S("text"));
    bytes += text_under(a, doc, delta, S("partial_json"));
    a->output_events += bytes > 0;
    a->output_bytes += bytes;
}

static void take_stop(struct answer *a, const struct json *doc, json_ref object)
{
    json_ref reason = openai_find(doc, object, S("stop_reason"));
    if (!reason || json_type(doc, reason) != JSON_STRING) return;
    answer_keep(a, &a->finish, doc, reason);
    a->choices_seen = a->choices_finished = 1;
    a->finished = !a->failed;
}

void messages_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    json_ref message = openai_find(doc, JSON_ROOT, S("message"));
    (void)quirks;
    if (message && json_type(doc, message) == JSON_OBJECT) {
        answer_keep(a, &a->id, doc, openai_find(doc, message, S("id")));
        answer_keep(a, &a->model, doc, openai_find(doc, message, S("model")));
        take_usage_of(a, doc, message);
    }
    answer_keep(a, &a->model, doc, openai_find(doc, JSON_ROOT, S("model")));
    take_usage_of(a, doc, JSON_ROOT);
}

enum tap_verdict messages_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                    str event)
{
    str type = answer_event_type(doc, event);
    (void)kind;
    if (str_eq(type, S("content_block_delta"))) {
        take_delta(a, doc);
    } else if (str_eq(type, S("content_block_start"))) {
        json_ref block = openai_find(doc, JSON_ROOT, S("content_block"));
        if (block) take_block(a, doc, block);
    } else if (str_eq(type, S("message_start"))) {
        messages_tap_frame(a, quirks, doc);
    } else if (str_eq(type, S("message_delta"))) {
        messages_tap_frame(a, quirks, doc);
        json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
        if (delta) take_stop(a, doc, delta);
    } else if (str_eq(type, S("message_stop"))) {
        a->ended = true;
        return TAP_END;
    }
    return TAP_PASS;
}

void messages_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref content = openai_find(doc, JSON_ROOT, S("content"));
    if (kind == CALL_MESSAGES) { /* counting tokens generates nothing, and has no usage */
        messages_tap_frame(a, quirks, doc);
        answer_keep(a, &a->id, doc, openai_find(doc, JSON_ROOT, S("id")));
        take_stop(a, doc, JSON_ROOT);
        if (content && json_type(doc, content) == JSON_ARRAY)
            for (json_ref at = json_first(doc, content); at; at = json_next(doc, content, at)) take_block(a, doc, at);
    }
    a->finished = a->ended = !a->failed;
}
