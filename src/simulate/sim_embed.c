/* Embeddings of Gemini (one, and a batch), Vertex (:predict) and Cohere: the vectors that
 * OpenAI's have, and what each says it used. */
#include "simulate/sim_reader.h"
#include "simulate/sim_vector.h"

#include <inttypes.h>

static const char *list_name(enum sim_kind kind)
{
    return kind == SIM_EMBED_CONTENTS ? "requests" : kind == SIM_PREDICT ? "instances" : "texts";
}

static bool read_dimensions(struct sim_reader *rd, json_ref object, str key)
{
    rd->r->embed.dimensions = SIM_DIMENSIONS;
    json_ref at = object == JSON_ROOT ? sim_top(rd, key) : sim_at(rd, object, key);
    if (at && !sim_reader_number(rd, at, key.p, 1, &rd->r->embed.dimensions)) return false;
    bool fits = rd->r->embed.dimensions <= SIM_DIMENSIONS_MAX;
    return fits || sim_reader_refuse_field(rd, key.p, "is too large");
}

bool sim_request_read_embed(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    r->stream = false;
    if (r->kind == SIM_EMBED_CONTENT) {
        r->embed.input = JSON_ROOT;
        r->embed.count = 1;
        sim_reader_count(rd, sim_top(rd, S("content")), false);
        return read_dimensions(rd, JSON_ROOT, S("outputDimensionality"));
    }
    json_ref list = sim_top(rd, str_from(list_name(r->kind)));
    json_ref first = list && json_type(rd->doc, list) == JSON_ARRAY ? json_first(rd->doc, list) : JSON_ABSENT;
    if (!first) return sim_reader_refuse_field(rd, list_name(r->kind), "must be a list with something in it");
    r->embed.input = list;
    for (json_ref at = first; at; at = json_next(rd->doc, list, at)) r->embed.count++;
    if (r->embed.count > SIM_INPUTS_MAX) return sim_reader_refuse_field(rd, list_name(r->kind), "is too long");
    for (json_ref at = first; at; at = json_next(rd->doc, list, at))
        sim_reader_count(rd, r->kind == SIM_COHERE_EMBED ? at : sim_at(rd, at, S("content")), false);
    if (r->kind == SIM_EMBED_CONTENTS) return read_dimensions(rd, first, S("outputDimensionality"));
    if (r->kind == SIM_PREDICT) {
        json_ref parameters = sim_top(rd, S("parameters"));
        return read_dimensions(rd, parameters ? parameters : first, S("outputDimensionality"));
    }
    if (!sim_top(rd, S("input_type"))) return sim_reader_refuse_field(rd, "input_type", "is required");
    return read_dimensions(rd, JSON_ROOT, S("output_dimension"));
}

/* Each opens and closes what stands around a vector. */
static void print_vector(enum sim_kind kind, str text, int64_t dimensions, struct buf *out)
{
    if (kind == SIM_PREDICT) buf_add(out, S("{\"embeddings\":"));
    if (kind != SIM_COHERE_EMBED) buf_add(out, S("{\"values\":"));
    sim_vector_print(text, dimensions, false, out);
    if (kind != SIM_COHERE_EMBED && kind != SIM_PREDICT) buf_add_byte(out, '}');
}

static void print_all(const struct json *doc, const struct sim_request *r, const struct sim_units *u, struct buf *out)
{
    int64_t left = u->input;
    bool one = r->kind == SIM_EMBED_CONTENT;
    json_ref at = one ? JSON_ROOT : json_first(doc, r->embed.input);
    for (int64_t i = 0; i < r->embed.count; i++) {
        if (i) buf_add_byte(out, ',');
        print_vector(r->kind, json_raw(doc, at), r->embed.dimensions, out);
        int64_t share = i + 1 == r->embed.count ? left : u->input / r->embed.count;
        left -= share;
        bool told = !(r->control.usage & SIM_USAGE_ABSENT);
        if (r->kind == SIM_PREDICT && told)
            buf_printf(out, ",\"statistics\":{\"truncated\":false,\"token_count\":%" PRId64 "}", share);
        if (r->kind == SIM_PREDICT) buf_add(out, S("}}"));
        if (!one) at = json_next(doc, r->embed.input, at);
    }
}

void sim_embed_print(const struct json *doc, const struct sim_request *r, uint64_t id, struct sim_units *u,
                     struct buf *out)
{
    bool told = !(r->control.usage & SIM_USAGE_ABSENT);
    switch (r->kind) {
    case SIM_PREDICT:
        buf_add(out, S("{\"predictions\":["));
        print_all(doc, r, u, out);
        buf_add(out, S("]"));
        break;
    case SIM_COHERE_EMBED:
        buf_printf(out, "{\"id\":\"sim-%" PRIu64 "\",\"embeddings\":{\"float\":[", id);
        print_all(doc, r, u, out);
        buf_add(out, S("]},\"response_type\":\"embeddings_by_type\",\"meta\":{\"api_version\":{\"version\":\"2\"}"));
        if (told) buf_printf(out, ",\"billed_units\":{\"input_tokens\":%" PRId64 "}", u->input);
        buf_add(out, S("}"));
        break;
    default:
        buf_add(out, r->kind == SIM_EMBED_CONTENT ? S("{\"embedding\":") : S("{\"embeddings\":["));
        print_all(doc, r, u, out);
        if (r->kind == SIM_EMBED_CONTENTS) buf_add(out, S("]"));
        if (told)
            buf_printf(out,
                       ",\"usageMetadata\":{\"promptTokenCount\":%" PRId64
                       ",\"promptTokenDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%" PRId64 "}]}",
                       u->input, u->input);
        break;
    }
    buf_add(out, S("}"));
}
