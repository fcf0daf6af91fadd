/* usageMetadata made disjoint. What the counts mean (measured on recordings):
 *
 *     total = prompt + candidates + thoughts + toolUsePrompt
 *
 * The prompt holds what was read from a cache; candidates do not hold thoughts; what the
 * provider's own tools brought into the prompt (toolUsePrompt) is paid as input. protobuf
 * leaves out what is zero, so a missing count is 0.
 *
 * Modalities stand in the ...TokensDetails. Audio has a price of its own on both sides.
 * Images and video that are read cost what text does; images that are made do not
 * (UNIT_IMAGE). Cached audio counts as cached. */
#include "dialect/gemini.h"

struct counts {
    const struct json *doc;
    json_ref usage;
    uint32_t flags;
    bool any;
};

/* The count under `key`; 0 where it is left out. */
static int64_t count_of(struct counts *c, str key)
{
    int64_t v;
    json_ref at = openai_find(c->doc, c->usage, key);
    if (!at) return 0;
    if (!gemini_count(c->doc, at, &v) || v < 0 || v > INT64_C(1000000000000)) {
        c->flags |= USAGE_NOT_A_COUNT;
        return 0;
    }
    c->any = true;
    return v;
}

/* protobuf's numbers: TEXT 1, IMAGE 2, VIDEO 3, AUDIO 4, DOCUMENT 5. */
static bool modality_is(const struct json *doc, json_ref entry, str name, int64_t number)
{
    int64_t v;
    json_ref at = openai_find(doc, entry, S("modality"));
    if (!at) return false;
    return json_string_is(doc, at, name) || (json_i64(doc, at, &v) && v == number);
}

static int64_t detail(struct counts *c, str key, str modality, int64_t number)
{
    int64_t sum = 0, v;
    json_ref list = openai_find(c->doc, c->usage, key);
    if (!list || json_type(c->doc, list) != JSON_ARRAY) return 0;
    for (json_ref entry = json_first(c->doc, list); entry; entry = json_next(c->doc, list, entry)) {
        json_ref at =
            json_type(c->doc, entry) == JSON_OBJECT ? openai_find(c->doc, entry, S("tokenCount")) : JSON_ABSENT;
        if (!at || !modality_is(c->doc, entry, modality, number)) continue;
        if (!gemini_count(c->doc, at, &v) || v < 0 || v > INT64_C(1000000000)) {
            c->flags |= USAGE_NOT_A_COUNT;
            continue;
        }
        sum += v;
    }
    return sum;
}

/* Takes `part` out of `*rest`; a part that is larger than what is left of it is cut. */
static int64_t take(struct counts *c, int64_t *rest, int64_t part)
{
    if (part > *rest || part < 0) {
        c->flags |= USAGE_CLAMPED;
        part = part < 0 ? 0 : *rest;
    }
    *rest -= part;
    return part;
}

void gemini_usage(const struct json *doc, json_ref at, struct usage *out)
{
    *out = (struct usage){0};
    if (!at || json_type(doc, at) != JSON_OBJECT) return;
    struct counts c = {.doc = doc, .usage = at};
    int64_t prompt = count_of(&c, S("promptTokenCount")), candidates = count_of(&c, S("candidatesTokenCount"));
    int64_t thoughts = count_of(&c, S("thoughtsTokenCount")), tools = count_of(&c, S("toolUsePromptTokenCount"));
    int64_t cached = count_of(&c, S("cachedContentTokenCount")), total = count_of(&c, S("totalTokenCount"));
    out->flags = c.flags;
    if (!c.any) return;

    int64_t audio = detail(&c, S("promptTokensDetails"), S("AUDIO"), 4);
    int64_t cached_audio = detail(&c, S("cacheTokensDetails"), S("AUDIO"), 4);
    int64_t tool_audio = detail(&c, S("toolUsePromptTokensDetails"), S("AUDIO"), 4);
    int64_t input = prompt, output = candidates, sum = prompt + candidates + thoughts + tools;
    out->units[UNIT_CACHE_READ] = take(&c, &input, cached);
    out->units[UNIT_AUDIO_IN] = take(&c, &input, audio > cached_audio ? audio - cached_audio : 0);
    out->units[UNIT_AUDIO_IN] += take(&c, &tools, tool_audio);
    out->units[UNIT_INPUT] = input + tools;
    out->units[UNIT_AUDIO_OUT] = take(&c, &output, detail(&c, S("candidatesTokensDetails"), S("AUDIO"), 4));
    out->units[UNIT_IMAGE] = take(&c, &output, detail(&c, S("candidatesTokensDetails"), S("IMAGE"), 2));
    out->units[UNIT_OUTPUT] = output;
    out->units[UNIT_REASONING] = thoughts;
    out->units[UNIT_REQUESTS] = 1;
    out->flags = c.flags | (total && total != sum ? (uint32_t)USAGE_TOTAL_DIFFERS : 0);
    out->known = true;
}
