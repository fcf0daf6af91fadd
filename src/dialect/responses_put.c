/* Writing what calls, answers and streams have in common: items, parts, usage, and
 * the frame of a response around its items. */
#include "dialect/responses.h"

/* ---- status */

static bool is_filtered(enum canon_stop stop, bool refused)
{
    return stop == STOP_FILTER || (stop == STOP_REFUSAL && !refused);
}

str responses_status(enum canon_stop stop, bool refused)
{
    if (stop == STOP_ERROR) return S("failed");
    return responses_incomplete_reason(stop, refused).n ? S("incomplete") : S("completed");
}

/* A refusal in words is a whole answer. */
str responses_incomplete_reason(enum canon_stop stop, bool refused)
{
    if (stop == STOP_LENGTH || stop == STOP_CONTEXT) return S("max_output_tokens");
    return is_filtered(stop, refused) ? S("content_filter") : S("");
}

enum canon_stop responses_stop(str status, str reason, bool tool, bool refused)
{
    if (str_eq(status, S("incomplete"))) return str_eq(reason, S("content_filter")) ? STOP_FILTER : STOP_LENGTH;
    if (str_eq(status, S("failed")) || str_eq(status, S("cancelled"))) return STOP_ERROR;
    if (str_eq(status, S("queued")) || str_eq(status, S("in_progress"))) return STOP_NONE;
    return tool ? STOP_TOOL : refused ? STOP_REFUSAL : STOP_END;
}

str responses_id(struct arena *arena, const char *prefix, str seed, int64_t index)
{
    return arena_printf(arena, "%s%" STR_FMT "%02llx", prefix, STR_ARG(seed), (unsigned long long)index);
}

/* ---- names in namespaces */

/* The namespace that `name` stands in: the longest among `groups` ("a,b,c") that it begins with. */
static str group_of(str name, str groups)
{
    str best = STR_NONE;
    for (str rest = groups; rest.n;) {
        str group = str_cut(&rest, ',');
        if (group.n <= best.n || name.n <= group.n + 2 || !str_starts(name, group)) continue;
        if (str_starts(str_from_at(name, group.n), S("__"))) best = group;
    }
    return best;
}

void responses_put_name(struct buf *out, str name, str group, str groups)
{
    if (!group.n) group = group_of(name, groups);
    bool inside = group.n && name.n > group.n + 2 && str_starts(name, group);
    canon_key(out, S("name"));
    buf_add_json(out, inside ? str_from_at(name, group.n + 2) : name);
    if (inside) canon_put_text(out, S("namespace"), group);
}

/* ---- items */

static bool has_member(const struct canon_extras *extras, str quoted)
{
    return extras->of == DIALECT_RESPONSES && str_find(extras->members, quoted, 0) != SIZE_MAX;
}

void responses_put_call(struct buf *out, const struct canon_part *part, str id, str status, str groups)
{
    const struct canon_tool_use *t = &part->tool;
    buf_add(out, t->custom ? S("{\"type\":\"custom_tool_call\"") : S("{\"type\":\"function_call\""));
    canon_put_text(out, S("id"), id);
    if (status.n && !has_member(&part->item, S("\"status\":"))) canon_put_text(out, S("status"), status);
    canon_key(out, S("call_id"));
    buf_add_json(out, t->id);
    responses_put_name(out, t->name, t->group, groups);
    canon_key(out, t->custom ? S("input") : S("arguments"));
    buf_add_json(out, t->arguments.n || t->custom ? t->arguments : S("{}"));
    canon_put_extras(out, &part->item, DIALECT_RESPONSES);
    buf_add_byte(out, '}');
}

/* Chat wraps the list: {"content":[...],"refusal":null}. */
void responses_put_logprobs(struct buf *out, jraw logprobs)
{
    struct json doc;
    struct json_fail why;
    str list = S("[]");
    json_init(&doc);
    if (str_starts(logprobs.json, S("["))) {
        list = logprobs.json;
    } else if (str_starts(logprobs.json, S("{")) && json_parse(&doc, logprobs.json, &why)) {
        json_ref content = openai_find(&doc, JSON_ROOT, S("content"));
        if (content && json_type(&doc, content) == JSON_ARRAY) list = json_raw(&doc, content);
    }
    buf_add(out, list);
    json_free(&doc);
}

void responses_put_output_part(struct buf *out, struct arena *arena, const struct canon_part *part, jraw logprobs)
{
    bool refusal = part->kind == PART_REFUSAL, own = part->extras.of == DIALECT_RESPONSES;
    if (part->kind == PART_OPAQUE) {
        buf_add(out, part->value.json);
        return;
    }
    buf_add(out, refusal ? S("{\"type\":\"refusal\"") : S("{\"type\":\"output_text\""));
    if (!refusal) {
        canon_key(out, S("annotations"));
        responses_put_citations(out, arena, part);
        if (!own) {
            canon_key(out, S("logprobs"));
            responses_put_logprobs(out, logprobs);
        }
    }
    canon_key(out, refusal ? S("refusal") : S("text"));
    buf_add(out, part->text.json.p ? part->text.json : S("\"\""));
    canon_put_extras(out, &part->extras, DIALECT_RESPONSES);
    buf_add_byte(out, '}');
}

jraw responses_encrypted(struct arena *arena, const struct canon_part *part, enum dialect_id from)
{
    if (!part->signature.json.p) return RAW_NONE;
    jraw own = canon_signature(part, from, DIALECT_RESPONSES);
    if (own.json.p) return own;
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : from;
    return canon_carry(arena, of, part->kind == PART_REDACTED ? CARRY_REDACTED : CARRY_REASONING, part->signature);
}

void responses_put_reasoning(struct buf *out, str id, jraw text, jraw encrypted, str status)
{
    buf_add(out, S("{\"type\":\"reasoning\""));
    canon_put_text(out, S("id"), id);
    canon_put_text(out, S("status"), status);
    canon_key(out, S("summary"));
    buf_add_byte(out, '[');
    if (text.json.n > 2) {
        buf_add(out, S("{\"type\":\"summary_text\",\"text\":"));
        buf_add(out, text.json);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    canon_put_raw(out, S("encrypted_content"), encrypted);
    buf_add_byte(out, '}');
}

/* ---- the response around its items */

void responses_put_usage(struct buf *out, const struct usage *u)
{
    int64_t read = canon_prompt_tokens(u), written = canon_completion_tokens(u);
    buf_add_byte(out, '{');
    canon_put_i64(out, S("input_tokens"), read);
    canon_key(out, S("input_tokens_details"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("cache_write_tokens"), u->units[UNIT_CACHE_WRITE_5M] + u->units[UNIT_CACHE_WRITE_1H]);
    canon_put_i64(out, S("cached_tokens"), u->units[UNIT_CACHE_READ]);
    buf_add_byte(out, '}');
    canon_put_i64(out, S("output_tokens"), written);
    canon_key(out, S("output_tokens_details"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("reasoning_tokens"), u->units[UNIT_REASONING]);
    buf_add_byte(out, '}');
    canon_put_i64(out, S("total_tokens"), read + written);
    buf_add_byte(out, '}');
}

static void put_null(struct buf *out, str key)
{
    canon_key(out, key);
    buf_add(out, S("null"));
}

static void put_usage_or_null(struct buf *out, const struct response_frame *f)
{
    canon_key(out, S("usage"));
    if (f->usage && f->usage->known)
        responses_put_usage(out, f->usage);
    else
        buf_add(out, S("null"));
}

/* What an answer without a call repeats: the protocol's defaults. */
#define DEFAULT_ECHO                                                                                                   \
    S("\"instructions\":null,\"max_output_tokens\":null,\"max_tool_calls\":null,\"metadata\":{},"                      \
      "\"parallel_tool_calls\":true,\"previous_response_id\":null,\"prompt_cache_key\":null,"                          \
      "\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,\"temperature\":1,"                 \
      "\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],\"top_logprobs\":0,"            \
      "\"top_p\":1,\"presence_penalty\":0,\"frequency_penalty\":0,\"truncation\":\"disabled\",\"user\":null")

void responses_put_frame(struct buf *out, const struct response_frame *f)
{
    buf_add_byte(out, '{');
    canon_put_text(out, S("id"), f->id);
    canon_put_text(out, S("object"), S("response"));
    canon_put_i64(out, S("created_at"), f->created_s);
    canon_put_text(out, S("status"), f->status);
    canon_put_bool(out, S("background"), false);
    if (f->completed_s)
        canon_put_i64(out, S("completed_at"), f->completed_s);
    else
        put_null(out, S("completed_at"));
    canon_key(out, S("error"));
    buf_add(out, f->failed ? S("{\"code\":\"server_error\",\"message\":\"the provider could not finish the answer\"}")
                           : S("null"));
    canon_key(out, S("incomplete_details"));
    if (f->reason.n)
        buf_printf(out, "{\"reason\":\"%" STR_FMT "\"}", STR_ARG(f->reason));
    else
        buf_add(out, S("null"));
    canon_key(out, S("model"));
    buf_add_json(out, f->model);
    canon_key(out, S("output"));
    buf_add_byte(out, '[');
    buf_add(out, f->output);
    buf_add_byte(out, ']');
    canon_comma(out);
    buf_add(out, f->echo.n ? f->echo : DEFAULT_ECHO);
    canon_put_text(out, S("service_tier"), f->service_tier.n ? f->service_tier : S("default"));
    canon_put_bool(out, S("store"), false);
    put_usage_or_null(out, f);
    if (f->cost_usd.n) {
        canon_key(out, S("purser"));
        buf_add(out, S("{\"cost_usd\":"));
        buf_add_json(out, f->cost_usd);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, '}');
}
