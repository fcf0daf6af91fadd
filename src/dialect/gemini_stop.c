/* Finish reasons, both ways. */
#include "dialect/gemini.h"

static const struct {
    str name;
    enum canon_stop stop;
} reasons[] = {
    {STR_INIT("STOP"), STOP_END},
    {STR_INIT("MAX_TOKENS"), STOP_LENGTH},
    {STR_INIT("SAFETY"), STOP_FILTER},
    {STR_INIT("RECITATION"), STOP_FILTER},
    {STR_INIT("BLOCKLIST"), STOP_FILTER},
    {STR_INIT("PROHIBITED_CONTENT"), STOP_FILTER},
    {STR_INIT("SPII"), STOP_FILTER},
    {STR_INIT("IMAGE_SAFETY"), STOP_FILTER},
    {STR_INIT("IMAGE_PROHIBITED_CONTENT"), STOP_FILTER},
    {STR_INIT("IMAGE_RECITATION"), STOP_FILTER},
    {STR_INIT("MODEL_ARMOR"), STOP_FILTER},
    {STR_INIT("JAILBREAK"), STOP_FILTER},
    {STR_INIT("MALFORMED_FUNCTION_CALL"), STOP_ERROR},
    {STR_INIT("MALFORMED_RESPONSE"), STOP_ERROR},
    {STR_INIT("UNEXPECTED_TOOL_CALL"), STOP_ERROR},
    {STR_INIT("TOO_MANY_TOOL_CALLS"), STOP_ERROR},
    {STR_INIT("MISSING_THOUGHT_SIGNATURE"), STOP_ERROR},
    {STR_INIT("LANGUAGE"), STOP_ERROR},
    {STR_INIT("OTHER"), STOP_ERROR},
    {STR_INIT("NO_IMAGE"), STOP_ERROR},
    {STR_INIT("IMAGE_OTHER"), STOP_ERROR},
    {STR_INIT("CONTINUATION"), STOP_ERROR},
};

/* Those whose number is one in both of Google's APIs. */
static const enum canon_stop by_number[] = {STOP_NONE, STOP_END, STOP_LENGTH, STOP_FILTER, STOP_FILTER, STOP_ERROR};

/* STOP also ends an answer with function calls; so does what is not known, such as the
 * FUNCTION_CALL of imitations. Without calls, what is not known ended in no usual way. */
enum canon_stop gemini_stop(str reason, bool tool_seen)
{
    int64_t number;
    if (!reason.n || str_eq(reason, S("FINISH_REASON_UNSPECIFIED"))) return STOP_NONE;
    enum canon_stop stop = tool_seen ? STOP_END : STOP_ERROR;
    if (str_to_i64(reason, &number)) {
        if (number >= 0 && number < (int64_t)COUNT_OF(by_number)) stop = by_number[number];
    } else {
        for (size_t i = 0; i < COUNT_OF(reasons); i++)
            if (str_eq(reasons[i].name, reason)) stop = reasons[i].stop;
    }
    return stop == STOP_END && tool_seen ? STOP_TOOL : stop;
}

str gemini_reason(enum canon_stop stop)
{
    switch (stop) {
    case STOP_LENGTH:
    case STOP_CONTEXT:
        return S("MAX_TOKENS");
    case STOP_FILTER:
    case STOP_REFUSAL:
        return S("SAFETY");
    case STOP_ERROR:
        return S("OTHER");
    default:
        return S("STOP");
    }
}

/* As the provider wrote it where that was Gemini, a number as a number. */
void gemini_put_reason(struct buf *out, enum dialect_id from, enum canon_stop stop, str raw)
{
    int64_t number;
    if (from == DIALECT_GEMINI && str_to_i64(raw, &number))
        canon_put_number(out, S("finishReason"), raw);
    else if (from == DIALECT_GEMINI)
        canon_put_text(out, S("finishReason"), raw);
    else
        canon_put_text(out, S("finishReason"), gemini_reason(stop));
}
