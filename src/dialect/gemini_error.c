/* Errors in Google's shape. Its official clients go by the HTTP status, which `code` repeats,
 * and in a stream by `code` alone; `status` is for whoever reads Google's names.
 *
 * A spent budget (402) is FAILED_PRECONDITION: Google's own word for an account that may not
 * spend. RESOURCE_EXHAUSTED would make clients try again, in vain. */
#include "dialect/gemini.h"

static str status_name(int status)
{
    static const struct {
        int status;
        str name;
    } names[] = {
        {401, STR_INIT("UNAUTHENTICATED")},   {402, STR_INIT("FAILED_PRECONDITION")},
        {403, STR_INIT("PERMISSION_DENIED")}, {404, STR_INIT("NOT_FOUND")},
        {405, STR_INIT("UNIMPLEMENTED")},     {408, STR_INIT("DEADLINE_EXCEEDED")},
        {409, STR_INIT("ABORTED")},           {429, STR_INIT("RESOURCE_EXHAUSTED")},
        {499, STR_INIT("CANCELLED")},         {500, STR_INIT("INTERNAL")},
        {501, STR_INIT("UNIMPLEMENTED")},     {502, STR_INIT("UNAVAILABLE")},
        {503, STR_INIT("UNAVAILABLE")},       {504, STR_INIT("DEADLINE_EXCEEDED")},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].status == status) return names[i].name;
    return status < 500 ? S("INVALID_ARGUMENT") : S("INTERNAL");
}

/* "insufficient_quota" as the reason INSUFFICIENT_QUOTA. */
static void add_reason(struct buf *out, str code)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < code.n; i++) {
        char c = code.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_';
        buf_add_byte(out, c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : plain ? c : '_');
    }
    buf_add_byte(out, '"');
}

void gemini_error(struct buf *out, enum err e, str message, str param, str code)
{
    const struct err_info *info = err_info(e);
    if (!message.n) message = info->text;
    if (!code.n) code = info->openai_code;
    buf_printf(out, "{\"error\":{\"code\":%d,\"message\":", info->status);
    buf_add_json(out, message);
    buf_add(out, S(",\"status\":"));
    buf_add_json(out, status_name(info->status));
    if (code.n || param.n) buf_add(out, S(",\"details\":["));
    if (code.n) {
        buf_add(out, S("{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"));
        add_reason(out, code);
        buf_add(out, S(",\"domain\":\"purser\"}"));
    }
    if (param.n) {
        canon_comma(out);
        buf_add(out, S("{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{\"field\":"));
        buf_add_json(out, param);
        buf_add(out, S(",\"description\":"));
        buf_add_json(out, message);
        buf_add(out, S("}]}"));
    }
    if (code.n || param.n) buf_add_byte(out, ']');
    buf_add(out, S("}}"));
}

/* google.rpc.RetryInfo, a duration as protobuf's JSON has it: "3s", "0.250s". Google's clients know no Retry-After. */
void gemini_error_wait(struct buf *body, int64_t wait_ms)
{
    const str end = S("}}"), list = S("]}}");
    bool listed = str_ends(buf_str(body), list);
    body->n -= listed ? list.n : end.n;
    buf_printf(body, "%s{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"%lld",
               listed ? "," : ",\"details\":[", (long long)(wait_ms / 1000));
    if (wait_ms % 1000) buf_printf(body, ".%03lld", (long long)(wait_ms % 1000));
    buf_add(body, S("s\"}]}}"));
}

void gemini_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    struct buf data;
    (void)sequence;
    buf_init(&data, 0);
    gemini_error(&data, e, message, S(""), S(""));
    sink->fail(sink, STR_NONE, buf_str(&data));
    buf_free(&data);
}
