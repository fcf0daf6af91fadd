#include "simulate/sim_truth.h"

#include "base/arena.h"

#include <inttypes.h>
#include <stdlib.h>

void sim_truth_init(struct sim_truth *t, uint64_t keep)
{
    *t = (struct sim_truth){.keep = keep ? keep : 1, .first_id = 1};
    pthread_mutex_init(&t->lock, NULL);
    t->ring = mem_zalloc(t->keep * sizeof *t->ring); /* zero pages: memory is taken as calls come */
}

void sim_truth_free(struct sim_truth *t)
{
    free(t->ring);
    pthread_mutex_destroy(&t->lock);
}

void sim_truth_reset(struct sim_truth *t)
{
    pthread_mutex_lock(&t->lock);
    t->first_id = t->last_id + 1;
    t->live = 0;
    memset(&t->totals, 0, sizeof t->totals);
    pthread_mutex_unlock(&t->lock);
}

static struct sim_record *place_of(struct sim_truth *t, uint64_t id)
{
    return &t->ring[id % t->keep];
}

static void add_to_totals(struct sim_truth *t, const struct sim_record *r)
{
    t->totals.generated_tokens += r->generated_tokens;
    t->totals.finished += r->finished;
    t->totals.aborted += r->aborted;
    t->totals.faulty += r->fault != SIM_FAULT_NONE;
    sim_units_add(&t->totals.units, &r->units);
}

uint64_t sim_truth_begin(struct sim_truth *t, const struct sim_record *r)
{
    pthread_mutex_lock(&t->lock);
    uint64_t id = ++t->last_id;
    struct sim_record *place = place_of(t, id);
    *place = *r;
    place->id = id;
    t->live++;
    t->totals.calls++;
    pthread_mutex_unlock(&t->lock);
    return id;
}

void sim_truth_update(struct sim_truth *t, const struct sim_record *r)
{
    pthread_mutex_lock(&t->lock);
    struct sim_record *place = place_of(t, r->id);
    if (place->id == r->id) *place = *r;
    pthread_mutex_unlock(&t->lock);
}

void sim_truth_end(struct sim_truth *t, const struct sim_record *r)
{
    pthread_mutex_lock(&t->lock);
    if (r->id >= t->first_id) {
        struct sim_record *place = place_of(t, r->id);
        t->live--;
        add_to_totals(t, r);
        if (place->id == r->id) *place = *r;
    }
    pthread_mutex_unlock(&t->lock);
}

void sim_truth_abort(struct sim_truth *t, uint64_t id)
{
    pthread_mutex_lock(&t->lock);
    if (id >= t->first_id) {
        struct sim_record *place = place_of(t, id);
        t->totals.aborted++;
        if (place->id == id) place->aborted = true;
    }
    pthread_mutex_unlock(&t->lock);
}

static void print_record(const struct sim_record *r, struct buf *out)
{
    buf_printf(out, "{\"id\":%" PRIu64 ",\"request_id\":\"sim-%" PRIu64 "\",\"at_us\":%" PRId64 ",\"kind\":\"%.*s\"",
               r->id, r->id, r->at_us, STR_ARG(sim_kind_name((enum sim_kind)r->kind)));
    buf_add(out, S(",\"model\":"));
    buf_add_json(out, str_from(r->model));
    buf_add(out, S(",\"attempt\":"));
    r->attempt[0] ? buf_add_json(out, str_from(r->attempt)) : buf_add(out, S("null"));
    buf_add(out, S(",\"service_tier\":"));
    buf_add_json(out, str_from(r->service_tier));
    buf_printf(out,
               ",\"status\":%d,\"streamed\":%s,\"finished\":%s,\"aborted\":%s,\"usage_sent\":%s,\"fault\":\"%.*s\"",
               r->status, r->streamed ? "true" : "false", r->finished ? "true" : "false", r->aborted ? "true" : "false",
               r->usage_sent ? "true" : "false", STR_ARG(sim_fault_name((enum sim_fault)r->fault)));
    buf_printf(out, ",\"images\":%d,\"generated_tokens\":%" PRId64 ",\"usage\":{", r->images, r->generated_tokens);
    sim_units_print(&r->units, out);
    buf_add(out, S("}}"));
}

void sim_truth_print(struct sim_truth *t, uint64_t since, uint64_t limit, struct buf *out)
{
    pthread_mutex_lock(&t->lock);
    uint64_t oldest = t->last_id >= t->keep ? t->last_id - t->keep + 1 : 1;
    if (oldest < t->first_id) oldest = t->first_id;
    uint64_t dropped = oldest - t->first_id;
    uint64_t from = since + 1 > oldest ? since + 1 : oldest, to = t->last_id;
    if (to >= from && to - from >= limit) to = from + limit - 1;
    buf_add(out, S("{\"calls\":["));
    for (uint64_t id = from; id <= to; id++) {
        if (id > from) buf_add(out, S(",\n"));
        print_record(place_of(t, id), out);
    }
    buf_printf(out,
               "],\"totals\":{\"calls\":%" PRId64 ",\"live\":%" PRId64 ",\"finished\":%" PRId64 ",\"aborted\":%" PRId64
               ",\"faulty\":%" PRId64 ",\"generated_tokens\":%" PRId64 ",\"usage\":{",
               t->totals.calls, t->live, t->totals.finished, t->totals.aborted, t->totals.faulty,
               t->totals.generated_tokens);
    sim_units_print(&t->totals.units, out);
    uint64_t last = to >= from ? to : since < t->last_id ? t->last_id : since;
    buf_printf(out, "}},\"last\":%" PRIu64 ",\"more\":%s,\"dropped\":%" PRIu64 "}\n", last,
               to < t->last_id && to >= from ? "true" : "false", dropped);
    pthread_mutex_unlock(&t->lock);
}
