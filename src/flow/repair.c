#include "flow/repair.h"

#include "flow/again.h"
#include "flow/purser.h"

enum {
    ANSWER_MAX = 16 * 1024, /* bytes of the answer that goes back */
    SCHEMA_MAX = 8 * 1024,  /* of a schema that the call does not hold itself */
    COMPLAINT_MAX = 1024,   /* without that schema */
    TOKENS_PER_MESSAGE = 64,
};

bool repair_may(const struct attempt *a, bool more_above)
{
    const struct request *r = a->request;
    uint32_t way = UINT32_C(1) << (a->way - r->plan.ways);
    int64_t then = (int64_t)r->attempts + 1 + (more_above ? 1 : 0);
    bool model = a->way->rung && a->way->rung->kind == RUNG_TARGET;
    return model && r->plan.canon && !(r->ladder.repaired & way) && then <= r->plan.attempts.max &&
           again_lets_in(a->way);
}

static str cut(str text, size_t most)
{
    size_t n = text.n < most ? text.n : most;
    while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80) n--;
    return str_head(text, n);
}

/* What the model has not been told: the settings' schema. */
static str untold_schema(const struct request *r)
{
    const struct canon_output *asked = &r->plan.canon->output;
    str schema = r->plan.model->schema.text;
    bool told = asked->format == FORMAT_SCHEMA || (asked->format == FORMAT_JSON && r->ladder.wants_object);
    return told || schema.n > SCHEMA_MAX ? STR_NONE : schema;
}

static str complaint(struct request *r, str why)
{
    str schema = untold_schema(r);
    return arena_printf(&r->arena,
                        "That answer is not accepted: %" STR_FMT
                        "\nAnswer the request again, with this put right: JSON "
                        "alone, no text and no code fence around it.%s%" STR_FMT,
                        STR_ARG(why), schema.n ? "\nIt must be valid for this JSON Schema: " : "", STR_ARG(schema));
}

static void add_text(struct canon_call *call, enum canon_role role, str text)
{
    struct canon_message *m = canon_add_message(call, role);
    canon_add_part(call->arena, &m->parts, PART_TEXT)->text = canon_quote(call->arena, text);
}

/* The client's call stays as it is, for whoever is asked next. */
static void copy_messages(struct canon_call *call)
{
    struct canon_message **end = &call->messages;
    call->last_message = NULL;
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        struct canon_message *copy = arena_alloc(call->arena, sizeof(*copy));
        *copy = *m;
        *end = call->last_message = copy;
        end = &copy->next;
    }
}

struct repair *repair_make(struct attempt *a, const struct accept_reading *reading, const struct accept_terms *terms)
{
    struct request *r = a->request;
    struct repair *out = arena_alloc(&r->arena, sizeof(*out));
    str answer = cut(accept_text(reading, &r->arena), ANSWER_MAX);
    str why = accept_explain(reading, terms, &r->worker->event_json, &r->arena);
    str wrong = complaint(r, why);
    out->way = a->way;
    out->call = *r->plan.canon;
    out->bytes = (int64_t)(answer.n + wrong.n);
    copy_messages(&out->call);
    add_text(&out->call, ROLE_ASSISTANT, answer);
    add_text(&out->call, ROLE_USER, wrong);
    r->ladder.repaired |= UINT32_C(1) << (a->way - r->plan.ways);
    return out;
}

static int64_t tokens_of(int64_t bytes)
{
    return bytes + 2 * (int64_t)TOKENS_PER_MESSAGE;
}

int64_t repair_most(const struct attempt *a, size_t answer_bytes)
{
    size_t answer = answer_bytes < ANSWER_MAX ? answer_bytes : ANSWER_MAX;
    return tokens_of((int64_t)(answer + untold_schema(a->request).n + COMPLAINT_MAX));
}

int64_t repair_bound(const struct attempt *a)
{
    return a->repair ? tokens_of(a->repair->bytes) : 0;
}
