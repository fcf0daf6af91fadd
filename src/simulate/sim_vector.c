#include "simulate/sim_vector.h"

#include "base/hash.h"
#include "simulate/sim_random.h"

#include <inttypes.h>
#include <math.h>

enum { VECTOR_WORDS_MAX = 64 };

static bool is_break(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '.' || c == ',';
}

/* The sum of a random vector for each word. */
static void embed(str text, float *v, int64_t n)
{
    memset(v, 0, (size_t)n * sizeof *v);
    int words = 0;
    for (size_t at = 0; (at < text.n || !words) && words < VECTOR_WORDS_MAX; words++) {
        while (at < text.n && is_break(text.p[at])) at++;
        size_t from = at;
        while (at < text.n && !is_break(text.p[at])) at++;
        uint64_t seed = hash_fnv(str_of(text.p + from, at - from));
        for (int64_t i = 0; i < n; i++) {
            v[i] += (float)(int32_t)(uint32_t)sim_mix(seed + (uint64_t)i) * 0x1p-31f;
        }
    }
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += (double)v[i] * (double)v[i];
    float scale = square > 0 ? (float)(1.0 / sqrt(square)) : 0.0f;
    for (int64_t i = 0; i < n; i++) v[i] *= scale;
}

static void add_base64(const unsigned char *p, size_t n, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!buf_reserve(out, (n + 2) / 3 * 4)) return;
    char *to = out->p + out->n;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)p[i] << 16;
        if (i + 1 < n) three |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n) three |= p[i + 2];
        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[three & 63] : '=';
    }
    out->n = (size_t)(to - out->p);
}

/* Seven decimals, without printf: there are 1,536 of them. */
static void add_floats(const float *v, int64_t n, struct buf *out)
{
    buf_add_byte(out, '[');
    for (int64_t i = 0; i < n; i++) {
        char text[16], *p = text + sizeof text;
        int32_t fixed = (int32_t)(v[i] * 1e7f);
        uint32_t digits = (uint32_t)(fixed < 0 ? -fixed : fixed);
        for (int d = 0; d < 7; d++, digits /= 10) *--p = (char)('0' + digits % 10);
        *--p = '.';
        *--p = (char)('0' + digits % 10);
        if (fixed < 0) *--p = '-';
        if (i) *--p = ',';
        buf_add(out, str_of(p, (size_t)(text + sizeof text - p)));
    }
    buf_add_byte(out, ']');
}

void sim_vector_print(str text, int64_t dimensions, bool base64, struct buf *out)
{
    float v[SIM_DIMENSIONS_MAX];
    embed(text, v, dimensions);
    if (base64) {
        buf_add_byte(out, '"');
        add_base64((const unsigned char *)v, (size_t)dimensions * sizeof *v, out); /* little-endian, as this machine */
        buf_add_byte(out, '"');
    } else {
        add_floats(v, dimensions, out);
    }
}

static void print_one(const struct sim_request *r, str text, int64_t index, float *v, struct buf *out)
{
    int64_t n = r->embed.dimensions;
    embed(text, v, n);
    buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%" PRId64 ",\"embedding\":", index ? "," : "", index);
    if (r->embed.base64) {
        buf_add_byte(out, '"');
        add_base64((const unsigned char *)v, (size_t)n * sizeof *v, out); /* little-endian, as this machine is */
        buf_add_byte(out, '"');
    } else {
        add_floats(v, n, out);
    }
    buf_add_byte(out, '}');
}

void sim_embeddings_print(const struct json *doc, const struct sim_request *r, const struct sim_units *u,
                          struct arena *scratch, struct buf *out)
{
    float v[SIM_DIMENSIONS_MAX];
    json_ref input = r->embed.input, first = json_first(doc, input);
    buf_add(out, S("{\"object\":\"list\",\"data\":["));
    bool many = json_type(doc, input) == JSON_ARRAY && json_type(doc, first) != JSON_NUMBER;
    json_ref it = many ? first : input;
    for (int64_t i = 0; i < r->embed.count; i++) {
        str text;
        if (json_type(doc, it) != JSON_STRING || !json_string(doc, it, scratch, &text)) text = json_raw(doc, it);
        print_one(r, text, i, v, out);
        if (many) it = json_next(doc, input, it);
    }
    buf_add(out, S("],\"model\":"));
    buf_add_json(out, r->model);
    if (!(r->control.usage & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        sim_usage_print(SIM_EMBEDDINGS, 0, u, out);
    }
    buf_add(out, S("}"));
}

void sim_moderations_print(const struct sim_request *r, const struct sim_units *u, uint64_t id, struct buf *out)
{
    static const char *const categories[] = {"harassment",
                                             "harassment/threatening",
                                             "sexual",
                                             "hate",
                                             "hate/threatening",
                                             "illicit",
                                             "illicit/violent",
                                             "self-harm/intent",
                                             "self-harm/instructions",
                                             "self-harm",
                                             "sexual/minors",
                                             "violence",
                                             "violence/graphic"};
    buf_printf(out, "{\"id\":\"modr-sim-%" PRIu64 "\",\"model\":", id);
    buf_add_json(out, r->model);
    buf_add(out, S(",\"results\":["));
    for (int64_t i = 0; i < r->embed.count; i++) {
        bool flagged = r->control.flagged;
        buf_printf(out, "%s{\"flagged\":%s,\"categories\":{", i ? "," : "", flagged ? "true" : "false");
        for (size_t c = 0; c < COUNT_OF(categories); c++) {
            bool hit = flagged && strcmp(categories[c], "violence") == 0;
            buf_printf(out, "%s\"%s\":%s", c ? "," : "", categories[c], hit ? "true" : "false");
        }
        buf_add(out, S("},\"category_scores\":{"));
        for (size_t c = 0; c < COUNT_OF(categories); c++) {
            bool hit = flagged && strcmp(categories[c], "violence") == 0;
            buf_printf(out, "%s\"%s\":%s", c ? "," : "", categories[c], hit ? "0.97" : "0.000012");
        }
        buf_add(out, S("},\"category_applied_input_types\":{"));
        for (size_t c = 0; c < COUNT_OF(categories); c++) {
            buf_printf(out, "%s\"%s\":[\"text\"]", c ? "," : "", categories[c]);
        }
        buf_add(out, S("}}"));
    }
    buf_add(out, S("]"));
    if (!(r->control.usage & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        sim_usage_print(SIM_MODERATIONS, 0, u, out);
    }
    buf_add(out, S("}"));
}

static void print_model(enum sim_kind kind, str name, struct buf *out)
{
    if (kind == SIM_GEMINI) {
        buf_printf(out,
                   "{\"name\":\"models/%.*s\",\"inputTokenLimit\":1048576,\"outputTokenLimit\":65536,"
                   "\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}",
                   STR_ARG(name));
        return;
    }
    if (kind == SIM_CONVERSE) {
        buf_printf(out,
                   "{\"modelId\":\"%.*s\",\"modelName\":\"Simulated\",\"providerName\":\"purser\","
                   "\"responseStreamingSupported\":true}",
                   STR_ARG(name));
        return;
    }
    buf_add(out, S("{\"id\":"));
    buf_add_json(out, name);
    buf_add(out, kind == SIM_MESSAGES
                     ? S(",\"type\":\"model\",\"display_name\":\"Simulated\",\"created_at\":\"2026-01-01T00:00:00Z\"}")
                     : S(",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"purser-simulate\"}"));
}

void sim_models_print(enum sim_kind kind, str name, struct buf *out)
{
    static const str names[] = {STR_INIT("sim-small"), STR_INIT("sim-large"), STR_INIT("sim-reasoning"),
                                STR_INIT("sim-tools"), STR_INIT("sim-embed"), STR_INIT("sim-moderation")};
    if (name.n) {
        print_model(kind, name, out);
        return;
    }
    buf_add(out, kind == SIM_GEMINI     ? S("{\"models\":[")
                 : kind == SIM_CONVERSE ? S("{\"modelSummaries\":[")
                 : kind == SIM_MESSAGES ? S("{\"has_more\":false,\"data\":[")
                                        : S("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (i) buf_add(out, S(","));
        print_model(kind, names[i], out);
    }
    buf_add(out, S("]}"));
}
