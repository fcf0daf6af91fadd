/* Which tool results of a turn say their id first, and how often it is said: by a table, so that a
 * turn of ten thousand results costs no more than reading them. */
#include "dialect/canon.h"

#include "base/hash.h"

struct result_slot {
    const struct canon_part *first;
    size_t count;
};

static struct result_slot *slot_of(const struct canon_results *s, str id)
{
    size_t at = (size_t)hash_in(s->slots, id) & (s->room - 1);
    while (s->slots[at].first && !str_eq(s->slots[at].first->tool.id, id)) at = (at + 1) & (s->room - 1);
    return &s->slots[at];
}

void canon_results_init(struct canon_results *s, const struct canon_message *first, const struct canon_message *end,
                        struct arena *arena)
{
    size_t count = 0;
    *s = (struct canon_results){.room = 4};
    for (const struct canon_message *m = first; m != end; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next) count += p->kind == PART_TOOL_RESULT;
    while (s->room < 2 * count) s->room *= 2;
    s->slots = arena_zalloc(arena, s->room * sizeof(*s->slots));
    for (const struct canon_message *m = first; m != end; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_RESULT) continue;
            struct result_slot *slot = slot_of(s, p->tool.id);
            if (!slot->count++) slot->first = p;
        }
}

bool canon_results_is_first(const struct canon_results *s, const struct canon_part *result)
{
    return slot_of(s, result->tool.id)->first == result;
}

size_t canon_results_count(const struct canon_results *s, const struct canon_part *result)
{
    return slot_of(s, result->tool.id)->count;
}
