/* One tool call at a time, kept by purser: most providers have no word for it. What a model calls beyond the first
 * is not passed on; it stands in no history then, and the model can call it anew once it has the first's result. */
#include "dialect/canon_stream.h"

void canon_keep_first_call(struct canon_answer *answer)
{
    for (struct canon_choice *c = answer->choices; c; c = c->next) {
        bool called = false;
        c->last_part = NULL;
        for (struct canon_part **at = &c->parts; *at;) {
            bool call = (*at)->kind == PART_TOOL_CALL;
            if (call && called) {
                *at = (*at)->next;
                continue;
            }
            called = called || call;
            c->last_part = *at;
            at = &(*at)->next;
        }
    }
}

struct first_call {
    struct canon_sink sink, *to;
    struct {
        bool called, skips; /* the block that runs is not passed on */
        int64_t left_out;   /* blocks so far */
    } choices[CANON_CHOICES_MAX];
};

static void take(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct first_call *f = CONTAINER_OF(sink, struct first_call, sink);
    if (delta->choice < 0 || delta->choice >= CANON_CHOICES_MAX) {
        f->to->take(f->to, delta);
        return;
    }
    __typeof__(f->choices[0]) *c = &f->choices[delta->choice];
    bool call = delta->kind == DELTA_BLOCK_START && delta->part && delta->part->kind == PART_TOOL_CALL;
    if (call && c->called) c->skips = true;
    c->called = c->called || call;
    if (c->skips && delta->kind == DELTA_BLOCK_STOP) {
        c->skips = false;
        c->left_out++;
        return;
    }
    bool of_block = delta->kind != DELTA_PING && delta->kind != DELTA_FINISH && delta->kind != DELTA_END;
    if (c->skips && of_block) return;
    struct canon_delta moved = *delta;
    moved.block -= c->left_out;
    f->to->take(f->to, &moved);
}

struct canon_sink *canon_first_call_sink(struct canon_sink *to, struct arena *arena)
{
    struct first_call *f = arena_zalloc(arena, sizeof(*f));
    f->sink.take = take;
    f->to = to;
    return &f->sink;
}
