/* A stream of any dialect as deltas of blocks, those who give them and those who take them. */
#ifndef DIALECT_CANON_STREAM_H
#define DIALECT_CANON_STREAM_H

#include "dialect/canon.h"

/* For each choice: BLOCK_START, pieces, BLOCK_STOP, one block at a time, indexes from 0
 * without gaps; a block without pieces is legal. START comes first, FINISH once for each
 * choice, END last and once. Decoders keep to it whatever their wire does (text after a
 * tool call is a new block); encoders rely on it. */
enum canon_delta_kind {
    DELTA_START,       /* id, model, created_s; usage as far as it is known */
    DELTA_BLOCK_START, /* part: kind, tool.id, tool.name, whatever is known; its pieces follow all the same */
    DELTA_TEXT,        /* piece: of text, reasoning or refusal */
    DELTA_ARGUMENTS,   /* piece: of a tool call's arguments, JSON text in a string */
    DELTA_SIGNATURE,   /* piece: the block's signature (whole) */
    DELTA_CITATION,    /* part->citations: one */
    DELTA_LOGPROBS,    /* piece: as it stands, belongs to the text just sent */
    DELTA_BLOCK_STOP,
    DELTA_FINISH, /* stop, stop_raw, stop_sequence */
    DELTA_PING,   /* the provider keeps the connection alive */
    DELTA_END,    /* usage is final */
};

struct canon_delta {
    enum canon_delta_kind kind;
    enum dialect_id from; /* DELTA_START: the provider's; canon_give() fills it in */
    int64_t choice;       /* 0 .. */
    int64_t block;        /* of this choice, 0 .. */
    const struct canon_part *part;
    jraw piece; /* a JSON string, quotes included */
    enum canon_stop stop;
    str stop_raw;
    jraw stop_sequence;
    str id, model;
    int64_t created_s;
    const struct usage *usage; /* NULL: not told yet */
    str service_tier;
    jraw extras; /* an object of the provider's own that a client of the same dialect would see; may be none */
};

/* Takes deltas: an encoder, or a test. Valid only during the call. */
struct canon_sink {
    void (*take)(struct canon_sink *sink, const struct canon_delta *delta);
};

enum { CANON_CHOICES_MAX = 128, CANON_BLOCKS_MAX = 4096, CANON_ARGUMENTS_MAX = 16 * 1024 * 1024 };

/* Reads the events of one stream. `state` is the dialect's own, in `arena`, made at the first event. */
struct canon_decoder {
    enum dialect_id dialect;
    uint32_t quirks;
    struct arena *arena;
    struct canon_sink *sink;
    void *state;
    bool started, ended;
    const char *broken; /* why the stream cannot be read on: for an error; NULL: it can */
};

/* Writes the events of one stream for a client: the caller says how they are framed
 * (server-sent events, event-stream frames, a JSON array). */
struct event_sink {
    /* One event; `name` may be empty. The bytes are valid only during the call. */
    void (*emit)(struct event_sink *sink, str name, str data);
    /* The event that says that the stream has failed. */
    void (*fail)(struct event_sink *sink, str name, str data);
};

struct canon_encoder {
    enum dialect_id dialect;
    struct event_sink *sink;
    struct buf json; /* scratch: one event under construction */
    struct arena *arena;
    str model;                     /* what the client asked for, shown where the provider tells none */
    str seed;                      /* unique: what made-up ids are made of (the request's id, hex) */
    int64_t created_s;             /* now, where the provider does not tell */
    bool include_usage;            /* chat: the client asked for the usage chunk */
    str cost_usd;                  /* shown beside the usage at the end; empty: not known */
    str echo;                      /* members that the client's protocol repeats of the call (dialect.echo) */
    void *state;                   /* the dialect's own, in `arena`, made at the first delta */
    struct canon_placing *placing; /* canon_cite.h */
    int64_t sequence;              /* of the last event that was numbered; -1 before the first */
    bool broken;                   /* a ceiling was met: the stream must end in an error */
};

/* Gives a whole answer as a stream would: for a client that asked for one. */
void canon_replay(const struct canon_answer *answer, struct canon_sink *sink);

/* Of each choice's tool calls only the first goes on: a sink that stands before `to`. Lives in `arena`. */
struct canon_sink *canon_first_call_sink(struct canon_sink *to, struct arena *arena);

#endif
