/* The places of citations in a stream. */
#include "dialect/canon_cite.h"

enum { HELD_MAX = 1024 };

struct choice_placing {
    bool text;              /* the open block is one */
    int64_t before, length; /* characters of the texts before it, and of its own */
    struct canon_words words;
    size_t words_before;    /* bytes of them that belong to blocks before */
    struct canon_cursor at; /* in the block's own */
    struct canon_citation *held, **end;
    size_t held_count;
};

struct canon_placing {
    enum dialect_id from;
    struct choice_placing *choices[CANON_CHOICES_MAX];
};

static struct choice_placing *placing_of(struct canon_encoder *e, int64_t choice)
{
    if (!e->placing) e->placing = arena_zalloc(e->arena, sizeof(*e->placing));
    struct choice_placing **at = &e->placing->choices[choice];
    if (!*at) {
        *at = arena_zalloc(e->arena, sizeof(**at));
        (*at)->end = &(*at)->held;
    }
    return *at;
}

str canon_placing_words(const struct canon_encoder *e, int64_t choice)
{
    const struct choice_placing *p = e->placing ? e->placing->choices[choice] : NULL;
    return !p || p->words.full ? STR_NONE : p->words.p ? str_of(p->words.p, p->words.n) : S("");
}

static void start_block(struct choice_placing *p, const struct canon_part *part, enum canon_placing_how how)
{
    if (p->text) p->before += p->length;
    p->text = part && part->kind == PART_TEXT;
    p->length = 0;
    if (!(how & PLACING_ALL)) {
        p->words.n = 0;
        p->words.full = false;
    }
    p->words_before = p->words.n;
    p->at = (struct canon_cursor){0};
}

static void take_text(struct canon_encoder *e, struct choice_placing *p, jraw piece, enum canon_placing_how how)
{
    if (!p->text || !piece.json.p) return;
    p->length += canon_length(piece);
    if (how & PLACING_WORDS) canon_words_add(&p->words, e->arena, canon_inside(piece));
}

static void hold(struct canon_encoder *e, struct choice_placing *p, const struct canon_citation *given)
{
    if (p->held_count++ >= HELD_MAX) return;
    struct canon_citation *c = canon_cite_keep(e->arena, given);
    *p->end = c;
    p->end = &c->next;
}

struct placing_call {
    struct canon_encoder *e;
    enum canon_placing_how how;
    void (*encode)(struct canon_encoder *e, const struct canon_delta *delta);
};

static void give(const struct placing_call *call, struct choice_placing *p, const struct canon_delta *delta,
                 const struct canon_citation *c)
{
    struct canon_citation placed = canon_placed(c, p->length, 0);
    struct canon_part with = {.kind = PART_TEXT, .citations = &placed};
    struct canon_delta one = *delta;
    placed.next = NULL;
    if ((call->how & PLACING_WORDS) && !placed.said.json.p && !p->words.full && p->words.p) {
        str text = str_of(p->words.p + p->words_before, p->words.n - p->words_before);
        str said = canon_span(&p->at, text, placed.start, placed.end);
        placed.said = (jraw){arena_printf(call->e->arena, "\"%" STR_FMT "\"", STR_ARG(said))};
    }
    if (call->how & PLACING_ALL) {
        placed.start += p->before;
        placed.end += p->before;
    }
    one.kind = DELTA_CITATION;
    one.part = &with;
    one.piece = RAW_NONE;
    call->encode(call->e, &one);
}

void canon_encode_placed(struct canon_encoder *e, const struct canon_delta *delta, enum canon_placing_how how,
                         void (*encode)(struct canon_encoder *e, const struct canon_delta *delta))
{
    const struct placing_call call = {e, how, encode};
    if (delta->choice < 0 || delta->choice >= CANON_CHOICES_MAX) {
        encode(e, delta);
        return;
    }
    struct choice_placing *p = placing_of(e, delta->choice);
    const struct canon_citation *list = delta->part ? delta->part->citations : NULL;
    switch (delta->kind) {
    case DELTA_START:
        e->placing->from = delta->from;
        break;
    case DELTA_BLOCK_START:
        start_block(p, delta->part, how);
        break;
    case DELTA_TEXT:
        take_text(e, p, delta->piece, how);
        break;
    case DELTA_CITATION:
        if (e->placing->from == e->dialect || !p->text) break; /* its own: as it stands */
        for (const struct canon_citation *c = list; c; c = c->next)
            if (c->start < 0)
                hold(e, p, c);
            else
                give(&call, p, delta, c);
        return;
    case DELTA_BLOCK_STOP:
        for (const struct canon_citation *c = p->held; c; c = c->next) give(&call, p, delta, c);
        p->held = NULL;
        p->end = &p->held;
        p->held_count = 0;
        break;
    default:
        break;
    }
    encode(e, delta);
}
