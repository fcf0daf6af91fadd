#include "simulate/sim_answer.h"

#include "simulate/sim_schema.h"
#include "simulate/sim_text.h"

#include <inttypes.h>

/* ---- planning */

static size_t calls_wanted(const struct sim_request *r, const struct sim_control *c)
{
    if (!r->tools.count || r->tools.choice == SIM_TOOLS_NONE) return 0;
    bool forced = r->tools.choice == SIM_TOOLS_REQUIRED || r->tools.choice == SIM_TOOLS_NAMED;
    if (r->tools.answered && !forced) return 0; /* the tool has spoken: an agent's loop ends here */
    bool meant = r->tools.mentioned || c->call[0] || str_starts(r->model, S("sim-tools"));
    size_t count = forced || meant ? 1 : 0;
    if (c->tools >= 0 && !(forced && c->tools == 0)) count = (size_t)c->tools;
    return count < SIM_TOOL_CALLS_MAX ? count : SIM_TOOL_CALLS_MAX;
}

/* JSON for a schema; falls back to an empty object where the schema outgrows the ceiling. */
static str filled(struct arena *arena, const struct json *doc, json_ref schema, uint64_t seed)
{
    struct buf b;
    buf_init(&b, 0);
    str json = sim_schema_fill(doc, schema, seed, &b) ? arena_str(arena, buf_str(&b)) : S("{}");
    buf_free(&b);
    return json;
}

/* The same for a schema that came as a string. It is put into a list: a document's root
 * is no schema, for sim_schema_fill(). */
static str filled_from_text(struct arena *arena, str schema, uint64_t seed)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    str text = arena_printf(arena, "[%.*s]", STR_ARG(schema));
    str json = json_parse(&doc, text, &why) ? filled(arena, &doc, json_first(&doc, JSON_ROOT), seed) : S("{}");
    json_free(&doc);
    return json;
}

/* Tool `i`, counted round and round; the one that the request names, or else the control word. */
static const struct sim_tool *find_tool(const struct sim_request *r, size_t i)
{
    str name = r->tools.choice == SIM_TOOLS_NAMED ? r->tools.name : str_from(r->control.call);
    const struct sim_tool *named = name.n ? sim_request_tool(r, name) : NULL;
    return named ? named : &r->tools.list[i % r->tools.count];
}

static void plan_calls(struct sim_choice *ch, struct arena *arena, const struct json *doc, const struct sim_request *r,
                       size_t count)
{
    str arguments = str_from(r->control.arguments);
    ch->calls = arena_alloc(arena, count * sizeof *ch->calls);
    ch->call_count = count;
    for (size_t i = 0; i < count; i++) {
        struct sim_tool_call *call = &ch->calls[i];
        const struct sim_tool *tool = find_tool(r, i);
        call->name = arena_str(arena, tool->name);
        const char *prefix = r->kind == SIM_MESSAGES ? "toolu_" : r->kind == SIM_CONVERSE ? "tooluse_" : "call_";
        call->id = arena_printf(arena, "%ssim%016" PRIx64, prefix, sim_mix(ch->seed + i));
        call->arguments = arguments.n        ? arena_str(arena, arguments)
                          : tool->parameters ? filled(arena, doc, tool->parameters, ch->seed + i)
                                             : S("{}");
        ch->tokens += 1 + sim_count_pieces(call->arguments);
    }
}

static void plan_choice(struct sim_answer *a, struct sim_choice *ch, struct arena *arena, const struct json *doc,
                        const struct sim_request *r, size_t calls, int64_t drawn)
{
    bool by_content = true;
    if (calls) {
        plan_calls(ch, arena, doc, r, calls);
    } else if (r->format.json) {
        ch->json = r->format.schema_text.n ? filled_from_text(arena, r->format.schema_text, ch->seed)
                                           : filled(arena, doc, r->format.schema, ch->seed);
        ch->tokens = sim_count_pieces(ch->json);
    } else if (r->control.text[0]) {
        ch->json = arena_str(arena, str_from(r->control.text));
        ch->tokens = sim_count_pieces(ch->json);
    } else {
        by_content = false;
        ch->tokens = drawn < SIM_OUTPUT_MAX ? drawn : SIM_OUTPUT_MAX;
    }
    /* what has content thinks as long as it speaks; a drawn length is shared out */
    ch->reasoning = sim_reasoning_of(a->shape, by_content ? 2 * ch->tokens : ch->tokens);
    if (by_content) ch->tokens += ch->reasoning;
    if (r->max_output >= 0 && ch->tokens > r->max_output) {
        ch->tokens = r->max_output;
        ch->cut = true;
    }
    if (ch->reasoning > ch->tokens) ch->reasoning = ch->tokens;
    ch->audio = sim_audio_of(a->shape, ch->tokens);
    if (ch->audio > ch->tokens - ch->reasoning) ch->audio = ch->tokens - ch->reasoning;
    a->planned += ch->tokens;
    if (calls || r->format.json || a->kind == SIM_COMPLETIONS) return;
    size_t wanted = r->control.citations > 0 ? (size_t)r->control.citations : 0;
    ch->citation_count = sim_citations_plan(arena, ch->seed, wanted, ch->tokens - ch->reasoning, &ch->citations);
}

static const struct sim_wire *wire_of(const struct sim_answer *a)
{
    static const struct sim_wire *const wires[SIM_KIND_COUNT] = {
        [SIM_CHAT] = &sim_wire_chat,         [SIM_COMPLETIONS] = &sim_wire_chat, [SIM_RESPONSES] = &sim_wire_responses,
        [SIM_MESSAGES] = &sim_wire_messages, [SIM_GEMINI] = &sim_wire_gemini,    [SIM_CONVERSE] = &sim_wire_converse,
        [SIM_COHERE] = &sim_wire_cohere,
    };
    return wires[a->kind];
}

struct sim_answer *sim_answer_new(struct arena *arena, const struct json *doc, const struct sim_request *r,
                                  const struct sim_control *c, const struct sim_draw *draw)
{
    struct sim_answer *a = arena_zalloc(arena, sizeof *a);
    a->kind = r->kind;
    a->created_s = draw->now_s;
    a->shape = sim_usage_for(r->kind, c->usage);
    a->shows = r->shows;
    a->array = r->array;
    a->place = sim_usage_place(a->shape, r->include_usage);
    a->usage_null = r->include_usage && a->place == SIM_USAGE_SEPARATE;
    /* Cohere bills what it read from a cache as all the rest */
    uint32_t billed = r->kind == SIM_COHERE ? a->shape & ~(uint32_t)SIM_USAGE_CACHED : a->shape;
    a->in = sim_units_in(billed, c->input_tokens >= 0 ? c->input_tokens : r->text_tokens, r->audio_tokens);
    a->choice_count = (size_t)r->generated;
    a->shown = (size_t)r->choices;
    a->choices = arena_zalloc(arena, a->choice_count * sizeof *a->choices);
    str tier = c->service_tier[0] ? str_from(c->service_tier) : r->service_tier;
    a->tier = tier.n == 0 || str_eq(tier, S("auto")) ? S("default") : arena_str(arena, tier);
    size_t calls = calls_wanted(r, c);
    for (size_t i = 0; i < a->choice_count; i++) {
        a->choices[i].seed = sim_mix(draw->seed + i);
        plan_choice(a, &a->choices[i], arena, doc, r, calls, draw->tokens);
    }
    static const char *const prefixes[] = {
        [SIM_CHAT] = "chatcmpl-", [SIM_COMPLETIONS] = "cmpl-", [SIM_RESPONSES] = "resp_", [SIM_MESSAGES] = "msg_",
        [SIM_GEMINI] = "",        [SIM_CONVERSE] = "",         [SIM_COHERE] = ""};
    a->id = arena_printf(arena, "%ssim-%" PRIu64, prefixes[r->kind], draw->id);
    wire_of(a)->prepare(a, arena, doc, r);
    return a;
}

/* ---- generating */

/* Moves to the next call's head, or cuts a piece of the running one's arguments. */
static void next_call_piece(struct sim_choice *c, struct sim_piece *out)
{
    if (c->call == 0 || c->at >= c->calls[c->call - 1].arguments.n) {
        c->call++;
        c->at = 0;
        out->kind = SIM_PIECE_CALL;
        out->text = STR_NONE;
    } else {
        str arguments = c->calls[c->call - 1].arguments;
        out->kind = SIM_PIECE_ARGUMENTS;
        out->text = str_of(arguments.p + c->at, sim_piece_len(arguments, c->at));
        c->at += out->text.n;
    }
    out->call = &c->calls[c->call - 1];
    out->call_index = c->call - 1;
}

bool sim_choice_next(struct sim_choice *c, struct sim_piece *out)
{
    if (c->done >= c->tokens) return false;
    *out = (struct sim_piece){0};
    if (c->done < c->reasoning) {
        out->kind = SIM_PIECE_HIDDEN;
        out->text = sim_word(~c->seed, c->done, -1);
    } else if (c->call_count) {
        next_call_piece(c, out);
    } else if (c->json.p) {
        out->kind = SIM_PIECE_TEXT;
        out->text = str_of(c->json.p + c->at, sim_piece_len(c->json, c->at));
        c->at += out->text.n;
    } else {
        out->kind = SIM_PIECE_TEXT;
        int64_t last = c->cut ? -1 : c->tokens - c->reasoning - 1;
        out->text = sim_word(c->seed, c->done - c->reasoning, last);
    }
    c->done++;
    return true;
}

bool sim_choice_has_text(const struct sim_choice *c)
{
    return !c->call_count && c->done > c->reasoning;
}

int64_t sim_choice_text_tokens(const struct sim_choice *c)
{
    return sim_choice_has_text(c) ? c->done - c->reasoning : 0;
}

/* The text's token `i`; `at` is where it stands in what was told, and moves on. */
static str text_token(const struct sim_choice *c, int64_t i, size_t *at)
{
    if (!c->json.p) return sim_word(c->seed, i, c->cut ? -1 : c->tokens - c->reasoning - 1);
    str token = str_of(c->json.p + *at, sim_piece_len(c->json, *at));
    *at += token.n;
    return token;
}

void sim_choice_words_json(const struct sim_choice *c, int64_t from, int64_t to, struct buf *out)
{
    struct buf words;
    size_t at = 0;
    buf_init(&words, 0);
    for (int64_t i = 0; i < to; i++) {
        str token = text_token(c, i, &at);
        if (i >= from) buf_add(&words, token);
    }
    buf_add_json(out, buf_str(&words));
    buf_free(&words);
}

struct sim_extent sim_choice_extent(const struct sim_choice *c, int64_t tokens)
{
    struct sim_extent e = {0, 0};
    size_t at = 0;
    for (int64_t i = 0; i < tokens; i++) {
        str token = text_token(c, i, &at);
        e.bytes += (int64_t)token.n;
        for (size_t k = 0; k < token.n; k++) e.characters += ((unsigned char)token.p[k] & 0xc0) != 0x80;
    }
    return e;
}

size_t sim_choice_cited(const struct sim_choice *c)
{
    size_t n = 0;
    while (n < c->citation_count && c->citations[n].to <= sim_choice_text_tokens(c)) n++;
    return n;
}

const struct sim_citation *sim_choice_citation_at(const struct sim_choice *c, int64_t i)
{
    for (size_t n = 0; n < c->citation_count; n++)
        if (c->citations[n].from <= i && i < c->citations[n].to) return &c->citations[n];
    return NULL;
}

int64_t sim_choice_block_end(const struct sim_choice *c, int64_t i)
{
    int64_t end = sim_choice_text_tokens(c);
    for (size_t n = 0; n < c->citation_count; n++) {
        const struct sim_citation *cite = &c->citations[n];
        if (cite->from > i && cite->from < end) end = cite->from;
        if (cite->to > i && cite->to < end) end = cite->to;
    }
    return end;
}

void sim_choice_text_json(const struct sim_choice *c, struct buf *out)
{
    if (c->json.p)
        buf_add_json(out, str_head(c->json, c->at));
    else
        sim_choice_words_json(c, 0, sim_choice_text_tokens(c), out);
}

void sim_choice_arguments_json(const struct sim_choice *c, size_t call, struct buf *out)
{
    str arguments = c->calls[call].arguments;
    buf_add_json(out, call + 1 == c->call ? str_head(arguments, c->at) : arguments);
}

void sim_choice_thoughts_json(const struct sim_choice *c, struct buf *out)
{
    int64_t count = c->done < c->reasoning ? c->done : c->reasoning;
    buf_add_byte(out, '"');
    for (int64_t i = 0; i < count; i++) buf_add(out, sim_word(~c->seed, i, -1));
    buf_add_byte(out, '"');
}

bool sim_choice_call_complete(const struct sim_choice *c, size_t call)
{
    return call + 1 < c->call || (call + 1 == c->call && c->at == c->calls[call].arguments.n);
}

const char *sim_choice_end(const struct sim_choice *c, const char *stop, const char *tools, const char *limit)
{
    return c->cut ? limit : c->call_count ? tools : stop;
}

struct sim_units sim_answer_units(const struct sim_answer *a)
{
    struct sim_units u = a->in;
    for (size_t i = 0; i < a->choice_count; i++) {
        const struct sim_choice *c = &a->choices[i];
        int64_t shown = c->done - c->reasoning, silent = c->tokens - c->reasoning - c->audio;
        u.reasoning += shown < 0 ? c->done : c->reasoning;
        if (shown <= 0) continue;
        int64_t audio = shown > silent ? shown - silent : 0;
        u.audio_out += audio;
        u.output += shown - audio;
    }
    if (!sim_usage_tells(a->kind, a->shape)) {
        u.output += u.reasoning;
        u.reasoning = 0;
    }
    return u;
}

/* The next choice, in turn, that has tokens left; NULL when all are complete. */
static struct sim_choice *next_choice(struct sim_answer *a)
{
    for (size_t i = 0; i < a->choice_count; i++) {
        struct sim_choice *c = &a->choices[a->turn];
        a->turn = a->turn + 1 < a->choice_count ? a->turn + 1 : 0;
        if (c->done < c->tokens) return c;
    }
    return NULL;
}

void sim_answer_skip(struct sim_answer *a, int64_t tokens)
{
    struct sim_piece p;
    for (struct sim_choice *c; tokens > 0 && (c = next_choice(a)) != NULL; tokens--) {
        a->generated += sim_choice_next(c, &p);
    }
}

void sim_answer_open(struct sim_answer *a, struct buf *out)
{
    wire_of(a)->open(a, out);
}

bool sim_answer_step(struct sim_answer *a, struct buf *out)
{
    struct sim_choice *c = next_choice(a);
    struct sim_piece p;
    if (!c || !sim_choice_next(c, &p)) return false;
    a->generated++;
    wire_of(a)->piece(a, (size_t)(c - a->choices), &p, out); /* all are shown: best_of cannot be streamed */
    return true;
}

void sim_answer_close(struct sim_answer *a, struct buf *out)
{
    wire_of(a)->close(a, out);
}

void sim_answer_fail(struct sim_answer *a, bool response_failed, struct buf *out)
{
    wire_of(a)->fail(a, response_failed, out);
}

void sim_answer_garble(struct sim_answer *a, struct buf *out)
{
    if (wire_of(a)->garble) {
        wire_of(a)->garble(a, out);
        return;
    }
    if (a->kind == SIM_RESPONSES) buf_add(out, S("event: response.output_text.delta\n"));
    buf_add(out, S("data: {\"id\":\"garbled\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\n"));
}

void sim_answer_whole(struct sim_answer *a, struct buf *out)
{
    sim_answer_skip(a, a->planned - a->generated);
    wire_of(a)->whole(a, out);
}
