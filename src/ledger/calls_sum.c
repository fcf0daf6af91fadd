#include "ledger/calls_inside.h"

/* The least sure of all decides. */
static int doubt(enum cost_state s)
{
    switch (s) {
    case COST_UNPRICED:
        return 3;
    case COST_ESTIMATED:
        return 2;
    case COST_EXACT:
        return 1;
    case COST_FREE:
    case COST_STATE_COUNT:
        break;
    }
    return 0;
}

static enum cost_state state_of(const struct call_attempt *a)
{
    str name = call_text(a, "cost_state");
    for (enum cost_state s = 0; s < COST_STATE_COUNT; s++)
        if (str_eq(cost_state_name(s), name)) return s;
    return COST_UNPRICED;
}

/* Whose answer went out; where none did, the last. */
static const struct call_attempt *used_of(const struct calls_read *call)
{
    const struct call_attempt *used = NULL;
    for (size_t i = 0; i < call->count; i++)
        if (!call_number(&call->attempts[i], "wasted")) used = &call->attempts[i];
    return used ? used : &call->attempts[call->count - 1];
}

static void add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum)) *sum = INT64_MAX; /* counts are never below zero */
}

static void add_tokens(const struct call_attempt *a, struct call_row *out)
{
    static const enum unit in[] = {UNIT_INPUT,          UNIT_CACHE_READ, UNIT_CACHE_WRITE_5M,
                                   UNIT_CACHE_WRITE_1H, UNIT_AUDIO_IN,   UNIT_IMAGE};
    static const enum unit made[] = {UNIT_OUTPUT, UNIT_REASONING, UNIT_AUDIO_OUT};
    for (size_t i = 0; i < a->line_count; i++) {
        const struct call_line *line = &a->lines[i];
        for (size_t u = 0; u < COUNT_OF(in); u++)
            if (line->unit == in[u]) add(&out->input_tokens, line->count);
        for (size_t u = 0; u < COUNT_OF(made); u++)
            if (line->unit == made[u]) add(&out->output_tokens, line->count);
        if (line->unit == UNIT_CACHE_READ) add(&out->cached_tokens, line->count);
    }
}

static void add_cost(const struct call_attempt *a, struct call_row *out)
{
    enum cost_state state = state_of(a);
    bool wasted = call_number(a, "wasted") != 0;
    if (doubt(state) > doubt(out->cost_state)) out->cost_state = state;
    out->wasted_count += wasted;
    out->saved_cost += call_number(a, "saved_picousd");
    if (state == COST_UNPRICED) return;
    out->cost += call_number(a, "cost_picousd");
    out->cost_max += call_number(a, "cost_max_picousd");
    if (wasted) out->wasted_cost += call_number(a, "cost_picousd");
}

static void tell_times(const struct calls_read *call, const struct call_attempt *used, struct call_row *out)
{
    int64_t ended_us = INT64_MIN, began_us = INT64_MAX;
    for (size_t i = 0; i < call->count; i++) {
        int64_t at_us = call_number(&call->attempts[i], "at_us"), end_us = call_number(&call->attempts[i], "ended_us");
        if (at_us < began_us) began_us = at_us;
        if (end_us > ended_us) ended_us = end_us;
    }
    out->at_us = began_us;
    out->total_us = ended_us > began_us ? ended_us - began_us : 0;
    int64_t first_us = call_number(used, "first_byte_us");
    if (first_us > 0) out->first_byte_us = call_number(used, "at_us") - began_us + first_us;
}

void calls_sum_up(const struct calls_read *call, struct call_row *out)
{
    const struct call_attempt *first = &call->attempts[0], *used = used_of(call);
    *out = (struct call_row){.call_id = (uint64_t)call_number(first, "call_id"),
                             .feature = call_text(first, "feature"),
                             .key = call_text(first, "key"),
                             .team = call_text(first, "team"),
                             .user = call_text(first, "user"),
                             .prompt = call_text(first, "prompt"),
                             .task = call_text(first, "task"),
                             .session = call_text(first, "session"),
                             .operation = call_text(first, "operation"),
                             .model_requested = call_text(first, "model_requested"),
                             .model = call_text(used, "model"),
                             .provider = call_text(used, "provider"),
                             .reason = call_text(used, "reason"),
                             .status = call_text(used, "status"),
                             .finish_reason = call_text(used, "finish_reason"),
                             .attempt_count = (int64_t)call->count,
                             .cost_state = COST_FREE,
                             .client_retries = call_number(first, "client_retries"),
                             .streamed = call_number(first, "streamed") != 0};
    for (size_t i = 0; i < call->count; i++) {
        add_cost(&call->attempts[i], out);
        add_tokens(&call->attempts[i], out);
    }
    tell_times(call, used, out);
}
