/* A stream being written: what the files that write it share. Nobody else includes it.
 *
 * Blocks become items; neighbouring texts are parts of one message, which stays open until
 * something else comes. Each item is told twice, as it begins and whole as it ends, and once
 * more in the response that ends the stream: its texts are kept for that, under a ceiling. */
#ifndef DIALECT_RESPONSES_STREAM_H
#define DIALECT_RESPONSES_STREAM_H

#include "dialect/responses.h"

/* Grows in the arena; what it held before is left behind there. */
struct out_text {
    char *p;
    size_t n, cap;
};

enum open_item { OPEN_NONE, OPEN_MESSAGE, OPEN_REASONING, OPEN_CALL };

struct out_stream {
    enum dialect_id from;
    str id, model, service_tier, groups;
    int64_t created_s;
    struct out_text output; /* items that are whole */
    int64_t index;          /* output_index of the open item, else of the next */
    size_t kept;            /* bytes in all texts */
    bool refused, skip;     /* skip: a block that the protocol has no word for */
    bool carried;           /* the open block's signature went ahead of it */
    enum canon_stop stop;
    /* the open item */
    enum open_item open;
    str item_id;
    struct canon_part part;  /* of the open block; its strings in the arena */
    struct out_text content; /* parts of a message that are whole */
    int64_t content_index;
    /* the open block */
    struct out_text piece, logprobs, citations;
    int64_t citation_count;
    bool spoken; /* reasoning: its summary part has begun */
};

struct out_stream *out_stream(struct canon_encoder *e);

/* ---- events (responses_stream_write.c) */

/* Appends; the ceiling for all texts breaks the encoder. */
void out_keep(struct canon_encoder *e, struct out_text *t, str more);
str out_text(const struct out_text *t);
/* An event of that type, to be filled and ended: with the open item's place, and with its part's. */
struct buf *out_begin(struct canon_encoder *e, str type);
struct buf *out_begin_item(struct canon_encoder *e, str type);
struct buf *out_begin_part(struct canon_encoder *e, str type);
void out_end(struct canon_encoder *e, str type);
/* `"key":"inside"` */
void out_string(struct buf *out, str key, str inside);
/* An event that carries an item, which the caller writes next. */
struct buf *out_begin_output(struct canon_encoder *e, str type);
/* Ends an `output_item.done` whose item stands in the event from `from` on: it belongs to the response, too. */
void out_end_output(struct canon_encoder *e, size_t from);
void out_open_item(struct canon_encoder *e, enum open_item open, const struct canon_part *part, const char *prefix);
void out_message(struct buf *out, const struct out_stream *s, str status);
/* Only a message outlives its last block. */
void out_close_message(struct canon_encoder *e, str status);

/* ---- blocks: messages (responses_stream_text.c), other items (responses_stream_items.c) */
void out_start_text(struct canon_encoder *e, const struct canon_part *part);
void out_add_text(struct canon_encoder *e, str inside, str logprobs);
void out_add_logprobs(struct canon_encoder *e, jraw logprobs);
void out_add_citation(struct canon_encoder *e, const struct canon_part *part);
void out_stop_text(struct canon_encoder *e);
void out_start_reasoning(struct canon_encoder *e, const struct canon_part *part);
void out_add_reasoning(struct canon_encoder *e, str inside);
void out_stop_reasoning(struct canon_encoder *e);
void out_start_call(struct canon_encoder *e, const struct canon_part *part);
void out_add_arguments(struct canon_encoder *e, str inside);
void out_stop_call(struct canon_encoder *e);
void out_opaque(struct canon_encoder *e, const struct canon_part *part);
/* A signature that belongs to another block, as reasoning without words. */
void out_carried(struct canon_encoder *e, enum canon_carry use, const struct canon_part *part);

#endif
