#include "flow/paths.h"

/* Beside those of dialect/kinds.def: other ways to the same. */
static const struct {
    str pattern;
    enum call_kind kind;
    bool stream;
    enum framing framing;
} others[] = {
    {STR_INIT("/v1beta/models/*:streamGenerateContent"), CALL_GENERATE, true, FRAMING_JSON_ARRAY},
    {STR_INIT("/v1/models/*:generateContent"), CALL_GENERATE, false, FRAMING_NONE},
    {STR_INIT("/v1/models/*:streamGenerateContent"), CALL_GENERATE, true, FRAMING_JSON_ARRAY},
    {STR_INIT("/v1/models/*:countTokens"), CALL_GEMINI_COUNT, false, FRAMING_NONE},
    {STR_INIT("/v1/models/*:embedContent"), CALL_EMBED_CONTENT, false, FRAMING_NONE},
    {STR_INIT("/v1/models/*:batchEmbedContents"), CALL_EMBED_CONTENTS, false, FRAMING_NONE},
    {STR_INIT("/v1beta1/publishers/google/models/*:generateContent"), CALL_GENERATE, false, FRAMING_NONE},
    {STR_INIT("/v1beta1/publishers/google/models/*:streamGenerateContent"), CALL_GENERATE, true, FRAMING_JSON_ARRAY},
    {STR_INIT("/v1beta1/publishers/google/models/*:countTokens"), CALL_GEMINI_COUNT, false, FRAMING_NONE},
    {STR_INIT("/v1beta1/publishers/google/models/*:embedContent"), CALL_EMBED_CONTENT, false, FRAMING_NONE},
    {STR_INIT("/model/*/converse-stream"), CALL_CONVERSE, true, FRAMING_EVENT_STREAM},
};

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

static enum framing usual_framing(enum call_kind kind)
{
    return kind == CALL_CONVERSE ? FRAMING_EVENT_STREAM : FRAMING_SSE;
}

static bool wants_sse(str query)
{
    while (query.p) {
        if (str_eq(str_cut(&query, '&'), S("alt=sse"))) return true;
    }
    return false;
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
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (!dialect_of(others[i].kind) || !fits(others[i].pattern, path, &out->model)) continue;
        out->kind = others[i].kind;
        out->stream = others[i].stream;
        out->framing = others[i].framing;
        if (out->framing == FRAMING_JSON_ARRAY && wants_sse(query)) out->framing = FRAMING_SSE_CRLF;
        return true;
    }
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
        {STR_INIT("/v1/messages"), DIALECT_MESSAGES},   {STR_INIT("/v1beta"), DIALECT_GEMINI},
        {STR_INIT("/model/"), DIALECT_CONVERSE},        {STR_INIT("/v2/"), DIALECT_COHERE},
        {STR_INIT("/v1/responses"), DIALECT_RESPONSES},
    };
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (str_starts(path, families[i].prefix) && dialect_at(families[i].dialect)) return families[i].dialect;
    return DIALECT_CHAT;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
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
            int high = whole ? hex(text.p[i + 1]) : -1, low = whole ? hex(text.p[i + 2]) : -1;
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
