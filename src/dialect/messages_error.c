/* Errors as Anthropic's clients expect them: their type follows from the status. */
#include "dialect/messages.h"

static str error_type(int status)
{
    static const struct {
        int status;
        str type;
    } types[] = {
        {401, STR_INIT("authentication_error")}, {402, STR_INIT("billing_error")},
        {403, STR_INIT("permission_error")},     {404, STR_INIT("not_found_error")},
        {413, STR_INIT("request_too_large")},    {429, STR_INIT("rate_limit_error")},
        {503, STR_INIT("overloaded_error")},     {504, STR_INIT("timeout_error")},
        {529, STR_INIT("overloaded_error")},
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].status == status) return types[i].type;
    return status >= 500 ? S("api_error") : S("invalid_request_error");
}

/* The protocol has no place for the field's name: the message tells it. */
void messages_render_error(struct buf *out, enum err e, str message, str param, str code)
{
    const struct err_info *info = err_info(e);
    bool thread = e == ERR_BAD_FIELD && str_eq(param, S("thread"));
    (void)code;
    buf_add(out, S("{\"type\":\"error\",\"error\":{\"type\":"));
    buf_add_json(out, error_type(info->status));
    buf_add(out, S(",\"message\":"));
    if (!message.n) message = info->text;
    if (param.n && str_find(message, param, 0) == SIZE_MAX) {
        struct buf text;
        buf_init(&text, 0);
        buf_add(&text, param);
        buf_add(&text, S(": "));
        buf_add(&text, message);
        buf_add_json(out, buf_str(&text));
        buf_free(&text);
    } else {
        buf_add_json(out, message);
    }
    if (thread) /* Anthropic's client then goes on without one, and sends the whole history */
        buf_add(out, S(",\"details\":{\"error_code\":\"thread_unsupported_request\",\"unsupported\":[\"thread\"]}"));
    buf_add(out, S("}}"));
}

void messages_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    struct buf data;
    (void)sequence;
    buf_init(&data, 0);
    messages_render_error(&data, e, message, S(""), S(""));
    sink->fail(sink, S("error"), buf_str(&data));
    buf_free(&data);
}
