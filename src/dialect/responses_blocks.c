/* The blocks of a stream being read: which is open, and what of each was given. */
#include "dialect/responses_blocks.h"

struct in_stream *in_stream(struct canon_decoder *d)
{
    if (!d->state) d->state = arena_zalloc(d->arena, sizeof(struct in_stream));
    return d->state;
}

static bool room(struct canon_decoder *d, struct in_stream *s)
{
    if (s->count++ < CANON_BLOCKS_MAX) return true;
    d->broken = "the response has too many parts";
    return false;
}

/* ---- deltas */

void in_start(struct canon_decoder *d, const struct json *doc, json_ref response)
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

void in_give(struct canon_decoder *d, enum canon_delta_kind kind, jraw piece)
{
    struct in_stream *s = in_stream(d);
    struct canon_delta delta = {.kind = kind, .block = s->block, .piece = piece};
    canon_give(d, &delta);
}

void in_close(struct canon_decoder *d)
{
    struct in_stream *s = in_stream(d);
    if (!s->open) return;
    struct canon_delta delta = {.kind = DELTA_BLOCK_STOP, .block = s->block};
    canon_give(d, &delta);
    s->open = s->call = false;
    s->block++;
}

void in_open(struct canon_decoder *d, struct in_item *item, struct in_piece *piece, const struct canon_part *part)
{
    struct in_stream *s = in_stream(d);
    struct canon_delta delta = {.kind = DELTA_BLOCK_START, .part = part};
    in_close(d);
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

int64_t in_number(const struct json *doc, str key, int64_t otherwise)
{
    int64_t v;
    return json_i64(doc, openai_find(doc, JSON_ROOT, key), &v) && v >= 0 ? v : otherwise;
}

struct in_item *in_item(struct canon_decoder *d, int64_t index, enum item_kind kind)
{
    struct in_stream *s = in_stream(d);
    if (s->recent && s->recent->index == index) return s->recent;
    for (struct in_item *i = s->items; i; i = i->next)
        if (i->index == index) return s->recent = i;
    if (!room(d, s)) return NULL;
    struct in_item *item = arena_zalloc(d->arena, sizeof(*item));
    *item = (struct in_item){.next = s->items, .index = index, .kind = kind, .summary = -1};
    s->items = s->recent = item;
    return item;
}

struct in_piece *in_piece(struct canon_decoder *d, struct in_item *item, int64_t index)
{
    struct in_stream *s = in_stream(d);
    for (struct in_piece *p = item->pieces; p; p = p->next)
        if (p->index == index) return p;
    if (!room(d, s)) return NULL;
    struct in_piece *piece = arena_zalloc(d->arena, sizeof(*piece));
    *piece = (struct in_piece){.next = item->pieces, .index = index};
    item->pieces = piece;
    return piece;
}

/* ---- blocks */

bool in_enter(struct canon_decoder *d, struct in_item *item, struct in_piece *piece, enum canon_part_kind kind, str id)
{
    struct in_stream *s = in_stream(d);
    if (!piece) return false;
    if (s->open && s->item == item && s->piece == piece) return !s->call; /* the item was named as a call's before */
    if (s->open && s->call && !s->item->done) return false;
    struct canon_part part = {.kind = kind, .id = id};
    in_open(d, item, piece, &part);
    return true;
}

/* Events may name an item as something else than it became: what is open decides. */
void in_send(struct canon_decoder *d, struct in_piece *piece, jraw text)
{
    struct in_stream *s = in_stream(d);
    if (text.json.n <= 2 || !s->open || s->piece != piece) return;
    in_give(d, s->call ? DELTA_ARGUMENTS : DELTA_TEXT, text);
    piece->sent += text.json.n - 2;
}

/* Whether a JSON string may be cut there: not within an escape or a character. */
static bool is_boundary(str inside, size_t at)
{
    size_t i = 0;
    while (i < at) i += inside.p[i] != '\\' ? 1 : i + 1 < inside.n && inside.p[i + 1] == 'u' ? 6 : 2;
    return i == at && at < inside.n && ((unsigned char)inside.p[at] & 0xc0) != 0x80;
}

void in_send_rest(struct canon_decoder *d, struct in_piece *piece, jraw whole)
{
    str inside = canon_inside(whole);
    if (!whole.json.p) return;
    if (!piece->sent) {
        in_send(d, piece, whole);
        return;
    }
    if (inside.n <= piece->sent || !is_boundary(inside, piece->sent)) return;
    str rest = str_from_at(inside, piece->sent);
    jraw text = {arena_printf(d->arena, "\"%" STR_FMT "\"", STR_ARG(rest))};
    in_send(d, piece, text);
}
