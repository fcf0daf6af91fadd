#include "dialect/rerank.h"

#include "dialect/cohere.h"
#include "dialect/embed.h"
#include "dialect/openai.h"

/* ---- the call, read */

/* A document that is an object is its `text`, where it has nothing else to rank by; else all of it. */
static jraw text_of(struct canon_call *call, const struct json *doc, json_ref at, bool by_fields)
{
    jraw text = canon_raw_string(doc, at, S("text"));
    return text.json.p && !by_fields ? text : canon_quote(call->arena, json_raw(doc, at));
}

static bool read_documents(struct canon_call *call, const struct json *doc, struct call_problem *problem)
{
    struct canon_rerank *r = call->rank;
    json_ref list = openai_find(doc, JSON_ROOT, S("documents"));
    if (!list || json_type(doc, list) != JSON_ARRAY || !json_first(doc, list))
        return embed_refuse(problem, call->arena, S("documents"), "a list of strings or objects");
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        enum json_type type = json_type(doc, at);
        if (type != JSON_STRING && type != JSON_OBJECT)
            return embed_refuse(problem, call->arena, S("documents"), "a list of strings or objects");
        struct canon_document *d = arena_zalloc(call->arena, sizeof(*d));
        d->value = canon_raw(doc, at);
        d->text = type == JSON_STRING ? d->value : text_of(call, doc, at, r->fields.json.p != NULL);
        if (r->last)
            r->last->next = d;
        else
            r->list = d;
        r->last = d;
        r->count++;
    }
    return true;
}

/* Where the client wants them back from a provider that does not repeat them. */
static void keep_documents(const struct canon_call *call)
{
    struct canon_rerank *r = call->rank;
    str *texts = arena_alloc(call->arena, (size_t)r->count * sizeof(*texts));
    size_t i = 0;
    for (const struct canon_document *d = r->list; d; d = d->next) texts[i++] = arena_str(call->arena, d->value.json);
    r->texts = texts;
}

static void note_settings(struct canon_call *call, const struct json *doc)
{
    static const struct {
        str field;
        enum canon_feature feature;
    } noted[] = {{STR_INIT("rank_fields"), FEATURE_RANK_FIELDS},
                 {STR_INIT("max_chunks_per_doc"), FEATURE_RANK_CHUNKS},
                 {STR_INIT("max_tokens_per_doc"), FEATURE_RANK_MAX_TOKENS},
                 {STR_INIT("truncation"), FEATURE_CLIENT_HINT},
                 {STR_INIT("priority"), FEATURE_CLIENT_HINT}};
    for (size_t i = 0; i < COUNT_OF(noted); i++)
        if (openai_find(doc, JSON_ROOT, noted[i].field)) canon_note(call, noted[i].feature, noted[i].field);
}

bool rerank_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("model"),       STR_INIT("query"),
                                STR_INIT("documents"),   STR_INIT("top_n"),
                                STR_INIT("top_k"),       STR_INIT("return_documents"),
                                STR_INIT("rank_fields"), STR_INIT("max_chunks_per_doc"),
                                STR_INIT("truncation"),  STR_INIT("max_tokens_per_doc"),
                                STR_INIT("priority")};
    struct canon_rerank *r = out->rank = arena_zalloc(out->arena, sizeof(*r));
    str top_k = STR_NONE;
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    r->query = canon_raw_string(doc, JSON_ROOT, S("query"));
    r->fields = canon_raw(doc, json_find(doc, JSON_ROOT, S("rank_fields"), NULL));
    r->return_documents = canon_tristate(doc, JSON_ROOT, S("return_documents"));
    if (!r->query.json.p) return embed_refuse(problem, out->arena, S("query"), "a string");
    if (!read_documents(out, doc, problem) ||
        !embed_count(doc, JSON_ROOT, S("top_n"), out->arena, &r->top_n, problem) ||
        !embed_count(doc, JSON_ROOT, S("top_k"), out->arena, &top_k, problem) ||
        !embed_count(doc, JSON_ROOT, S("max_tokens_per_doc"), out->arena, &r->max_tokens, problem))
        return false;
    if (!r->top_n.n) r->top_n = top_k;
    note_settings(out, doc);
    out->extras = embed_rest(out, doc, JSON_ROOT, known, COUNT_OF(known));
    return true;
}

/* ---- accounting
 *
 * Providers that count tokens count the query once for each document. Cohere counts searches:
 * a query with up to a hundred documents; a document is cut into pieces of 500 tokens, the query
 * included, and each piece counts as one (ten at most, unless the call says otherwise). Source:
 * cohere.com/pricing. A byte may be a token. */
enum { PIECE_TOKENS = 500, PIECE_TOKENS_LEAST = 50, PIECES_PER_SEARCH = 100 };

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX / 4 : product;
}

void rerank_account(const struct canon_call *canon, struct call *call)
{
    const struct canon_rerank *r = canon->rank;
    int64_t query = (int64_t)r->query.json.n, documents = 0, pieces = 0;
    int64_t piece = query < PIECE_TOKENS - PIECE_TOKENS_LEAST ? PIECE_TOKENS - query : PIECE_TOKENS_LEAST;
    for (const struct canon_document *d = r->list; d; d = d->next) {
        documents += (int64_t)d->value.json.n;
        pieces += (int64_t)d->text.json.n / piece + 1;
    }
    call->messages = 1;
    call->segments.user_bytes = times(query, r->count > 0 ? r->count : 1) + (int64_t)canon->extras.members.n;
    call->segments.retrieved_bytes = documents;
    call->text_bytes = call->segments.user_bytes + documents;
    call->max_tool_calls = (pieces + PIECES_PER_SEARCH - 1) / PIECES_PER_SEARCH;
}

/* ---- the call, written */

static void put_documents(const struct canon_rerank *r, bool strings, struct buf *out)
{
    canon_key(out, S("documents"));
    buf_add_byte(out, '[');
    for (const struct canon_document *d = r->list; d; d = d->next) {
        canon_comma(out);
        buf_add(out, strings ? d->text.json : d->value.json);
    }
    buf_add_byte(out, ']');
}

/* Only what was kept of the documents outlives the body: before it goes. */
static void put_common(const struct canon_call *call, const struct canon_target *target, bool strings, struct buf *out)
{
    if (call->rank->return_documents == 1 && !call->rank->texts) keep_documents(call);
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model);
    canon_put_raw(out, S("query"), call->rank->query);
    put_documents(call->rank, strings, out);
}

bool rerank_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem)
{
    const struct canon_rerank *r = call->rank;
    bool voyage = str_eq(target->vendor, S("voyage"));
    (void)problem;
    put_common(call, target, voyage, out);
    canon_put_number(out, voyage ? S("top_k") : S("top_n"), r->top_n);
    if (r->return_documents >= 0) canon_put_bool(out, S("return_documents"), r->return_documents);
    if (str_eq(target->vendor, S("together"))) canon_put_raw(out, S("rank_fields"), r->fields);
    canon_put_extras(out, &call->extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
    return true;
}

bool rerank_cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem)
{
    (void)problem;
    put_common(call, target, true, out);
    canon_put_number(out, S("top_n"), call->rank->top_n);
    canon_put_number(out, S("max_tokens_per_doc"), call->rank->max_tokens);
    canon_put_extras(out, &call->extras, DIALECT_COHERE);
    buf_add_byte(out, '}');
    return true;
}

/* ---- the answer */

static bool read_rank(struct canon_answer *out, const struct json *doc, json_ref at)
{
    static const str known[] = {STR_INIT("index"), STR_INIT("relevance_score"), STR_INIT("document"),
                                STR_INIT("object")};
    struct canon_ranking *all = out->ranking;
    struct canon_rank *rank = arena_zalloc(out->arena, sizeof(*rank));
    json_ref score = openai_find(doc, at, S("relevance_score"));
    if (!score) score = openai_find(doc, at, S("score"));
    if (!json_i64(doc, openai_find(doc, at, S("index")), &rank->index) || rank->index < 0 || !score) return false;
    rank->score = canon_raw(doc, score);
    rank->document = canon_raw(doc, openai_find(doc, at, S("document")));
    rank->extras = canon_extras_of(doc, at, known, COUNT_OF(known), out->from, out->arena);
    if (all->last)
        all->last->next = rank;
    else
        all->list = rank;
    all->last = rank;
    return true;
}

bool rerank_decode_answer(const struct json *doc, struct canon_answer *out)
{
    str known[] = {S("id"), S("results"), S("data"), S("model"), S("object"), S("usage")};
    json_ref list = openai_find(doc, JSON_ROOT, S("results"));
    if (out->from == DIALECT_COHERE) known[COUNT_OF(known) - 1] = S("meta");
    if (!list) list = openai_find(doc, JSON_ROOT, S("data"));
    if (!list || json_type(doc, list) != JSON_ARRAY) return false;
    out->ranking = arena_zalloc(out->arena, sizeof(*out->ranking));
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at))
        if (!read_rank(out, doc, at)) return false;
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    out->usage_value = canon_raw(doc, openai_find(doc, JSON_ROOT, known[COUNT_OF(known) - 1]));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), out->from, out->arena);
    return true;
}

/* The client's own, where the provider does not repeat it; an object with a text, as Cohere has it. */
static void put_document(const struct canon_rerank *asked, const struct canon_rank *rank, struct buf *out)
{
    str document = rank->document.json;
    bool kept = asked && asked->texts && rank->index < asked->count;
    if (asked && asked->return_documents != 1) return;
    if (!document.p && kept) document = asked->texts[rank->index];
    if (!document.p) return;
    canon_key(out, S("document"));
    if (document.p[0] == '{') {
        buf_add(out, document);
        return;
    }
    buf_add(out, S("{\"text\":"));
    buf_add(out, document);
    buf_add_byte(out, '}');
}

static void put_usage(const struct canon_answer *answer, enum dialect_id to, struct buf *out)
{
    const struct usage *u = &answer->usage;
    bool cohere = to == DIALECT_COHERE;
    if (answer->from == to && answer->usage_value.json.p) {
        canon_put_raw(out, cohere ? S("meta") : S("usage"), answer->usage_value);
        return;
    }
    long long tokens = (long long)canon_prompt_tokens(u), searches = (long long)u->units[UNIT_SEARCHES];
    if (searches || cohere) {
        canon_key(out, S("meta"));
        buf_add(out, S("{\"api_version\":{\"version\":\"2\"},\"billed_units\":{"));
        if (searches) canon_put_i64(out, S("search_units"), searches);
        if (tokens) canon_put_i64(out, S("input_tokens"), tokens);
        buf_add(out, S("}}"));
    }
    if (cohere || (searches && !tokens)) return;
    canon_key(out, S("usage"));
    buf_printf(out, "{\"prompt_tokens\":%lld,\"total_tokens\":%lld}", tokens, tokens);
}

void rerank_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    const struct canon_rerank *asked = client->call ? client->call->rank : NULL;
    enum dialect_id to = client->call ? client->call->from : answer->from;
    buf_add_byte(out, '{');
    canon_put_text(out, S("id"), answer->id.n ? answer->id : client->seed);
    if (to != DIALECT_COHERE) canon_put_text(out, S("model"), answer->model.n ? answer->model : client->model);
    canon_key(out, S("results"));
    buf_add_byte(out, '[');
    for (const struct canon_rank *r = answer->ranking ? answer->ranking->list : NULL; r; r = r->next) {
        canon_comma(out);
        buf_printf(out, "{\"index\":%lld,\"relevance_score\":", (long long)r->index);
        buf_add(out, r->score.json);
        put_document(asked, r, out);
        canon_put_extras(out, &r->extras, to);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    put_usage(answer, to, out);
    canon_put_extras(out, &answer->extras, to);
    buf_add_byte(out, '}');
}

/* ---- what it used: tokens of the OpenAI family, Cohere's billed units */

void rerank_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref meta = openai_find(doc, JSON_ROOT, S("meta"));
    struct usage read = {0};
    (void)kind;
    openai_tap_frame(a, quirks, doc);
    a->finished = a->ended = !a->failed;
    if (a->usage.known || !meta || json_type(doc, meta) != JSON_OBJECT) return;
    usage_read_cohere(doc, meta, &read);
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, meta));
}
