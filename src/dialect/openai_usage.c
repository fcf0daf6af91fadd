/* Usage objects of the OpenAI family made disjoint. The counts overlap: what was
 * read from a cache is part of the prompt, reasoning is part of the completion,
 * and some providers keep a part outside its whole. Where the total tells which,
 * it decides; else the provider's quirks do. */
#include "dialect/openai.h"

/* More is no count of tokens but a mistake. Also keeps every sum within range. */
#define COUNT_MAX INT64_C(1000000000000)

struct counts {
    const struct json *doc;
    json_ref usage, in, out; /* the object, and its details where it has them */
    uint32_t quirks;
    uint32_t flags;
    int64_t prompt, completion, total; /* -1: not given */
    int64_t cached, cache_write, audio_in;
    int64_t reasoning, audio_out;
    int64_t beside; /* reasoning that is never in completion_tokens */
};

/* "12.0" and "1e3" are counts, "12.5" is none: digits with a point and an exponent
 * that make a whole number. */
static bool whole(str s, int64_t *out)
{
    int64_t digits = 0, exponent = 0;
    size_t i = 0;
    bool point = false;
    for (; i < s.n && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9')); i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        if (digits > COUNT_MAX) return false;
        digits = digits * 10 + (s.p[i] - '0');
        exponent -= point;
    }
    if (i < s.n) { /* the parser has seen that only an exponent can follow */
        str rest = str_from_at(s, i + 1);
        if (str_starts(rest, S("+"))) rest = str_from_at(rest, 1);
        int64_t e;
        if (!str_to_i64(rest, &e) || e > 18 || e < -18) return false;
        exponent += e;
    }
    for (; exponent > 0 && digits <= COUNT_MAX; exponent--) digits *= 10;
    for (; exponent < 0 && digits % 10 == 0; exponent++) {
        digits /= 10;
        if (!digits) exponent = -1;
    }
    *out = digits;
    return exponent == 0 && digits <= COUNT_MAX;
}

int64_t usage_count(const struct json *doc, json_ref at, uint32_t *flags)
{
    int64_t v;
    if (!at) return -1;
    if (json_i64(doc, at, &v) && v >= 0 && v <= COUNT_MAX) return v;
    str raw = json_raw(doc, at);
    if (json_type(doc, at) == JSON_NUMBER && raw.p[0] != '-' && whole(raw, &v)) return v;
    *flags |= USAGE_NOT_A_COUNT;
    return -1;
}

/* -1 where there is none. */
static int64_t count_at(struct counts *c, json_ref at)
{
    return usage_count(c->doc, at, &c->flags);
}

/* The count under `key` of the usage object (which may be the root). */
static int64_t count_of(struct counts *c, str key)
{
    return count_at(c, openai_find(c->doc, c->usage, key));
}

/* ... of an object in it, which may be missing. */
static int64_t count_in(struct counts *c, json_ref object, str key)
{
    return object ? count_at(c, openai_find(c->doc, object, key)) : -1;
}

static int64_t or_zero(int64_t v)
{
    return v < 0 ? 0 : v;
}

/* The first of several names that is there. */
static int64_t first_of(struct counts *c, const str *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t v = count_of(c, keys[i]);
        if (v >= 0) return v;
    }
    return -1;
}

static json_ref details_of(const struct json *doc, json_ref usage, str key, str other)
{
    json_ref at = openai_find(doc, usage, key);
    if (!at) at = openai_find(doc, usage, other);
    return at && json_type(doc, at) == JSON_OBJECT ? at : JSON_ABSENT;
}

static int64_t read_cached(struct counts *c)
{
    static const str hit[] = {STR_INIT("prompt_cache_hit_tokens")};
    static const str flat[] = {STR_INIT("cached_tokens")};
    static const str others[] = {STR_INIT("prompt_cache_hit_tokens"), STR_INIT("cached_tokens"),
                                 STR_INIT("num_cached_tokens"), STR_INIT("cached_prompt_text_tokens")};
    int64_t v = -1;
    if (c->quirks & QUIRK_CACHE_MISS) v = first_of(c, hit, COUNT_OF(hit));
    if (v < 0 && c->quirks & QUIRK_FLAT_CACHED) v = first_of(c, flat, COUNT_OF(flat));
    if (v < 0) v = count_in(c, c->in, S("cached_tokens"));
    if (v < 0) v = first_of(c, others, COUNT_OF(others));
    return or_zero(v);
}

static void read_counts(struct counts *c)
{
    static const str prompt[] = {STR_INIT("prompt_tokens"), STR_INIT("input_tokens")};
    static const str completion[] = {STR_INIT("completion_tokens"), STR_INIT("output_tokens")};
    c->in = details_of(c->doc, c->usage, S("prompt_tokens_details"), S("input_tokens_details"));
    c->out = details_of(c->doc, c->usage, S("completion_tokens_details"), S("output_tokens_details"));
    c->prompt = first_of(c, prompt, COUNT_OF(prompt));
    c->completion = first_of(c, completion, COUNT_OF(completion));
    c->total = count_of(c, S("total_tokens"));
    c->cached = read_cached(c);
    c->cache_write = or_zero(count_in(c, c->in, S("cache_write_tokens")));
    c->audio_in = or_zero(count_in(c, c->in, S("audio_tokens")));
    c->reasoning = count_in(c, c->out, S("reasoning_tokens"));
    c->audio_out = or_zero(count_in(c, c->out, S("audio_tokens")));
    int64_t miss = count_of(c, S("prompt_cache_miss_tokens"));
    if (miss >= 0 && c->prompt < 0) c->prompt = c->cached + miss;
    if (miss >= 0 && c->prompt != c->cached + miss) c->flags |= USAGE_TOTAL_DIFFERS;

    /* Perplexity's deep research: reasoning stands flat, in no total, and is paid beside the completion. */
    int64_t flat = count_of(c, S("reasoning_tokens"));
    bool research =
        openai_find(c->doc, c->usage, S("num_search_queries")) || openai_find(c->doc, c->usage, S("citation_tokens"));
    if (flat >= 0 && c->reasoning < 0) {
        if (research)
            c->beside = flat;
        else
            c->reasoning = flat;
    }
    c->reasoning = or_zero(c->reasoning);
}

/* Which parts stand outside prompt and completion: found by the total. */
static void place_parts(struct counts *c, bool *audio_outside, bool *reasoning_outside)
{
    *audio_outside = c->audio_in && c->quirks & QUIRK_AUDIO_OUTSIDE;
    *reasoning_outside = c->reasoning && c->quirks & QUIRK_REASONING_OUTSIDE;
    if (c->total < 0 || c->prompt < 0 || c->completion < 0) return;
    int64_t rest = c->total - c->prompt - c->completion;
    if (rest == 0) {
        *audio_outside = *reasoning_outside = false;
        return;
    }
    if (rest == (*audio_outside ? c->audio_in : 0) + (*reasoning_outside ? c->reasoning : 0)) return;
    if (c->quirks & QUIRK_REASONING_IS_REST && rest > 0 && !c->reasoning) {
        c->reasoning = rest;
        *reasoning_outside = true;
        return;
    }
    /* not what this provider is known for, but the sum leaves no doubt */
    c->flags |= USAGE_TOTAL_DIFFERS;
    if (c->reasoning && rest == c->reasoning)
        *reasoning_outside = true;
    else if (c->audio_in && rest == c->audio_in)
        *audio_outside = true;
    else if (c->reasoning && c->audio_in && rest == c->reasoning + c->audio_in)
        *audio_outside = *reasoning_outside = true;
}

/* Takes `part` out of `*rest`; a part that is larger than what is left of it is cut. */
static int64_t take(struct counts *c, int64_t *rest, int64_t part)
{
    if (part > *rest) {
        c->flags |= USAGE_CLAMPED;
        part = *rest;
    }
    *rest -= part;
    return part;
}

static void split_prompt(struct counts *c, bool audio_outside, int64_t units[UNIT_COUNT])
{
    int64_t rest = c->prompt, audio = c->audio_in;
    json_ref cached = c->in ? openai_find(c->doc, c->in, S("cached_tokens_details")) : JSON_ABSENT;
    int64_t cached_audio = or_zero(count_in(c, cached, S("audio_tokens"))); /* stands in both: cached once */
    if (cached_audio > audio) cached_audio = audio;
    units[UNIT_CACHE_READ] = take(c, &rest, c->cached);
    units[UNIT_CACHE_WRITE_5M] = take(c, &rest, c->cache_write);
    audio -= cached_audio;
    units[UNIT_AUDIO_IN] = audio_outside ? audio : take(c, &rest, audio);
    units[UNIT_INPUT] = rest + or_zero(count_of(c, S("citation_tokens")));
}

static void split_completion(struct counts *c, bool reasoning_outside, int64_t units[UNIT_COUNT])
{
    int64_t rest = c->completion;
    units[UNIT_REASONING] = (reasoning_outside ? c->reasoning : take(c, &rest, c->reasoning)) + c->beside;
    units[UNIT_AUDIO_OUT] = take(c, &rest, c->audio_out);
    units[UNIT_OUTPUT] = rest;
}

/* Tools that ran at the provider. xAI gives a sum and its parts, OpenRouter
 * counts and searches among them, Perplexity searches alone. */
static void read_tools(struct counts *c, int64_t units[UNIT_COUNT])
{
    json_ref xai = openai_find(c->doc, c->usage, S("server_side_tool_usage_details"));
    json_ref router = openai_find(c->doc, c->usage, S("server_tool_use_details"));
    if (!router) router = openai_find(c->doc, c->usage, S("server_tool_use"));
    int64_t searches =
        or_zero(count_in(c, xai, S("web_search_calls"))) + or_zero(count_in(c, xai, S("x_search_calls"))) +
        or_zero(count_in(c, router, S("web_search_requests"))) + or_zero(count_of(c, S("num_search_queries")));
    int64_t tools =
        or_zero(count_of(c, S("num_server_side_tools_used"))) + or_zero(count_in(c, router, S("tool_calls_executed")));
    units[UNIT_SEARCHES] = searches;
    units[UNIT_TOOL_CALLS] = tools > searches ? tools - searches : 0;
}

void usage_read_openai(const struct json *doc, json_ref usage, uint32_t quirks, struct usage *out)
{
    *out = (struct usage){0};
    if (json_type(doc, usage) != JSON_OBJECT) return;
    struct counts c = {.doc = doc, .usage = usage, .quirks = quirks};
    read_counts(&c);
    bool any = c.prompt >= 0 || c.completion >= 0 || c.total >= 0;
    out->flags = c.flags;
    if (!any) return;

    bool audio_outside, reasoning_outside;
    place_parts(&c, &audio_outside, &reasoning_outside);
    int64_t outside = (audio_outside ? c.audio_in : 0) + (reasoning_outside ? c.reasoning : 0);
    /* one of the two may be missing: embeddings have no completion */
    if (c.prompt < 0) c.prompt = or_zero(c.total - or_zero(c.completion) - outside);
    if (c.completion < 0) c.completion = or_zero(c.total - c.prompt - outside);
    split_prompt(&c, audio_outside, out->units);
    split_completion(&c, reasoning_outside, out->units);
    read_tools(&c, out->units);
    out->units[UNIT_REQUESTS] = 1;
    bool sum = c.total < 0 || c.total == c.prompt + c.completion + outside;
    out->flags = c.flags | (sum ? 0 : (uint32_t)USAGE_TOTAL_DIFFERS);
    out->known = true;
}
