/* What a canonical call says, as text: to compare one with another. Of two calls that say the same the
 * text is the same, whatever the words of their dialects were. */
#ifndef TESTS_DIALECT_SAID_H
#define TESTS_DIALECT_SAID_H

#include "dialect/dialect.h"

static inline void said_str(struct buf *out, str s)
{
    buf_add(out, s);
    buf_add_byte(out, ' ');
}

/* Thoughts and what only one dialect knows are left out: their proofs are no words. */
static inline void said_parts(struct buf *out, struct arena *arena, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_REASONING || p->kind == PART_REDACTED || p->kind == PART_OPAQUE) continue;
        if (p->kind != PART_TEXT) buf_printf(out, "\n<%d>", (int)p->kind);
        buf_add(out, canon_decode(arena, p->text));
        if (p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT) said_str(out, p->tool.id);
        if (p->kind == PART_TOOL_CALL) said_str(out, p->tool.name); /* a result's is the call's */
        said_str(out, p->tool.arguments);
        said_str(out, p->media.data);
        said_str(out, p->media.url.json);
        said_str(out, p->media.detail);
        said_parts(out, arena, p->tool.content);
    }
}

/* All that another dialect could see of it. `joined`: neighbours of one role are one turn. */
static inline void said_call(struct buf *out, const struct canon_call *call, bool joined)
{
    const struct canon_message *last = NULL;
    for (const struct canon_message *m = call->messages; m; last = m, m = m->next) {
        if (!joined || !last || last->role != m->role) buf_printf(out, "\n[%d] ", (int)m->role);
        if (!joined) said_str(out, m->name);
        said_parts(out, call->arena, m->parts);
    }
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        if (t->kind == TOOL_OPAQUE || t->kind == TOOL_WEB_SEARCH) continue;
        buf_printf(out, "\ntool %d %d ", (int)t->kind, (int)t->strict);
        said_str(out, t->name);
        said_str(out, t->description.json);
        said_str(out, t->schema.json);
    }
    const struct canon_sampling *s = &call->sampling;
    buf_printf(out, "\nchoice %d ", (int)call->choice.mode);
    said_str(out, call->choice.name);
    buf_printf(out, "\nformat %d ", (int)call->output.format);
    said_str(out, call->output.schema.json);
    buf_printf(out, "\nlimits %lld %lld %zu ", (long long)call->max_output, (long long)call->choices, call->stop_count);
    said_str(out, s->temperature);
    said_str(out, s->top_p);
    said_str(out, s->seed);
}

static inline int64_t said_count(const struct canon_call *call, enum canon_part_kind kind, str id)
{
    int64_t count = 0;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next) count += p->kind == kind && str_eq(p->tool.id, id);
    return count;
}

/* Results that answer nothing, or twice, are refused by some providers: encoders leave them out. */
static inline bool said_is_answer(const struct canon_call *call, const struct canon_part *p)
{
    return said_count(call, PART_TOOL_CALL, p->tool.id) == 1 && said_count(call, PART_TOOL_RESULT, p->tool.id) == 1;
}

/* Each part where it may stand: not a result in the assistant's mouth, nor a call in the user's; no message without any. */
static inline bool said_is_orderly(const struct canon_call *call)
{
    bool turns = false; /* more than a system prompt */
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        if (!m->parts) return false;
        turns = turns || m->role == ROLE_USER || m->role == ROLE_ASSISTANT;
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            bool own = m->role == ROLE_ASSISTANT;
            if (p->kind == PART_TOOL_CALL && (!own || p->tool.custom)) return false;
            if (p->kind == PART_TOOL_RESULT && (m->role != ROLE_USER || !said_is_answer(call, p))) return false;
            if (p->kind == PART_TOOL_CALL && !said_is_answer(call, p)) return false;
            if (p->kind == PART_REFUSAL && !own) return false;
            if (p->kind == PART_TEXT && !p->text.json.p) return false;
        }
    }
    return turns;
}

#endif
