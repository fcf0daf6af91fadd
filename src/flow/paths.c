/* Beside the paths of dialect/kinds.def: other ways to the same. */
#include "flow/paths.h"
#include "base/hex.h"

/* The part that `*` stands for; false where the pattern does not fit. */
static bool fits(str pattern, str path, str *model)
{
    size_t star = str_find_byte(pattern, '*', 0);
    if (star == SIZE_MAX) return str_eq(pattern, path);
    str tail = str_from_at(pattern, star + 1);
    if (path.n <= star + tail.n || !str_starts(path, str_head(pattern, star)) || !str_ends(path, tail)) return false;
    *model = str_of(path.p + star, path.n - star - tail.n);
    return true;
}

/* Takes `head` off the path; false where it begins otherwise. */
static bool cut_head(str *path, str head)
{
    if (!str_starts(*path, head)) return false;
    *path = str_from_at(*path, head.n);
    return true;
}

/* Vertex's "/v1/projects/P/locations/L/". */
static bool cut_project(str *path)
{
    str rest = *path;
    if (!cut_head(&rest, S("/v1/projects/")) && !cut_head(&rest, S("/v1beta1/projects/"))) return false;
    (void)str_cut(&rest, '/');
    if (!rest.p || !cut_head(&rest, S("locations/"))) return false;
    (void)str_cut(&rest, '/');
    if (!rest.p) return false;
    *path = rest;
    return true;
}

/* What stands before a model of Google's, at AI Studio and at Vertex, there with a project or without. */
static bool cut_google(str *path, bool *vertex)
{
    static const struct {
        str head;
        bool vertex;
    } heads[] = {
        {STR_INIT("/v1beta/models/"), false},
        {STR_INIT("/v1/models/"), false},
        {STR_INIT("/v1beta1/publishers/google/models/"), true},
        {STR_INIT("/v1/publishers/google/models/"), true},
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        *vertex = heads[i].vertex;
        if (cut_head(path, heads[i].head)) return true;
    }
    *vertex = true;
    return cut_project(path) && cut_head(path, S("publishers/google/models/"));
}

static bool wants_sse(str query)
{
    while (query.p) {
        if (str_eq(str_cut(&query, '&'), S("alt=sse"))) return true;
    }
    return false;
}

/* "gemini-2.5-flash:generateContent", whatever stands before it. */
static bool find_google(str path, str query, struct call_path_found *out)
{
    bool vertex;
    if (!cut_google(&path, &vertex)) return false;
    if (fits(S("*:streamGenerateContent"), path, &out->model)) {
        out->kind = CALL_GENERATE;
        out->stream = true;
        out->framing = wants_sse(query) ? FRAMING_SSE_CRLF : FRAMING_JSON_ARRAY;
        return true;
    }
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        str pattern = call_path(k);
        if (call_kind_dialect(k) != DIALECT_GEMINI || (k == CALL_PREDICT && !vertex)) continue;
        if (!fits(str_from_at(pattern, str_find_byte(pattern, '*', 0)), path, &out->model)) continue;
        out->kind = k;
        out->framing = FRAMING_SSE;
        return true;
    }
    return false;
}

/* Vertex's paths of Claude: the body is Anthropic's, but for the model, which the path names, and the version. */
static bool find_claude(str path, struct call_path_found *out)
{
    if (!cut_project(&path) || !cut_head(&path, S("publishers/anthropic/models/"))) return false;
    *out = (struct call_path_found){.kind = CALL_MESSAGES, .framing = FRAMING_SSE, .body_version = true};
    if (str_eq(path, S("count-tokens:rawPredict"))) {
        out->kind = CALL_COUNT_TOKENS;
        return true;
    }
    return fits(S("*:rawPredict"), path, &out->deployment) || fits(S("*:streamRawPredict"), path, &out->deployment);
}

/* Azure's: "/openai/v1/..." as at OpenAI, "/openai/deployments/NAME/...", and "/openai/responses". */
static bool find_azure(str path, struct call_path_found *out)
{
    const str v1 = S("/v1/");
    if (!cut_head(&path, S("/openai/"))) return false;
    bool deployment = cut_head(&path, S("deployments/"));
    if (!deployment) (void)cut_head(&path, S("v1/"));
    out->framing = FRAMING_SSE;
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        bool responses = call_kind_dialect(k) == DIALECT_RESPONSES;
        if (!responses && call_kind_dialect(k) != DIALECT_CHAT) continue;
        str tail = str_from_at(call_path(k), v1.n);
        out->kind = k;
        if (!deployment && str_eq(path, tail)) return true;
        /* NAME/ before it: */
        if (!deployment || responses || path.n <= tail.n + 1 || !str_ends(path, tail)) continue;
        out->deployment = str_head(path, path.n - tail.n - 1);
        if (path.p[out->deployment.n] == '/') return true;
    }
    return false;
}

static enum framing usual_framing(enum call_kind kind)
{
    return kind == CALL_CONVERSE ? FRAMING_EVENT_STREAM : FRAMING_SSE;
}

bool paths_find(str path, str query, struct call_path_found *out)
{
    *out = (struct call_path_found){0};
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        if (!dialect_of(k) || !fits(call_path(k), path, &out->model)) continue;
        out->kind = k;
        out->framing = usual_framing(k);
        return true;
    }
    if (fits(S("/model/*/converse-stream"), path, &out->model)) {
        out->kind = CALL_CONVERSE;
        out->stream = true;
        out->framing = FRAMING_EVENT_STREAM;
        return true;
    }
    if (find_google(path, query, out) || find_claude(path, out)) return true;
    *out = (struct call_path_found){0};
    if (find_azure(path, out)) return true;
    *out = (struct call_path_found){0};
    return false;
}

bool paths_resemble(str path)
{
    if (str_find(path, S(":generateContent"), 0) != SIZE_MAX) return true;
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        if (str_eq_nocase(path, call_path(k))) return true;
    }
    return false;
}

enum dialect_id paths_dialect(str path)
{
    static const struct {
        str prefix;
        enum dialect_id dialect;
    } families[] = {
        {STR_INIT("/v1/messages"), DIALECT_MESSAGES},
        {STR_INIT("/v1beta"), DIALECT_GEMINI},
        {STR_INIT("/model/"), DIALECT_CONVERSE},
        {STR_INIT("/v2/"), DIALECT_COHERE},
        {STR_INIT("/v1/responses"), DIALECT_RESPONSES},
        {STR_INIT("/openai/responses"), DIALECT_RESPONSES},
        {STR_INIT("/openai/v1/responses"), DIALECT_RESPONSES},
        {STR_INIT("/v1/projects/"), DIALECT_GEMINI},
        {STR_INIT("/v1/publishers/"), DIALECT_GEMINI},
    };
    str rest = path;
    if (cut_project(&rest) && str_starts(rest, S("publishers/anthropic/"))) return DIALECT_MESSAGES;
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (str_starts(path, families[i].prefix) && dialect_at(families[i].dialect)) return families[i].dialect;
    return DIALECT_CHAT;
}

str paths_hint(str path)
{
    str model;
    if (fits(S("/model/*/invoke"), path, &model) || fits(S("/model/*/invoke-with-response-stream"), path, &model))
        return S(
            "InvokeModel's bodies are each model's own: use Converse or ConverseStream, which take all of them, or "
            "for Claude Anthropic's /v1/messages.");
    static const str short_of_v1[] = {STR_INIT("/chat/completions"), STR_INIT("/responses"), STR_INIT("/messages"),
                                      STR_INIT("/embeddings"), STR_INIT("/models")};
    for (size_t i = 0; i < COUNT_OF(short_of_v1); i++)
        if (str_eq(path, short_of_v1[i])) return S("The base URL that the client was given lacks /v1.");
    if (str_starts(path, S("/v1/v1/")))
        return S("The base URL that the client was given must not end in /v1: it adds it.");
    if (str_eq(path, S("/v1/chat")) || str_eq(path, S("/v1/embed")))
        return S("Of Cohere's clients purser takes those of version 2 (ClientV2).");
    return STR_NONE;
}

str paths_decode(str text, struct arena *arena)
{
    if (str_find_byte(text, '%', 0) == SIZE_MAX) return text;
    char *out = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int c = (unsigned char)text.p[i];
        if (c == '%') {
            bool whole = i + 2 < text.n;
            int high = whole ? hex_digit_of(text.p[i + 1]) : -1, low = whole ? hex_digit_of(text.p[i + 2]) : -1;
            if (high < 0 || low < 0) return STR_NONE;
            c = high << 4 | low;
            i += 2;
        }
        if (c < 0x20 || c == 0x7f) return STR_NONE;
        out[n++] = (char)c;
    }
    return str_of(out, n);
}

str paths_query(str query, str name, struct arena *arena)
{
    while (query.p) {
        str pair = str_cut(&query, '&');
        str key = str_cut(&pair, '=');
        if (str_eq(key, name) && pair.p) return paths_decode(pair, arena);
    }
    return STR_NONE;
}
