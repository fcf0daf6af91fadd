#include "flow/ladder.h"

#include "base/utf8.h"
#include "dialect/codec.h"
#include "flow/degrade.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/reply.h"
#include "flow/service.h"

/* ---- which rungs are for a call */

bool ladder_may_test(const struct request *r)
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
    return rung->kind != RUNG_TARGET || w->longer_than || w->shorter_than || w->matching.code;
}

static bool suits(struct request *r, const struct setting_rung *rung)
{
    const struct setting_when *w = &rung->when;
    if (w->feature.n && !str_eq(w->feature, r->attribute.payer.is[SCOPE_FEATURE])) return false;
    if (!suits_headers(r, w)) return false;
    if (!looks_at_text(rung)) return true;
    if (!ladder_may_test(r)) return false;
    int64_t length = w->longer_than || w->shorter_than ? length_of_call(r) : 0;
    if (w->longer_than && length <= w->longer_than) return false;
    if (w->shorter_than && length >= w->shorter_than) return false;
    if (w->matching.code && !matches(&w->matching, reply_question(r))) return false;
    if (rung->kind == RUNG_SERVICE) return !rung->service.why_off.n && service_fits(r);
    if (rung->kind != RUNG_REPLY) return true;
    return (!rung->match.code || matches(&rung->match, reply_question(r))) && reply_fits(r, rung->reply);
}

/* Rules and tests look into the call; it is read once, as its body goes when it is sent. */
static bool read_call(struct request *r)
{
    const struct setting_model *m = r->plan.model;
    bool wanted = false;
    for (size_t i = 0; i < m->rung_count; i++)
        wanted = wanted || looks_at_text(&m->rungs[i]) || m->rungs[i].accept.json_schema ||
                 m->rungs[i].accept.min_confidence_ppm;
    if (!wanted || !ladder_may_test(r)) return true;
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
    if (rung->kind == RUNG_SERVICE) {
        plan_add_way(r, lease_service(r->worker, r->lease, rung->service.name))->rung = rung;
        return;
    }
    struct target *t = lease_target(r->worker, r->lease, rung->to.name, &r->arena, &why);
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
        if (rung->kind != RUNG_REPLY) add_rung(r, rung);
    }
    if (r->plan.count || r->err || !model) return r->plan.count > 0;
    r->ladder.no_model = true; /* the plan must have one all the same; it is not asked */
    add_rung(r, model);
    return r->plan.count > 0;
}

/* ---- rules */

const struct setting_rung *ladder_end(const struct request *r)
{
    return r->plan.model->rungs + r->plan.model->rung_count;
}

const struct setting_rung *ladder_find_reply(const struct request *r, const struct setting_rung *from,
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
    const struct setting_rung *end = r->ladder.no_model ? ladder_end(r) : r->plan.ways->rung;
    const struct setting_rung *rule = ladder_find_reply(r, m->rungs, end);
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
    const struct setting_rung *rule = ladder_find_reply(r, from + 1, next && next->rung ? next->rung : ladder_end(r));
    if (!rule) return false;
    degrade_reply(r, rule->reply);
    return true;
}
