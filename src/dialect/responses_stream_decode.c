/* Reading a stream. Events name the item and the part that they are of; here one block
 * is open at a time. What comes for another block closes the open one, except for a
 * tool call, whose arguments must stay whole: then the other's are left for its `done`
 * event or for the whole response at the end, which bring what was not given before.
 * So an event may be missing, or come in another order, and nothing is lost or doubled. */
#include "dialect/responses.h"

/* One part of an item: a text, a refusal, the reasoning, the arguments. */
struct piece {
    struct piece *next;
    int64_t index; /* content_index */
    size_t sent;   /* bytes of the JSON string given so far, without quotes */
    size_t citations;
    bool opened;
};

struct item {
    struct item *next;
    int64_t index; /* output_index */
    enum item_kind kind;
    struct piece *pieces;
    int64_t summary; /* the summary part that was given last; -1: none */
    bool done;
};

struct stream {
    struct item *items, *recent;
    size_t count; /* of items and pieces */
    /* the open block */
    struct item *item;
    struct piece *piece;
    bool open, call;
    int64_t block;
    bool tool, refused, finished;
    str status, reason;
};

static struct stream *stream_of(struct canon_decoder *d)
{
    if (!d->state) d->state = arena_zalloc(d->arena, sizeof(struct stream));
    return d->state;
}

static bool room(struct canon_decoder *d, struct stream *s)
{
    if (s->count++ < CANON_BLOCKS_MAX) return true;
    d->broken = "the response has too many parts";
    return false;
}

/* ---- deltas */

static void give_start(struct canon_decoder *d, const struct json *doc, json_ref response)
{
    struct canon_delta delta = {.kind = DELTA_START};
    if (d->started) return;
    d->started = true;
    if (response) {
        delta.id = canon_text(doc, response, S("id"), d->arena);
        delta.model = canon_text(doc, response, S("model"), d->arena);
        delta.service_tier = canon_text(doc, response, S("service_tier"), d->arena);
        delta.created_s = responses_created(doc, response);
    }
    canon_give(d, &delta);
}

static void give_piece(struct canon_decoder *d, enum canon_delta_kind kind, jraw piece)
{
    struct stream *s = stream_of(d);
    struct canon_delta delta = {.kind = kind, .block = s->block, .piece = piece};
    canon_give(d, &delta);
}

static void close_block(struct canon_decoder *d)
{
    struct stream *s = stream_of(d);
    if (!s->open) return;
    struct canon_delta delta = {.kind = DELTA_BLOCK_STOP, .block = s->block};
    canon_give(d, &delta);
    s->open = s->call = false;
    s->block++;
}

static void open_block(struct canon_decoder *d, struct item *item, struct piece *piece, const struct canon_part *part)
{
    struct stream *s = stream_of(d);
    struct canon_delta delta = {.kind = DELTA_BLOCK_START, .part = part};
    close_block(d);
    delta.block = s->block;
    s->item = item;
    s->piece = piece;
    s->open = piece->opened = true;
    s->call = part->kind == PART_TOOL_CALL;
    if (s->call) s->tool = true;
    if (part->kind == PART_REFUSAL) s->refused = true;
    canon_give(d, &delta);
}

/* ---- finding */

static int64_t number_at(const struct json *doc, str key, int64_t otherwise)
{
    int64_t v;
    return json_i64(doc, openai_find(doc, JSON_ROOT, key), &v) && v >= 0 ? v : otherwise;
}

static struct item *item_at(struct canon_decoder *d, int64_t index, enum item_kind kind)
{
    struct stream *s = stream_of(d);
    if (s->recent && s->recent->index == index) return s->recent;
    for (struct item *i = s->items; i; i = i->next)
        if (i->index == index) return s->recent = i;
    if (!room(d, s)) return NULL;
    struct item *item = arena_zalloc(d->arena, sizeof(*item));
    *item = (struct item){.next = s->items, .index = index, .kind = kind, .summary = -1};
    s->items = s->recent = item;
    return item;
}

static struct piece *piece_at(struct canon_decoder *d, struct item *item, int64_t index)
{
    struct stream *s = stream_of(d);
    for (struct piece *p = item->pieces; p; p = p->next)
        if (p->index == index) return p;
    if (!room(d, s)) return NULL;
    struct piece *piece = arena_zalloc(d->arena, sizeof(*piece));
    *piece = (struct piece){.next = item->pieces, .index = index};
    item->pieces = piece;
    return piece;
}

/* ---- blocks */

/* Whether `piece` may be written now: it is open, or is opened; a tool call under way must come to its end. */
static bool enter(struct canon_decoder *d, struct item *item, struct piece *piece, enum canon_part_kind kind, str id)
{
    struct stream *s = stream_of(d);
    if (!piece) return false;
    if (s->open && s->item == item && s->piece == piece) return true;
    if (s->open && s->call && !s->item->done) return false;
    struct canon_part part = {.kind = kind, .id = id};
    open_block(d, item, piece, &part);
    return true;
}

static str event_item_id(struct canon_decoder *d, const struct json *doc)
{
    return canon_text(doc, JSON_ROOT, S("item_id"), d->arena);
}

static enum canon_delta_kind kind_of_piece(const struct item *item)
{
    return item->kind == ITEM_CALL ? DELTA_ARGUMENTS : DELTA_TEXT;
}

static void send(struct canon_decoder *d, struct item *item, struct piece *piece, jraw text)
{
    if (text.json.n <= 2) return;
    give_piece(d, kind_of_piece(item), text);
    piece->sent += text.json.n - 2;
}

/* Whether a JSON string may be cut there: not within an escape or a character. */
static bool is_boundary(str inside, size_t at)
{
    size_t i = 0;
    while (i < at) i += inside.p[i] != '\\' ? 1 : i + 1 < inside.n && inside.p[i + 1] == 'u' ? 6 : 2;
    return i == at && at < inside.n && ((unsigned char)inside.p[at] & 0xc0) != 0x80;
}

/* What a whole text has beyond what was given. */
static void send_rest(struct canon_decoder *d, struct item *item, struct piece *piece, jraw whole)
{
    str inside = canon_inside(whole);
    if (!whole.json.p) return;
    if (!piece->sent) {
        send(d, item, piece, whole);
        return;
    }
    if (inside.n <= piece->sent || !is_boundary(inside, piece->sent)) return;
    str rest = str_from_at(inside, piece->sent);
    jraw text = {arena_printf(d->arena, "\"%" STR_FMT "\"", STR_ARG(rest))};
    send(d, item, piece, text);
}

/* ---- deltas of the wire */

static void take_text(struct canon_decoder *d, const struct json *doc, enum canon_part_kind kind)
{
    struct item *item = item_at(d, number_at(doc, S("output_index"), 0), ITEM_MESSAGE);
    struct piece *piece = item ? piece_at(d, item, number_at(doc, S("content_index"), 0)) : NULL;
    if (!piece || item->done || !enter(d, item, piece, kind, event_item_id(d, doc))) return;
    send(d, item, piece, canon_raw_string(doc, JSON_ROOT, S("delta")));
    json_ref logprobs = openai_find(doc, JSON_ROOT, S("logprobs"));
    if (logprobs && json_type(doc, logprobs) == JSON_ARRAY && json_first(doc, logprobs))
        give_piece(d, DELTA_LOGPROBS, canon_raw(doc, logprobs));
}

/* Parts of a summary, or of the thoughts themselves, make one text. */
static void take_reasoning(struct canon_decoder *d, const struct json *doc, str index_key)
{
    struct item *item = item_at(d, number_at(doc, S("output_index"), 0), ITEM_REASONING);
    struct piece *piece = item ? piece_at(d, item, 0) : NULL;
    int64_t index = number_at(doc, index_key, 0);
    jraw delta = canon_raw_string(doc, JSON_ROOT, S("delta"));
    if (!piece || item->done || !enter(d, item, piece, PART_REASONING, event_item_id(d, doc))) return;
    if (delta.json.n <= 2) return;
    if (item->summary >= 0 && item->summary != index) send(d, item, piece, (jraw){S("\"\\n\\n\"")});
    item->summary = index;
    send(d, item, piece, delta);
}

static void take_arguments(struct canon_decoder *d, const struct json *doc)
{
    struct stream *s = stream_of(d);
    struct item *item = item_at(d, number_at(doc, S("output_index"), 0), ITEM_CALL);
    struct piece *piece = item ? piece_at(d, item, 0) : NULL;
    if (!piece || !s->open || s->piece != piece) return; /* comes whole with its item */
    send(d, item, piece, canon_raw_string(doc, JSON_ROOT, S("delta")));
}

/* The arguments are whole: some servers never say so of the item. */
static void end_arguments(struct canon_decoder *d, const struct json *doc, str key)
{
    struct stream *s = stream_of(d);
    struct item *item = item_at(d, number_at(doc, S("output_index"), 0), ITEM_CALL);
    struct piece *piece = item ? piece_at(d, item, 0) : NULL;
    if (!piece || !s->open || s->piece != piece) return;
    send_rest(d, item, piece, canon_raw_string(doc, JSON_ROOT, key));
    item->done = true;
    close_block(d);
}

static void take_annotation(struct canon_decoder *d, const struct json *doc)
{
    struct stream *s = stream_of(d);
    struct item *item = item_at(d, number_at(doc, S("output_index"), 0), ITEM_MESSAGE);
    struct piece *piece = item ? piece_at(d, item, number_at(doc, S("content_index"), 0)) : NULL;
    json_ref at = openai_find(doc, JSON_ROOT, S("annotation"));
    if (!piece || !s->open || s->piece != piece || !at || json_type(doc, at) != JSON_OBJECT) return;
    struct canon_part part = {.kind = PART_TEXT, .citations = responses_read_citation(doc, at, d->arena)};
    struct canon_delta delta = {.kind = DELTA_CITATION, .block = s->block, .part = &part};
    piece->citations++;
    canon_give(d, &delta);
}

/* ---- whole items */

static void open_call(struct canon_decoder *d, const struct json *doc, json_ref at, struct item *item,
                      struct piece *piece)
{
    struct canon_part *list = NULL;
    struct item_reader r = {.doc = doc, .arena = d->arena, .end = &list};
    responses_read_call(&r, at);
    list->tool.arguments = STR_NONE; /* they come as pieces */
    open_block(d, item, piece, list);
}

static void add_item(struct canon_decoder *d, const struct json *doc, json_ref at, int64_t index)
{
    struct stream *s = stream_of(d);
    enum item_kind kind = responses_item_kind(doc, at);
    struct item *item = item_at(d, index, kind);
    struct piece *piece;
    if (!item) return;
    item->kind = kind;
    if (kind != ITEM_CALL || item->done || (s->open && s->call && !s->item->done)) return;
    piece = piece_at(d, item, 0);
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

static void end_call(struct canon_decoder *d, const struct json *doc, json_ref at, struct item *item)
{
    struct stream *s = stream_of(d);
    struct piece *piece = piece_at(d, item, 0);
    if (!piece) return;
    if (!piece->opened) {
        close_block(d);
        open_call(d, doc, at, item, piece);
    }
    send_rest(d, item, piece, arguments_of(d, doc, at));
    if (s->piece == piece) close_block(d);
}

static void end_reasoning(struct canon_decoder *d, const struct json *doc, json_ref at, struct item *item)
{
    struct stream *s = stream_of(d);
    struct piece *piece = piece_at(d, item, 0);
    if (!piece) return;
    if (!enter(d, item, piece, PART_REASONING, canon_text(doc, at, S("id"), d->arena))) return;
    if (!piece->sent) send(d, item, piece, responses_reasoning_text(doc, at, d->arena));
    jraw encrypted = canon_raw_string(doc, at, S("encrypted_content"));
    if (encrypted.json.n > 2) give_piece(d, DELTA_SIGNATURE, encrypted);
    if (s->piece == piece) close_block(d);
}

static void give_citations(struct canon_decoder *d, const struct json *doc, json_ref part, struct piece *piece)
{
    struct stream *s = stream_of(d);
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

static void end_part(struct canon_decoder *d, const struct json *doc, json_ref part, struct item *item, int64_t index,
                     str id)
{
    struct stream *s = stream_of(d);
    bool refusal = json_string_is(doc, openai_find(doc, part, S("type")), S("refusal"));
    struct piece *piece = piece_at(d, item, index);
    jraw text = canon_raw_string(doc, part, refusal ? S("refusal") : S("text"));
    if (!piece || !text.json.p) return;
    bool current = s->open && s->piece == piece;
    if (piece->opened && !current && canon_inside(text).n <= piece->sent) return; /* another came between */
    if (!enter(d, item, piece, refusal ? PART_REFUSAL : PART_TEXT, id)) return;
    send_rest(d, item, piece, text);
    if (!refusal) give_citations(d, doc, part, piece);
    close_block(d);
}

static void end_message(struct canon_decoder *d, const struct json *doc, json_ref at, struct item *item)
{
    json_ref content = openai_find(doc, at, S("content"));
    str id = canon_text(doc, at, S("id"), d->arena);
    int64_t index = 0;
    if (!content || json_type(doc, content) != JSON_ARRAY) return;
    for (json_ref part = json_first(doc, content); part; part = json_next(doc, content, part), index++)
        if (json_type(doc, part) == JSON_OBJECT) end_part(d, doc, part, item, index, id);
}

static void end_other(struct canon_decoder *d, const struct json *doc, json_ref at, struct item *item)
{
    struct piece *piece = piece_at(d, item, 0);
    struct canon_part part = {.kind = PART_OPAQUE, .value = canon_raw(doc, at), .extras = {.of = DIALECT_RESPONSES}};
    if (!piece || piece->opened) return;
    open_block(d, item, piece, &part);
    close_block(d);
}

/* A tool call that is open must be over before another item can be: if its own end never
 * came, what was given of it is all there is. */
static void end_item(struct canon_decoder *d, const struct json *doc, json_ref at, int64_t index)
{
    struct stream *s = stream_of(d);
    enum item_kind kind = responses_item_kind(doc, at);
    struct item *item = item_at(d, index, kind);
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
    struct stream *s = stream_of(d);
    if (s->finished) return;
    close_block(d);
    s->finished = true;
    struct canon_delta delta = {.kind = DELTA_FINISH,
                                .stop = responses_stop(s->status, s->reason, s->tool, s->refused),
                                .stop_raw = s->status};
    canon_give(d, &delta);
}

/* The whole response: whatever it has that no event told is given now. */
static void end_response(struct canon_decoder *d, const struct json *doc, json_ref response, str type)
{
    struct stream *s = stream_of(d);
    json_ref output = openai_find(doc, response, S("output")), details;
    int64_t index = 0;
    if (output && json_type(doc, output) == JSON_ARRAY) {
        if (s->open && s->call && s->item->done == false) {
            /* its own item first, then the others */
            for (json_ref at = json_first(doc, output); at; at = json_next(doc, output, at), index++)
                if (index == s->item->index && json_type(doc, at) == JSON_OBJECT) end_item(d, doc, at, index);
            close_block(d);
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
        add_item(d, doc, item, number_at(doc, S("output_index"), 0));
    } else if (item && json_type(doc, item) == JSON_OBJECT && str_eq(type, S("response.output_item.done"))) {
        end_item(d, doc, item, number_at(doc, S("output_index"), 0));
    }
}

void responses_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    str type = answer_event_type(doc, event);
    json_ref response = openai_find(doc, JSON_ROOT, S("response"));
    struct stream *s = stream_of(d);
    if (response && json_type(doc, response) != JSON_OBJECT) response = JSON_ABSENT;
    if (s->finished || d->broken || !str_starts(type, S("response."))) return;
    if (str_eq(type, S("response.failed")) || str_eq(type, S("response.cancelled"))) return; /* the tap's */
    give_start(d, doc, response);
    if (response && (str_eq(type, S("response.completed")) || str_eq(type, S("response.incomplete"))))
        end_response(d, doc, response, type);
    else
        take_event(d, doc, type);
}

void responses_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    if (d->ended || d->broken) return;
    d->ended = true;
    give_start(d, NULL, JSON_ABSENT);
    give_finish(d);
    struct canon_delta delta = {.kind = DELTA_END, .usage = &tap->usage, .service_tier = tap->service_tier};
    canon_give(d, &delta);
}
