/* The names that a choice of tools is held to, found by a table: each of thousands of tools is asked for. */
#include "dialect/canon.h"

#include "base/hash.h"

void canon_allow(struct canon_call *call, const str *names, size_t count)
{
    struct canon_tool_choice *c = &call->choice;
    size_t room = 2;
    while (room < 2 * count) room *= 2;
    uint32_t *places = arena_zalloc(call->arena, room * sizeof(*places));
    c->allowed = names;
    c->allowed_count = count;
    c->places = places;
    c->room = room;
    for (size_t i = 0; i < count; i++) {
        size_t at = hash_in(places, names[i]) & (room - 1);
        while (places[at] && !str_eq(names[places[at] - 1], names[i])) at = (at + 1) & (room - 1);
        if (!places[at]) places[at] = (uint32_t)i + 1;
    }
}

size_t canon_allowed_at(const struct canon_tool_choice *c, str name)
{
    if (!c->allowed_count) return SIZE_MAX;
    size_t at = hash_in(c->places, name) & (c->room - 1);
    while (c->places[at] && !str_eq(c->allowed[c->places[at] - 1], name)) at = (at + 1) & (c->room - 1);
    return c->places[at] ? c->places[at] - 1 : SIZE_MAX;
}

bool canon_allows(const struct canon_tool_choice *c, str name)
{
    return !c->allowed_count || canon_allowed_at(c, name) != SIZE_MAX;
}
