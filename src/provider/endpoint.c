#include "provider/endpoint.h"

struct path_row {
    str path, streamed;
};

static const struct path_row paths[FAMILY_COUNT][ENDPOINT_COUNT] = {
#define PATH(family, endpoint, path, streamed)                                                                         \
    [FAMILY_##family][ENDPOINT_##endpoint] = {STR_INIT(path), STR_INIT(streamed)},
#include "provider/paths.def"
#undef PATH
};

static const str names[] = {
#define ENDPOINT(constant, name) STR_INIT(name),
#include "provider/endpoint.def"
#undef ENDPOINT
};

/* {v}, where neither base_url nor api_version says otherwise. */
static const str versions[FAMILY_COUNT] = {
    /* Azure: the last one without -preview. */
    [FAMILY_AZURE] = STR_INIT("2024-10-21"), [FAMILY_ANTHROPIC] = STR_INIT("v1"), [FAMILY_GEMINI] = STR_INIT("v1beta"),
    [FAMILY_VERTEX] = STR_INIT("v1"),        [FAMILY_COHERE] = STR_INIT("v2"),
};

str endpoint_name(enum endpoint e)
{
    return e < ENDPOINT_COUNT ? names[e] : S("none");
}

enum endpoint endpoint_of(enum call_kind kind)
{
    /* One more than the endpoint, so that 0 is none. */
    static const uint8_t of[CALL_KIND_COUNT + 1] = {
        [CALL_CHAT] = ENDPOINT_CHAT + 1,
        [CALL_COMPLETIONS] = ENDPOINT_COMPLETIONS + 1,
        [CALL_EMBEDDINGS] = ENDPOINT_EMBEDDINGS + 1,
        [CALL_RESPONSES] = ENDPOINT_RESPONSES + 1,
        [CALL_MODERATIONS] = ENDPOINT_MODERATIONS + 1,
        [CALL_MESSAGES] = ENDPOINT_MESSAGES + 1,
        [CALL_COUNT_TOKENS] = ENDPOINT_COUNT_MESSAGES + 1,
        [CALL_GENERATE] = ENDPOINT_GENERATE + 1,
        [CALL_GEMINI_COUNT] = ENDPOINT_COUNT_GENERATE + 1,
        [CALL_CONVERSE] = ENDPOINT_CONVERSE + 1,
        [CALL_COUNT_CONVERSE] = ENDPOINT_COUNT_CONVERSE + 1,
        [CALL_COHERE_CHAT] = ENDPOINT_COHERE_CHAT + 1,
        [CALL_EMBED_CONTENTS] = ENDPOINT_EMBED_CONTENTS + 1,
        [CALL_EMBED_CONTENT] = ENDPOINT_EMBED_CONTENT + 1,
        [CALL_PREDICT] = ENDPOINT_PREDICT + 1,
        [CALL_COHERE_EMBED] = ENDPOINT_COHERE_EMBED + 1,
        [CALL_RERANK] = ENDPOINT_RERANK + 1,
        [CALL_COHERE_RERANK] = ENDPOINT_COHERE_RERANK + 1,
        [CALL_IMAGES] = ENDPOINT_IMAGES + 1,
        [CALL_IMAGE_EDITS] = ENDPOINT_IMAGE_EDITS + 1,
        [CALL_IMAGE_VARIATIONS] = ENDPOINT_IMAGE_VARIATIONS + 1,
        [CALL_SPEECH] = ENDPOINT_SPEECH + 1,
        [CALL_TRANSCRIPTIONS] = ENDPOINT_TRANSCRIPTIONS + 1,
        [CALL_TRANSLATIONS] = ENDPOINT_TRANSLATIONS + 1,
    };
    return of[kind] ? of[kind] - 1 : ENDPOINT_NONE;
}

enum endpoint endpoint_of_dialect(enum dialect_id id)
{
    static const uint8_t of[DIALECT_COUNT] = {
        [DIALECT_CHAT] = ENDPOINT_CHAT,         [DIALECT_RESPONSES] = ENDPOINT_RESPONSES,
        [DIALECT_MESSAGES] = ENDPOINT_MESSAGES, [DIALECT_GEMINI] = ENDPOINT_GENERATE,
        [DIALECT_CONVERSE] = ENDPOINT_CONVERSE, [DIALECT_COHERE] = ENDPOINT_COHERE_CHAT,
    };
    return id < DIALECT_COUNT ? of[id] : ENDPOINT_NONE;
}

/* ---- what the settings say, once */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "v1", "v1beta1": where the last part of the path begins, else its end. */
static size_t version_at(str path)
{
    size_t at = path.n;
    while (at && path.p[at - 1] != '/') at--;
    bool version = at && at + 1 < path.n && path.p[at] == 'v' && is_digit(path.p[at + 1]);
    return version ? at : path.n;
}

static void azure_init(struct provider_paths *p, str path, str api_version)
{
    bool dated = api_version.n && is_digit(api_version.p[0]);
    bool v1 = str_ends(path, S("/openai/v1"));
    if (v1 && dated) {
        path = str_head(path, path.n - 10);
        v1 = false;
    }
    /* A path that names the deployment, or Foundry's /models, is complete already. */
    bool whole = v1 || str_ends(path, S("/models")) || str_find(path, S("/openai/deployments/"), 0) != SIZE_MAX;
    if (!whole && str_ends(path, S("/openai"))) path = str_head(path, path.n - 7);
    p->family = whole ? FAMILY_OPENAI : FAMILY_AZURE;
    p->root = path;
    p->version = api_version.n || v1 ? api_version : versions[FAMILY_AZURE];
}

void provider_paths_init(struct provider_paths *p, enum provider_family family, str path, str api_version)
{
    *p = (struct provider_paths){.family = family, .root = path, .project = p->project, .location = p->location};
    if (family == FAMILY_AZURE) {
        azure_init(p, path, api_version);
        return;
    }
    if (family == FAMILY_OPENAI || family == FAMILY_BEDROCK) return;
    size_t at = version_at(path);
    p->version = api_version.n ? api_version : at < path.n ? str_from_at(path, at) : versions[family];
    if (at < path.n) p->root = str_head(path, at - 1);
}

bool provider_base_url(enum provider_family family, str where, struct buf *out)
{
    if (!where.n) return false;
    if (family == FAMILY_BEDROCK) {
        bool china = str_starts(where, S("cn-"));
        return buf_printf(out, "https://bedrock-runtime.%" STR_FMT ".amazonaws.com%s", STR_ARG(where),
                          china ? ".cn" : "");
    }
    if (family != FAMILY_VERTEX) return false;
    if (str_eq(where, S("global"))) return buf_add(out, S("https://aiplatform.googleapis.com"));
    bool continent = str_eq(where, S("us")) || str_eq(where, S("eu"));
    return buf_printf(out,
                      continent ? "https://aiplatform.%" STR_FMT ".rep.googleapis.com"
                                : "https://%" STR_FMT "-aiplatform.googleapis.com",
                      STR_ARG(where));
}

str provider_region(str host)
{
    size_t at = str_find(host, S("bedrock-runtime"), 0);
    if (at == SIZE_MAX || !str_glob(S("*.amazonaws.com*"), host)) return STR_NONE;
    str rest = str_from_at(host, at);
    str_cut(&rest, '.'); /* bedrock-runtime-fips, too */
    return rest.p ? str_head(rest, str_find_byte(rest, '.', 0)) : STR_NONE;
}

/* ---- a call's path */

void buf_add_percent(struct buf *out, str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit((char)c) || (c && strchr("-._~", c));
        if (plain)
            buf_add_byte(out, (char)c);
        else
            buf_add(out, str_of((char[]){'%', digits[c >> 4], digits[c & 15]}, 3));
    }
}

/* "models/gemini-2.5-flash" and "publishers/google/models/..." are names, too. */
static str model_name(enum provider_family family, str model)
{
    if (family != FAMILY_GEMINI && family != FAMILY_VERTEX) return model;
    size_t at = str_find(model, S("/models/"), 0);
    if (at != SIZE_MAX && str_starts(model, S("publishers/"))) return str_from_at(model, at + 8);
    return str_starts(model, S("models/")) ? str_from_at(model, 7) : model;
}

static void add_part(const struct provider_paths *p, str name, str model, struct buf *out)
{
    if (str_eq(name, S("model")))
        buf_add_percent(out, model_name(p->family, model));
    else if (str_eq(name, S("v")))
        buf_add(out, p->version);
    else if (p->project.n) {
        buf_add(out, S("/projects/"));
        buf_add_percent(out, p->project);
        buf_add(out, S("/locations/"));
        buf_add_percent(out, p->location);
    }
}

static void add_template(const struct provider_paths *p, str form, str model, struct buf *out)
{
    while (form.p) {
        buf_add(out, str_cut(&form, '{'));
        if (form.p) add_part(p, str_cut(&form, '}'), model, out);
    }
}

/* Whatever purser or the family sets, and the client's key. */
static bool is_dropped(str pair)
{
    static const str dropped[] = {STR_INIT("key"), STR_INIT("alt"), STR_INIT("$alt"), STR_INIT("api-version")};
    str name = str_head(pair, str_find_byte(pair, '=', 0));
    for (size_t i = 0; i < COUNT_OF(dropped); i++) {
        if (str_eq(name, dropped[i])) return true;
    }
    return !pair.n;
}

/* `from` is where the path began: what stands there may have a query of its own. */
static void add_query(const struct provider_paths *p, str query, size_t from, struct buf *out)
{
    bool any = str_find_byte(str_from_at(buf_str(out), from), '?', 0) != SIZE_MAX;
    while (query.p) {
        str pair = str_cut(&query, '&');
        if (is_dropped(pair)) continue;
        buf_add_byte(out, any ? '&' : '?');
        buf_add(out, pair);
        any = true;
    }
    /* Azure's, in either form. */
    bool azure = p->family == FAMILY_AZURE || (p->family == FAMILY_OPENAI && p->version.n);
    if (!azure) return;
    buf_add(out, any ? S("&api-version=") : S("?api-version="));
    buf_add_percent(out, p->version);
}

bool provider_path(const struct provider_paths *p, enum endpoint e, str model, bool stream, str query, struct buf *out)
{
    if (e >= ENDPOINT_COUNT || !paths[p->family][e].path.n) return false;
    const struct path_row *row = &paths[p->family][e];
    size_t from = out->n;
    buf_add(out, p->root);
    add_template(p, stream && row->streamed.n ? row->streamed : row->path, model, out);
    add_query(p, query, from, out);
    return true;
}

str provider_body_version(const struct provider_paths *p, enum endpoint e)
{
    bool claude = e == ENDPOINT_MESSAGES || e == ENDPOINT_COUNT_MESSAGES;
    return claude && p->family == FAMILY_VERTEX ? S("vertex-2023-10-16") : STR_NONE;
}

void provider_passthrough(const struct provider_paths *p, str path, str query, struct buf *out)
{
    size_t from = out->n, slash = str_find_byte(path, '/', 1);
    str head = str_head(path, slash);
    buf_add(out, p->root);
    if (p->family == FAMILY_AZURE) buf_add(out, S("/openai"));
    bool versioned = p->family == FAMILY_OPENAI || p->family == FAMILY_AZURE;
    buf_add(out, versioned && version_at(head) < head.n ? str_from_at(path, head.n) : path);
    add_query(p, query, from, out);
}
