/* receive: tells what was asked for, and turns away what no key could make right. */
#include "flow/request.h"

#include "dialect/multipart.h"
#include "flow/paths.h"
#include "flow/purser.h"
#include "net/http_origin.h"

static void respond_text(struct request *r, int status, str body)
{
    http_respond(r->x, status, S("content-type: text/plain; charset=utf-8\r\n"), body);
    r->answer.done = true;
}

static enum verdict serve_health(struct request *r, str path)
{
    bool ready = str_eq(path, S("/healthz")) || purser_ready(r->worker->purser);
    respond_text(r, ready ? 200 : 503, ready ? S("ok\n") : S("not ready\n"));
    r->step = REQUEST_record;
    return STEP_JUMP;
}

str receive_not_found(struct request *r)
{
    const struct http_request *q = &r->x->request;
    str hint = paths_hint(q->path);
    if (hint.n)
        return arena_printf(&r->arena, "Nothing is served at %" STR_FMT " %" STR_FMT ". %" STR_FMT, STR_ARG(q->method),
                            STR_ARG(str_head(q->path, 200)), STR_ARG(hint));
    return arena_printf(&r->arena,
                        "Nothing is served at %" STR_FMT " %" STR_FMT
                        ". purser speaks OpenAI's /v1/chat/completions, /v1/responses, /v1/completions, "
                        "/v1/embeddings, /v1/moderations, /v1/images/..., /v1/audio/... and /v1/models, Anthropic's "
                        "/v1/messages, Gemini's /v1beta/models/MODEL:generateContent and :embedContent, Bedrock's "
                        "/model/ID/converse, Cohere's /v2/chat, /v2/embed and /v2/rerank, and /v1/rerank; "
                        "other paths must stand under the key's `passthrough`.",
                        STR_ARG(q->method), STR_ARG(str_head(q->path, 200)));
}

/* The path dies with the request's head. */
static bool keep(struct request *r, str *model)
{
    enum { MODEL_BYTES_MAX = 2048 }; /* Bedrock's ARNs */
    if (!model->p) return true;
    str name = paths_decode(*model, &r->arena);
    if (!name.n || name.n > MODEL_BYTES_MAX) return false;
    *model = arena_str(&r->arena, name);
    return true;
}

static enum verdict check_type(struct request *r)
{
    str type = http_header_find(&r->x->request, S("content-type"));
    bool json = str_eq_nocase(str_trim(str_head(type, str_find_byte(type, ';', 0))), S("application/json"));
    bool form = call_kind_takes_form(r->receive.kind);
    r->receive.form = form && multipart_is(type);
    if (json || r->receive.form) return STEP_NEXT;
    return request_fail(r, ERR_BAD_MEDIA_TYPE,
                        form ? S("The Content-Type must be multipart/form-data.")
                             : S("The Content-Type must be application/json."));
}

/* Several families ask below /v1: their clients' own headers tell which. */
static void tell_family(struct request *r)
{
    const struct http_request *q = &r->x->request;
    if (r->receive.dialect != DIALECT_CHAT || !str_starts(q->path, S("/v1/"))) return;
    if (http_header_find(q, S("anthropic-version")).p) r->receive.dialect = DIALECT_MESSAGES;
    if (str_starts(http_header_find(q, S("x-fern-sdk-name")), S("cohere"))) r->receive.dialect = DIALECT_COHERE;
    if (http_header_find(q, S("x-goog-api-key")).p || http_header_find(q, S("x-goog-api-client")).p)
        r->receive.dialect = DIALECT_GEMINI;
}

enum verdict step_receive(struct request *r)
{
    const struct http_request *q = &r->x->request;
    r->receive.dialect = paths_dialect(q->path);
    bool get = str_eq(q->method, S("GET")) || str_eq(q->method, S("HEAD"));
    if (str_eq(q->path, S("/healthz")) || str_eq(q->path, S("/readyz"))) return serve_health(r, q->path);
    str foreign = http_foreign(q);
    if (foreign.n) return request_fail(r, ERR_FORBIDDEN, foreign);
    if (!paths_find(q->path, q->query, &r->receive.path)) {
        r->receive.models = models_asked(q);
        tell_family(r);
        if (r->receive.models && get) return STEP_NEXT;
        if (str_find_byte(q->path, ':', 0) != SIZE_MAX) r->receive.models = false; /* a verb that nobody knows */
        if (r->receive.models) return request_fail(r, ERR_METHOD_NOT_ALLOWED, S("The list of models takes GET."));
        if (!passthrough_may_be(q)) return request_fail(r, ERR_NOT_FOUND, receive_not_found(r));
        r->receive.kind = CALL_PASSTHROUGH; /* whether it may is the key's affair */
        r->receive.reads = passthrough_reads(q->method);
        r->receive.body = q->body;
        r->receive.body_bytes = q->body.n;
        return STEP_NEXT;
    }
    r->receive.body = q->body;
    r->receive.body_bytes = q->body.n;
    r->receive.kind = r->receive.path.kind;
    r->receive.dialect = call_kind_dialect(r->receive.kind);
    if (!keep(r, &r->receive.path.model) || !keep(r, &r->receive.path.deployment))
        return request_fail_param(r, ERR_BAD_FIELD, S("The model in the path is malformed."), S("model"));
    if (!str_eq(q->method, S("POST"))) {
        r->err_headers = S("allow: POST\r\n");
        return request_fail(r, ERR_METHOD_NOT_ALLOWED,
                            arena_printf(&r->arena, "%" STR_FMT " takes POST.", STR_ARG(q->path)));
    }
    return check_type(r);
}
