#include "simulate/sim_path.h"

#include "simulate/sim_text.h"

static const struct {
    str path;
    enum sim_kind kind;
    bool counting;
} whole[] = {
    {STR_INIT("/v1/chat/completions"), SIM_CHAT, false},
    {STR_INIT("/v1/completions"), SIM_COMPLETIONS, false},
    {STR_INIT("/v1/responses"), SIM_RESPONSES, false},
    {STR_INIT("/v1/embeddings"), SIM_EMBEDDINGS, false},
    {STR_INIT("/v1/moderations"), SIM_MODERATIONS, false},
    {STR_INIT("/v1/messages"), SIM_MESSAGES, false},
    {STR_INIT("/v1/messages/count_tokens"), SIM_MESSAGES, true},
    {STR_INIT("/v2/chat"), SIM_COHERE, false},
    {STR_INIT("/v2/embed"), SIM_COHERE_EMBED, false},
    {STR_INIT("/v2/rerank"), SIM_COHERE_RERANK, false},
    {STR_INIT("/v1/rerank"), SIM_RERANK, false},
    {STR_INIT("/v1/images/generations"), SIM_IMAGES, false},
    {STR_INIT("/v1/images/edits"), SIM_IMAGES, false},
    {STR_INIT("/v1/audio/speech"), SIM_SPEECH, false},
    {STR_INIT("/v1/audio/transcriptions"), SIM_TRANSCRIPTIONS, false},
    {STR_INIT("/v1/audio/translations"), SIM_TRANSCRIPTIONS, false},
};

/* What stands behind the model: Gemini's and Vertex's verbs, Bedrock's operations. */
static const struct {
    str verb;
    enum sim_kind kind;
    bool stream, counting;
} verbs[] = {
    {STR_INIT(":generateContent"), SIM_GEMINI, false, false},
    {STR_INIT(":streamGenerateContent"), SIM_GEMINI, true, false},
    {STR_INIT(":countTokens"), SIM_GEMINI, false, true},
    {STR_INIT(":embedContent"), SIM_EMBED_CONTENT, false, false},
    {STR_INIT(":batchEmbedContents"), SIM_EMBED_CONTENTS, false, false},
    {STR_INIT(":predict"), SIM_PREDICT, false, false},
    {STR_INIT(":rawPredict"), SIM_MESSAGES, false, false},
    {STR_INIT(":streamRawPredict"), SIM_MESSAGES, true, false},
    {STR_INIT("/converse"), SIM_CONVERSE, false, false},
    {STR_INIT("/converse-stream"), SIM_CONVERSE, true, false},
    {STR_INIT("/count-tokens"), SIM_CONVERSE, false, true},
};

static str decoded(str s, struct arena *arena)
{
    char *p = arena_alloc(arena, s.n + 1);
    return str_of(p, sim_unescape(s, p));
}

static bool has_word(str query, str word)
{
    while (query.p) {
        if (str_eq(str_cut(&query, '&'), word)) return true;
    }
    return false;
}

/* Where the model begins: behind the last "/models/", or behind "/model/". SIZE_MAX: nowhere. */
static size_t model_at(str path)
{
    size_t at = SIZE_MAX;
    if (str_starts(path, S("/model/"))) return sizeof "/model/" - 1;
    for (size_t i = 0; (i = str_find(path, S("/models/"), i)) != SIZE_MAX; at = i) i += sizeof "/models/" - 1;
    return at;
}

bool sim_path_read(str path, str query, struct arena *arena, struct sim_path *out)
{
    *out = (struct sim_path){0};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        if (!str_eq(path, whole[i].path)) continue;
        out->kind = whole[i].kind;
        out->counting = whole[i].counting;
        return true;
    }
    size_t from = model_at(path);
    if (from == SIZE_MAX) return false;
    str rest = str_from_at(path, from);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        str verb = verbs[i].verb;
        if (rest.n <= verb.n || !str_eq(str_from_at(rest, rest.n - verb.n), verb)) continue;
        out->kind = verbs[i].kind;
        out->stream = verbs[i].stream;
        out->counting = verbs[i].counting;
        out->array = out->stream && out->kind == SIM_GEMINI && !has_word(query, S("alt=sse"));
        out->model = decoded(str_head(rest, rest.n - verb.n), arena);
        return true;
    }
    return false;
}

enum sim_kind sim_path_kind(str path)
{
    if (str_starts(path, S("/model/"))) return SIM_CONVERSE;
    if (str_starts(path, S("/v1beta")) || str_find(path, S("/publishers/google/"), 0) != SIZE_MAX) return SIM_GEMINI;
    if (str_starts(path, S("/v1/messages"))) return SIM_MESSAGES;
    return str_starts(path, S("/v2/")) ? SIM_COHERE : SIM_CHAT;
}
