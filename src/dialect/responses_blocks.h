/* A stream being read: what the files that read it share. Nobody else includes it.
 *
 * Events name the item and the part that they are of; here one block is open at a time.
 * What comes for another block closes the open one, except for a tool call, whose arguments
 * must stay whole: then the other's are left for its `done` event or for the whole response
 * at the end, which bring what was not given before. So an event may be missing, or come in
 * another order, and nothing is lost or doubled. */
#ifndef DIALECT_RESPONSES_BLOCKS_H
#define DIALECT_RESPONSES_BLOCKS_H

#include "dialect/responses.h"

/* One part of an item: a text, a refusal, the reasoning, the arguments. */
struct in_piece {
    struct in_piece *next;
    int64_t index; /* content_index */
    size_t sent;   /* bytes of the JSON string given so far, without quotes */
    size_t citations;
    bool opened;
};

struct in_item {
    struct in_item *next;
    int64_t index; /* output_index */
    enum item_kind kind;
    struct in_piece *pieces;
    int64_t summary; /* the summary part that was given last; -1: none */
    bool done;
};

struct in_stream {
    struct in_item *items, *recent;
    size_t count; /* of items and pieces */
    /* the open block */
    struct in_item *item;
    struct in_piece *piece;
    bool open, call;
    int64_t block;
    bool tool, refused, finished;
    str status, reason;
};

struct in_stream *in_stream(struct canon_decoder *d);
/* A whole number of the event's root, at least 0; else `otherwise`. */
int64_t in_number(const struct json *doc, str key, int64_t otherwise);
/* Found, or made; NULL where there are too many: the decoder is broken then. */
struct in_item *in_item(struct canon_decoder *d, int64_t index, enum item_kind kind);
struct in_piece *in_piece(struct canon_decoder *d, struct in_item *item, int64_t index);

/* DELTA_START, once. */
void in_start(struct canon_decoder *d, const struct json *doc, json_ref response);
void in_open(struct canon_decoder *d, struct in_item *item, struct in_piece *piece, const struct canon_part *part);
/* Closes the open block, if one is. */
void in_close(struct canon_decoder *d);
/* Whether `piece` may be written now: it is open, or is opened; a tool call under way must come to its end. */
bool in_enter(struct canon_decoder *d, struct in_item *item, struct in_piece *piece, enum canon_part_kind kind, str id);
void in_give(struct canon_decoder *d, enum canon_delta_kind kind, jraw piece);
void in_send(struct canon_decoder *d, struct in_piece *piece, jraw text);
/* What a whole text has beyond what was given. */
void in_send_rest(struct canon_decoder *d, struct in_piece *piece, jraw whole);

#endif
