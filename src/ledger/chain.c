#include "ledger/chain.h"

#include <inttypes.h>

void chain_free(struct chain *c)
{
    for (struct segment *s = c->first, *next; s; s = next) {
        next = s->next;
        segment_drop(s);
    }
    c->first = NULL;
}

struct chain_cursor chain_begin(const struct chain *c)
{
    struct chain_cursor at = {.segment = c->first, .offset = SEGMENT_HEAD_BYTES};
    /* segment 1 begins with record 1; later ones with whatever comes */
    at.seq_known = c->first && c->first->id.number == 1;
    return at;
}

struct chain_cursor chain_resume(const struct chain *c)
{
    struct chain_cursor at = {.segment = c->first, .offset = SEGMENT_HEAD_BYTES, .seq = c->seq, .seq_known = true};
    while (at.segment && at.segment->id.number < POSITION_NUMBER(c->position)) at.segment = at.segment->next;
    if (at.segment && at.segment->id.number == POSITION_NUMBER(c->position)) at.offset = POSITION_OFFSET(c->position);
    return at;
}

uint64_t chain_position(const struct chain_cursor *at)
{
    return at->segment ? POSITION(at->segment->id.number, at->offset) : 0;
}

static void tell(struct buf *damage, const struct segment *s, uint32_t offset, const char *what)
{
    buf_printf(damage, "journal %u/%u, segment %u, byte %u: %s\n", s->id.epoch, s->id.worker, s->id.number, offset,
               what);
}

/* Takes the record that was found at `at`, unless it stands there a second time. */
static bool take(struct chain_cursor *at, const struct record *r, struct buf *damage)
{
    struct segment *s = at->segment;
    at->offset = r->offset + r->length;
    if (at->seq_known && r->seq <= at->seq) {
        tell(damage, s, r->offset, "a record that was there before stands here again");
        return false;
    }
    if (at->seq_known && r->seq > at->seq + 1) {
        buf_printf(damage,
                   "journal %u/%u, segment %u, byte %u: %" PRIu64 " records are missing (numbers %" PRIu64
                   " to %" PRIu64 ")\n",
                   s->id.epoch, s->id.worker, s->id.number, r->offset, r->seq - at->seq - 1, at->seq + 1, r->seq - 1);
    }
    at->seq = r->seq;
    at->seq_known = true;
    return true;
}

/* Does the next segment begin where this one's records stop? Then all is well. */
static bool goes_on_in_next(const struct chain_cursor *at)
{
    const struct segment *next = at->segment->next;
    struct record r;
    return next && record_read(next->map, next->size, next->seed, SEGMENT_HEAD_BYTES, &r) == RECORD_FOUND &&
           r.seq == at->seq + 1;
}

/* At a place where no valid record is: the next one in this segment, or none. */
static bool find_behind(struct chain_cursor *at, enum record_found found, struct record *out, struct buf *damage)
{
    struct segment *s = at->segment;
    if (found == RECORD_NONE && goes_on_in_next(at)) return false;
    if (found == RECORD_BAD) tell(damage, s, at->offset, "a damaged record (its checksum does not match)");
    bool more = record_resync(s->map, s->size, s->seed, at->offset, at->seq, out);
    /* beside a running server a record may have come to be in front of the one found */
    if (more && found == RECORD_NONE && out->offset > at->offset)
        more = record_read(s->map, s->size, s->seed, at->offset, out) == RECORD_FOUND ||
               record_resync(s->map, s->size, s->seed, at->offset, at->seq, out);
    if (more && found == RECORD_NONE && out->offset > at->offset)
        tell(damage, s, at->offset, "a hole where a record should be");
    return more;
}

enum chain_step chain_next(struct chain_cursor *at, uint64_t limit, struct record *out, struct buf *damage)
{
    while (at->segment && chain_position(at) < limit) {
        struct segment *s = at->segment;
        enum record_found found = record_read(s->map, s->size, s->seed, at->offset, out);
        if (found == RECORD_FOUND || find_behind(at, found, out, damage)) {
            if (take(at, out, damage)) return CHAIN_RECORD;
            continue;
        }
        /* the end of this segment's records */
        bool more = limit == UINT64_MAX ? s->next != NULL : POSITION_NUMBER(limit) > s->id.number;
        if (!more) {
            /* damage up to the limit is told once; what is appended behind it is read */
            if (limit != UINT64_MAX)
                at->offset = POSITION_OFFSET(limit);
            else if (found == RECORD_BAD)
                at->offset = s->size - 8;
            return CHAIN_END;
        }
        at->segment = s->next;
        at->offset = SEGMENT_HEAD_BYTES;
    }
    return CHAIN_END;
}
