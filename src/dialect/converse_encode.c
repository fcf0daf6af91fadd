/* A canonical call as a Converse body. Roles alternate: neighbours are joined; results of
 * tools come first in their turn, each id once. */
#include "dialect/canon_cite.h"
#include "dialect/converse.h"

enum { NAME_MAX_BYTES = 200 };

/* ---- blocks */

static void open_block(struct buf *out, const char *member)
{
    canon_comma(out);
    buf_printf(out, "{\"%s\":", member);
}

/* "Alphanumeric characters, whitespace (no more than one in a row), hyphens, parentheses and square brackets". */
static void write_document_name(struct converse_writer *w, str name)
{
    char clean[NAME_MAX_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < sizeof(clean); i++) {
        char c = name.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-()[]", c);
        clean[n++] = fine && c ? c : '-';
    }
    w->documents++;
    str unique = n ? str_of(clean, n) : arena_printf(w->arena, "document-%lld", (long long)w->documents);
    canon_put_text(w->out, S("name"), unique);
}

static void write_media(struct converse_writer *w, const struct canon_part *part, const char *member)
{
    struct buf *out = w->out;
    bool own = part->value.json.p && w->from == DIALECT_CONVERSE; /* a source that Bedrock alone knows */
    str format = converse_format(part->media.type);
    if (!part->media.data.p && !part->text.json.p && !own) return; /* refused before */
    bool document = part->kind == PART_DOCUMENT && part->media.data.p && w->from != DIALECT_CONVERSE;
    if (document && !canon_document_fits(part->media.type, DIALECT_CONVERSE)) return;
    if (!format.n) format = part->text.json.p ? S("txt") : part->kind == PART_IMAGE ? S("png") : S("pdf");
    open_block(out, member);
    buf_add_byte(out, '{');
    canon_put_text(out, S("format"), format);
    if (part->kind == PART_DOCUMENT) write_document_name(w, part->media.name);
    canon_key(out, S("source"));
    if (part->media.data.p) {
        buf_add(out, S("{\"bytes\":\""));
        buf_add(out, part->media.data);
        buf_add(out, S("\"}"));
    } else if (part->text.json.p) {
        buf_add(out, S("{\"text\":"));
        buf_add(out, part->text.json);
        buf_add_byte(out, '}');
    } else {
        buf_add(out, part->value.json);
    }
    canon_put_extras(out, &part->extras, DIALECT_CONVERSE);
    buf_add(out, S("}}"));
}

/* Only an object is taken; a model may have written something else. */
static void write_input(struct buf *out, str arguments)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    canon_key(out, S("input"));
    if (json_parse(&doc, arguments, &why) && json_type(&doc, JSON_ROOT) == JSON_OBJECT) {
        buf_add(out, arguments);
    } else {
        buf_add_byte(out, '{');
        if (str_trim(arguments).n) canon_put_text(out, S("arguments"), arguments);
        buf_add_byte(out, '}');
    }
    json_free(&doc);
}

/* [a-zA-Z0-9_-]{1,64}: other letters become '-', a long id its head and a hash. */
static str tool_id(struct converse_writer *w, str id)
{
    enum { ID_MAX = 64, HEAD = 47 };
    bool plain = id.n > 0 && id.n <= ID_MAX;
    uint64_t hash = 1469598103934665603u;
    char *out = arena_alloc(w->arena, ID_MAX);
    size_t n = 0;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        plain = plain && fine;
        hash = (hash ^ (unsigned char)c) * 1099511628211u;
        if (n < HEAD) out[n++] = fine ? c : '-';
    }
    if (plain) return id;
    static const char digits[] = "0123456789abcdef";
    out[n++] = '-';
    for (int i = 0; i < 16; i++) out[n++] = digits[hash >> (60 - 4 * i) & 15];
    return str_of(out, n);
}

static void write_tool_use(struct converse_writer *w, const struct canon_part *part)
{
    struct buf *out = w->out;
    open_block(out, "toolUse");
    buf_add_byte(out, '{');
    canon_put_text(out, S("toolUseId"), tool_id(w, part->tool.id));
    canon_put_text(out, S("name"), part->tool.name);
    write_input(out, part->tool.arguments);
    canon_put_extras(out, &part->extras, DIALECT_CONVERSE);
    buf_add(out, S("}}"));
}

static void write_tool_result(struct converse_writer *w, const struct canon_part *part)
{
    struct buf *out = w->out;
    open_block(out, "toolResult");
    buf_add_byte(out, '{');
    canon_put_text(out, S("toolUseId"), tool_id(w, part->tool.id));
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    converse_write_parts(w, part->tool.content);
    if (out->p[out->n - 1] == '[' && w->from != DIALECT_CONVERSE)
        buf_add(out, S("{\"text\":\"(empty)\"}")); /* text without words is refused */
    buf_add_byte(out, ']');
    if (part->tool.is_error) canon_put_text(out, S("status"), S("error"));
    canon_put_extras(out, &part->extras, DIALECT_CONVERSE);
    buf_add(out, S("}}"));
}

static void write_text(struct converse_writer *w, const struct canon_part *part)
{
    struct buf *out = w->out;
    bool own = part->value.json.p && w->from == DIALECT_CONVERSE;
    if (own && part->citations) { /* a whole citationsContent */
        open_block(out, "citationsContent");
        buf_add(out, part->value.json);
        buf_add_byte(out, '}');
    } else if (own) {
        open_block(out, "json");
        buf_add(out, part->value.json);
        buf_add_byte(out, '}');
    } else if (part->citations && w->answer && part->text.json.n > 2) {
        open_block(out, "citationsContent");
        buf_add(out, S("{\"content\":[{\"text\":"));
        buf_add(out, part->text.json);
        buf_add(out, S("}],\"citations\":["));
        for (const struct canon_citation *c = part->citations; c; c = c->next) converse_put_citation(out, c);
        buf_add(out, S("]}}"));
    } else if (w->answer || w->from == DIALECT_CONVERSE ||
               !canon_is_blank(part->text)) { /* Bedrock takes no blank text */
        open_block(out, "text");
        buf_add(out, part->text.json.p ? part->text.json : S("\"\""));
        buf_add_byte(out, '}');
    }
}

jraw converse_signature(struct arena *arena, const struct canon_part *part, enum dialect_id from, bool answer)
{
    jraw own = canon_signature(part, from, DIALECT_CONVERSE);
    if (own.json.p || !answer) return own;
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : from;
    return canon_carry(arena, of, part->kind == PART_REDACTED ? CARRY_REDACTED : CARRY_REASONING, part->signature);
}

static void write_reasoning(struct converse_writer *w, const struct canon_part *part)
{
    struct buf *out = w->out;
    jraw signature = converse_signature(w->arena, part, w->from, w->answer);
    bool own = canon_signature(part, w->from, DIALECT_CONVERSE).json.p != NULL;
    if (!own && !w->answer && w->from != DIALECT_CONVERSE) return; /* Bedrock refuses unproven thoughts */
    open_block(out, "reasoningContent");
    if (part->kind == PART_REDACTED && (own || w->from == DIALECT_CONVERSE)) { /* another's is no base64 */
        buf_add_byte(out, '{');
        canon_put_raw(out, S("redactedContent"), signature);
        buf_add(out, S("}}"));
        return;
    }
    buf_add(out, S("{\"reasoningText\":{"));
    canon_put_raw(out, S("text"), part->text.json.p ? part->text : (jraw){S("\"\"")});
    canon_put_raw(out, S("signature"), signature);
    canon_put_extras(out, &part->extras, DIALECT_CONVERSE);
    buf_add(out, S("}}}"));
}

void converse_write_cache_point(struct buf *out, int64_t ttl)
{
    canon_comma(out);
    buf_add(out, S("{\"cachePoint\":{\"type\":\"default\""));
    if (ttl >= 3600) buf_add(out, S(",\"ttl\":\"1h\""));
    buf_add(out, S("}}"));
}

static void write_part(struct converse_writer *w, const struct canon_part *part)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_text(w, part);
        break;
    case PART_IMAGE:
        write_media(w, part, "image");
        break;
    case PART_AUDIO:
        write_media(w, part, "audio");
        break;
    case PART_VIDEO:
        write_media(w, part, "video");
        break;
    case PART_DOCUMENT:
        write_media(w, part, "document");
        break;
    case PART_TOOL_CALL:
        write_tool_use(w, part);
        break;
    case PART_TOOL_RESULT:
        write_tool_result(w, part);
        break;
    case PART_REASONING:
    case PART_REDACTED:
        write_reasoning(w, part);
        break;
    case PART_OPAQUE:
        if (part->extras.of != DIALECT_CONVERSE) break;
        canon_comma(w->out);
        buf_add(w->out, part->value.json);
        break;
    }
}

void converse_write_parts(struct converse_writer *w, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        write_part(w, p);
        if (p->cache_ttl) converse_write_cache_point(w->out, p->cache_ttl);
    }
}

/* ---- messages */

static bool is_system(const struct canon_message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

static void write_system(struct converse_writer *w, const struct canon_call *call)
{
    struct buf *out = w->out;
    size_t from = out->n;
    canon_key(out, S("system"));
    buf_add_byte(out, '[');
    size_t empty = out->n;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        if (is_system(m)) converse_write_parts(w, m->parts);
    if (call->output.format == FORMAT_JSON)
        buf_printf(out, "%s{\"text\":\"Answer with a single JSON object and nothing else.\"}",
                   out->n > empty ? "," : "");
    if (out->n == empty)
        out->n = from;
    else
        buf_add_byte(out, ']');
}

/* The text that the model shall go on with: the last part of all, where it is the model's. */
static const struct canon_part *begun(const struct canon_message *first, const struct canon_message *end)
{
    const struct canon_part *last = NULL;
    for (const struct canon_message *m = end; m; m = m->next)
        if (!is_system(m)) return NULL;
    for (const struct canon_message *m = first; m != end; m = m->next)
        for (const struct canon_part *p = m->parts; p && m->role == ROLE_ASSISTANT; p = p->next)
            if (p->kind != PART_TEXT || !canon_is_blank(p->text)) last = p;
    return last && last->kind == PART_TEXT ? last : NULL;
}

static const struct canon_message *write_turn(struct converse_writer *w, const struct canon_message *first)
{
    struct buf *out = w->out;
    bool assistant = first->role == ROLE_ASSISTANT;
    const struct canon_message *end = first;
    size_t from = out->n;
    struct canon_results seen;
    while (end && (is_system(end) || (end->role == ROLE_ASSISTANT) == assistant)) end = end->next;
    canon_results_init(&seen, first, end, w->arena);
    const struct canon_part *last = w->from != DIALECT_CONVERSE ? begun(first, end) : NULL;
    canon_comma(out);
    buf_printf(out, "{\"role\":\"%s\",\"content\":[", assistant ? "assistant" : "user");
    size_t empty = out->n;
    for (int results = 1; results >= 0; results--) /* results of tools first */
        for (const struct canon_message *m = first; m != end; m = m->next) {
            if (is_system(m)) continue;
            for (const struct canon_part *p = m->parts; p; p = p->next) {
                if ((p->kind == PART_TOOL_RESULT) != (results == 1)) continue;
                if (results && !canon_results_is_first(&seen, p)) continue; /* an id that comes twice is refused */
                struct canon_part part = *p;
                if (p == last) part.text = canon_without_end(w->arena, p->text);
                write_part(w, &part);
                if (p->cache_ttl) converse_write_cache_point(out, p->cache_ttl);
            }
        }
    if (out->n == empty)
        out->n = from; /* nothing of it can be said */
    else
        buf_add(out, S("]}"));
    return end;
}

static void write_messages(struct converse_writer *w, const struct canon_call *call)
{
    canon_key(w->out, S("messages"));
    buf_add_byte(w->out, '[');
    if (canon_lacks_user(call) && call->from != DIALECT_CONVERSE)
        buf_add(w->out, S("{\"role\":\"user\",\"content\":[{\"text\":\"(start)\"}]}"));
    const struct canon_message *m = call->messages;
    while (m) m = is_system(m) ? m->next : write_turn(w, m);
    buf_add_byte(w->out, ']');
}

/* ---- tools */

static void write_tool(struct buf *out, const struct canon_tool *t)
{
    if (t->kind == TOOL_OPAQUE && t->extras.of == DIALECT_CONVERSE) {
        canon_comma(out);
        buf_add(out, t->value.json);
    }
    if (t->kind != TOOL_FUNCTION) return;
    canon_comma(out);
    buf_add(out, S("{\"toolSpec\":{"));
    canon_put_text(out, S("name"), t->name);
    if (t->description.json.n > 2) canon_put_raw(out, S("description"), t->description);
    canon_key(out, S("inputSchema"));
    buf_add(out, S("{\"json\":"));
    buf_add(out, t->schema.json.p ? t->schema.json : S("{\"type\":\"object\",\"properties\":{}}"));
    buf_add_byte(out, '}');
    if (t->strict == 1) canon_put_bool(out, S("strict"), true);
    canon_put_extras(out, &t->extras, DIALECT_CONVERSE);
    buf_add(out, S("}}"));
    if (t->cache_ttl) converse_write_cache_point(out, t->cache_ttl);
}

static bool history_uses_tools(const struct canon_call *call)
{
    for (const struct canon_message *m = call->messages; m; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT) return true;
    return false;
}

/* What the history calls must be declared, and the call itself declares none. */
static void write_called(struct buf *out, const struct canon_call *call)
{
    enum { NAMES_MAX = 128 };
    str names[NAMES_MAX];
    size_t count = canon_called_tools(call, names, NAMES_MAX);
    if (!count) return;
    canon_key(out, S("toolConfig"));
    buf_add(out, S("{\"tools\":["));
    for (size_t i = 0; i < count; i++) write_tool(out, &(struct canon_tool){.kind = TOOL_FUNCTION, .name = names[i]});
    buf_add(out, S("]}"));
}

/* There is no "none": without tools none can be called. But where the history has calls, tools
 * must be declared; then they are, and that none may be used is said by nobody. */
static void write_tools(struct buf *out, const struct canon_call *call)
{
    const struct canon_tool_choice *choice = &call->choice;
    if (!call->tools && call->from != DIALECT_CONVERSE) write_called(out, call);
    if (!call->tools || (choice->mode == CHOICE_NONE && !history_uses_tools(call))) return;
    size_t from = out->n;
    canon_key(out, S("toolConfig"));
    buf_add(out, S("{\"tools\":["));
    size_t empty = out->n;
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        if (canon_allows(choice, t->name)) write_tool(out, t);
    if (out->n == empty) {
        out->n = from;
        return;
    }
    buf_add_byte(out, ']');
    if (choice->mode == CHOICE_REQUIRED && choice->name.n) {
        canon_key(out, S("toolChoice"));
        buf_add(out, S("{\"tool\":{"));
        canon_put_text(out, S("name"), choice->name);
        buf_add(out, S("}}"));
    } else if (choice->mode == CHOICE_REQUIRED) {
        canon_key(out, S("toolChoice"));
        buf_add(out, S("{\"any\":{}}"));
    } else if (choice->mode == CHOICE_AUTO) {
        canon_key(out, S("toolChoice"));
        buf_add(out, S("{\"auto\":{}}"));
    }
    buf_add_byte(out, '}');
}

/* ---- configuration */

/* Claude takes neither beside thinking, and of the two one: temperature goes first, unless it is 1. */
static void put_sampling(struct buf *out, const struct canon_call *call, const struct canon_target *target, bool thinks)
{
    const struct canon_sampling *s = &call->sampling;
    bool claude = str_find(target->model, S("claude"), 0) != SIZE_MAX && call->from != DIALECT_CONVERSE;
    bool both = s->temperature.n && s->top_p.n && claude;
    bool neutral = str_eq(s->temperature, S("1")) || str_eq(s->temperature, S("1.0"));
    bool temperature = !thinks && !(both && neutral), top_p = !thinks && (!both || neutral);
    if (temperature)
        canon_put_number(out, S("temperature"),
                         canon_ranged(call, target, DIALECT_CONVERSE, FEATURE_TEMPERATURE, s->temperature));
    if (top_p) canon_put_number(out, S("topP"), s->top_p);
    if (!temperature && s->temperature.n) canon_leave_out(call, target, FEATURE_TEMPERATURE);
    if (!top_p && s->top_p.n) canon_leave_out(call, target, FEATURE_TOP_P);
}

static void write_inference(struct buf *out, const struct canon_call *call, const struct canon_target *target,
                            bool thinks)
{
    size_t from = out->n;
    canon_key(out, S("inferenceConfig"));
    buf_add_byte(out, '{');
    size_t empty = out->n;
    if (target->max_output >= 0) canon_put_i64(out, S("maxTokens"), target->max_output);
    put_sampling(out, call, target, thinks);
    size_t stops = canon_stops(call, DIALECT_CONVERSE, STR_NONE);
    if (stops) {
        canon_key(out, S("stopSequences"));
        buf_add_byte(out, '[');
        for (size_t i = 0; i < stops; i++) {
            canon_comma(out);
            buf_add(out, call->stop[i].json);
        }
        buf_add_byte(out, ']');
    }
    if (out->n == empty)
        out->n = from;
    else
        buf_add_byte(out, '}');
}

/* Claude's thinking; other models of Bedrock take no control in these words. */
static void write_additional(struct buf *out, const struct canon_call *call, const struct canon_target *target,
                             bool thinks, int64_t budget)
{
    size_t from = out->n;
    canon_key(out, S("additionalModelRequestFields"));
    buf_add_byte(out, '{');
    size_t empty = out->n;
    if (thinks && budget > 0)
        buf_printf(out, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":%lld}", (long long)budget);
    else if (thinks)
        buf_add(out, S("\"thinking\":{\"type\":\"adaptive\"}"));
    if (!thinks)
        canon_put_number(out, S("top_k"), call->sampling.top_k);
    else if (call->sampling.top_k.n)
        canon_leave_out(call, target, FEATURE_TOP_K);
    if (out->n == empty)
        out->n = from;
    else
        buf_add_byte(out, '}');
}

static void write_output(struct converse_writer *w, const struct canon_call *call)
{
    struct buf *out = w->out;
    if (call->output.format != FORMAT_SCHEMA || !call->output.schema.json.p) return;
    canon_key(out, S("outputConfig"));
    buf_add(out, S("{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":{"));
    canon_put_text(out, S("name"), call->output.name.n ? call->output.name : S("answer"));
    canon_put_raw(out, S("description"), call->output.description);
    canon_put_text(out, S("schema"), call->output.schema.json);
    buf_add(out, S("}}}}"));
}

/* A forced tool, or a turn that lost its thoughts: Claude refuses to think then. */
static bool may_think(const struct canon_call *call, str model)
{
    bool forced = call->choice.mode == CHOICE_REQUIRED;
    return str_find(model, S("claude"), 0) != SIZE_MAX && !forced && !canon_thoughts_lost(call, DIALECT_CONVERSE);
}

bool converse_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                          struct call_problem *problem)
{
    struct converse_writer w = {.out = out, .arena = call->arena, .from = call->from};
    int64_t budget = canon_thinking_budget(&call->reasoning, target->max_output);
    bool asked = budget > 0 || call->reasoning.adaptive, thinks = asked && may_think(call, target->model);
    (void)problem;
    if (asked && !thinks) canon_leave_out(call, target, FEATURE_REASONING);
    if (call->choice.mode == CHOICE_NONE && call->tools && history_uses_tools(call))
        canon_leave_out(call, target, FEATURE_TOOL_CHOICE_NONE);
    buf_add_byte(out, '{');
    write_system(&w, call);
    write_messages(&w, call);
    write_inference(out, call, target, thinks);
    write_tools(out, call);
    write_output(&w, call);
    if (call->from != DIALECT_CONVERSE) {
        write_additional(out, call, target, thinks, budget);
        if (call->metadata.json.p) canon_put_raw(out, S("requestMetadata"), call->metadata);
    }
    canon_put_extras(out, &call->extras, DIALECT_CONVERSE);
    buf_add_byte(out, '}');
    return true;
}
