/* The ledger's view of an attempt. */
#include "flow/request.h"

#include "base/time.h"

/* The place on the ladder, and how often the call has been there. */
static void fill_rung(const struct attempt *a, struct row_numbers *n)
{
    const struct request *r = a->request;
    if (!a->way->rung) return;
    n->rung = (uint8_t)(a->way->rung - r->plan.model->rungs + 1);
    n->rung_number = (uint8_t)(a->began ? a->way_number : r->answer.met[a->way - r->plan.ways] + 1U);
}

void row_fill(const struct attempt *a, int64_t now_us, struct row *row)
{
    const struct request *r = a->request;
    const struct call *call = &r->attribute.call;
    const struct target *t = a->way->target;
    struct row_numbers *n = &row->n;
    *n = (struct row_numbers){
        .attempt_id = a->id,
        .call_id = r->id,
        .at_us = a->hold.admitted_us,
        .ended_us = a->hold.admitted_us + (now_us - a->hold.since_us),
        .held_picousd = a->hold.amounts.of[BUDGET_MONEY],
        .provider_cost_picousd = -1,
        .wait_us = a->hold.wait_us,
        .connect_us = a->wire.connect_us,
        .first_byte_us = a->body.first_us ? a->body.first_us - a->hold.since_us : 0,
        .total_us = now_us - a->hold.since_us,
        .request_bytes = (int64_t)r->receive.body_bytes,
        .response_bytes = a->body.bytes,
        .system_bytes = call->segments.system_bytes,
        .history_bytes = call->segments.history_bytes,
        .retrieved_bytes = call->segments.retrieved_bytes,
        .tools_bytes = call->segments.tools_bytes,
        .prompt_bytes = call->text_bytes,
        .output_seen = a->body.answer.output_events,
        .generation = r->lease->snapshot->generation,
        .http_status = (uint16_t)a->head.status,
        .err = (uint16_t)a->err,
        .reason = (uint8_t)a->reason,
        .number = (uint8_t)(a->number > 255 ? 255 : a->number),
        .client_retries = (uint8_t)r->attribute.client_retries,
        .streamed = call->stream,
        .overhead_us = a->hold.since_us - r->started_us,
    };
    fill_rung(a, n);
    const str *who = a->way->payer.is;
    memset(row->text, 0, sizeof(row->text));
    row->text[ROW_KEY] = who[SCOPE_KEY];
    row->text[ROW_TEAM] = who[SCOPE_TEAM];
    row->text[ROW_USER] = who[SCOPE_USER];
    row->text[ROW_FEATURE] = who[SCOPE_FEATURE];
    row->text[ROW_TASK] = r->attribute.task;
    row->text[ROW_SESSION] = r->attribute.session;
    row->text[ROW_PROMPT] = r->attribute.prompt;
    row->text[ROW_TAGS] = r->attribute.tags;
    row->text[ROW_PROVIDER] = t->provider->name;
    row->text[ROW_MODEL] = t->model;
    row->text[ROW_MODEL_REQUESTED] = call->model;
    row->text[ROW_OPERATION] = call_kind_operation(call->kind);
    row->text[ROW_OBJECT] = attempt_object(a);
    row->cell_count = a->hold.hold.count;
    for (uint32_t i = 0; i < row->cell_count; i++) {
        row->cells[i] = (struct ledger_cell){.key = a->hold.hold.part[i].key, .amount = a->hold.hold.part[i].amount};
    }
}

void row_guess(const struct attempt *a, int64_t now_us, struct row *row)
{
    struct row_numbers *n = &row->n;
    /* what it is thought to cost so far, should nothing more be heard of it */
    struct estimate guess;
    estimate_blind(a, now_us + US_PER_SECOND, &guess);
    n->cost_picousd = guess.cost.total;
    n->cost_max_picousd = guess.cost_max;
    n->cost_state = (uint8_t)guess.cost.state;
    memcpy(n->units, guess.usage.units, sizeof(n->units));
    memcpy(n->cost_by_unit, guess.cost.unit, sizeof(n->cost_by_unit));
}
