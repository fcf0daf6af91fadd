/* Rerank: documents in an order that their number decides. Cohere bills searches, a hundred
 * documents each; the others tokens, the query once for each document. */
#include "simulate/sim_reader.h"
#include "simulate/sim_vector.h"

#include <inttypes.h>

enum { DOCUMENTS_MAX = 1000, DOCUMENTS_PER_SEARCH = 100 };

bool sim_request_read_rerank(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref query = sim_top(rd, S("query")), list = sim_top(rd, S("documents"));
    bool array = list && json_type(rd->doc, list) == JSON_ARRAY && json_first(rd->doc, list);
    r->stream = false;
    if (!query || json_type(rd->doc, query) != JSON_STRING)
        return sim_reader_refuse_field(rd, "query", "must be a string");
    if (!array) return sim_reader_refuse_field(rd, "documents", "must be a list with something in it");
    for (json_ref at = json_first(rd->doc, list); at; at = json_next(rd->doc, list, at)) {
        bool string = json_type(rd->doc, at) == JSON_STRING;
        if (r->kind == SIM_COHERE_RERANK && !string) return sim_reader_refuse_field(rd, "documents", "must be strings");
        sim_reader_count(rd, query, false);
        sim_reader_count(rd, at, false);
        r->embed.count++;
    }
    if (r->embed.count > DOCUMENTS_MAX) return sim_reader_refuse_field(rd, "documents", "is too long");
    json_ref top = sim_top(rd, S("top_n"));
    if (!top) top = sim_top(rd, S("top_k")); /* Voyage's */
    r->embed.dimensions = r->embed.count;
    if (top && !sim_reader_number(rd, top, "top_n", 1, &r->embed.dimensions)) return false;
    if (r->embed.dimensions > r->embed.count) r->embed.dimensions = r->embed.count;
    return sim_reader_control(rd, query);
}

void sim_rerank_print(const struct sim_request *r, uint64_t id, struct sim_units *u, struct buf *out)
{
    bool cohere = r->kind == SIM_COHERE_RERANK, told = !(r->control.usage & SIM_USAGE_ABSENT);
    buf_printf(out, "{\"id\":\"sim-%" PRIu64 "\",\"results\":[", id);
    for (int64_t i = 0; i < r->embed.dimensions; i++) {
        int64_t index = (i * 7 + 3) % r->embed.count; /* each once, unless the count is a multiple of seven */
        if (r->embed.count % 7 == 0) index = i;
        buf_printf(out, "%s{\"index\":%" PRId64 ",\"relevance_score\":0.%06" PRId64 "}", i ? "," : "", index,
                   999999 - i * 900);
    }
    buf_add(out, S("]"));
    if (cohere) {
        u->input = 0;
        u->searches = (r->embed.count + DOCUMENTS_PER_SEARCH - 1) / DOCUMENTS_PER_SEARCH;
        buf_add(out, S(",\"meta\":{\"api_version\":{\"version\":\"2\"}"));
        if (told) buf_printf(out, ",\"billed_units\":{\"search_units\":%" PRId64 "}", u->searches);
        buf_add(out, S("}"));
    } else {
        buf_add(out, S(",\"model\":"));
        buf_add_json(out, r->model);
        if (told) buf_printf(out, ",\"usage\":{\"total_tokens\":%" PRId64 "}", u->input);
    }
    buf_add(out, S("}"));
}
