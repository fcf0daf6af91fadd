/* Messages of a call for a messages target. The protocol wants turns: neighbours of one
 * role become one message, results of tools stand first in it, each once. */
#include "dialect/messages_encode.h"

static bool is_system(const struct canon_call *call, const struct canon_message *m)
{
    if (m->role != ROLE_SYSTEM && m->role != ROLE_DEVELOPER) return false;
    return call->from != DIALECT_MESSAGES || !m->among;
}

/* ---- system */

/* One plain text, for which a string does. */
static const struct canon_part *only_text(const struct canon_message *m)
{
    const struct canon_part *p = m->parts;
    bool plain = p && !p->next && p->kind == PART_TEXT && !p->extras.members.n && !p->cache_ttl && !p->citations;
    return plain ? p : NULL;
}

void messages_put_system(struct messages_encoder *e)
{
    const struct canon_message *only = NULL;
    size_t count = e->instruction.n > 0, parts = 0;
    for (const struct canon_message *m = e->call->messages; m; m = m->next) {
        if (!is_system(e->call, m)) continue;
        only = m;
        count++;
        for (const struct canon_part *p = m->parts; p; p = p->next) parts += messages_has_form(&e->writer, p);
    }
    bool kept = e->call->from == DIALECT_MESSAGES && count; /* an empty list, too */
    if (!parts && !e->instruction.n && !kept) return;
    const struct canon_part *text = count == 1 && only ? only_text(only) : NULL;
    if (text) {
        canon_put_raw(e->out, S("system"), text->text);
        return;
    }
    canon_key(e->out, S("system"));
    buf_add_byte(e->out, '[');
    for (const struct canon_message *m = e->call->messages; m; m = m->next) {
        if (!is_system(e->call, m)) continue;
        for (const struct canon_part *p = m->parts; p; p = p->next) messages_put_part(&e->writer, p);
    }
    if (e->instruction.n) {
        canon_comma(e->out);
        buf_add(e->out, S("{\"type\":\"text\""));
        canon_put_text(e->out, S("text"), e->instruction);
        buf_add_byte(e->out, '}');
    }
    buf_add_byte(e->out, ']');
}

/* ---- turns */

/* Neighbours of one role: [first, end). */
struct turn {
    const struct canon_message *first, *end;
    bool assistant, last;
    struct canon_results results;
};

static bool has_form(const struct messages_encoder *e, const struct canon_message *m)
{
    if (is_system(e->call, m)) return false;
    if (e->call->from == DIALECT_MESSAGES) return true;
    for (const struct canon_part *p = m->parts; p; p = p->next)
        if (messages_has_form(&e->writer, p)) return true;
    return false;
}

static const struct canon_message *next_with_form(const struct messages_encoder *e, const struct canon_message *m)
{
    while (m && !has_form(e, m)) m = m->next;
    return m;
}

static bool next_turn(const struct messages_encoder *e, const struct canon_message *from, struct turn *t)
{
    const struct canon_message *m = next_with_form(e, from);
    if (!m) return false;
    t->first = m;
    t->assistant = m->role == ROLE_ASSISTANT;
    for (m = next_with_form(e, m->next); m; m = next_with_form(e, m->next))
        if (e->call->from == DIALECT_MESSAGES || (m->role == ROLE_ASSISTANT) != t->assistant) break;
    t->end = m;
    t->last = !m;
    if (e->call->from != DIALECT_MESSAGES) canon_results_init(&t->results, t->first, t->end, e->call->arena);
    return true;
}

/* A result that came twice would be refused: the first says what all of its id say. */
static struct canon_part *all_of_id(struct messages_encoder *e, const struct turn *t, const struct canon_part *result)
{
    struct canon_part *list = NULL, **tail = &list;
    size_t left = canon_results_count(&t->results, result);
    for (const struct canon_message *m = t->first; m != t->end && left; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_RESULT || !str_eq(p->tool.id, result->tool.id)) continue;
            left--;
            for (const struct canon_part *c = p->tool.content; c; c = c->next) {
                *tail = arena_alloc(e->call->arena, sizeof(**tail));
                **tail = *c;
                (*tail)->next = NULL;
                tail = &(*tail)->next;
            }
        }
    return list;
}

static const struct canon_part *last_part(const struct messages_encoder *e, const struct turn *t)
{
    const struct canon_part *last = NULL;
    for (const struct canon_message *m = t->first; m != t->end; m = m->next)
        for (const struct canon_part *p = m->parts; p && !is_system(e->call, m); p = p->next)
            if (messages_has_form(&e->writer, p)) last = p;
    return last;
}

static void put_parts(struct messages_encoder *e, const struct turn *t, bool results)
{
    bool own = e->call->from == DIALECT_MESSAGES;
    const struct canon_part *prefill = t->assistant && t->last && !own ? last_part(e, t) : NULL;
    for (const struct canon_message *m = t->first; m != t->end; m = m->next) {
        if (is_system(e->call, m)) continue;
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            bool result = p->kind == PART_TOOL_RESULT;
            if (!own && result != results) continue;
            if (!own && result && !canon_results_is_first(&t->results, p)) continue;
            struct canon_part cut = *p;
            if (!own && result && canon_results_count(&t->results, p) > 1) cut.tool.content = all_of_id(e, t, p);
            if (p == prefill && p->kind == PART_TEXT) cut.text = canon_without_end(e->call->arena, p->text);
            messages_put_part(&e->writer, &cut);
        }
    }
}

static void put_turn(struct messages_encoder *e, const struct turn *t)
{
    bool own = e->call->from == DIALECT_MESSAGES;
    bool system = t->first->role == ROLE_SYSTEM || t->first->role == ROLE_DEVELOPER;
    canon_comma(e->out);
    buf_add_byte(e->out, '{');
    canon_put_text(e->out, S("role"), t->assistant ? S("assistant") : system ? S("system") : S("user"));
    canon_key(e->out, S("content"));
    buf_add_byte(e->out, '[');
    if (!own && !t->assistant) put_parts(e, t, true);
    put_parts(e, t, false);
    buf_add_byte(e->out, ']');
    if (own) canon_put_extras(e->out, &t->first->extras, DIALECT_MESSAGES);
    buf_add_byte(e->out, '}');
}

void messages_put_messages(struct messages_encoder *e)
{
    struct turn t;
    bool any = next_turn(e, e->call->messages, &t);
    canon_key(e->out, S("messages"));
    buf_add_byte(e->out, '[');
    /* the first turn is the user's */
    if (e->call->from != DIALECT_MESSAGES && (!any || t.assistant))
        buf_add(e->out, S("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"(start)\"}]}"));
    while (any) {
        put_turn(e, &t);
        any = next_turn(e, t.end, &t);
    }
    buf_add_byte(e->out, ']');
}
