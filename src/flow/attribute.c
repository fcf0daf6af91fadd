/* attribute: reads the body, and says what the call is for and where it goes. */
#include "flow/request.h"

#include "flow/order.h"
#include "flow/purser.h"

static bool parse(struct request *r)
{
    struct worker *w = r->worker;
    struct json_fail fail;
    if (r->receive.form) return true;
    int64_t most = r->lease->snapshot->settings->ceilings.values;
    if (most > JSON_NODES_MAX) most = JSON_NODES_MAX;
    w->json.most = (uint32_t)most;
    bool read = json_parse(&w->json, r->receive.body, &fail);
    if (read ? (int64_t)w->json.count > most : fail.why == json_too_many) {
        request_fail(r, ERR_TOO_LARGE,
                     arena_printf(&r->arena,
                                  "The body holds more than %lld JSON values, the most that are taken (setting "
                                  "`ceilings.values`).",
                                  (long long)most));
        return false;
    }
    if (!read) {
        request_fail(r, ERR_BAD_JSON,
                     arena_printf(&r->arena, "We could not parse the JSON body of your request: %s, at byte %zu.",
                                  fail.why, fail.at));
        return false;
    }
    w->json_of = r->id;
    return true;
}

static bool read_call(struct request *r, struct call *call, struct call_problem *problem)
{
    if (!r->receive.form) return call_read(r->receive.kind, &r->worker->json, &r->arena, call, problem);
    str type = http_header_find(&r->x->request, S("content-type"));
    return call_read_form(r->receive.kind, type, r->receive.body, &r->arena, call, problem);
}

static bool read_body(struct request *r)
{
    struct worker *w = r->worker;
    if (!parse(r)) return false;
    if (deployment_spell_out(r) && !parse(r)) return false;
    if (references_spell_out(r) && !parse(r)) return false;
    budgets_expect_soon(w->purser->budgets, &r->attribute.expected);
    struct call_problem problem = {0};
    struct call *call = &r->attribute.call;
    if (!read_call(r, call, &problem) || (deployment_spell_form(r) && !read_call(r, call, &problem))) {
        request_fail_param(r, problem.err, problem.message, problem.param);
        return false;
    }
    /* the body is freed when it is sent: what is wanted later is kept */
    if (r->receive.path.model.p) { /* the path names it, and whether it streams */
        call->model = r->receive.path.model;
        call->stream = r->receive.path.stream;
    }
    call->model = arena_str(&r->arena, call->model);
    if (call->service_tier.n) call->service_tier = arena_str(&r->arena, call->service_tier);
    labels_read_body(r);
    if (call->background) {
        request_fail_param(r, ERR_BAD_FIELD, S("'background' must be false: purser has no background jobs yet."),
                           S("background"));
        return false;
    }
    return true;
}

static bool forbid(struct request *r)
{
    request_fail_param(r, ERR_FORBIDDEN,
                       arena_printf(&r->arena, "The key '%" STR_FMT "' may not use the model '%" STR_FMT "'.",
                                    STR_ARG(r->authenticate.key->name), STR_ARG(r->attribute.call.model)),
                       S("model"));
    return false;
}

static bool find_ways(struct request *r)
{
    str name = r->attribute.call.model;
    r->attribute.payer.model_requested = name;
    if (!ways_find(r, name)) return false;
    return key_may_use(r->authenticate.key, name, r->plan.ways->target->name) || forbid(r);
}

/* What the call names of what providers store must be its key's, and be where it goes. */
static bool check_stored(struct request *r)
{
    const struct call *call = &r->attribute.call;
    const struct setting_provider *at = r->plan.ways->target->provider;
    bool may_name = call->references || call->files || call->images || call->server_tools;
    return !may_name || r->receive.form || stored_check_body(r, &r->worker->json, &at);
}

/* Brings the budgets' cells nearer while the body is read. */
static void expect_budgets(struct request *r)
{
    budgets_expect(r->worker->purser->budgets, r->lease->snapshot->budgets, &r->attribute.payer, r->at_us,
                   &r->attribute.expected);
}

enum verdict step_attribute(struct request *r)
{
    if (r->receive.models) return models_answer(r);
    if (!labels_read(r)) return STEP_JUMP;
    expect_budgets(r);
    const char *user = r->attribute.payer.is[SCOPE_USER].p;
    bool other = r->receive.kind == CALL_PASSTHROUGH;
    if (other ? !passthrough_attribute(r) : !read_body(r) || !find_ways(r) || !check_stored(r)) return STEP_JUMP;
    if (!order_deadline(r)) return STEP_JUMP;
    if (r->attribute.payer.is[SCOPE_USER].p != user) expect_budgets(r); /* only the body named the user */
    const struct settings *s = r->lease->snapshot->settings;
    str feature = r->attribute.payer.is[SCOPE_FEATURE];
    r->attribute.feature = feature.n ? settings_feature(s, feature) : NULL;
    enum on_disconnect way = r->attribute.feature ? r->attribute.feature->on_disconnect : ON_DISCONNECT_DEFAULT;
    bool usual = !r->attribute.call.stream && !r->receive.reads;
    r->attribute.finish_on_disconnect = way == ON_DISCONNECT_DEFAULT ? usual : way == ON_DISCONNECT_FINISH;
    return STEP_NEXT;
}
