/* Anthropic's usage object made disjoint. What was read from and written to the
 * cache stands beside `input_tokens`, not in it; thinking is part of the output.
 * A stream tells it twice: the tap lays the second over the first. */
#include "dialect/messages.h"

struct counts {
    const struct json *doc;
    uint32_t flags;
};

static int64_t count_of(struct counts *c, json_ref object, str key)
{
    int64_t v = usage_count(c->doc, openai_find(c->doc, object, key), &c->flags);
    return v < 0 ? 0 : v;
}

/* ... of an object in it, which may be missing. */
static int64_t count_in(struct counts *c, json_ref object, str key)
{
    return object ? count_of(c, object, key) : 0;
}

static json_ref object_of(struct counts *c, json_ref at, str key)
{
    json_ref found = openai_find(c->doc, at, key);
    return found && json_type(c->doc, found) == JSON_OBJECT ? found : JSON_ABSENT;
}

/* What of `part` fits into `*rest` is taken from it. */
static int64_t take(struct counts *c, int64_t *rest, int64_t part)
{
    if (part > *rest) {
        c->flags |= USAGE_CLAMPED;
        part = *rest;
    }
    *rest -= part;
    return part;
}

/* By how long they live. The sum decides: what of it no lifetime is told for lives
 * for five minutes, as it does where the call asks for nothing else. */
static void read_cache_writes(struct counts *c, json_ref usage, int64_t units[UNIT_COUNT])
{
    json_ref split = object_of(c, usage, S("cache_creation"));
    int64_t hour = count_in(c, split, S("ephemeral_1h_input_tokens")),
            minutes = count_in(c, split, S("ephemeral_5m_input_tokens"));
    int64_t total = count_of(c, usage, S("cache_creation_input_tokens"));
    if (!openai_find(c->doc, usage, S("cache_creation_input_tokens"))) total = hour + minutes;
    if (split && hour + minutes < total) c->flags |= USAGE_TOTAL_DIFFERS;
    int64_t rest = total;
    units[UNIT_CACHE_WRITE_1H] += take(c, &rest, hour);
    if (minutes > rest) c->flags |= USAGE_CLAMPED;
    units[UNIT_CACHE_WRITE_5M] += rest;
}

static void read_tokens(struct counts *c, json_ref usage, int64_t units[UNIT_COUNT])
{
    json_ref details = object_of(c, usage, S("output_tokens_details"));
    int64_t output = count_of(c, usage, S("output_tokens"));
    units[UNIT_INPUT] += count_of(c, usage, S("input_tokens"));
    units[UNIT_CACHE_READ] += count_of(c, usage, S("cache_read_input_tokens"));
    read_cache_writes(c, usage, units);
    units[UNIT_REASONING] += take(c, &output, count_in(c, details, S("thinking_tokens")));
    units[UNIT_OUTPUT] += output;
}

/* The steps of an answer. Those of type "message" are what the object's own counts sum up;
 * a compaction is billed beside them; so is an advisor, at the price of its own model. */
static void read_iterations(struct counts *c, json_ref usage, int64_t units[UNIT_COUNT])
{
    json_ref list = openai_find(c->doc, usage, S("iterations"));
    int64_t input = 0, steps = 0;
    if (!list || json_type(c->doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(c->doc, list); at; at = json_next(c->doc, list, at)) {
        json_ref type = json_find(c->doc, at, S("type"), NULL);
        if (json_type(c->doc, at) != JSON_OBJECT) continue;
        if (json_string_is(c->doc, type, S("message")) || json_string_is(c->doc, type, S("fallback_message"))) {
            if (json_string_is(c->doc, type, S("fallback_message"))) c->flags |= USAGE_OTHER_RATE;
            input += count_of(c, at, S("input_tokens"));
            steps++;
            continue;
        }
        if (!json_string_is(c->doc, type, S("compaction"))) c->flags |= USAGE_OTHER_RATE;
        read_tokens(c, at, units);
    }
    if (steps && input != count_of(c, usage, S("input_tokens"))) c->flags |= USAGE_TOTAL_DIFFERS;
}

static void read_tools(struct counts *c, json_ref usage, int64_t units[UNIT_COUNT])
{
    json_ref tools = object_of(c, usage, S("server_tool_use"));
    for (json_ref key = tools ? json_first(c->doc, tools) : JSON_ABSENT; key; key = json_next(c->doc, tools, key + 1)) {
        int64_t v = json_type(c->doc, key + 1) == JSON_NULL ? 0 : usage_count(c->doc, key + 1, &c->flags);
        bool search = json_string_is(c->doc, key, S("web_search_requests"));
        if (v > 0) units[search ? UNIT_SEARCHES : UNIT_TOOL_CALLS] += v;
    }
}

void usage_read_messages(const struct json *doc, json_ref usage, struct usage *out)
{
    struct counts c = {.doc = doc};
    *out = (struct usage){0};
    if (json_type(doc, usage) != JSON_OBJECT) return;
    uint32_t flags = 0;
    bool any = usage_count(doc, openai_find(doc, usage, S("input_tokens")), &flags) >= 0 ||
               usage_count(doc, openai_find(doc, usage, S("output_tokens")), &flags) >= 0;
    out->flags = flags;
    if (!any) return;
    read_tokens(&c, usage, out->units);
    read_iterations(&c, usage, out->units);
    read_tools(&c, usage, out->units);
    json_ref geo = openai_find(doc, usage, S("inference_geo"));
    if (json_string_is(doc, geo, S("us"))) c.flags |= USAGE_OTHER_RATE; /* dearer than the list price */
    out->units[UNIT_REQUESTS] = 1;
    out->flags = c.flags;
    out->known = true;
}
