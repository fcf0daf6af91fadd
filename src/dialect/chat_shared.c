/* What chat's calls, answers and streams write alike. */
#include "dialect/chat.h"

bool chat_write_joined(struct buf *out, str key, const struct canon_part *parts, enum canon_part_kind kind, str between)
{
    bool any = false;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind != kind || !p->text.json.p) continue;
        if (!any) {
            canon_key(out, key);
            buf_add_byte(out, '"');
        } else {
            buf_add(out, between);
        }
        buf_add(out, canon_inside(p->text));
        any = true;
    }
    if (any) buf_add_byte(out, '"');
    return any;
}

void chat_write_usage(struct buf *out, const struct usage *u)
{
    int64_t prompt = canon_prompt_tokens(u), completion = canon_completion_tokens(u);
    int64_t written = u->units[UNIT_CACHE_WRITE_5M] + u->units[UNIT_CACHE_WRITE_1H];
    buf_add_byte(out, '{');
    canon_put_i64(out, S("prompt_tokens"), prompt);
    canon_put_i64(out, S("completion_tokens"), completion);
    canon_put_i64(out, S("total_tokens"), prompt + completion);
    canon_key(out, S("prompt_tokens_details"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("cached_tokens"), u->units[UNIT_CACHE_READ]);
    canon_put_i64(out, S("audio_tokens"), u->units[UNIT_AUDIO_IN]);
    if (written) canon_put_i64(out, S("cache_write_tokens"), written);
    buf_add_byte(out, '}');
    canon_key(out, S("completion_tokens_details"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("reasoning_tokens"), u->units[UNIT_REASONING]);
    canon_put_i64(out, S("audio_tokens"), u->units[UNIT_AUDIO_OUT]);
    buf_add(out, S("}}"));
}

void chat_write_logprobs(struct buf *out, jraw logprobs)
{
    bool list = logprobs.json.n && logprobs.json.p[0] == '[';
    if (!logprobs.json.p) {
        buf_add(out, S("null"));
        return;
    }
    if (list) buf_add(out, S("{\"content\":"));
    buf_add(out, logprobs.json);
    if (list) buf_add(out, S(",\"refusal\":null}"));
}

/* ---- why an answer ended */

static const struct {
    str word;
    enum canon_stop stop;
} stops[] = {
    {STR_INIT("stop"), STOP_END},
    {STR_INIT("tool_calls"), STOP_TOOL},
    {STR_INIT("length"), STOP_LENGTH},
    {STR_INIT("content_filter"), STOP_FILTER},
    {STR_INIT("function_call"), STOP_TOOL},
    /* what servers other than OpenAI's own write */
    {STR_INIT(""), STOP_NONE},
    {STR_INIT("tool_use"), STOP_TOOL},
    {STR_INIT("stop_sequence"), STOP_SEQUENCE},
    {STR_INIT("max_tokens"), STOP_LENGTH},
    {STR_INIT("model_length"), STOP_CONTEXT},
    {STR_INIT("model_context_window_exceeded"), STOP_CONTEXT},
    {STR_INIT("sensitive"), STOP_FILTER},
    {STR_INIT("safety"), STOP_FILTER},
    {STR_INIT("refusal"), STOP_REFUSAL},
    {STR_INIT("pause_turn"), STOP_PAUSE},
    {STR_INIT("error"), STOP_ERROR},
    {STR_INIT("network_error"), STOP_ERROR},
    {STR_INIT("insufficient_system_resource"), STOP_ERROR},
    {STR_INIT("abort"), STOP_ERROR},
};

enum canon_stop chat_stop(str finish)
{
    for (size_t i = 0; i < COUNT_OF(stops); i++)
        if (str_eq_nocase(finish, stops[i].word)) return stops[i].stop;
    return STOP_END; /* eos, end_turn, COMPLETE ... */
}

/* OpenAI's own five words: its clients know no other. */
str chat_finish(enum canon_stop stop, bool refused)
{
    switch (stop) {
    case STOP_LENGTH:
    case STOP_CONTEXT:
        return S("length");
    case STOP_TOOL:
        return S("tool_calls");
    case STOP_FILTER:
        return S("content_filter");
    case STOP_REFUSAL:
        return refused ? S("stop") : S("content_filter");
    default:
        return S("stop");
    }
}
