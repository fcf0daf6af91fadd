/* Errors: finding them in what providers send, and writing our own. */
#include "dialect/openai.h"

enum { MESSAGE_BYTES_MAX = 1024 };

/* At most MESSAGE_BYTES_MAX bytes, not cut within a character. */
static str shorten(str s)
{
    if (s.n <= MESSAGE_BYTES_MAX) return s;
    size_t n = MESSAGE_BYTES_MAX;
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    return str_head(s, n);
}

/* A string's content, any other value as it stands. */
static str text_of(const struct json *doc, json_ref at, struct arena *arena)
{
    str s;
    if (!json_string(doc, at, arena, &s)) s = json_raw(doc, at);
    return arena_str(arena, shorten(s));
}

/* OpenRouter keeps the cause in metadata.raw. */
str openai_error_message(const struct json *doc, json_ref error, struct arena *arena)
{
    static const str keys[] = {STR_INIT("message"), STR_INIT("error"), STR_INIT("detail"), STR_INIT("code")};
    str message = STR_NONE;
    for (size_t i = 0; i < COUNT_OF(keys) && !message.n; i++) {
        json_ref at = openai_find(doc, error, keys[i]);
        if (at) message = text_of(doc, at, arena);
    }
    json_ref raw = openai_find_in(doc, error, S("metadata"), S("raw"));
    if (raw && json_type(doc, raw) == JSON_STRING) {
        str cause = text_of(doc, raw, arena);
        message =
            arena_str(arena, shorten(arena_printf(arena, "%" STR_FMT ": %" STR_FMT, STR_ARG(message), STR_ARG(cause))));
    }
    return message.n ? message : arena_str(arena, shorten(json_raw(doc, error)));
}

static bool error_member(const struct json *doc, json_ref error, struct arena *arena, str *message)
{
    switch (json_type(doc, error)) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_OBJECT:
        *message = openai_error_message(doc, error, arena);
        return true;
    default:
        *message = text_of(doc, error, arena);
        return message->n > 0;
    }
}

bool openai_error_find(const struct json *doc, json_ref root, bool payload, struct arena *arena, str *message)
{
    json_ref error = openai_find(doc, root, S("error"));
    if (error && error_member(doc, error, arena, message)) return true;
    json_ref groq = openai_find_in(doc, root, S("x_groq"), S("error"));
    if (groq && error_member(doc, groq, arena, message)) return true;
    if (json_string_is(doc, json_find(doc, root, S("object"), NULL), S("error")) ||
        json_string_is(doc, json_find(doc, root, S("type"), NULL), S("error"))) {
        *message = openai_error_message(doc, root, arena);
        return true;
    }
    if (payload) return false;
    /* FastAPI's {"detail"}, and {"message"} beside a code */
    json_ref detail = openai_find(doc, root, S("detail")), text = openai_find(doc, root, S("message"));
    bool coded = openai_find(doc, root, S("code")) || openai_find(doc, root, S("statusCode")) ||
                 openai_find(doc, root, S("type"));
    if (!detail && !(text && coded && json_type(doc, text) == JSON_STRING)) return false;
    *message = text_of(doc, detail ? detail : text, arena);
    return true;
}

/* ---- rendering */

static void add_or_null(struct buf *out, str s)
{
    if (s.n)
        buf_add_json(out, s);
    else
        buf_add(out, S("null"));
}

void openai_render_error(struct buf *out, enum err e, str message, str param, str code_or_empty)
{
    const struct err_info *info = err_info(e);
    buf_add(out, S("{\"error\":{\"message\":"));
    buf_add_json(out, message.n ? message : info->text);
    buf_add(out, S(",\"type\":"));
    buf_add_json(out, info->openai_type);
    buf_add(out, S(",\"param\":"));
    add_or_null(out, param);
    buf_add(out, S(",\"code\":"));
    add_or_null(out, code_or_empty.n ? code_or_empty : info->openai_code);
    buf_add(out, S("}}"));
}

void chat_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    struct buf data;
    (void)sequence;
    buf_init(&data, 0);
    openai_render_error(&data, e, message, S(""), S(""));
    sink->fail(sink, STR_NONE, buf_str(&data));
    buf_free(&data);
}

/* The event carries the error twice: flat as it is documented, and as the object that
 * makes the official client throw. */
void responses_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    const struct err_info *info = err_info(e);
    struct buf data;
    buf_init(&data, 0);
    if (!message.n) message = info->text;
    buf_add(&data, S("{\"type\":\"error\",\"code\":"));
    add_or_null(&data, info->openai_code);
    buf_add(&data, S(",\"message\":"));
    buf_add_json(&data, message);
    buf_printf(&data, ",\"param\":null,\"sequence_number\":%lld,\"error\":{\"message\":", (long long)sequence);
    buf_add_json(&data, message);
    buf_add(&data, S(",\"type\":"));
    buf_add_json(&data, info->openai_type);
    buf_add(&data, S(",\"param\":null,\"code\":"));
    add_or_null(&data, info->openai_code);
    buf_add(&data, S("}}"));
    sink->fail(sink, S("error"), buf_str(&data));
    buf_free(&data);
}
