/* Reading a stream: its events, and the whole items and response that end them. */
#include "dialect/responses_blocks.h"

/* ---- deltas of the wire */

static str event_item_id(struct canon_decoder *d, const struct json *doc)
{
    return canon_text(doc, JSON_ROOT, S("item_id"), d->arena);
}

static void take_text(struct canon_decoder *d, const struct json *doc, enum canon_part_kind kind)
{
    struct in_item *item = in_item(d, in_number(doc, S("output_index"), 0), ITEM_MESSAGE);
    struct in_piece *piece = item ? in_piece(d, item, in_number(doc, S("content_index"), 0)) : NULL;
    if (!piece || item->done || !in_enter(d, item, piece, kind, event_item_id(d, doc))) return;
    in_send(d, piece, canon_raw_string(doc, JSON_ROOT, S("delta")));
    json_ref logprobs = openai_find(doc, JSON_ROOT, S("logprobs"));
    if (logprobs && json_type(doc, logprobs) == JSON_ARRAY && json_first(doc, logprobs))
        in_give(d, DELTA_LOGPROBS, canon_raw(doc, logprobs));
}

/* Parts of a summary, or of the thoughts themselves, make one text. */
static void take_reasoning(struct canon_decoder *d, const struct json *doc, str index_key)
{
    struct in_item *item = in_item(d, in_number(doc, S("output_index"), 0), ITEM_REASONING);
    struct in_piece *piece = item ? in_piece(d, item, 0) : NULL;
    int64_t index = in_number(doc, index_key, 0);
    jraw delta = canon_raw_string(doc, JSON_ROOT, S("delta"));
    if (!piece || item->done || !in_enter(d, item, piece, PART_REASONING, event_item_id(d, doc))) return;
    if (delta.json.n <= 2) return;
    if (item->summary >= 0 && item->summary != index) in_send(d, piece, (jraw){S("\"\\n\\n\"")});
    item->summary = index;
    in_send(d, piece, delta);
}

static void take_arguments(struct canon_decoder *d, const struct json *doc)
{
    struct in_stream *s = in_stream(d);
    struct in_item *item = in_item(d, in_number(doc, S("output_index"), 0), ITEM_CALL);
    struct in_piece *piece = item ? in_piece(d, item, 0) : NULL;
    if (!piece || !s->open || s->piece != piece) return; /* comes whole with its item */
    in_send(d, piece, canon_raw_string(doc, JSON_ROOT, S("delta")));
}

/* The arguments are whole: some servers never say so of the item. */
static void end_arguments(struct canon_decoder *d, const struct json *doc, str key)
{
    struct in_stream *s = in_stream(d);
    struct in_item *item = in_item(d, in_number(doc, S("output_index"), 0), ITEM_CALL);
    struct in_piece *piece = item ? in_piece(d, item, 0) : NULL;
    if (!piece || !s->open || s->piece != piece) return;
    in_send_rest(d, piece, canon_raw_string(doc, JSON_ROOT, key));
    item->done = true;
    in_close(d);
}

static void take_annotation(struct canon_decoder *d, const struct json *doc)
{
    struct in_stream *s = in_stream(d);
    struct in_item *item = in_item(d, in_number(doc, S("output_index"), 0), ITEM_MESSAGE);
    struct in_piece *piece = item ? in_piece(d, item, in_number(doc, S("content_index"), 0)) : NULL;
    json_ref at = openai_find(doc, JSON_ROOT, S("annotation"));
    if (!piece || !s->open || s->piece != piece || !at || json_type(doc, at) != JSON_OBJECT) return;
    struct canon_part part = {.kind = PART_TEXT, .citations = responses_read_citation(doc, at, d->arena)};
    struct canon_delta delta = {.kind = DELTA_CITATION, .block = s->block, .part = &part};
    piece->citations++;
    canon_give(d, &delta);
}

/* ---- whole items */

static void open_call(struct canon_decoder *d, const struct json *doc, json_ref at, struct in_item *item,
                      struct in_piece *piece)
{
    struct canon_part *list = NULL;
    struct item_reader r = {.doc = doc, .arena = d->arena, .end = &list};
    responses_read_call(&r, at);
    if (!list) return;
    list->tool.arguments = STR_NONE; /* they come as pieces */
    in_open(d, item, piece, list);
}

static void add_item(struct canon_decoder *d, const struct json *doc, json_ref at, int64_t index)
{
    struct in_stream *s = in_stream(d);
    enum item_kind kind = responses_item_kind(doc, at);
    struct in_item *item = in_item(d, index, kind);
    struct in_piece *piece;
    if (!item) return;
    item->kind = kind;
    if (kind != ITEM_CALL || item->done || (s->open && s->call && !s->item->done)) return;
    piece = in_piece(d, item, 0);
    if (piece && !piece->opened) open_call(d, doc, at, item, piece);
}

static jraw arguments_of(struct canon_decoder *d, const struct json *doc, json_ref at)
{
    bool custom = json_string_is(doc, openai_find(doc, at, S("type")), S("custom_tool_call"));
    json_ref arguments = openai_find(doc, at, custom ? S("input") : S("arguments"));
    if (!arguments) return RAW_NONE;
    if (json_type(doc, arguments) == JSON_STRING) return canon_raw(doc, arguments);
    return canon_quote(d->arena, json_raw(doc, arguments));
}

static void end_call(struct canon_decoder *d, const struct json *doc, json_ref at, struct in_item *item)
{
    struct in_stream *s = in_stream(d);
    struct in_piece *piece = in_piece(d, item, 0);
    if (!piece) return;
    if (!piece->opened) {
        in_close(d);
        open_call(d, doc, at, item, piece);
    }
    in_send_rest(d, piece, arguments_of(d, doc, at));
    if (s->piece == piece) in_close(d);
}

static void end_reasoning(struct canon_decoder *d, const struct json *doc, json_ref at, struct in_item *item)
{
    struct in_stream *s = in_stream(d);
    struct in_piece *piece = in_piece(d, item, 0);
    if (!piece) return;
    if (!in_enter(d, item, piece, PART_REASONING, canon_text(doc, at, S("id"), d->arena))) return;
    if (!piece->sent) in_send(d, piece, responses_reasoning_text(doc, at, d->arena));
    jraw encrypted = canon_raw_string(doc, at, S("encrypted_content"));
    if (encrypted.json.n > 2) in_give(d, DELTA_SIGNATURE, encrypted);
    if (s->piece == piece) in_close(d);
}

static void give_citations(struct canon_decoder *d, const struct json *doc, json_ref part, struct in_piece *piece)
{
    struct in_stream *s = in_stream(d);
    json_ref list = openai_find(doc, part, S("annotations"));
    size_t n = 0;
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        if (json_type(doc, at) != JSON_OBJECT || n++ < piece->citations) continue;
        struct canon_part cited = {.kind = PART_TEXT, .citations = responses_read_citation(doc, at, d->arena)};
        struct canon_delta delta = {.kind = DELTA_CITATION, .block = s->block, .part = &cited};
        canon_give(d, &delta);
        piece->citations++;
    }
}

static void end_part(struct canon_decoder *d, const struct json *doc, json_ref part, struct in_item *item,
                     int64_t index, str id)
{
    struct in_stream *s = in_stream(d);
    bool refusal = json_string_is(doc, openai_find(doc, part, S("type")), S("refusal"));
    struct in_piece *piece = in_piece(d, item, index);
    jraw text = canon_raw_string(doc, part, refusal ? S("refusal") : S("text"));
    if (!piece || !text.json.p) return;
    bool current = s->open && s->piece == piece;
    if (piece->opened && !current && canon_inside(text).n <= piece->sent) return; /* another came between */
    if (!in_enter(d, item, piece, refusal ? PART_REFUSAL : PART_TEXT, id)) return;
    in_send_rest(d, piece, text);
    if (!refusal) give_citations(d, doc, part, piece);
    in_close(d);
}

static void end_message(struct canon_decoder *d, const struct json *doc, json_ref at, struct in_item *item)
{
    json_ref content = openai_find(doc, at, S("content"));
    str id = canon_text(doc, at, S("id"), d->arena);
    int64_t index = 0;
    if (!content || json_type(doc, content) != JSON_ARRAY) return;
    for (json_ref part = json_first(doc, content); part; part = json_next(doc, content, part), index++)
        if (json_type(doc, part) == JSON_OBJECT) end_part(d, doc, part, item, index, id);
}

static void end_other(struct canon_decoder *d, const struct json *doc, json_ref at, struct in_item *item)
{
    struct in_piece *piece = in_piece(d, item, 0);
    struct canon_part part = {.kind = PART_OPAQUE, .value = canon_raw(doc, at), .extras = {.of = DIALECT_RESPONSES}};
    if (!piece || piece->opened) return;
    in_open(d, item, piece, &part);
    in_close(d);
}

/* A tool call that is open must be over before another item can be: if its own end never
 * came, what was given of it is all there is. */
static void end_item(struct canon_decoder *d, const struct json *doc, json_ref at, int64_t index)
{
    struct in_stream *s = in_stream(d);
    enum item_kind kind = responses_item_kind(doc, at);
    struct in_item *item = in_item(d, index, kind);
    if (!item || item->done) return;
    item->kind = kind;
    if (s->open && s->call && s->item != item) return; /* later: the response at the end has it again */
    item->done = true;
    switch (kind) {
    case ITEM_CALL:
        end_call(d, doc, at, item);
        break;
    case ITEM_MESSAGE:
        end_message(d, doc, at, item);
        break;
    case ITEM_REASONING:
        end_reasoning(d, doc, at, item);
        break;
    default:
        end_other(d, doc, at, item);
        break;
    }
}

/* ---- the end */

static void give_finish(struct canon_decoder *d)
{
    struct in_stream *s = in_stream(d);
    if (s->finished) return;
    in_close(d);
    s->finished = true;
    struct canon_delta delta = {.kind = DELTA_FINISH,
                                .stop = responses_stop(s->status, s->reason, s->tool, s->refused),
                                .stop_raw = s->status};
    canon_give(d, &delta);
}

/* The whole response: whatever it has that no event told is given now. */
static void end_response(struct canon_decoder *d, const struct json *doc, json_ref response, str type)
{
    struct in_stream *s = in_stream(d);
    json_ref output = openai_find(doc, response, S("output")), details;
    int64_t index = 0;
    if (output && json_type(doc, output) == JSON_ARRAY) {
        if (s->open && s->call && s->item->done == false) {
            /* its own item first, then the others */
            for (json_ref at = json_first(doc, output); at; at = json_next(doc, output, at), index++)
                if (index == s->item->index && json_type(doc, at) == JSON_OBJECT) end_item(d, doc, at, index);
            in_close(d);
        }
        index = 0;
        for (json_ref at = json_first(doc, output); at; at = json_next(doc, output, at), index++)
            if (json_type(doc, at) == JSON_OBJECT) end_item(d, doc, at, index);
    }
    s->status = canon_text(doc, response, S("status"), d->arena);
    if (!s->status.n || str_eq(s->status, S("in_progress")))
        s->status = str_eq(type, S("response.incomplete")) ? S("incomplete") : S("completed");
    details = openai_find(doc, response, S("incomplete_details"));
    s->reason = details ? canon_text(doc, details, S("reason"), d->arena) : STR_NONE;
    give_finish(d);
}

/* ---- events */

static void take_event(struct canon_decoder *d, const struct json *doc, str type)
{
    json_ref item = openai_find(doc, JSON_ROOT, S("item"));
    if (str_eq(type, S("response.output_text.delta"))) {
        take_text(d, doc, PART_TEXT);
    } else if (str_eq(type, S("response.refusal.delta"))) {
        take_text(d, doc, PART_REFUSAL);
    } else if (str_eq(type, S("response.function_call_arguments.delta")) ||
               str_eq(type, S("response.custom_tool_call_input.delta"))) {
        take_arguments(d, doc);
    } else if (str_eq(type, S("response.function_call_arguments.done"))) {
        end_arguments(d, doc, S("arguments"));
    } else if (str_eq(type, S("response.custom_tool_call_input.done"))) {
        end_arguments(d, doc, S("input"));
    } else if (str_eq(type, S("response.reasoning_summary_text.delta")) ||
               str_eq(type, S("response.reasoning_summary.delta"))) {
        take_reasoning(d, doc, S("summary_index"));
    } else if (str_eq(type, S("response.reasoning_text.delta")) || str_eq(type, S("response.reasoning.delta"))) {
        take_reasoning(d, doc, S("content_index"));
    } else if (str_eq(type, S("response.output_text.annotation.added"))) {
        take_annotation(d, doc);
    } else if (item && json_type(doc, item) == JSON_OBJECT && str_eq(type, S("response.output_item.added"))) {
        add_item(d, doc, item, in_number(doc, S("output_index"), 0));
    } else if (item && json_type(doc, item) == JSON_OBJECT && str_eq(type, S("response.output_item.done"))) {
        end_item(d, doc, item, in_number(doc, S("output_index"), 0));
    }
}

void responses_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    str type = answer_event_type(doc, event);
    json_ref response = openai_find(doc, JSON_ROOT, S("response"));
    struct in_stream *s = in_stream(d);
    if (response && json_type(doc, response) != JSON_OBJECT) response = JSON_ABSENT;
    if (s->finished || d->broken || !str_starts(type, S("response."))) return;
    if (str_eq(type, S("response.failed")) || str_eq(type, S("response.cancelled"))) return; /* the tap's */
    in_start(d, doc, response);
    if (response && (str_eq(type, S("response.completed")) || str_eq(type, S("response.incomplete"))))
        end_response(d, doc, response, type);
    else
        take_event(d, doc, type);
}

void responses_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    if (d->ended || d->broken) return;
    d->ended = true;
    in_start(d, NULL, JSON_ABSENT);
    give_finish(d);
    struct canon_delta delta = {.kind = DELTA_END, .usage = &tap->usage, .service_tier = tap->service_tier};
    canon_give(d, &delta);
}
