#include "flow/trial.h"

#include "dialect/codec.h"
#include "flow/accept.h"
#include "flow/again.h"
#include "flow/bound.h"
#include "flow/degrade.h"
#include "flow/ladder.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/repair.h"
#include "flow/reply.h"

enum { LEFT_MAX = 128 * 1024 * 1024 }; /* of the call's arena, for what its events leave there */

struct trial {
    struct accept_reading reading;
    struct canon_decoder decoder;
    struct accept_terms terms;
    size_t arena_before; /* bytes that the call's arena had taken when it began */
    struct schema *own;  /* of the terms, where the call brought it; NULL: none */
    bool streams, set;   /* events have come; `terms` are filled in */
    bool watched;        /* looked at as it comes */
    bool clear;          /* early: text has come, and it may stay */
    const char *failed;  /* it goes out all the same */
};

/* ---- what may follow */

/* The next model on the way up that may be asked, where `a` has cost `spent`. */
static const struct way *next_model(const struct attempt *a, picousd spent)
{
    const struct request *r = a->request;
    if (!again_may(r, spent)) return NULL;
    for (const struct way *way = a->way + 1; way < r->plan.ways + r->plan.count; way++) {
        bool tried = r->answer.tried & UINT32_C(1) << (way - r->plan.ways); /* a hedge was there */
        if (way->rung && !tried && again_lets_in(way) && bound_allows_after(a, spent, way, 0)) return way;
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
    return model || ladder_find_reply(r, a->way->rung + 1, ladder_end(r));
}

/* A hedge runs already at a model further up. */
static bool is_overtaken(const struct attempt *a)
{
    const struct attempt *other = a->request->attempt == a ? a->request->rival : a->request->attempt;
    return other && !other->over && other->way > a->way;
}

static bool may_repair(const struct attempt *a, const char *failed, bool more_above, picousd spent)
{
    if (!a->trial) return false;
    const struct accept_reading *reading = &a->trial->reading;
    bool structured = str_eq(str_from(failed), S("json_schema")) && a->way->rung->accept.repair;
    return structured && accept_may_repair(reading) && repair_may(a, more_above) && again_may(a->request, spent) &&
           bound_allows_after(a, spent, a->way, repair_most(a, reading->choices->text.n));
}

/* False: nothing may. */
static bool find_next(struct attempt *a, const char *failed, picousd spent)
{
    struct request *r = a->request;
    const struct way *next = next_model(a, spent);
    bool overtaken = is_overtaken(a);
    r->ladder.next_way = next;
    r->ladder.next_reply = ladder_find_reply(r, a->way->rung + 1, next ? next->rung : ladder_end(r));
    r->ladder.repairs = !overtaken && may_repair(a, failed, next != NULL, spent);
    return next || r->ladder.next_reply || r->ladder.repairs || overtaken;
}

bool trial_passes_over(struct request *r)
{
    struct attempt *a = r->attempt;
    bool money = a->err == ERR_TOO_DEAR || a->err == ERR_BUDGET_SPENT || a->err == ERR_BUDGET_BUSY;
    if (!a->repair || a->began || !money || !find_next(a, "text", 0)) return false;
    request_forgive(r, REQUEST_answer); /* what failed is for purser alone to know */
    return true;
}

const struct way *trial_follow(struct request *r, enum attempt_reason *reason, struct repair **repair)
{
    *repair = r->ladder.repair;
    r->ladder.repair = NULL;
    *reason = *repair ? REASON_REPAIR : REASON_ESCALATION;
    if (r->answer.begun) return NULL;
    if (*repair) return (*repair)->way; /* a hedge's, perhaps */
    if (!r->ladder.next_reply) return r->ladder.next_way;
    degrade_reply(r, r->ladder.next_reply->reply);
    return NULL;
}

/* ---- reading */

void trial_begin(struct attempt *a)
{
    struct request *r = a->request;
    const struct setting_rung *rung = a->way->rung;
    if (!rung || !rung->accept.set || !ladder_may_test(r) || (!has_next(a) && !rung->accept.json_schema)) return;
    struct trial *t = arena_zalloc(&r->arena, sizeof(*t));
    t->arena_before = r->arena.total;
    int64_t choices = r->attribute.call.choices_returned;
    accept_init(&t->reading, choices < CANON_CHOICES_MAX ? (size_t)choices : CANON_CHOICES_MAX, &r->arena);
    t->decoder = (struct canon_decoder){.dialect = call_kind_dialect(a->way->kind),
                                        .quirks = a->way->target->provider->quirks,
                                        .arena = &r->arena,
                                        .sink = &t->reading.sink};
    a->trial = t;
}

void trial_free(struct attempt *a)
{
    if (!a->trial) return;
    accept_free(&a->trial->reading);
    schema_drop(a->trial->own);
    a->trial = NULL;
}

bool trial_holds(const struct attempt *a)
{
    return a->trial && !a->request->answer.begun && !a->trial->clear;
}

const char *trial_failed(const struct attempt *a)
{
    return a->trial ? a->trial->failed : NULL;
}

/* The schema that the call brings comes first. */
static void find_terms(const struct attempt *a)
{
    const struct request *r = a->request;
    struct trial *t = a->trial;
    struct accept_terms *out = &t->terms;
    struct schema_fail why;
    const struct schema_options options = {.formats = true};
    if (t->set) return;
    t->set = true;
    *out = (struct accept_terms){.accept = &a->way->rung->accept, .wants_object = r->ladder.wants_object};
    if (!out->accept->json_schema) return;
    out->wants_schema = r->ladder.schema.n > 0;
    str text = out->wants_schema ? r->ladder.schema : out->wants_object ? S("{\"type\":\"object\"}") : STR_NONE;
    t->own = text.p ? schema_compile(text, &options, &why) : NULL;
    out->schema = t->own;
    if (text.p) return;
    out->schema = r->plan.model->schema.code;
    out->wants_schema = out->schema != NULL;
}

/* ---- while it comes */

static void watch(struct attempt *a)
{
    struct trial *t = a->trial;
    find_terms(a);
    accept_watch(&t->reading, &t->terms);
    t->watched = true;
}

/* It goes out as it is: nothing better may come. */
static void let_pass(struct trial *t, const char *failed)
{
    if (t->terms.accept->early) t->failed = failed;
    t->clear = t->terms.accept->early;
    t->watched = false;
}

const char *trial_read_event(struct attempt *a, const struct frame *e)
{
    struct request *r = a->request;
    struct trial *t = a->trial;
    if (!t || str_eq(str_trim(e->data), S("[DONE]"))) return NULL;
    if (!t->streams) watch(a);
    t->streams = true;
    bool full = r->arena.total - t->arena_before > LEFT_MAX;
    if (!full) dialect_at(t->decoder.dialect)->decode_event(&t->decoder, &r->worker->event_json, e->name);
    t->reading.partial = t->reading.partial || t->decoder.broken || full;
    if (!t->watched || !r->x) return NULL;
    const char *failed = accept_hopeless(&t->reading);
    t->clear = t->clear || (!failed && t->terms.accept->early && accept_has_spoken(&t->reading));
    if (!failed || (r->answer.begun && r->attempt == a)) return failed; /* what went out cannot be taken back */
    struct estimate guess;
    estimate_blind(a, loop_now_us(&r->worker->loop), &guess);
    if (find_next(a, failed, guess.cost.total)) return failed;
    let_pass(t, failed);
    return NULL;
}

static const char *why_of(struct request *r, const char *test)
{
    return arena_printf(&r->arena, "the ladder's test %s does not accept the answer", test).p;
}

void trial_refuse(struct attempt *a, const char *test)
{
    a->trial->failed = test;
    attempt_fail(a, ERR_NOT_ACCEPTED, why_of(a->request, test));
}

void trial_read_whole(struct attempt *a)
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

/* ---- when it is over */

/* The test that does not hold, NULL where all do; then what can be cut out of the answer so that they hold. */
static const char *test(struct attempt *a, str *mended)
{
    struct request *r = a->request;
    struct trial *t = a->trial;
    find_terms(a);
    if (t->streams) dialect_at(t->decoder.dialect)->decode_end(&t->decoder, &a->body.answer);
    const char *failed = accept_test(&t->reading, &t->terms, &r->worker->event_json, &r->arena);
    if (failed && str_eq(str_from(failed), S("json_schema")) && !r->answer.begun)
        *mended = accept_mend(&t->reading, &t->terms, &r->worker->event_json, &r->arena);
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

/* It is not accepted. True: the attempt has failed, as something may follow. */
static bool give_up(struct attempt *a, const char *failed)
{
    struct request *r = a->request;
    struct trial *t = a->trial;
    t->failed = failed;
    if (!find_next(a, failed, a->post.cost.total)) return false;
    if (r->ladder.repairs) r->ladder.repair = repair_make(a, &t->reading, &t->terms);
    return true;
}

/* It was ended early, or its service found nothing: what follows, now that its cost is known? */
static void give_up_early(struct attempt *a)
{
    if (a->trial && a->trial->failed)
        (void)give_up(a, a->trial->failed);
    else
        (void)find_next(a, "text", a->post.cost.total);
}

/* The client has it already, but for its end: no more than an error can be told. */
static void judge_late(struct attempt *a)
{
    str unused = STR_NONE;
    const char *failed = test(a, &unused);
    a->post.accepted = !failed;
    if (failed) trial_refuse(a, failed);
}

static void judge(struct attempt *a)
{
    struct request *r = a->request;
    str mended = STR_NONE;
    const char *failed = test(a, &mended);
    if (mended.p) replace_answer(a, mended);
    a->post.accepted = !failed || mended.p;
    if (a->post.accepted || (r->x && !give_up(a, failed))) return; /* better than nothing */
    a->err = ERR_NOT_ACCEPTED; /* without a client it is not kept for its next try, either */
    a->err_why = why_of(r, failed);
}

void trial_judge(struct attempt *a)
{
    struct request *r = a->request;
    const struct setting_rung *rung = a->way->rung;
    bool begun = r->answer.begun;
    if (!rung) return;
    if (a->err == ERR_NOT_ACCEPTED && !begun && r->x) give_up_early(a);
    if (a->err || mishap_is_empty(a)) return;
    a->post.accepted = !rung->accept.set || !ladder_may_test(r);
    if (!a->trial || !a->body.complete || (!r->x && !recall_listens(r))) return;
    if (!begun)
        judge(a);
    else if (r->attempt == a && a->trial->watched)
        judge_late(a);
}

/* ---- the answer that is better than none */

bool trial_keeps(const struct attempt *a)
{
    return a->err == ERR_NOT_ACCEPTED && a->body.complete && trial_failed(a) && a->request->x;
}

void trial_settle(const struct request *r)
{
    if (r->attempt) post_write_due(r->attempt);
    if (r->rival) post_write_due(r->rival);
    if (r->refused) post_write_due(r->refused);
}

void trial_put_away(struct attempt *a)
{
    struct request *r = a->request;
    struct attempt *old = a;
    if (trial_keeps(a)) {
        old = r->refused;
        r->refused = a;
    }
    if (old) attempt_free(old);
}

void trial_fall_back(struct request *r)
{
    struct attempt *kept = r->refused, *last = r->attempt;
    if (!kept || !r->x || r->answer.begun || last->err == ERR_SWITCHED_OFF) return;
    if (!last->err && !mishap_is_empty(last)) return;
    r->refused = r->attempt;
    r->attempt = kept;
    kept->err = ERR_NONE; /* its row says that it was used */
    request_forgive(r, REQUEST_answer);
}
