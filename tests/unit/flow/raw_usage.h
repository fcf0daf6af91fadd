/* What a recorded answer used, counted a second time: the usage objects are found in the bytes
 * as they came, without framing, and added up by the arithmetic that was measured for each
 * provider. Nothing of src/dialect is used but the names of kinds.
 *
 *   chat, responses  what was read from or written to a cache, and audio, are part of the
 *                    prompt; reasoning and audio part of the completion; a part is no larger
 *                    than its whole; what the total has above both stands outside of them
 *   messages         cache beside the input; the last object replaces what it tells
 *   gemini           total = prompt + candidates + thoughts + tool use; cache in the prompt
 *   converse         cache beside the input, unless the total says that it is in it
 *   cohere           billed units, not tokens */
#ifndef TESTS_RAW_USAGE_H
#define TESTS_RAW_USAGE_H

#include "base/json.h"
#include "dialect/call.h"

enum { RAW_OBJECTS_MAX = 4096 };

/* The usage objects of an answer, parsed, in their order. */
struct raw_usage {
    struct json *at;
    size_t count;
};

typedef int64_t raw_units[UNIT_COUNT];

/* ---- finding them */

/* The object that begins at `from`; empty where none is. */
static inline str raw_object(str text, size_t from)
{
    int depth = 0;
    bool quoted = false;
    if (from >= text.n || text.p[from] != '{') return STR_NONE;
    for (size_t i = from; i < text.n; i++) {
        char c = text.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '{')
            depth++;
        else if (!quoted && c == '}' && --depth == 0)
            return str_of(text.p + from, i + 1 - from);
    }
    return STR_NONE;
}

/* Every object under `key`, quotes included; keys inside strings have escaped quotes. */
static inline void raw_find(struct raw_usage *all, str text, str key)
{
    for (size_t at = 0; (at = str_find(text, key, at)) != SIZE_MAX; at += key.n) {
        size_t from = at + key.n;
        while (from < text.n && (text.p[from] == ' ' || text.p[from] == ':' || text.p[from] == '\n')) from++;
        str object = at && text.p[at - 1] == '\\' ? STR_NONE : raw_object(text, from);
        struct json_fail why;
        if (!object.n || all->count == RAW_OBJECTS_MAX) continue;
        struct json *doc = &all->at[all->count];
        json_init(doc);
        if (json_parse(doc, object, &why))
            all->count++;
        else
            json_free(doc);
    }
}

/* -1: not there, or no number. */
static inline int64_t raw_number(const struct json *doc, str a, str b)
{
    int64_t v;
    json_ref at = json_find(doc, JSON_ROOT, a, NULL);
    if (b.n && at) at = json_type(doc, at) == JSON_OBJECT ? json_find(doc, at, b, NULL) : JSON_ABSENT;
    return at && json_i64(doc, at, &v) ? v : -1;
}

static inline int64_t raw_at(const struct json *doc, const char *key)
{
    return raw_number(doc, str_from(key), STR_NONE);
}

static inline int64_t raw_in(const struct json *doc, const char *object, const char *key)
{
    return raw_number(doc, str_from(object), str_from(key));
}

static inline int64_t raw_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t raw_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The object that counts: the last one that tells `a` or `b`. NULL: none does. */
static inline const struct json *raw_last(const struct raw_usage *all, str a, str b)
{
    for (size_t i = all->count; i > 0; i--)
        if (raw_number(&all->at[i - 1], a, STR_NONE) >= 0 || raw_number(&all->at[i - 1], b, STR_NONE) >= 0)
            return &all->at[i - 1];
    return NULL;
}

/* ---- the arithmetic */

static inline bool raw_openai(const struct raw_usage *all, raw_units u)
{
    const struct json *d = raw_last(all, S("total_tokens"), S("prompt_tokens"));
    if (!d) d = raw_last(all, S("input_tokens"), S("output_tokens"));
    if (!d) return false;
    int64_t total = raw_at(d, "total_tokens");
    int64_t prompt = raw_most(raw_at(d, "prompt_tokens"), raw_at(d, "input_tokens"));
    int64_t completion = raw_most(0, raw_most(raw_at(d, "completion_tokens"), raw_at(d, "output_tokens")));
    int64_t cached = raw_most(raw_in(d, "prompt_tokens_details", "cached_tokens"),
                              raw_in(d, "input_tokens_details", "cached_tokens"));
    int64_t written = raw_most(raw_in(d, "prompt_tokens_details", "cache_write_tokens"),
                               raw_in(d, "input_tokens_details", "cache_write_tokens"));
    int64_t reasoning = raw_most(raw_in(d, "completion_tokens_details", "reasoning_tokens"),
                                 raw_in(d, "output_tokens_details", "reasoning_tokens"));
    int64_t heard =
        raw_most(raw_in(d, "prompt_tokens_details", "audio_tokens"), raw_in(d, "input_token_details", "audio_tokens"));
    int64_t spoken = raw_most(0, raw_in(d, "completion_tokens_details", "audio_tokens"));
    if (cached < 0) cached = raw_most(raw_at(d, "cached_tokens"), raw_at(d, "num_cached_tokens"));
    if (raw_at(d, "prompt_cache_hit_tokens") >= 0) { /* prompt = hit + miss */
        cached = raw_at(d, "prompt_cache_hit_tokens");
        if (prompt != cached + raw_at(d, "prompt_cache_miss_tokens")) return false;
    }
    if (prompt < 0) prompt = total;
    heard = raw_most(0, heard);
    int64_t beside = total < 0 ? 0 : total - prompt - completion; /* Mistral's audio */
    if (beside != 0 && beside != heard) return false;
    int64_t rest = prompt + beside - heard;
    u[UNIT_AUDIO_IN] = heard;
    u[UNIT_CACHE_READ] = raw_least(raw_most(0, cached), rest);
    u[UNIT_CACHE_WRITE_5M] = raw_least(raw_most(0, written), rest - u[UNIT_CACHE_READ]);
    u[UNIT_INPUT] = rest - u[UNIT_CACHE_READ] - u[UNIT_CACHE_WRITE_5M];
    u[UNIT_REASONING] = raw_least(raw_most(0, reasoning), completion);
    u[UNIT_AUDIO_OUT] = spoken;
    u[UNIT_OUTPUT] = completion - u[UNIT_REASONING] - spoken;
    /* searches are tool calls of their own kind */
    u[UNIT_SEARCHES] = raw_most(0, raw_in(d, "server_side_tool_usage_details", "web_search_calls")) +
                       raw_most(0, raw_in(d, "server_side_tool_usage_details", "x_search_calls")) +
                       raw_most(0, raw_in(d, "server_tool_use_details", "web_search_requests"));
    u[UNIT_TOOL_CALLS] = raw_most(0, raw_at(d, "num_server_side_tools_used")) +
                         raw_most(0, raw_in(d, "server_tool_use_details", "tool_calls_executed"));
    u[UNIT_TOOL_CALLS] = raw_most(0, u[UNIT_TOOL_CALLS] - u[UNIT_SEARCHES]);
    return true;
}

static inline bool raw_transcription(const struct raw_usage *all, raw_units u)
{
    const struct json *d = raw_last(all, S("seconds"), S("input_tokens"));
    if (!d) return raw_openai(all, u);
    u[UNIT_SECONDS] = raw_most(0, raw_at(d, "seconds"));
    u[UNIT_OUTPUT] = raw_most(0, raw_at(d, "output_tokens"));
    u[UNIT_AUDIO_IN] = raw_most(0, raw_in(d, "input_token_details", "audio_tokens"));
    u[UNIT_INPUT] = raw_most(0, raw_at(d, "input_tokens") - u[UNIT_AUDIO_IN]);
    return true;
}

/* A field as the last object tells it that does. */
static inline int64_t raw_latest(const struct raw_usage *all, str a, str b)
{
    int64_t v = -1;
    for (size_t i = all->count; i > 0 && v < 0; i--) v = raw_number(&all->at[i - 1], a, b);
    return raw_most(0, v);
}

/* Steps that are not the message's own are billed beside it. */
static inline void raw_steps(const struct json *d, raw_units u)
{
    json_ref list = json_find(d, JSON_ROOT, S("iterations"), NULL);
    for (json_ref at = list ? json_first(d, list) : JSON_ABSENT; at; at = json_next(d, list, at)) {
        static const struct {
            const char *key;
            enum unit unit;
        } fields[] = {{"input_tokens", UNIT_INPUT},
                      {"output_tokens", UNIT_OUTPUT},
                      {"cache_read_input_tokens", UNIT_CACHE_READ},
                      {"cache_creation_input_tokens", UNIT_CACHE_WRITE_5M}};
        int64_t v;
        if (json_string_is(d, json_find(d, at, S("type"), NULL), S("message"))) continue;
        for (size_t i = 0; i < COUNT_OF(fields); i++) {
            json_ref field = json_find(d, at, str_from(fields[i].key), NULL);
            if (field && json_i64(d, field, &v)) u[fields[i].unit] += v;
        }
    }
}

static inline bool raw_messages(const struct raw_usage *all, raw_units u)
{
    if (!all->count) return false;
    int64_t written = raw_latest(all, S("cache_creation_input_tokens"), STR_NONE);
    int64_t hour = raw_latest(all, S("cache_creation"), S("ephemeral_1h_input_tokens"));
    u[UNIT_INPUT] = raw_latest(all, S("input_tokens"), STR_NONE);
    u[UNIT_CACHE_READ] = raw_latest(all, S("cache_read_input_tokens"), STR_NONE);
    u[UNIT_CACHE_WRITE_1H] = raw_least(hour, written);
    u[UNIT_CACHE_WRITE_5M] = written - u[UNIT_CACHE_WRITE_1H]; /* what no lifetime is told for lives five minutes */
    u[UNIT_REASONING] = raw_latest(all, S("output_tokens_details"), S("thinking_tokens"));
    u[UNIT_OUTPUT] = raw_latest(all, S("output_tokens"), STR_NONE) - u[UNIT_REASONING];
    u[UNIT_SEARCHES] = raw_latest(all, S("server_tool_use"), S("web_search_requests"));
    u[UNIT_TOOL_CALLS] = raw_latest(all, S("server_tool_use"), S("web_fetch_requests"));
    raw_steps(&all->at[all->count - 1], u);
    return true;
}

/* Tokens of a modality in one of the lists of details; protobuf's number where it is written so. */
static inline int64_t raw_modality(const struct json *d, str list_name, str name, int64_t number)
{
    int64_t sum = 0, v;
    json_ref list = json_find(d, JSON_ROOT, list_name, NULL);
    for (json_ref at = list ? json_first(d, list) : JSON_ABSENT; at; at = json_next(d, list, at)) {
        json_ref modality = json_find(d, at, S("modality"), NULL), count = json_find(d, at, S("tokenCount"), NULL);
        bool is = json_string_is(d, modality, name) || (json_i64(d, modality, &v) && v == number);
        if (is && count && json_i64(d, count, &v)) sum += v;
    }
    return sum;
}

static inline bool raw_gemini(const struct raw_usage *all, raw_units u)
{
    const struct json *d = raw_last(all, S("totalTokenCount"), S("promptTokenCount"));
    if (!d) return all->count > 0; /* a prompt that was blocked: protobuf leaves out what is zero */
    int64_t tools = raw_most(0, raw_at(d, "toolUsePromptTokenCount"));
    int64_t heard = raw_modality(d, S("promptTokensDetails"), S("AUDIO"), 4);
    heard = raw_most(0, heard - raw_modality(d, S("cacheTokensDetails"), S("AUDIO"), 4));
    u[UNIT_CACHE_READ] = raw_most(0, raw_at(d, "cachedContentTokenCount"));
    u[UNIT_AUDIO_IN] = heard;
    u[UNIT_INPUT] = raw_most(0, raw_at(d, "promptTokenCount")) - u[UNIT_CACHE_READ] - heard + tools;
    u[UNIT_REASONING] = raw_most(0, raw_at(d, "thoughtsTokenCount"));
    u[UNIT_AUDIO_OUT] = raw_modality(d, S("candidatesTokensDetails"), S("AUDIO"), 4);
    u[UNIT_IMAGE] = raw_modality(d, S("candidatesTokensDetails"), S("IMAGE"), 2);
    u[UNIT_OUTPUT] = raw_most(0, raw_at(d, "candidatesTokenCount")) - u[UNIT_AUDIO_OUT] - u[UNIT_IMAGE];
    return true;
}

static inline bool raw_converse(const struct raw_usage *all, raw_units u)
{
    const struct json *d = raw_last(all, S("inputTokens"), S("outputTokens"));
    if (!d) return false;
    int64_t read = raw_most(raw_at(d, "cacheReadInputTokens"), raw_at(d, "cacheReadInputTokenCount"));
    int64_t written = raw_most(raw_at(d, "cacheWriteInputTokens"), raw_at(d, "cacheWriteInputTokenCount"));
    u[UNIT_CACHE_READ] = raw_most(0, read);
    u[UNIT_CACHE_WRITE_5M] = raw_most(0, written);
    u[UNIT_OUTPUT] = raw_most(0, raw_at(d, "outputTokens"));
    u[UNIT_INPUT] = raw_at(d, "totalTokens") - u[UNIT_OUTPUT] - u[UNIT_CACHE_READ] - u[UNIT_CACHE_WRITE_5M];
    return true;
}

static inline bool raw_cohere(const struct raw_usage *all, raw_units u)
{
    for (size_t i = all->count; i > 0; i--) {
        const struct json *d = &all->at[i - 1];
        if (!json_find(d, JSON_ROOT, S("billed_units"), NULL)) continue;
        u[UNIT_INPUT] = raw_most(0, raw_in(d, "billed_units", "input_tokens"));
        u[UNIT_REASONING] = raw_most(0, raw_in(d, "tokens", "reasoning_tokens"));
        u[UNIT_OUTPUT] = raw_most(0, raw_in(d, "billed_units", "output_tokens")) - u[UNIT_REASONING];
        u[UNIT_SEARCHES] = raw_most(0, raw_in(d, "billed_units", "search_units"));
        u[UNIT_IMAGE] = raw_most(0, raw_in(d, "billed_units", "images"));
        return true;
    }
    return false;
}

/* Vertex's embeddings: a count for each of them. */
static inline bool raw_predict(const struct raw_usage *all, raw_units u)
{
    for (size_t i = 0; i < all->count; i++) u[UNIT_INPUT] += raw_most(0, raw_at(&all->at[i], "token_count"));
    return all->count > 0;
}

static inline str raw_key(enum call_kind kind)
{
    if (kind == CALL_PREDICT) return S("\"statistics\"");
    if (kind == CALL_COHERE_EMBED || kind == CALL_COHERE_RERANK) return S("\"meta\"");
    return call_kind_dialect(kind) == DIALECT_GEMINI ? S("\"usageMetadata\"") : S("\"usage\"");
}

static inline bool raw_count(enum call_kind kind, const struct raw_usage *all, raw_units u)
{
    if (kind == CALL_PREDICT) return raw_predict(all, u);
    if (kind == CALL_TRANSCRIPTIONS) return raw_transcription(all, u);
    switch (call_kind_dialect(kind)) {
    case DIALECT_CHAT:
    case DIALECT_RESPONSES:
        return raw_openai(all, u);
    case DIALECT_MESSAGES:
        return raw_messages(all, u);
    case DIALECT_GEMINI:
        return raw_gemini(all, u);
    case DIALECT_CONVERSE:
        return raw_converse(all, u);
    case DIALECT_COHERE:
        return raw_cohere(all, u);
    case DIALECT_COUNT:
        break;
    }
    return false;
}

/* False: the answer tells no usage, or one that the arithmetic does not hold for. */
static inline bool raw_usage_of(enum call_kind kind, str body, raw_units u)
{
    static struct json objects[RAW_OBJECTS_MAX];
    struct raw_usage all = {.at = objects};
    memset(u, 0, sizeof(raw_units));
    raw_find(&all, body, raw_key(kind));
    bool told = raw_count(kind, &all, u);
    for (size_t i = 0; i < all.count; i++) json_free(&all.at[i]);
    if (told) u[UNIT_REQUESTS] = 1;
    return told;
}

#endif
