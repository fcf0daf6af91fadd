/* What a streamed answer becomes when a client sends it back: Google's clients keep each chunk
 * as a content of its own. Those that follow each other are one turn, the pieces of a thought
 * one thought (with the signature that came last), and those of a text one text. */
#include "dialect/gemini.h"

static bool goes_on(const struct canon_part *p, const struct canon_part *q, bool texts)
{
    bool kind = p->kind == PART_REASONING || (texts && p->kind == PART_TEXT);
    return q && kind && q->kind == p->kind && !p->signature.json.p && !p->extras.members.n && !q->extras.members.n &&
           p->text.json.p && q->text.json.p;
}

static void join(struct canon_call *call, struct canon_part *first, bool texts)
{
    size_t count = 1, i = 0;
    struct canon_part *last = first;
    for (; goes_on(last, last->next, texts); last = last->next) count++;
    if (count == 1) return;
    jraw *pieces = arena_alloc(call->arena, count * sizeof(*pieces));
    for (struct canon_part *p = first; i < count; p = p->next) pieces[i++] = p->text;
    first->text = canon_join(call->arena, pieces, count, S(""));
    first->signature = last->signature;
    first->signer = last->signer;
    first->next = last->next;
}

/* Takes the turn's other contents in. True: there were some. */
static bool gather(struct canon_call *call, struct canon_message *m)
{
    struct canon_part *tail = m->parts;
    bool any = false;
    while (m->next && m->next->role == ROLE_ASSISTANT && !m->next->extras.members.n) {
        while (tail && tail->next) tail = tail->next;
        if (tail)
            tail->next = m->next->parts;
        else
            tail = m->parts = m->next->parts;
        m->next = m->next->next;
        any = true;
    }
    if (!m->next) call->last_message = m;
    return any;
}

/* The last chunk of a stream has an empty text; other dialects refuse one. */
static void drop_empty(struct canon_message *m)
{
    struct canon_part **at = &m->parts;
    while (*at) {
        const struct canon_part *p = *at;
        bool empty = p->kind == PART_TEXT && p->text.json.n <= 2 && !p->signature.json.p && !p->extras.members.n;
        if (empty)
            *at = p->next;
        else
            at = &(*at)->next;
    }
}

void gemini_join_turns(struct canon_call *call)
{
    for (struct canon_message *m = call->messages; m; m = m->next) {
        if (m->role != ROLE_ASSISTANT) continue;
        bool gathered = gather(call, m);
        if (gathered) drop_empty(m);
        for (struct canon_part *p = m->parts; p; p = p->next) {
            join(call, p, gathered);
            /* what another dialect has signed goes back to it */
            if (p->kind == PART_REASONING && !p->signer)
                canon_note(call, FEATURE_REASONING_HISTORY, S("contents.parts.thought"));
        }
    }
}
