#include "flow/ladder.h"

#include "base/utf8.h"
#include "dialect/codec.h"
#include "flow/accept.h"
#include "flow/again.h"
#include "flow/degrade.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/reply.h"

/* An answer under test, and how it is read. */
struct trial {
    struct accept_reading reading;
    struct canon_decoder decoder;
    bool streams;
};

/* ---- which rungs are for a call */

/* Only of calls that talk there is a text to look at. */
static bool talks(const struct request *r)
{
    return call_kind_generates(r->receive.kind) && dialect_of(r->receive.kind)->decode_call && !tokens_asked(r);
}

static int64_t length_of_parts(struct request *r, const struct canon_part *parts)
{
    int64_t sum = 0;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TEXT) sum += utf8_length(canon_decode(&r->arena, p->text));
        if (p->kind == PART_TOOL_RESULT) sum += length_of_parts(r, p->tool.content);
    }
    return sum;
}

static int64_t length_of_call(struct request *r)
{
    int64_t sum = 0;
    for (const struct canon_message *m = r->plan.canon->messages; m; m = m->next) sum += length_of_parts(r, m->parts);
    return sum;
}

static bool matches(const struct setting_pattern *p, str text)
{
    return !p->code || pattern_find(p->code, text) == PATTERN_YES;
}

static bool suits_headers(const struct request *r, const struct setting_when *w)
{
    for (size_t i = 0; i < w->header_count; i++) {
        str value = http_header_find(&r->x->request, w->headers[i].name);
        if (!matches(&w->headers[i].pattern, value.p ? value : S(""))) return false;
    }
    return true;
}

static bool looks_at_text(const struct setting_rung *rung)
{
    const struct setting_when *w = &rung->when;
    return rung->kind == RUNG_REPLY || w->longer_than || w->shorter_than || w->matching.code;
}

static bool suits(struct request *r, const struct setting_rung *rung)
{
    const struct setting_when *w = &rung->when;
    if (w->feature.n && !str_eq(w->feature, r->attribute.payer.is[SCOPE_FEATURE])) return false;
    if (!suits_headers(r, w)) return false;
    if (!looks_at_text(rung)) return true;
    if (!talks(r)) return false;
    int64_t length = w->longer_than || w->shorter_than ? length_of_call(r) : 0;
    if (w->longer_than && length <= w->longer_than) return false;
    if (w->shorter_than && length >= w->shorter_than) return false;
    if (w->matching.code && !matches(&w->matching, reply_question(r))) return false;
    if (rung->kind != RUNG_REPLY) return true;
    return (!rung->match.code || matches(&rung->match, reply_question(r))) && reply_fits(r, rung->reply);
}

/* Rules and tests look into the call; it is read once, as its body goes when it is sent. */
static bool read_call(struct request *r)
{
    const struct setting_model *m = r->plan.model;
    bool wanted = false;
    for (size_t i = 0; i < m->rung_count; i++)
        wanted = wanted || looks_at_text(&m->rungs[i]) || m->rungs[i].accept.json_schema;
    if (!wanted || !talks(r)) return true;
    if (!translate_read(r)) return false;
    const struct canon_output *output = &r->plan.canon->output;
    r->ladder.wants_object = output->format == FORMAT_JSON;
    if (output->format == FORMAT_SCHEMA && output->schema.json.p)
        r->ladder.schema = arena_str(&r->arena, output->schema.json);
    return true;
}

static void add_rung(struct request *r, const struct setting_rung *rung)
{
    str why = STR_NONE;
    str name = arena_printf(&r->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(rung->to.provider), STR_ARG(rung->to.model));
    struct target *t = lease_target(r->worker, r->lease, name, &r->arena, &why);
    if (t)
        plan_add_way(r, t)->rung = rung;
    else
        request_fail_param(r, ERR_MODEL_NOT_FOUND, why, S("model"));
}

bool ladder_add_ways(struct request *r)
{
    const struct setting_model *m = r->plan.model;
    const struct setting_rung *model = NULL;
    if (!read_call(r)) return false;
    for (size_t i = 0; i < m->rung_count; i++) {
        const struct setting_rung *rung = &m->rungs[i];
        if (rung->kind == RUNG_TARGET) model = rung;
        if (!suits(r, rung)) continue;
        if (rung->kind == RUNG_REPLY) r->ladder.replies |= UINT32_C(1) << i;
        if (rung->kind == RUNG_TARGET) add_rung(r, rung);
    }
    if (r->plan.count || r->err || !model) return r->plan.count > 0;
    r->ladder.no_model = true; /* the plan must have one all the same; it is not asked */
    add_rung(r, model);
    return r->plan.count > 0;
}

/* ---- rules */

static const struct setting_rung *rungs_end(const struct request *r)
{
    return r->plan.model->rungs + r->plan.model->rung_count;
}

/* The first that answers this call, of the rungs [from, end). */
static const struct setting_rung *find_reply(const struct request *r, const struct setting_rung *from,
                                             const struct setting_rung *end)
{
    for (; from < end; from++)
        if (r->ladder.replies & UINT32_C(1) << (from - r->plan.model->rungs)) return from;
    return NULL;
}

bool ladder_answers(struct request *r)
{
    const struct setting_model *m = r->plan.model;
    if (!m || !m->rung_count) return false;
    const struct setting_rung *end = r->ladder.no_model ? rungs_end(r) : r->plan.ways->rung;
    const struct setting_rung *rule = find_reply(r, m->rungs, end);
    if (rule) {
        degrade_reply(r, rule->reply);
        r->step = REQUEST_record;
        return true;
    }
    if (!r->ladder.no_model) return false;
    struct degrading d = {.why = DEGRADE_RULE, .message = S("No rung of the model's ladder is for this call.")};
    (void)degrade_answer(r, &d);
    return true;
}

bool ladder_replies(struct request *r, const struct way *next)
{
    const struct setting_rung *from = r->attempt->way->rung;
    if (!from || !r->ladder.replies || r->answer.begun || mishap_of(r->attempt) == MISHAP_COUNT) return false;
    const struct setting_rung *rule = find_reply(r, from + 1, next && next->rung ? next->rung : rungs_end(r));
    if (!rule) return false;
    degrade_reply(r, rule->reply);
    return true;
}

/* ---- what follows */

/* The next model on the way up that may be asked, `spent` counted in. */
static const struct way *next_model(const struct request *r, const struct way *from, picousd spent)
{
    if (!again_may(r, spent)) return NULL;
    for (const struct way *way = from + 1; way < r->plan.ways + r->plan.count; way++) {
        bool tried = r->answer.tried & UINT32_C(1) << (way - r->plan.ways); /* a hedge was there */
        if (way->rung && !tried && again_lets_in(way)) return way;
    }
    return NULL;
}

/* Whether anything may follow at all, as far as can be told before it begins. */
static bool has_next(const struct attempt *a)
{
    const struct request *r = a->request;
    const struct way *last = r->plan.ways + r->plan.count - 1;
    while (last > a->way && !last->rung) last--;
    bool model = last > a->way && (int64_t)r->attempts < r->plan.attempts.max;
    return model || find_reply(r, a->way->rung + 1, rungs_end(r));
}

const struct way *ladder_follow(struct request *r)
{
    if (r->ladder.next_reply) degrade_reply(r, r->ladder.next_reply->reply);
    return r->ladder.next_reply ? NULL : r->ladder.next_way;
}

/* ---- the trial */

void ladder_begin(struct attempt *a)
{
    struct request *r = a->request;
    const struct setting_rung *rung = a->way->rung;
    if (!rung || !rung->accept.set || !talks(r) || (!has_next(a) && !rung->accept.json_schema)) return;
    struct trial *t = arena_zalloc(&r->arena, sizeof(*t));
    int64_t choices = r->attribute.call.choices_returned;
    accept_init(&t->reading, choices < CANON_CHOICES_MAX ? (size_t)choices : CANON_CHOICES_MAX, &r->arena);
    t->decoder = (struct canon_decoder){.dialect = call_kind_dialect(a->way->kind),
                                        .quirks = a->way->target->provider->quirks,
                                        .arena = &r->arena,
                                        .sink = &t->reading.sink};
    a->trial = t;
}

void ladder_free(struct attempt *a)
{
    if (a->trial) accept_free(&a->trial->reading);
    a->trial = NULL;
}

bool ladder_holds(const struct attempt *a)
{
    return a->trial && !a->request->answer.begun;
}

void ladder_read_event(struct attempt *a, const struct frame *e)
{
    struct trial *t = a->trial;
    if (!t || str_eq(str_trim(e->data), S("[DONE]"))) return;
    t->streams = true;
    dialect_at(t->decoder.dialect)->decode_event(&t->decoder, &a->request->worker->event_json, e->name);
    t->reading.partial = t->reading.partial || t->decoder.broken;
}

void ladder_read_whole(struct attempt *a)
{
    struct trial *t = a->trial;
    struct canon_answer answer;
    if (!t) return;
    canon_answer_init(&answer, t->decoder.dialect, &a->request->arena);
    if (kind_decode_answer(a->way->kind, &a->request->worker->event_json, &answer))
        accept_read(&t->reading, &answer);
    else
        t->reading.partial = true;
}

/* The schema that the call brings comes first. Owns: what it returns, for schema_drop(); may be NULL. */
static struct schema *find_terms(const struct attempt *a, struct accept_terms *out)
{
    const struct request *r = a->request;
    struct schema_fail why;
    const struct schema_options options = {.formats = true};
    *out = (struct accept_terms){.accept = &a->way->rung->accept, .wants_object = r->ladder.wants_object};
    if (!out->accept->json_schema) return NULL;
    out->wants_schema = r->ladder.schema.n > 0;
    struct schema *own = out->wants_schema ? schema_compile(r->ladder.schema, &options, &why) : NULL;
    out->schema = own;
    if (out->wants_schema || out->wants_object) return own;
    out->schema = r->plan.model->schema.code;
    out->wants_schema = out->schema != NULL;
    return NULL;
}

/* The test that does not hold, NULL where all do; then what can be cut out of the answer so that they hold. */
static const char *test(struct attempt *a, str *mended)
{
    struct request *r = a->request;
    struct accept_terms terms;
    struct trial *t = a->trial;
    struct schema *own = find_terms(a, &terms);
    if (t->streams) dialect_at(t->decoder.dialect)->decode_end(&t->decoder, &a->body.answer);
    const char *failed = accept_test(&t->reading, &terms, &r->worker->event_json, &r->arena);
    if (failed && str_eq(str_from(failed), S("json_schema")))
        *mended = accept_mend(&t->reading, &terms, &r->worker->event_json, &r->arena);
    schema_drop(own);
    return failed;
}

/* What is left of the answer takes its place; nothing of it has gone out yet. */
static void replace_answer(struct attempt *a, str text)
{
    struct buf *body = a->body.whole ? &a->body.kept : &a->body.withheld;
    buf_clear(&a->body.held);
    buf_clear(body);
    reply_write_mended(a, text, body);
}

/* A hedge runs already at a model further up. */
static bool is_overtaken(const struct attempt *a)
{
    const struct attempt *other = a->request->attempt == a ? a->request->rival : a->request->attempt;
    return other && !other->over && other->way > a->way;
}

void ladder_judge(struct attempt *a)
{
    struct request *r = a->request;
    str mended = STR_NONE;
    const struct setting_rung *rung = a->way->rung;
    if (!rung || a->err || mishap_is_empty(a)) return;
    a->post.accepted = !rung->accept.set || !talks(r);
    if (!a->trial || !a->body.complete || !r->x || r->answer.begun) return;
    const char *failed = test(a, &mended);
    if (mended.p) replace_answer(a, mended);
    a->post.accepted = !failed || mended.p;
    if (a->post.accepted) return;
    const struct way *next = next_model(r, a->way, a->post.cost.total);
    r->ladder.next_way = next;
    r->ladder.next_reply = find_reply(r, a->way->rung + 1, next ? next->rung : rungs_end(r));
    if (!next && !r->ladder.next_reply && !is_overtaken(a)) return; /* better than nothing */
    a->err = ERR_NOT_ACCEPTED;
    a->err_why = arena_printf(&r->arena, "the ladder's test %s does not accept the answer", failed).p;
}
