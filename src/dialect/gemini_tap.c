/* The tap on GenerateContentResponse, whole and in chunks. A stream has no last event:
 * it is complete when every candidate has its finishReason, or when the prompt was blocked. */
#include "dialect/gemini.h"

/* ---- what an answer is labelled with */

/* Vertex tells the tier by the kind of traffic. */
str gemini_traffic_tier(const struct json *doc, json_ref usage)
{
    json_ref at = openai_find(doc, usage, S("trafficType"));
    if (!at) return STR_NONE;
    if (json_string_is(doc, at, S("ON_DEMAND_PRIORITY"))) return S("priority");
    if (json_string_is(doc, at, S("ON_DEMAND_FLEX"))) return S("flex");
    return STR_NONE;
}

static void take_usage(struct answer *a, const struct json *doc)
{
    json_ref usage = openai_find(doc, JSON_ROOT, S("usageMetadata"));
    struct usage read;
    if (!usage || json_type(doc, usage) != JSON_OBJECT) return;
    str tier = gemini_traffic_tier(doc, usage);
    answer_keep_tier(a, doc, openai_find(doc, usage, S("serviceTier")));
    if (tier.n) a->service_tier = tier;
    gemini_usage(doc, usage, &read);
    if (!read.known) { /* early chunks on Vertex have nothing but the kind of traffic */
        a->usage.flags |= read.flags;
        if (!a->usage_raw.n) answer_keep_usage(a, json_raw(doc, usage));
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, usage));
}

/* ---- searches
 *
 * Google bills grounding by the answer until Gemini 2.5 (one price, however many searches
 * it took) and by the query from Gemini 3 on. An empty query is not billed. Chunks repeat
 * the metadata of a candidate: the largest figure counts. */

static bool bills_queries(str model)
{
    int generation = gemini_generation(model);
    return generation == 0 || generation >= 30;
}

static int64_t count_queries(const struct json *doc, json_ref candidate)
{
    int64_t count = 0;
    json_ref list = openai_find_in(doc, candidate, S("groundingMetadata"), S("webSearchQueries"));
    if (!list || json_type(doc, list) != JSON_ARRAY) return 0;
    for (json_ref q = json_first(doc, list); q; q = json_next(doc, list, q)) count += openai_string_bytes(doc, q) > 0;
    return count;
}

static void take_searches(struct answer *a, const struct json *doc, json_ref candidate)
{
    int64_t queries = count_queries(doc, candidate);
    if (queries > 1 && !bills_queries(a->model)) queries = 1;
    if (queries > a->searches) a->searches = queries;
}

/* ---- candidates */

static int64_t part_bytes(struct answer *a, const struct json *doc, json_ref part)
{
    json_ref call = openai_find(doc, part, S("functionCall")), text = openai_find(doc, part, S("text"));
    json_ref code = openai_find_in(doc, part, S("executableCode"), S("code"));
    bool thought = json_is_true(doc, openai_find(doc, part, S("thought")));
    int64_t bytes = !text ? 0 : thought ? openai_string_bytes(doc, text) : answer_take_text(a, doc, text);
    if (code) bytes += answer_take_text(a, doc, code);
    if (!call || json_type(doc, call) != JSON_OBJECT) return bytes;
    json_ref name = openai_find(doc, call, S("name")), args = openai_find(doc, call, S("args"));
    a->tool_used = true;
    if (name) bytes += answer_take_text(a, doc, name);
    return args ? bytes + answer_take_value(a, doc, args) : bytes;
}

static void mark(uint64_t bits[2], int64_t index, int64_t *count)
{
    uint64_t bit = UINT64_C(1) << (index & 63);
    uint64_t *word = &bits[index >> 6];
    if (!(*word & bit)) ++*count;
    *word |= bit;
}

/* An enum may stand as a number, where the client asked for that. */
static bool is_finish(const struct json *doc, json_ref at)
{
    int64_t number;
    if (!at) return false;
    if (json_type(doc, at) != JSON_STRING) return json_i64(doc, at, &number) && number > 0;
    return !json_string_is(doc, at, S("")) && !json_string_is(doc, at, S("FINISH_REASON_UNSPECIFIED"));
}

static void take_candidate(struct answer *a, const struct json *doc, json_ref candidate, int64_t place)
{
    int64_t index = place, bytes = 0;
    json_ref at = openai_find(doc, candidate, S("index")), finish = openai_find(doc, candidate, S("finishReason"));
    if (at && !json_i64(doc, at, &index)) index = place;
    index = index < 0 ? 0 : index > 127 ? 127 : index;
    mark(a->seen, index, &a->choices_seen);
    json_ref parts = openai_find_in(doc, candidate, S("content"), S("parts"));
    bool list = parts && json_type(doc, parts) == JSON_ARRAY;
    for (json_ref p = list ? json_first(doc, parts) : JSON_ABSENT; p; p = json_next(doc, parts, p))
        if (json_type(doc, p) == JSON_OBJECT) bytes += part_bytes(a, doc, p);
    a->output_events += bytes > 0;
    a->output_bytes += bytes;
    take_searches(a, doc, candidate);
    if (!is_finish(doc, finish)) return;
    answer_keep(a, &a->finish, doc, finish);
    mark(a->done, index, &a->choices_finished);
}

/* A prompt that was blocked has no candidates, and no counts where nothing is billed. */
static void take_block(struct answer *a, const struct json *doc)
{
    json_ref reason = openai_find_in(doc, JSON_ROOT, S("promptFeedback"), S("blockReason"));
    if (!reason || a->choices_seen) return;
    answer_keep(a, &a->finish, doc, reason);
    a->finished = !a->failed;
    if (!a->usage.known && openai_find(doc, JSON_ROOT, S("usageMetadata"))) {
        a->usage.known = true;
        a->usage.units[UNIT_REQUESTS] = 1;
    }
}

void gemini_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    (void)quirks;
    answer_keep(a, &a->model, doc, openai_find(doc, JSON_ROOT, S("modelVersion")));
    take_usage(a, doc);
}

enum tap_verdict gemini_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event)
{
    int64_t place = 0;
    json_ref list = openai_find(doc, JSON_ROOT, S("candidates"));
    (void)kind, (void)event;
    gemini_tap_frame(a, quirks, doc);
    bool array = list && json_type(doc, list) == JSON_ARRAY;
    for (json_ref c = array ? json_first(doc, list) : JSON_ABSENT; c; c = json_next(doc, list, c), place++)
        if (json_type(doc, c) == JSON_OBJECT) take_candidate(a, doc, c, place);
    if (a->usage.known) a->usage.units[UNIT_SEARCHES] = a->searches;
    bool all = a->choices_seen > 0 && a->choices_finished >= a->choices_seen;
    a->finished = all && a->choices_seen >= a->choices_expected && !a->failed;
    take_block(a, doc);
    return TAP_PASS;
}

/* Counting tokens costs nothing. */
static void take_count(struct answer *a)
{
    a->usage = (struct usage){.known = true};
    a->usage.units[UNIT_REQUESTS] = 1;
}

void gemini_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    if (kind == CALL_GEMINI_COUNT)
        take_count(a);
    else
        (void)gemini_tap_event(a, kind, quirks, doc, STR_NONE);
    a->finished = a->ended = !a->failed; /* a body that is whole is an answer that is */
}
