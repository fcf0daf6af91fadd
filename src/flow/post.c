/* post: usage -> cost -> journal and budgets. One settle path for every endpoint. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/again.h"
#include "flow/burn.h"
#include "flow/mishap.h"
#include "flow/order.h"
#include "flow/purser.h"
#include "flow/trial.h"

/* The provider was reached, and may have worked: an answer, or bytes of a request. */
static bool reached(const struct attempt *a)
{
    return a->began && (a->wire.call.written_any || a->head.status);
}

static void settle_time(struct attempt *a, int64_t now_us)
{
    const struct setting_provider *p = a->way->target->provider;
    int64_t share = p->concurrency_at_full > 0 ? p->concurrency_at_full : 1;
    int64_t used_us = now_us - a->hold.since_us - a->hold.wait_us;
    a->post.cost = (struct cost){.total = price_of_time(p->cost_per_hour, used_us) / share, .state = COST_EXACT};
    a->post.cost.unit[UNIT_SECONDS] = a->post.cost.total;
}

/* Sound tells nothing of what it cost; where that is paid by the characters of the text, they are known. */
static void count_characters(struct attempt *a)
{
    const struct call_media *media = &a->request->attribute.call.media;
    struct usage *usage = &a->body.answer.usage;
    bool paid = call_paid_by_character(a->request->receive.kind, a->way->target->model);
    if (!paid || usage->known || !a->body.complete) return;
    usage->units[UNIT_INPUT] = media->characters;
    usage->units[UNIT_REQUESTS] = 1;
    usage->known = true;
}

/* The image tokens of an output, and those of the input: one of the two may have a price of its own, which
 * is the dearer where it is the output's. Images that were read then cost more than text, but how much
 * that price does not say. */
static void place_images(const struct price *price, struct answer *answer)
{
    int64_t *units = answer->usage.units, made = answer->image_output;
    if (!price || !made || price->unit[UNIT_IMAGE] <= price->unit[UNIT_OUTPUT]) return;
    if (units[UNIT_IMAGE]) answer->usage.flags |= USAGE_OTHER_RATE;
    units[UNIT_INPUT] += units[UNIT_IMAGE];
    units[UNIT_OUTPUT] -= made;
    units[UNIT_IMAGE] = made;
    answer->image_output = 0; /* placed */
}

static void settle_usage(struct attempt *a)
{
    const struct request *r = a->request;
    const struct target *t = a->way->target;
    struct answer *answer = &a->body.answer;
    struct usage *usage = &answer->usage;
    enum price_tier asked = TIER_STANDARD, served = TIER_STANDARD;
    bool known_tier = price_tier_find(answer->service_tier, &served), tier_missing = false;
    bool asked_known = price_tier_find(r->attribute.call.service_tier, &asked);
    if (answer->service_tier.n && asked_known && asked != served &&
        !str_eq(r->attribute.call.service_tier, S("auto"))) {
        usage->flags |= USAGE_TIER_DIFFERS;
    }
    const struct price *price =
        price_pick(&t->prices, served, price_prompt_tokens(usage), a->hold.admitted_us, &tier_missing);
    place_images(price, answer);
    a->post.cost = price_cost(price, usage);
    usage->flags |= a->post.cost.flags;
    bool unsure = tier_missing || !known_tier || (usage->flags & (USAGE_NOT_A_COUNT | USAGE_OTHER_RATE));
    if (unsure && a->post.cost.state == COST_EXACT) a->post.cost.state = COST_ESTIMATED;
    if (price_is_ceiling(&t->prices, price)) a->post.cost.state = COST_UNPRICED;
}

/* A call to another path: priced by the call, or free. */
static void settle_call(struct attempt *a)
{
    struct usage *usage = &a->body.answer.usage;
    usage->units[UNIT_REQUESTS] = a->body.answer.pieces > 1 ? a->body.answer.pieces : 1;
    usage->known = true;
    settle_usage(a);
    usage->known = false;
}

/* Gemini's streams end with their connection: who hangs up behind the last event has missed nothing. */
static bool told_all(const struct attempt *a)
{
    return a->err == ERR_CLIENT_GONE && a->way->kind == CALL_GENERATE && answer_complete(&a->body.answer);
}

/* What it cost, and how sure that is. */
static void settle(struct attempt *a, int64_t now_us)
{
    const struct target *t = a->way->target;
    struct answer *answer = &a->body.answer;
    if (a->way->by_call) answer->usage = (struct usage){0}; /* what a stored answer tells was paid when it was made */
    bool refused = a->head.status >= 300;                   /* errors are not billed, unless they say what they used */
    bool blind = false;                                     /* what came after the last count is unknown */
    count_characters(a);
    if (!reached(a) || (refused && !answer->usage.known)) {
        a->post.cost = (struct cost){.state = COST_FREE};
    } else if (t->provider->cost_per_hour != PRICE_UNSET) {
        settle_time(a, now_us);
        answer->usage.units[UNIT_SECONDS] =
            (now_us - a->hold.since_us - a->hold.wait_us + US_PER_SECOND - 1) / US_PER_SECOND;
    } else if (a->way->by_call && a->body.complete) {
        settle_call(a);
    } else if (answer->usage.known && (a->body.complete || refused || told_all(a))) {
        settle_usage(a);
    } else if (answer->usage.known && a->err) { /* cumulative counts of a stream that was cut */
        blind = true;
        settle_usage(a);
        struct estimate guess;
        estimate_blind(a, now_us, &guess);
        if (guess.cost.total > a->post.cost.total) a->post.cost = guess.cost;
        if (a->post.cost.state == COST_EXACT) a->post.cost.state = COST_ESTIMATED;
    } else {
        struct estimate guess;
        blind = true;
        estimate_blind(a, now_us, &guess);
        a->post.cost = guess.cost;
        memcpy(answer->usage.units, guess.usage.units, sizeof(guess.usage.units));
    }
    a->post.cost_max = a->post.cost.total;
    bool guessed = a->post.cost.state == COST_ESTIMATED || blind;
    if (guessed && a->hold.amounts.of[BUDGET_MONEY] > a->post.cost_max)
        a->post.cost_max = a->hold.amounts.of[BUDGET_MONEY];
    if (a->post.cost.total > a->hold.amounts.of[BUDGET_MONEY]) answer->usage.flags |= USAGE_ABOVE_BOUND;
}

static int64_t tokens_of(const struct usage *u)
{
    int64_t sum = 0;
    for (enum unit i = UNIT_INPUT; i <= UNIT_IMAGE; i++) sum += u->units[i];
    return sum;
}

/* By each family's own name for it: OpenAI, Anthropic, Bedrock, Azure, Cohere. */
static str provider_request(const struct http_head *head)
{
    static const str names[] = {STR_INIT("x-request-id"), STR_INIT("request-id"), STR_INIT("x-amzn-requestid"),
                                STR_INIT("apim-request-id"), STR_INIT("x-debug-trace-id")};
    str id = STR_NONE;
    for (size_t i = 0; i < COUNT_OF(names) && !id.n; i++) id = http_head_find(head, names[i]);
    return id;
}

/* What has nothing in it is of no use, also where it is passed on as it came. */
static bool is_wasted(const struct attempt *a)
{
    return a->err || mishap_is_empty(a);
}

str attempt_object(const struct attempt *a)
{
    bool thread = a->way->kind != CALL_MESSAGES || a->request->attribute.call.references;
    return a->head.status < 300 && thread ? a->body.answer.id : STR_NONE;
}

/* What the ladder's last model would have cost for the same tokens, beyond what all of the call's attempts did.
 * Units: pico-dollars, at least 0. */
static picousd saved_by_ladder(const struct attempt *a)
{
    const struct request *r = a->request;
    const struct way *top = NULL;
    bool tier_missing = false;
    if (!a->post.accepted || a->err || !a->way->rung || !a->body.answer.usage.known) return 0;
    for (size_t i = 0; i < r->plan.count; i++) {
        if (r->plan.ways[i].rung && r->plan.ways[i].rung->kind == RUNG_TARGET) top = &r->plan.ways[i];
    }
    if (!top || top->rung == a->way->rung) return 0;
    const struct usage *usage = &a->body.answer.usage;
    const struct price *price =
        price_pick(&top->target->prices, TIER_STANDARD, price_prompt_tokens(usage), a->hold.admitted_us, &tier_missing);
    struct cost cost = price_cost(price, usage);
    picousd spent = money_add_sat(r->cost_so_far, a->post.cost.total);
    return cost.state == COST_EXACT && cost.total > spent ? cost.total - spent : 0;
}

static void append(struct attempt *a, struct row *row)
{
    struct worker *w = a->request->worker;
    late_post(a, &a->post.used, row);
    row->n.generation = w->lease->snapshot->generation;
    a->hold.position = journal_append(w->journal, JOURNAL_POST, row);
}

/* It may be the client's after all: its row waits until that is known. */
static void put_off(struct attempt *a, const struct row *row, int64_t now_us)
{
    struct arena *arena = &a->request->arena;
    a->post.due = arena_alloc(arena, sizeof(*row));
    *a->post.due = *row;
    for (size_t i = 0; i < ROW_TEXT_COUNT; i++) a->post.due->text[i] = arena_str(arena, row->text[i]);
    a->post.due_us = now_us;
}

static void write_row(struct attempt *a, int64_t now_us, const struct budget_amounts *used)
{
    struct request *r = a->request;
    const struct answer *answer = &a->body.answer;
    struct row row;
    row_fill(a, now_us, &row);
    struct row_numbers *n = &row.n;
    memcpy(n->units, answer->usage.units, sizeof(n->units));
    memcpy(n->cost_by_unit, a->post.cost.unit, sizeof(n->cost_by_unit));
    n->cost_picousd = a->post.cost.total;
    n->cost_max_picousd = a->post.cost_max;
    n->cost_state = (uint8_t)a->post.cost.state;
    n->usage_flags = answer->usage.flags;
    n->usage_known = answer->usage.known;
    n->provider_cost_picousd = a->began ? answer->provider_cost : -1;
    n->wasted = is_wasted(a);
    n->accepted = a->post.accepted;
    n->saved_picousd = saved_by_ladder(a);
    row.text[ROW_MODEL_ANSWERED] = answer->model;
    row.text[ROW_SERVICE_TIER] = answer->service_tier.n ? answer->service_tier : r->attribute.call.service_tier;
    row.text[ROW_FINISH] = answer->finish;
    row.text[ROW_USAGE_RAW] = answer->usage_raw;
    if (a->head.status) row.text[ROW_PROVIDER_REQUEST] = provider_request(&a->wire.call.head);
    if (a->way->target->prices.count) row.text[ROW_PRICE_SOURCE] = a->way->target->prices.rows[0]->source;
    bool later = trial_keeps(a);
    if (later) journal_append(r->worker->journal, JOURNAL_PROGRESS, &row); /* a crash meanwhile loses nothing of it */
    for (uint32_t i = 0; i < row.cell_count; i++) row.cells[i].amount = budget_part_used(&a->hold.hold.part[i], used);
    if (later)
        put_off(a, &row, now_us);
    else
        append(a, &row);
}

/* How fast this target generates: all that it made over all the time it took. (The
 * time between first and last output would say more, were it not that a short answer
 * often comes in one read: then it says nothing.) */
static void learn_rate(struct attempt *a, int64_t now_us)
{
    struct target *t = a->way->target;
    const struct usage *u = &a->body.answer.usage;
    int64_t tokens = u->units[UNIT_OUTPUT] + u->units[UNIT_REASONING];
    int64_t took_us = (a->body.last_us ? a->body.last_us : now_us) - a->wire.call.connected_us;
    if (!u->known || tokens < 16 || took_us < US_PER_MS) return;
    double rate = (double)tokens / (double)took_us;
    if (rate > t->fastest_tokens_per_us) t->fastest_tokens_per_us = rate;
}

static void count(struct attempt *a, int64_t now_us)
{
    struct request *r = a->request;
    const struct target *t = a->way->target;
    struct metric_call m = {
        .labels = {.operation = call_kind_operation(r->receive.kind),
                   .provider = t->provider->name,
                   .vendor = t->provider->vendor->kind,
                   .model = t->model,
                   .key = r->attribute.payer.is[SCOPE_KEY],
                   .feature = r->attribute.payer.is[SCOPE_FEATURE]},
        .err = a->err,
        .usage = &a->body.answer.usage,
        .cost = a->post.cost.total,
        .state = a->post.cost.state,
        .wasted = is_wasted(a),
        .total_us = now_us - r->started_us,
        .first_token_us = a->body.first_us ? a->body.first_us - r->started_us : 0,
        .overhead_us = a->hold.since_us - r->started_us,
        .chunks = a->body.last_us > a->body.first_us ? a->body.answer.output_events - 1 : 0,
        .chunks_us = a->body.last_us - a->body.first_us,
    };
    metrics_attempt(&r->worker->metrics, &m);
}

void post_write_due(struct attempt *a)
{
    struct row *row = a->post.due;
    if (!row) return;
    a->post.due = NULL;
    row->n.err = (uint16_t)a->err;
    row->n.wasted = is_wasted(a);
    append(a, row);
    count(a, a->post.due_us);
}

enum verdict attempt_post(struct attempt *a)
{
    struct request *r = a->request;
    struct budgets *b = r->worker->purser->budgets;
    int64_t now_us = time_mono_us();
    deadline_clear(&a->deadline);
    enter_leave(a);
    if (!a->hold.held) { /* never admitted: no money moved */
        budget_leave(b, &a->hold.waiter);
        return STEP_OVER;
    }
    if (!a->began && a->hold.journaled) { /* admitted, but gone before a byte was sent */
        struct row row;
        row_fill(a, now_us, &row);
        journal_append(r->worker->journal, JOURNAL_VOID, &row);
    }
    if (!a->began) {
        budget_void(b, &a->hold.hold);
        return STEP_OVER;
    }
    const struct setting_provider *provider = a->way->target->provider;
    if (provider->cost_per_hour != PRICE_UNSET) machine_use(r->worker->purser->machines, provider, -1, now_us);
    budget_expect_post(&a->hold.hold);
    body_take_part(a);
    settle(a, now_us);
    trial_judge(a);
    struct budget_amounts used = {{a->post.cost.total, tokens_of(&a->body.answer.usage), reached(a)}};
    if (a->head.status)
        objects_put(r->worker->purser->objects, attempt_object(a), r->attribute.payer.is[SCOPE_KEY], provider->name);
    a->post.used = used;
    if (!is_wasted(a)) trial_settle(r); /* an answer of before is not wanted any more */
    write_row(a, now_us, &used);
    budget_post(b, &a->hold.hold, &used);
    burn_note(a, &used);
    r->cost_so_far = money_add_sat(r->cost_so_far, a->post.cost.total);
    r->tokens_so_far += used.of[BUDGET_TOKENS];
    again_spent(a);
    order_note(a);
    if (!a->err) learn_rate(a, now_us);
    tokens_learn(a);
    if (!a->post.due) count(a, now_us);
    if (!a->wire_done)
        deadline_set(&r->worker->loop, &a->deadline, now_us + US_PER_SECOND); /* for the connection's own end */
    return STEP_OVER;
}
