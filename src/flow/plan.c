/* plan: the target's prices and the bound: the most that this call can cost. */
#include "flow/degrade.h"
#include "flow/ladder.h"
#include "flow/order.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/service.h"

/* What providers add to the text of a call, measured as billed prompt tokens against
 * text bytes in recorded traffic (docs/architecture.md, Bounds): hidden system
 * prompts and tool preambles are in it. */
enum {
    TOKENS_PER_CALL = 768,
    TOKENS_PER_MESSAGE = 64,
    TOKENS_PER_TOOL = 64,
    TOKENS_PER_CALL_KNOWN = 64, /* where the provider is known to add little, or says what it adds */
    TOKENS_PER_MESSAGE_KNOWN = 16,
    AUDIO_BYTES_PER_TOKEN = 8,
    TOKENS_PER_STORED_CONTEXT = 1000000, /* references, where the context window is not known */
};

/* The most tokens that one image becomes. Source: OpenAI's guide to images: tiles of
 * 512 pixels, at most eight, at 5,667 tokens each and 2,833 once for gpt-4o-mini;
 * patches for newer models, of which 14,200 were billed at most in recorded traffic. */
static int64_t image_bound(str model)
{
    return str_starts(model, S("gpt-4o-mini")) ? 2833 + 8 * 5667 : 16384;
}

struct added {
    int64_t per_call, per_message;
};

/* OpenAI itself adds to a call without tools what separates its messages (3 a message and its role, 3 at the end): 3
 * tokens above the bytes of the text were the most in 405 recorded calls. Models that search are not among them. */
static bool adds_little(const struct call *call, const struct target *target)
{
    enum token_encoding e;
    str host = target->provider->host;
    if (call->tools || call->server_tools) return false;
    if (!str_eq(host, S("api.openai.com")) && !str_ends(host, S(".api.openai.com"))) return false;
    if (str_find(target->model, S("search"), 0) != SIZE_MAX) return false;
    return str_find(target->model, S("research"), 0) == SIZE_MAX && token_encoding_of_model(target->model, &e);
}

static struct added added_by(const struct call *call, const struct target *target)
{
    int64_t said = target->provider->added_tokens;
    if (said) return (struct added){said, TOKENS_PER_MESSAGE_KNOWN};
    if (adds_little(call, target)) return (struct added){TOKENS_PER_CALL_KNOWN, TOKENS_PER_MESSAGE_KNOWN};
    return (struct added){TOKENS_PER_CALL, TOKENS_PER_MESSAGE};
}

int64_t plan_input_bound(const struct call *call, const struct target *target, int64_t text_tokens)
{
    const struct model_facts *facts = &target->prices.facts;
    struct added added = added_by(call, target);
    int64_t tokens = text_tokens + call->messages * added.per_message + call->tools * TOKENS_PER_TOOL + added.per_call;
    if (facts->context_window && (call->references || tokens > facts->context_window)) return facts->context_window;
    return call->references ? TOKENS_PER_STORED_CONTEXT : tokens;
}

/* The limit that holds where the client set none. */
static int64_t default_output(const struct request *r, const struct target *t)
{
    const struct setting_feature *f = r->attribute.feature;
    if (f && f->max_output_tokens) return f->max_output_tokens;
    int64_t most = t->prices.facts.max_output;
    return most ? most : r->lease->snapshot->settings->default_max_output_tokens;
}

static bool has_output(enum call_kind kind)
{
    return kind == CALL_COMPLETIONS || call_kind_generates(kind);
}

static bool check_priced(struct request *r, const struct target *t)
{
    if (t->provider->cost_per_hour != PRICE_UNSET || price_set_holds(&t->prices, time_now_us())) return true;
    const char *what = t->prices.count ? "No price is in force now" : "No price is known";
    const char *book = t->provider->book.n ? ""
                                           : ". Where its provider passes calls on to a seller of the built-in book, "
                                             "name that one there instead: book: openai";
    if (r->receive.kind == CALL_PASSTHROUGH) {
        request_fail(r, ERR_UNPRICED,
                     arena_printf(&r->arena,
                                  "%s for '%" STR_FMT
                                  "', so its cost could not be held against a budget. Add to the settings what a "
                                  "million calls cost, or that they are free: prices: [{ model: \"%" STR_FMT
                                  "\", requests: ... }] or [{ model: \"%" STR_FMT "\", free: true }]",
                                  what, STR_ARG(t->name), STR_ARG(t->name), STR_ARG(t->name)));
        return false;
    }
    request_fail_param(r, ERR_UNPRICED,
                       arena_printf(&r->arena,
                                    "%s for '%" STR_FMT "', so its cost could not be held against a budget. Add to the "
                                    "settings, with its prices per million tokens: prices: [{ model: %" STR_FMT
                                    ", input: ..., output: ... }]%s",
                                    what, STR_ARG(t->name), STR_ARG(t->name), book),
                       S("model"));
    return false;
}

/* Where the call names no tier, the account's own default decides, which may be priority. */
static uint32_t tiers_that_may_be_served(const struct call *call)
{
    bool cheap = str_eq(call->service_tier, S("default")) || str_eq(call->service_tier, S("flex"));
    return cheap ? 1u << TIER_STANDARD | 1u << TIER_BATCH | 1u << TIER_FLEX : 0;
}

struct way *plan_add_way(struct request *r, struct target *target)
{
    if (!r->plan.ways) {
        r->plan.room = ways_most(r);
        r->plan.ways = arena_zalloc(&r->arena, r->plan.room * sizeof(*r->plan.ways));
    }
    if (r->plan.count == r->plan.room) return &r->plan.ways[r->plan.room - 1];
    struct way *way = &r->plan.ways[r->plan.count++];
    way->target = target;
    way->kind = r->receive.kind;
    way->only_for = MISHAP_COUNT;
    struct payer *first = &r->attribute.payer; /* limits look at where the call goes first */
    if (r->plan.count == 1) {
        first->is[SCOPE_PROVIDER] = target->provider->name;
        first->is[SCOPE_MODEL] = target->model;
    }
    return way;
}

static void plan_bound(struct request *r, struct way *way)
{
    const struct call *call = &r->attribute.call;
    const struct setting_feature *f = r->attribute.feature;
    int64_t output = 0;
    if (has_output(call->kind)) {
        int64_t least = call_least_output(call, way->kind);
        output = call->max_output >= 0 ? call->max_output : default_output(r, way->target);
        if (f && f->max_output_tokens && output > f->max_output_tokens) output = f->max_output_tokens;
        if (output < least) output = least;
        way->lowerable = call->max_output < 0;
    }
    bool spoken = call_paid_by_character(call->kind, way->target->model);
    int64_t media = spoken ? 0 : call->media.output_tokens;
    way->by_call = call->media.pieces && !price_set_has_tokens(&way->target->prices);
    way->input_tokens = plan_input_bound(call, way->target, call->text_bytes); /* a token is a byte at least */
    way->max_output = has_output(call->kind) ? output : -1;
    way->ask = (struct price_bound_ask){
        .input_tokens = way->input_tokens,
        .output_tokens = call_output_of_all(call, output) + media,
        .image_tokens = call->images * image_bound(way->target->model),
        .audio_tokens = call->audio_bytes / AUDIO_BYTES_PER_TOKEN,
        .requests = call->media.pieces > 1 ? call->media.pieces : 1,
        .seconds = call->media.seconds,
        .tool_calls = call->max_tool_calls > 0 ? call->max_tool_calls : 0,
        .tiers = tiers_that_may_be_served(call),
    };
}

/* False: this way cannot be gone, with the request failed. */
static bool plan_way(struct request *r, struct way *way)
{
    way->payer = r->attribute.payer;
    way->payer.is[SCOPE_PROVIDER] = way->target->provider->name;
    way->payer.is[SCOPE_MODEL] = way->target->model;
    if (tokens_asked(r)) return tokens_plan(r, way);
    if (!check_priced(r, way->target)) return false;
    if (r->receive.kind == CALL_PASSTHROUGH) {
        passthrough_plan(r, way);
        return true;
    }
    if (way->target->provider->service) {
        service_plan(way);
        return true;
    }
    if (!translate_plan(r, way)) return false;
    plan_bound(r, way);
    return true;
}

/* The ways that cannot be gone are left out; the first one's reason counts where none is left. */
static bool plan_ways(struct request *r)
{
    enum request_step step = r->step;
    size_t kept = 0, usual = 0;
    for (size_t i = 0; i < r->plan.count; i++) {
        struct way *way = &r->plan.ways[i];
        if (!plan_way(r, way)) continue;
        usual += way->only_for == MISHAP_COUNT;
        if (kept != i) r->plan.ways[kept] = *way;
        kept++;
    }
    r->plan.count = kept;
    if (!usual) return false;
    request_forgive(r, step);
    return true;
}

/* The worker's document is this call's: others may have been read while it waited. */
static bool has_body(struct request *r)
{
    return r->receive.form || r->receive.kind == CALL_PASSTHROUGH || wire_read_body(r);
}

/* Of two limits the lower one; below zero: none. */
static picousd lower_of(picousd a, picousd b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The plan of before is gone: what was tried under it counts, in attempts, time and money, as it did. */
static void begin_again(struct request *r, const struct request_plan *was)
{
    r->plan.attempts.money = lower_of(r->plan.attempts.money, was->attempts.money);
    r->answer.tried = 0;
    memset(r->answer.met, 0, sizeof(r->answer.met));
    r->count.expected = 0; /* thought of another target */
    order_ways(r);
}

bool plan_downgrade(struct request *r, str name)
{
    const struct request_plan was = r->plan;
    const struct request_ladder ladder = r->ladder;
    const struct payer payer = r->attribute.payer;
    if (was.downgraded || !r->x || r->receive.kind == CALL_PASSTHROUGH || !has_body(r)) return false;
    r->plan = (struct request_plan){.canon = was.canon, .echo = was.echo, .before = was.model, .downgraded = true};
    r->ladder = (struct request_ladder){0};
    if (ways_find(r, name) && plan_ways(r)) {
        begin_again(r, &was);
        return true;
    }
    r->plan = was;
    r->plan.downgraded = true;
    r->ladder = ladder;
    r->attribute.payer = payer;
    return false;
}

enum verdict step_plan(struct request *r)
{
    const struct call *call = &r->attribute.call;
    if (degrade_asked(r)) return degrade_switched_off(r);
    if (ladder_answers(r)) return STEP_JUMP;
    bool unbounded = call->server_tools && call->max_tool_calls < 0;
    if (unbounded && budget_rules_count(r->lease->snapshot->budgets)) {
        return request_fail_param(
            r, ERR_BAD_FIELD,
            S("Tools that run at the provider need a set maximum, so that the call's cost has a bound: "
              "set 'max_tool_calls'."),
            S("max_tool_calls"));
    }
    if (!has_body(r)) return request_fail(r, ERR_INTERNAL, S("The call's body is gone."));
    if (!plan_ways(r)) return STEP_JUMP;
    order_ways(r);
    tokens_look(r, r->plan.ways);
    return STEP_NEXT;
}
