/* What a stream or an answer says, gathered from its deltas or parts: to compare one with another. */
#ifndef TESTS_DIALECT_GATHERED_H
#define TESTS_DIALECT_GATHERED_H

#include "dialect/dialect.h"

enum { GATHERED_CHOICES = 8, GATHERED_CALLS = 64 };

struct gathered_call {
    str id, name;
    struct buf arguments;
};

struct gathered_choice {
    struct buf text, reasoning, refusal, signatures;
    struct gathered_call calls[GATHERED_CALLS];
    int count;
    enum canon_part_kind kind;
    int64_t block; /* the last one's index; -1: none yet */
    bool open, finished;
    enum canon_stop stop;
    int citations, logprobs;
};

struct gathered {
    struct canon_sink sink;
    struct arena *arena;
    struct gathered_choice choices[GATHERED_CHOICES];
    bool started, ended;
    bool beyond;       /* a choice ended whose index is above GATHERED_CHOICES */
    const char *wrong; /* which rule of deltas was broken; NULL: none */
};

/* A text with half a surrogate pair, which has no UTF-8: each half stays as its escape, all else is decoded. */
static inline void gathered_add_halved(struct gathered *g, struct buf *to, str inside)
{
    enum { ESCAPE = 2, UNICODE_ESCAPE = 6 };
    for (size_t used; inside.n; inside = str_from_at(inside, used)) {
        bool escape = inside.p[0] == '\\', pair = inside.n >= 2 * UNICODE_ESCAPE;
        used = !escape ? 1 : inside.p[1] == 'u' ? UNICODE_ESCAPE : ESCAPE;
        str text = str_head(inside, used);
        if (escape) text = canon_decode(g->arena, (jraw){arena_printf(g->arena, "\"%" STR_FMT "\"", STR_ARG(text))});
        if (!text.p && pair) {
            str both = str_head(inside, 2 * UNICODE_ESCAPE);
            text = canon_decode(g->arena, (jraw){arena_printf(g->arena, "\"%" STR_FMT "\"", STR_ARG(both))});
            if (text.p) used = both.n;
        }
        buf_add(to, text.p ? text : str_head(inside, used));
    }
}

static inline void gathered_add(struct gathered *g, struct buf *to, jraw piece)
{
    str text = canon_decode(g->arena, piece);
    if (text.p) {
        buf_add(to, text);
    } else {
        gathered_add_halved(g, to, canon_inside(piece));
    }
}

static inline struct buf *gathered_text(struct gathered_choice *c)
{
    return c->kind == PART_REASONING ? &c->reasoning : c->kind == PART_REFUSAL ? &c->refusal : &c->text;
}

static inline void gathered_begin(struct gathered *g, struct gathered_choice *c, const struct canon_delta *d)
{
    if (c->open) g->wrong = "a block begins in another";
    if (d->block != c->block + 1) g->wrong = "a block's index leaves a gap";
    c->block++;
    c->open = true;
    c->kind = d->part->kind;
    if (c->kind != PART_TOOL_CALL || c->count == GATHERED_CALLS) return;
    struct gathered_call *call = &c->calls[c->count++];
    *call = (struct gathered_call){arena_str(g->arena, d->part->tool.id), arena_str(g->arena, d->part->tool.name), {0}};
}

static inline void gathered_take(struct canon_sink *sink, const struct canon_delta *d)
{
    struct gathered *g = CONTAINER_OF(sink, struct gathered, sink);
    if (g->ended) g->wrong = "a delta follows the end";
    if ((d->kind == DELTA_START) == g->started && d->kind != DELTA_PING)
        g->wrong = "the start is not first, or not once";
    g->started = g->started || d->kind == DELTA_START;
    if (d->kind == DELTA_END) g->ended = true;
    if (d->kind == DELTA_START || d->kind == DELTA_PING || d->kind == DELTA_END) return;
    if (d->choice < 0 || d->choice >= GATHERED_CHOICES) {
        g->beyond = g->beyond || d->kind == DELTA_FINISH;
        return;
    }
    struct gathered_choice *c = &g->choices[d->choice];
    if (c->finished) g->wrong = "a delta follows the choice's end";
    if (d->kind == DELTA_BLOCK_START) {
        gathered_begin(g, c, d);
        return;
    }
    if (d->kind == DELTA_FINISH) {
        if (c->open) g->wrong = "a choice ends within a block";
        c->finished = true;
        c->stop = d->stop;
        return;
    }
    if (!c->open) g->wrong = "a piece stands outside of blocks";
    if (d->block != c->block) g->wrong = "a piece has another block's index";
    if (d->kind == DELTA_BLOCK_STOP) c->open = false;
    if (d->kind == DELTA_TEXT) gathered_add(g, gathered_text(c), d->piece);
    if (d->kind == DELTA_ARGUMENTS && c->count) gathered_add(g, &c->calls[c->count - 1].arguments, d->piece);
    if (d->kind == DELTA_SIGNATURE) gathered_add(g, &c->signatures, d->piece);
    c->citations += d->kind == DELTA_CITATION;
    c->logprobs += d->kind == DELTA_LOGPROBS;
}

static inline void gathered_init(struct gathered *g, struct arena *arena)
{
    *g = (struct gathered){.sink = {gathered_take}, .arena = arena};
    for (int i = 0; i < GATHERED_CHOICES; i++) g->choices[i].block = -1;
}

static inline void gathered_free(struct gathered *g)
{
    for (int i = 0; i < GATHERED_CHOICES; i++) {
        struct gathered_choice *c = &g->choices[i];
        buf_free(&c->text);
        buf_free(&c->reasoning);
        buf_free(&c->refusal);
        buf_free(&c->signatures);
        for (int k = 0; k < c->count; k++) buf_free(&c->calls[k].arguments);
    }
}

static inline bool gathered_empty(str s)
{
    return !s.n || str_eq(s, S("{}"));
}

/* NULL, or what differs. */
static inline const char *gathered_differs(const struct gathered *a, const struct gathered *b)
{
    for (int i = 0; i < GATHERED_CHOICES; i++) {
        const struct gathered_choice *c = &a->choices[i], *d = &b->choices[i];
        if (!str_eq(buf_str(&c->text), buf_str(&d->text))) return "the text";
        if (!str_eq(buf_str(&c->reasoning), buf_str(&d->reasoning))) return "the reasoning";
        if (!str_eq(buf_str(&c->refusal), buf_str(&d->refusal))) return "the refusal";
        if (!str_eq(buf_str(&c->signatures), buf_str(&d->signatures))) return "the signatures";
        if (c->count != d->count) return "the number of calls";
        for (int k = 0; k < c->count; k++) {
            str x = buf_str(&c->calls[k].arguments), y = buf_str(&d->calls[k].arguments);
            if (!str_eq(c->calls[k].id, d->calls[k].id)) return "a call's id";
            if (!str_eq(c->calls[k].name, d->calls[k].name)) return "a call's name";
            if (!str_eq(x, y) && !(gathered_empty(x) && gathered_empty(y))) return "a call's arguments";
        }
        if (c->stop != d->stop) return "the stop reason";
        if (c->citations != d->citations) return "the citations";
    }
    return NULL;
}

#endif
