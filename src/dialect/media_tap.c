/* What calls for images and sound used. Counts overlap as in OpenAI's other protocols: the
 * details are parts of the input. The image tokens that were made stand in the output, and
 * beside: whether they have a price of their own is the price's affair.
 *
 *     images          input_tokens, input_tokens_details{text,image,cached}, output_tokens
 *     transcriptions  {type: tokens, input_token_details{text,audio}, ...} or {type: duration, seconds}
 *     speech          input_tokens, output_tokens, at the end of a stream of events */
#include "dialect/media.h"
#include "dialect/openai.h"

struct counts {
    const struct json *doc;
    json_ref usage, in, out;
    uint32_t flags;
};

static int64_t count_in(struct counts *c, json_ref object, str key)
{
    int64_t v = object ? usage_count(c->doc, openai_find(c->doc, object, key), &c->flags) : -1;
    return v < 0 ? 0 : v;
}

static int64_t take(struct counts *c, int64_t *rest, int64_t part)
{
    if (part > *rest) {
        c->flags |= USAGE_CLAMPED;
        part = *rest;
    }
    *rest -= part;
    return part;
}

/* Seconds are billed whole: "3.7" is four. */
static int64_t whole_seconds(struct counts *c, json_ref at)
{
    uint64_t v;
    str raw = json_raw(c->doc, at), rest = raw;
    if (json_type(c->doc, at) == JSON_STRING) rest = str_of(raw.p + 1, raw.n - 2);
    str whole = str_cut(&rest, '.');
    bool fraction = false;
    for (size_t i = 0; rest.p && i < rest.n; i++) fraction = fraction || rest.p[i] != '0';
    if (str_to_u64(whole, &v) && v < INT64_C(1000000000)) return (int64_t)v + fraction;
    c->flags |= USAGE_NOT_A_COUNT;
    return -1;
}

static bool read_duration(struct answer *a, struct counts *c, json_ref seconds)
{
    int64_t v = seconds ? whole_seconds(c, seconds) : -1;
    if (v < 0) return false;
    a->usage.units[UNIT_SECONDS] += v;
    return true;
}

static bool read_tokens(struct answer *a, enum call_kind kind, struct counts *c)
{
    json_ref at_input = openai_find(c->doc, c->usage, S("input_tokens"));
    if (!at_input) at_input = openai_find(c->doc, c->usage, S("prompt_tokens"));
    int64_t input = usage_count(c->doc, at_input, &c->flags);
    int64_t output = count_in(c, c->usage, S("output_tokens")), total = count_in(c, c->usage, S("total_tokens"));
    if (input < 0) return false;
    if (total && total != input + output) c->flags |= USAGE_TOTAL_DIFFERS;
    int64_t *units = a->usage.units;
    units[UNIT_CACHE_READ] += take(c, &input, count_in(c, c->in, S("cached_tokens")));
    units[UNIT_IMAGE] += take(c, &input, count_in(c, c->in, S("image_tokens")));
    units[UNIT_AUDIO_IN] += take(c, &input, count_in(c, c->in, S("audio_tokens")));
    units[UNIT_INPUT] += input;
    units[kind == CALL_SPEECH ? UNIT_AUDIO_OUT : UNIT_OUTPUT] += output;
    int64_t text = count_in(c, c->out, S("text_tokens"));
    if (kind != CALL_SPEECH) a->image_output += text < output ? output - text : 0;
    return true;
}

/* Several events may tell of an image each: they add up. */
static void take_usage(struct answer *a, enum call_kind kind, const struct json *doc, json_ref object)
{
    struct counts c = {.doc = doc, .usage = openai_find(doc, object, S("usage"))};
    bool any = false;
    if (c.usage && json_type(doc, c.usage) == JSON_OBJECT) {
        c.in = openai_find(doc, c.usage, S("input_tokens_details"));
        if (!c.in) c.in = openai_find(doc, c.usage, S("input_token_details"));
        c.out = openai_find(doc, c.usage, S("output_tokens_details"));
        any = read_duration(a, &c, openai_find(doc, c.usage, S("seconds"))) || read_tokens(a, kind, &c);
        answer_keep_usage(a, json_raw(doc, c.usage));
    } else {
        any = read_duration(a, &c, openai_find(doc, object, S("duration"))); /* whisper's verbose_json */
    }
    a->usage.flags |= c.flags;
    if (any) a->usage.known = true;
    a->usage.units[UNIT_REQUESTS] = a->pieces > 0 ? a->pieces : 1;
}

static int64_t length(const struct json *doc, json_ref list)
{
    int64_t count = 0;
    if (!list || json_type(doc, list) != JSON_ARRAY) return 0;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) count++;
    return count;
}

void media_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    a->pieces = length(doc, openai_find(doc, JSON_ROOT, S("data")));
    take_usage(a, kind, doc, JSON_ROOT);
    if (quirks & QUIRK_OWN_COST) {
        struct answer beside = *a; /* OpenRouter's figure stands in the same object */
        answer_take_usage(&beside, quirks, doc, openai_find(doc, JSON_ROOT, S("usage")));
        a->provider_cost = beside.provider_cost;
    }
    a->finished = a->ended = !a->failed;
}

enum tap_verdict media_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                 str event)
{
    str type = answer_event_type(doc, event);
    bool image = str_ends(type, S(".completed")) && str_starts(type, S("image_"));
    bool done = image || str_eq(type, S("speech.audio.done")) || str_eq(type, S("transcript.text.done"));
    json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
    (void)quirks;
    a->output_events++;
    if (delta) a->output_bytes += openai_string_bytes(doc, delta);
    if (!done) return TAP_PASS;
    a->pieces += image;
    take_usage(a, kind, doc, JSON_ROOT);
    if (image && a->pieces < a->choices_expected) return TAP_PASS;
    a->finished = a->ended = true;
    return TAP_END;
}
