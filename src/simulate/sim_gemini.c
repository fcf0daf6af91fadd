/* Gemini's generateContent on the wire: whole answers, or chunks of the same form, as
 * events (CRLF) or as one array. A function call stands whole in one part; protobuf
 * leaves out what is zero. Written from Google's reference and recordings, not from
 * src/dialect. `tail` is what follows the candidates: the version of the model, the id. */
#include "simulate/sim_answer.h"

#include "base/json.h"

#include <inttypes.h>

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    (void)doc;
    struct buf b;
    buf_init(&b, 0);
    a->signs = str_find(r->model, S("gemini-3"), 0) != SIZE_MAX;
    buf_add(&b, S(",\"modelVersion\":"));
    buf_add_json(&b, r->model);
    buf_printf(&b, ",\"responseId\":\"%.*s\"}", STR_ARG(a->id));
    a->tail = arena_str(arena, buf_str(&b));
    buf_free(&b);
}

/* ---- usage */

static void add_count(const char *key, int64_t count, struct buf *out)
{
    if (count) buf_printf(out, ",\"%s\":%" PRId64, key, count);
}

static void add_modalities(const char *key, int64_t text, int64_t audio, struct buf *out)
{
    buf_printf(out, ",\"%s\":[{\"modality\":\"TEXT\",\"tokenCount\":%" PRId64 "}", key, text);
    if (audio) buf_printf(out, ",{\"modality\":\"AUDIO\",\"tokenCount\":%" PRId64 "}", audio);
    buf_add(out, S("]"));
}

static void add_usage(const struct sim_answer *a, bool last, struct buf *out)
{
    struct sim_units u = sim_answer_units(a);
    int64_t tool = a->shape & SIM_USAGE_TOOL_PROMPT ? u.input / 4 : 0;
    int64_t prompt = u.input - tool + u.cache_read + u.audio_in;
    if (!last && (a->shape & SIM_USAGE_CHANGING)) prompt += 11; /* the last chunk's is right */
    int64_t candidates = u.output + u.audio_out, thoughts = u.reasoning;
    buf_printf(out, "{\"promptTokenCount\":%" PRId64, prompt);
    add_count("candidatesTokenCount", candidates, out);
    buf_printf(out, ",\"totalTokenCount\":%" PRId64, prompt + candidates + thoughts + tool);
    add_count("cachedContentTokenCount", u.cache_read, out);
    add_count("thoughtsTokenCount", thoughts, out);
    add_count("toolUsePromptTokenCount", tool, out);
    bool details = !(a->shape & SIM_USAGE_PLAIN);
    if (details) add_modalities("promptTokensDetails", prompt - u.audio_in, u.audio_in, out);
    if (details && u.cache_read) add_modalities("cacheTokensDetails", u.cache_read, 0, out);
    if (details && tool) add_modalities("toolUsePromptTokensDetails", tool, 0, out);
    if (u.audio_out) add_modalities("candidatesTokensDetails", u.output, u.audio_out, out);
    buf_add(out, S("}"));
}

static void add_tail(const struct sim_answer *a, bool last, struct buf *out)
{
    bool told = !(a->shape & SIM_USAGE_ABSENT) && (last || !(a->shape & SIM_USAGE_FINISH));
    buf_add(out, S("]"));
    if (told) {
        buf_add(out, S(",\"usageMetadata\":"));
        add_usage(a, last, out);
    }
    buf_add(out, a->tail);
}

/* ---- parts */

/* Thoughts are signed at the first part behind them. */
static void add_signature(const struct sim_answer *a, const struct sim_choice *c, bool first, struct buf *out)
{
    if (first && (c->reasoning || (a->signs && c->call_count)))
        buf_printf(out, ",\"thoughtSignature\":\"%s\"", SIM_SIGNATURE);
}

static void add_call_part(const struct sim_answer *a, const struct sim_choice *c, size_t call, struct buf *out)
{
    buf_add(out, S("{\"functionCall\":{\"name\":"));
    buf_add_json(out, c->calls[call].name);
    buf_printf(out, ",\"args\":%.*s}", STR_ARG(c->calls[call].arguments));
    add_signature(a, c, call == 0, out);
    buf_add(out, S("}"));
}

/* Web pages, and the bytes of the text that lean on each; `part` of the candidate. No queries: those are paid for, and
 * nobody searched. */
static void add_grounding(const struct sim_choice *c, int part, struct buf *out)
{
    size_t count = sim_choice_cited(c);
    if (!count) return;
    buf_add(out, S(",\"groundingMetadata\":{\"groundingChunks\":["));
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s{\"web\":{\"uri\":", i ? "," : "");
        buf_add_json(out, c->citations[i].url);
        buf_add(out, S(",\"title\":"));
        buf_add_json(out, c->citations[i].title);
        buf_add(out, S("}}"));
    }
    buf_add(out, S("],\"groundingSupports\":["));
    for (size_t i = 0; i < count; i++) {
        const struct sim_citation *cite = &c->citations[i];
        int64_t start = sim_choice_extent(c, cite->from).bytes;
        buf_printf(out, "%s{\"segment\":{\"endIndex\":%" PRId64, i ? "," : "", sim_choice_extent(c, cite->to).bytes);
        add_count("startIndex", start, out);
        add_count("partIndex", part, out);
        buf_add(out, S(",\"text\":"));
        sim_choice_words_json(c, cite->from, cite->to, out);
        buf_printf(out, "},\"groundingChunkIndices\":[%zu]}", i);
    }
    buf_add(out, S("]}"));
}

/* ---- streamed */

static void chunk_begin(struct sim_answer *a, struct buf *out)
{
    buf_add(out, !a->array ? S("data: ") : a->begun ? S(",\r\n") : S("["));
    a->begun = true;
    buf_add(out, S("{\"candidates\":["));
}

static void chunk_end(const struct sim_answer *a, bool last, struct buf *out)
{
    add_tail(a, last, out);
    buf_add(out, a->array ? S("\n") : S("\r\n\r\n"));
}

static void open_stream(struct sim_answer *a, struct buf *out)
{
    (void)a, (void)out;
}

static void candidate_begin(struct sim_answer *a, struct buf *out)
{
    chunk_begin(a, out);
    buf_add(out, S("{\"content\":{\"parts\":["));
}

static void candidate_end(const struct sim_answer *a, size_t choice, const char *finish, bool last, struct buf *out)
{
    buf_add(out, S("],\"role\":\"model\"}"));
    if (finish) buf_printf(out, ",\"finishReason\":\"%s\"", finish);
    if (finish) add_grounding(&a->choices[choice], 0, out); /* in a stream: bytes of all its text */
    buf_printf(out, ",\"index\":%zu}", choice);
    chunk_end(a, last, out);
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    const struct sim_choice *c = &a->choices[choice];
    if (p->kind == SIM_PIECE_CALL || (p->kind == SIM_PIECE_HIDDEN && !a->shows)) return;
    if (p->kind == SIM_PIECE_ARGUMENTS && !sim_choice_call_complete(c, p->call_index)) return;
    candidate_begin(a, out);
    if (p->kind == SIM_PIECE_ARGUMENTS) {
        add_call_part(a, c, p->call_index, out);
    } else {
        buf_add(out, S("{\"text\":"));
        buf_add_json(out, p->text);
        if (p->kind == SIM_PIECE_HIDDEN) buf_add(out, S(",\"thought\":true"));
        add_signature(a, c, p->kind == SIM_PIECE_TEXT && c->done == c->reasoning + 1, out);
        buf_add(out, S("}"));
    }
    candidate_end(a, choice, NULL, false, out);
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    for (size_t i = 0; i < a->shown; i++) {
        candidate_begin(a, out);
        buf_add(out, S("{\"text\":\"\"}"));
        candidate_end(a, i, sim_choice_end(&a->choices[i], "STOP", "STOP", "MAX_TOKENS"), i + 1 == a->shown, out);
    }
    if (a->array) buf_add(out, S("]"));
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    (void)response_failed;
    buf_add(out, !a->array ? S("data: ") : a->begun ? S(",\r\n") : S("["));
    buf_add(out, S("{\"error\":{\"code\":503,\"message\":\"The model is overloaded. Please try again later.\","
                   "\"status\":\"UNAVAILABLE\"}}"));
    buf_add(out, a->array ? S("\n]") : S("\r\n\r\n"));
}

static void garble(struct sim_answer *a, struct buf *out)
{
    chunk_begin(a, out);
    buf_add(out, a->array ? S("\n") : S("\r\n\r\n"));
}

/* ---- whole */

static void add_parts(const struct sim_answer *a, const struct sim_choice *c, struct buf *out)
{
    const char *comma = "";
    if (c->reasoning && c->done && a->shows) {
        buf_add(out, S("{\"text\":"));
        sim_choice_thoughts_json(c, out);
        buf_add(out, S(",\"thought\":true}"));
        comma = ",";
    }
    if (sim_choice_has_text(c)) {
        buf_printf(out, "%s{\"text\":", comma);
        sim_choice_text_json(c, out);
        add_signature(a, c, true, out);
        buf_add(out, S("}"));
    }
    for (size_t i = 0; i < c->call && sim_choice_call_complete(c, i); i++, comma = ",") {
        buf_printf(out, "%s", comma);
        add_call_part(a, c, i, out);
    }
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    buf_add(out, S("{\"candidates\":["));
    for (size_t i = 0; i < a->shown; i++) {
        buf_printf(out, "%s{\"content\":{\"parts\":[", i ? "," : "");
        add_parts(a, &a->choices[i], out);
        buf_printf(out, "],\"role\":\"model\"},\"finishReason\":\"%s\",\"index\":%zu",
                   sim_choice_end(&a->choices[i], "STOP", "STOP", "MAX_TOKENS"), i);
        add_grounding(&a->choices[i], a->shows && a->choices[i].reasoning, out);
        buf_add(out, S("}"));
    }
    add_tail(a, true, out);
}

const struct sim_wire sim_wire_gemini = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
    .garble = garble,
};
