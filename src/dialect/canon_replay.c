/* A whole answer as the deltas of a stream. */
#include "dialect/canon_cite.h"

struct replay {
    struct canon_sink *sink;
    struct arena *arena;
    int64_t choice, block;
};

static void give(struct replay *r, struct canon_delta delta)
{
    delta.choice = r->choice;
    delta.block = r->block;
    r->sink->take(r->sink, &delta);
}

static void give_content(struct replay *r, const struct canon_part *part)
{
    if (part->kind == PART_TOOL_CALL) {
        jraw arguments = canon_quote(r->arena, part->tool.arguments);
        give(r, (struct canon_delta){.kind = DELTA_ARGUMENTS, .part = part, .piece = arguments});
    } else if (part->text.json.p) {
        give(r, (struct canon_delta){.kind = DELTA_TEXT, .part = part, .piece = part->text});
    }
    for (struct canon_citation *c = part->citations; c; c = c->next) {
        struct canon_citation one = *c;
        struct canon_part with = *part;
        one.next = NULL;
        with.citations = &one;
        give(r, (struct canon_delta){.kind = DELTA_CITATION, .part = &with});
    }
    if (part->signature.json.p)
        give(r, (struct canon_delta){.kind = DELTA_SIGNATURE, .part = part, .piece = part->signature});
}

void canon_replay(const struct canon_answer *answer, struct canon_sink *sink)
{
    struct replay r = {.sink = sink, .arena = answer->arena};
    give(&r, (struct canon_delta){.kind = DELTA_START,
                                  .from = answer->from,
                                  .id = answer->id,
                                  .model = answer->model,
                                  .created_s = answer->created_s,
                                  .usage = answer->usage.known ? &answer->usage : NULL,
                                  .service_tier = answer->service_tier});
    for (const struct canon_choice *c = answer->choices; c; c = c->next) {
        r.choice = c->index;
        r.block = 0;
        for (const struct canon_part *p = c->parts; p; p = p->next, r.block++) {
            give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = p});
            give_content(&r, p);
            give(&r, (struct canon_delta){.kind = DELTA_BLOCK_STOP, .part = p});
        }
        give(&r, (struct canon_delta){.kind = DELTA_FINISH,
                                      .stop = c->stop,
                                      .stop_raw = c->stop_raw,
                                      .stop_sequence = c->stop_sequence});
    }
    give(&r, (struct canon_delta){.kind = DELTA_END, .usage = answer->usage.known ? &answer->usage : NULL});
}
