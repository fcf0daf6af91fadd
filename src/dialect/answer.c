/* The tap: what an answer says about itself, read from whole bodies and from the
 * events of a stream as they pass. Here is what all dialects share; each reads its
 * own events and bodies. The verdict tells the flow what an event is. */
#include "base/hash.h"
#include "dialect/codec.h"
#include "dialect/openai.h"

enum {
    LABEL_BYTES_MAX = 256,
    LABELS_MAX = 64, /* changes taken; behind that somebody is playing */
    USAGE_RAW_MAX = 16 * 1024,
};

void answer_init(struct answer *a, struct arena *arena)
{
    *a = (struct answer){.provider_cost = -1, .sequence = -1, .arena = arena};
}

bool answer_complete(const struct answer *a)
{
    bool something = a->choices_seen || a->usage.known;
    return !a->failed && (a->finished || (a->ended && something));
}

void answer_keep(struct answer *a, str *slot, const struct json *doc, json_ref at)
{
    if (!at || json_type(doc, at) != JSON_STRING || json_string_is(doc, at, *slot)) return;
    str raw = json_raw(doc, at), s;
    if (raw.n <= 2 || raw.n > LABEL_BYTES_MAX || a->labels >= LABELS_MAX) return;
    if (!json_string(doc, at, a->arena, &s)) return;
    *slot = arena_str(a->arena, s);
    a->labels++;
}

void answer_keep_tier(struct answer *a, const struct json *doc, json_ref at)
{
    if (!json_string_is(doc, at, S("auto"))) answer_keep(a, &a->service_tier, doc, at);
}

void answer_fail(struct answer *a, str message)
{
    if (!a->provider_error.n) a->provider_error = message;
    a->failed = true;
}

void answer_fail_told(struct answer *a, const struct json *doc, json_ref root, str message)
{
    if (!a->failed && !a->error_status) a->error_status = answer_error_status(doc, root);
    answer_fail(a, message);
}

/* Every chunk may bring a new one (cumulative): one piece of memory serves them all. */
void answer_keep_usage(struct answer *a, str raw)
{
    if (raw.n > USAGE_RAW_MAX) {
        a->usage_raw.n = 0;
        return;
    }
    char *to = (char *)a->usage_raw.p;
    if (raw.n > a->usage_cap) {
        a->usage_cap = raw.n < 512 ? 512 : raw.n < 2048 ? 2048 : USAGE_RAW_MAX;
        to = arena_alloc(a->arena, a->usage_cap);
    }
    memcpy(to, raw.p, raw.n);
    a->usage_raw = str_of(to, raw.n);
}

/* ---- what it says */

/* Length and checksum: of all that is fast, what does not mind where a text is cut. */
static void fold(struct answer *a, str raw)
{
    uint32_t crc = hash_crc32c((uint32_t)a->output_hash, raw.p, raw.n);
    a->output_hash = ((a->output_hash >> 32) + raw.n) << 32 | crc;
}

int64_t answer_take_text(struct answer *a, const struct json *doc, json_ref at)
{
    if (json_type(doc, at) != JSON_STRING) return 0;
    str raw = json_raw(doc, at);
    if (raw.n > 2) fold(a, str_of(raw.p + 1, raw.n - 2));
    return openai_string_bytes(doc, at);
}

int64_t answer_take_value(struct answer *a, const struct json *doc, json_ref at)
{
    fold(a, json_raw(doc, at));
    return openai_value_bytes(doc, at);
}

/* ---- other paths: nothing is known of them but that many tell an id and a usage */

static void take_other(struct answer *a, uint32_t quirks, const struct json *doc)
{
    json_ref response = openai_find(doc, JSON_ROOT, S("response"));
    if (!a->id.n) answer_keep(a, &a->id, doc, openai_find(doc, JSON_ROOT, S("id"))); /* what was made comes first */
    openai_tap_frame(a, quirks, doc);
    if (response) answer_take_usage(a, quirks, doc, openai_find(doc, response, S("usage")));
}

/* ---- streams */

static enum tap_verdict feed_malformed(struct answer *a, str why)
{
    answer_fail(a, arena_printf(a->arena, "an event of the stream is malformed: %" STR_FMT, STR_ARG(why)));
    return TAP_ERROR;
}

static enum tap_verdict feed_error(struct answer *a, const struct dialect *d, uint32_t quirks, const struct json *doc,
                                   str message)
{
    d->tap_frame(a, quirks, doc);
    answer_fail_told(a, doc, JSON_ROOT, message);
    return TAP_ERROR;
}

str answer_event_type(const struct json *doc, str event)
{
    json_ref type = openai_find(doc, JSON_ROOT, S("type"));
    if (json_type(doc, type) != JSON_STRING || doc->nodes[type].escaped) return event;
    str raw = json_raw(doc, type);
    return str_of(raw.p + 1, raw.n - 2);
}

enum tap_verdict answer_feed(struct answer *a, enum call_kind kind, uint32_t quirks, struct json *doc, str event,
                             str data)
{
    data = str_trim(data);
    bool exception = str_ends(event, S("Exception")); /* Bedrock's frames have a type for each */
    bool error = exception || str_eq(event, S("error"));
    if (!data.n && !error) return TAP_PASS;
    if (str_eq(data, S("[DONE]"))) {
        a->ended = true;
        return kind == CALL_PASSTHROUGH ? TAP_PASS : TAP_END;
    }
    struct json_fail why;
    if (kind == CALL_PASSTHROUGH) {
        if (json_parse(doc, data, &why) && json_type(doc, JSON_ROOT) == JSON_OBJECT) take_other(a, quirks, doc);
        return TAP_PASS;
    }
    if (!json_parse(doc, data, &why)) {
        if (!error) return feed_malformed(a, str_from(why.why));
        answer_fail(a, arena_str(a->arena, str_head(data, LABEL_BYTES_MAX)));
        return TAP_ERROR;
    }
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return feed_malformed(a, S("it is no JSON object"));

    const struct dialect *d = dialect_of(kind);
    str message;
    bool payload = call_kind_dialect(kind) != DIALECT_CHAT || openai_find(doc, JSON_ROOT, S("choices"));
    if (kind == CALL_RESPONSES) payload = str_starts(answer_event_type(doc, event), S("response."));
    if (openai_error_find(doc, JSON_ROOT, payload, a->arena, &message)) return feed_error(a, d, quirks, doc, message);
    if (exception) a->error_status = answer_status_of_name(event);
    if (error) return feed_error(a, d, quirks, doc, openai_error_message(doc, JSON_ROOT, a->arena));
    const struct codec *c = codec_of(kind);
    return (c && c->tap_event ? c->tap_event : d->tap_event)(a, kind, quirks, doc, event);
}

/* ---- whole bodies */

/* Members that only a result has: beside them a mere `message` proves no error. */
static bool carries_result(const struct json *doc)
{
    static const str names[] = {STR_INIT("choices"),    STR_INIT("output"),  STR_INIT("data"),
                                STR_INIT("candidates"), STR_INIT("content"), STR_INIT("results"),
                                STR_INIT("embeddings"), STR_INIT("text")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (openai_find(doc, JSON_ROOT, names[i])) return true;
    return false;
}

bool answer_read(struct answer *a, enum call_kind kind, uint32_t quirks, struct json *doc, str body)
{
    struct json_fail why;
    if (!json_parse(doc, body, &why) || json_type(doc, JSON_ROOT) != JSON_OBJECT) return false;
    if (kind == CALL_PASSTHROUGH) {
        take_other(a, quirks, doc);
        a->finished = a->ended = true;
        return true;
    }
    const struct dialect *d = dialect_of(kind);
    str message;
    if (openai_error_find(doc, JSON_ROOT, carries_result(doc), a->arena, &message)) {
        d->tap_frame(a, quirks, doc);
        answer_fail_told(a, doc, JSON_ROOT, message);
        return true;
    }
    /* Cohere and Bedrock say nothing but {"message"} where something is wrong */
    json_ref told = openai_find(doc, JSON_ROOT, S("message"));
    if (told && !carries_result(doc) && json_type(doc, told) == JSON_STRING &&
        json_string(doc, told, a->arena, &message)) {
        answer_fail(a, arena_str(a->arena, str_head(message, 1024)));
        return true;
    }
    const struct codec *c = codec_of(kind);
    (c && c->tap_body ? c->tap_body : d->tap_body)(a, kind, quirks, doc);
    return true;
}
