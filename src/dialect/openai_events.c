/* The tap on /v1/responses: typed events that end with a copy of the whole
 * response, and the response itself as a body. */
#include "dialect/openai.h"

/* Output of tools that run at the provider, for their price by call; what an
 * answer's usage has of its own is not replaced. */
static void merge_tools(struct answer *a)
{
    if (!a->usage.known || a->usage.units[UNIT_SEARCHES] || a->usage.units[UNIT_TOOL_CALLS]) return;
    a->usage.units[UNIT_SEARCHES] = a->searches;
    a->usage.units[UNIT_TOOL_CALLS] = a->tool_calls;
}

/* A search is paid; opening a page that it found, or looking within one, is not. */
static bool is_search(const struct json *doc, json_ref item)
{
    json_ref action = openai_find_in(doc, item, S("action"), S("type"));
    return !action || json_type(doc, action) != JSON_STRING || json_string_is(doc, action, S("search"));
}

static void take_item(struct answer *a, const struct json *doc, json_ref item)
{
    static const str tools[] = {STR_INIT("file_search_call"), STR_INIT("code_interpreter_call"),
                                STR_INIT("image_generation_call"), STR_INIT("mcp_call")};
    json_ref type = openai_find(doc, item, S("type"));
    if (!type) return;
    if (json_string_is(doc, type, S("function_call")) || json_string_is(doc, type, S("custom_tool_call")))
        a->tool_used = true;
    if (json_string_is(doc, type, S("web_search_call"))) a->searches += is_search(doc, item);
    for (size_t i = 0; i < COUNT_OF(tools); i++) a->tool_calls += json_string_is(doc, type, tools[i]);
}

static int64_t parts_bytes(struct answer *a, const struct json *doc, json_ref parts)
{
    int64_t bytes = 0;
    if (!parts || json_type(doc, parts) != JSON_ARRAY) return 0;
    for (json_ref part = json_first(doc, parts); part; part = json_next(doc, parts, part)) {
        bytes += answer_take_text(a, doc, json_find(doc, part, S("text"), NULL));
        bytes += answer_take_text(a, doc, json_find(doc, part, S("refusal"), NULL));
    }
    return bytes;
}

static int64_t summary_bytes(const struct json *doc, json_ref parts)
{
    int64_t bytes = 0;
    if (!parts || json_type(doc, parts) != JSON_ARRAY) return 0;
    for (json_ref part = json_first(doc, parts); part; part = json_next(doc, parts, part))
        bytes += openai_string_bytes(doc, json_find(doc, part, S("text"), NULL));
    return bytes;
}

/* The items of a whole response. */
void answer_take_items(struct answer *a, const struct json *doc, json_ref output)
{
    static const str texts[] = {STR_INIT("arguments"), STR_INIT("input"), STR_INIT("code")};
    if (!output || json_type(doc, output) != JSON_ARRAY) return;
    for (json_ref item = json_first(doc, output); item; item = json_next(doc, output, item)) {
        if (json_type(doc, item) != JSON_OBJECT) continue;
        take_item(a, doc, item);
        int64_t bytes = parts_bytes(a, doc, openai_find(doc, item, S("content"))) +
                        summary_bytes(doc, openai_find(doc, item, S("summary")));
        for (size_t i = 0; i < COUNT_OF(texts); i++)
            bytes += answer_take_text(a, doc, json_find(doc, item, texts[i], NULL));
        a->output_events += bytes > 0;
        a->output_bytes += bytes;
    }
}

static str response_error(struct answer *a, const struct json *doc, json_ref response)
{
    str message;
    if (openai_error_find(doc, response, true, a->arena, &message)) return message;
    return S("the provider could not finish the response");
}

/* A response object: inside an event, or (as JSON_ROOT) a body. `status` tells how far it is. */
void answer_take_response(struct answer *a, uint32_t quirks, const struct json *doc, json_ref response)
{
    json_ref status = openai_find(doc, response, S("status"));
    if (!status) return;
    json_ref store = openai_find(doc, response, S("store"));
    if (!store || json_type(doc, store) != JSON_FALSE) answer_keep(a, &a->id, doc, openai_find(doc, response, S("id")));
    answer_keep(a, &a->model, doc, openai_find(doc, response, S("model")));
    answer_keep_tier(a, doc, openai_find(doc, response, S("service_tier")));
    answer_take_usage(a, quirks, doc, openai_find(doc, response, S("usage")));
    merge_tools(a);

    bool incomplete = json_string_is(doc, status, S("incomplete"));
    if (json_string_is(doc, status, S("failed")) || json_string_is(doc, status, S("cancelled"))) {
        a->ended = true;
        answer_fail_told(a, doc, response, response_error(a, doc, response));
    } else if (incomplete || json_string_is(doc, status, S("completed"))) {
        json_ref reason = json_find(doc, response, S("incomplete_details"), NULL);
        if (reason) reason = openai_find(doc, reason, S("reason"));
        answer_keep(a, &a->finish, doc, incomplete && reason ? reason : status);
        a->finished = a->ended = true;
        a->choices_seen = a->choices_finished = 1;
    }
}

static bool is_audio(str type)
{
    return str_eq(type, S("response.audio.delta")) || str_eq(type, S("response.output_audio.delta"));
}

enum tap_verdict answer_take_event(struct answer *a, uint32_t quirks, const struct json *doc, str type)
{
    json_ref response = openai_find(doc, JSON_ROOT, S("response"));
    int64_t sequence;
    if (json_i64(doc, openai_find(doc, JSON_ROOT, S("sequence_number")), &sequence)) a->sequence = sequence;
    if (str_ends(type, S(".delta")) && !is_audio(type)) {
        json_ref delta = json_find(doc, JSON_ROOT, S("delta"), NULL);
        bool thought = str_starts(type, S("response.reasoning"));
        int64_t bytes = thought ? openai_string_bytes(doc, delta) : answer_take_text(a, doc, delta);
        a->output_events += bytes > 0;
        a->output_bytes += bytes;
        return TAP_PASS;
    }
    if (str_eq(type, S("response.output_item.done"))) {
        json_ref item = openai_find(doc, JSON_ROOT, S("item"));
        if (item) take_item(a, doc, item);
        return TAP_PASS;
    }
    if (!response) return TAP_PASS;
    bool failed = str_eq(type, S("response.failed")) || str_eq(type, S("response.cancelled"));
    bool last = str_eq(type, S("response.completed")) || str_eq(type, S("response.incomplete"));
    answer_take_response(a, quirks, doc, response);
    if (failed) {
        a->ended = true;
        answer_fail_told(a, doc, response, response_error(a, doc, response));
        return TAP_ERROR;
    }
    if (!last) return TAP_PASS;
    a->finished = a->ended = true; /* whatever `status` says, or does not */
    a->choices_seen = a->choices_finished = 1;
    return TAP_END;
}

/* An error may stand beside the response that failed. */
void responses_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    json_ref response = openai_find(doc, JSON_ROOT, S("response"));
    openai_tap_frame(a, quirks, doc);
    if (response) answer_take_response(a, quirks, doc, response);
}
