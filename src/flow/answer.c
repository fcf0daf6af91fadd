/* answer: runs attempts, and gives the winning one's bytes to the client. */
#include "flow/request.h"

#include "base/text.h"
#include "dialect/rate_header.h"
#include "flow/purser.h"

/* ---- headers towards the client */

/* Of the provider's: what speaks of its own connection or account stays behind. */
static bool is_kept_back(str name, bool own_limits)
{
    static const str names[] = {
        STR_INIT("content-length"),
        STR_INIT("transfer-encoding"),
        STR_INIT("connection"),
        STR_INIT("keep-alive"),
        STR_INIT("date"),
        STR_INIT("server"),
        STR_INIT("set-cookie"),
        STR_INIT("openai-organization"),
        STR_INIT("openai-project"),
        STR_INIT("alt-svc"),
        STR_INIT("strict-transport-security"),
        STR_INIT("trailer"),
        STR_INIT("upgrade"),
        STR_INIT("www-authenticate"),
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (name.n == names[i].n && str_eq_nocase(name, names[i])) return true;
    }
    if (name.n > 9 && str_eq_nocase(str_head(name, 9), S("x-purser-"))) return true;
    if (name.n > 6 && str_eq_nocase(str_head(name, 6), S("proxy-"))) return true;
    bool limits = (name.n > 12 && str_eq_nocase(str_head(name, 12), S("x-ratelimit-"))) ||
                  (name.n > 20 && str_eq_nocase(str_head(name, 20), S("anthropic-ratelimit-")));
    return own_limits && limits;
}

enum { HEADERS_MAX = 32 * 1024 };

/* Of another protocol's headers a client understands those that tell when to come back, and
 * the limits, once they have its own family's names. */
static bool is_understood(str name)
{
    static const str names[] = {STR_INIT("retry-after"), STR_INIT("retry-after-ms"), STR_INIT("x-should-retry")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq_nocase(name, names[i])) return true;
    return false;
}

static void add_header(struct buf *out, str name, str value)
{
    buf_add(out, name);
    buf_add(out, S(": "));
    buf_add(out, value);
    buf_add(out, S("\r\n"));
}

static void add_warning(str dropped, struct buf *out)
{
    buf_add(out, S("x-purser-warning: dropped: "));
    buf_add(out, dropped);
    buf_add(out, S("\r\n"));
}

static void provider_headers(const struct request *r, struct buf *out)
{
    const struct attempt *a = r->attempt;
    const struct http_head *h = &a->wire.call.head;
    enum framing framing = a->body.whole ? FRAMING_NONE : r->receive.path.framing;
    for (size_t i = 0; i < h->header_count; i++) {
        str name = h->headers[i].name, value = h->headers[i].value;
        if (is_kept_back(name, r->limit.headers.n > 0)) continue;
        if (!a->way->translated || is_understood(name))
            add_header(out, name, value);
        else if (!r->limit.headers.n)
            rate_header_convert(r->receive.dialect, name, value, r->at_us, out);
    }
    if (!a->way->translated) return;
    buf_add(out, framing_header(framing));
    if (a->way->dropped.n) add_warning(a->way->dropped, out);
}

static void write_headers(const struct request *r, struct buf *out, bool with_cost)
{
    const struct attempt *a = r->attempt;
    char text[MONEY_TEXT_MAX];
    buf_init(out, HEADERS_MAX);
    buf_reserve(out, 1024);
    if (a && a->head.status) provider_headers(r, out);
    buf_add(out, S("x-purser-request-id: "));
    buf_add_hex64(out, r->id);
    buf_add(out, S("\r\n"));
    buf_add(out, r->limit.headers);
    if (with_cost && a->post.cost.state != COST_UNPRICED) {
        buf_add(out, S("x-purser-cost-usd: "));
        buf_add(out, money_format(r->cost_so_far, text));
        buf_add(out, S("\r\n"));
    }
    if (a && a->hold.lowered) buf_printf(out, "x-purser-max-output-tokens: %lld\r\n", (long long)a->hold.max_output);
}

/* ---- the client's stream */

void client_begin_stream(struct request *r)
{
    if (!r->x || r->answer.begun) return;
    struct attempt *a = r->attempt;
    struct buf headers;
    write_headers(r, &headers, false);
    if (a->body.whole && a->head.length)
        http_begin_length(r->x, a->head.status, buf_str(&headers), a->head.length);
    else
        http_begin(r->x, a->head.status, buf_str(&headers));
    buf_free(&headers);
    r->answer.begun = true;
}

bool client_send(struct request *r, str bytes)
{
    if (!r->x || !bytes.n) return true;
    client_begin_stream(r);
    bool room = http_send_str(r->x, bytes);
    if (!room && !r->answer.paused) { /* the client reads too slowly: the provider's side rests */
        r->answer.paused = true;
        http_call_pause(&r->attempt->wire.call);
    }
    return room;
}

void client_finish_stream(struct request *r, str last)
{
    if (r->x) {
        client_begin_stream(r);
        struct iovec piece = iov_of(last);
        http_send_last(r->x, &piece, last.n ? 1 : 0);
    }
    r->answer.done = true;
}

void client_stream_error(struct request *r, enum err e, str message)
{
    struct attempt *a = r->attempt;
    struct buf event;
    struct frame_writer writer;
    buf_init(&event, 0);
    frame_writer_init(&writer, a->way->translated ? r->receive.path.framing : a->head.framing, &event);
    writer.any = true; /* behind what went out */
    dialect_at(r->receive.dialect)->stream_error(&writer.sink, e, message, translate_sequence(a));
    frame_writer_end(&writer);
    if (a->body.spilled) {
        if (r->x) http_abort(r->x); /* half a JSON document has no room for an error: the cut itself must tell */
        r->x = NULL;
        r->answer.done = true;
    } else {
        bool inside = a->body.passed > 0; /* an event that went on in part must end first */
        if (inside) client_send(r, S("\n\n"));
        client_finish_stream(r, buf_str(&event));
    }
    buf_free(&event);
}

/* ---- whole answers */

static void respond_error(struct request *r, enum err e, str message, str param, str headers)
{
    r->answer.done = true;
    if (!r->x) return;
    struct buf body, all;
    buf_init(&body, 0);
    dialect_at(r->receive.dialect)->error(&body, e, message, param, STR_NONE);
    bool retry = err_info(e)->retry_may_help;
    bool told = str_find(headers, S("x-should-retry"), 0) != SIZE_MAX;
    buf_init(&all, 0);
    buf_printf(&all, "content-type: application/json\r\nx-purser-request-id: %016llx\r\n%s%" STR_FMT,
               (unsigned long long)r->id,
               told    ? ""
               : retry ? "x-should-retry: true\r\n"
                       : "x-should-retry: false\r\n",
               STR_ARG(headers));
    http_respond(r->x, err_info(e)->status, buf_str(&all), buf_str(&body));
    buf_free(&body);
    buf_free(&all);
}

/* What the provider's status means for the client. */
static enum err err_of_status(int status)
{
    switch (status) {
    case 404:
        return ERR_MODEL_NOT_FOUND;
    case 408:
    case 504:
        return ERR_PROVIDER_TIMEOUT;
    case 413:
        return ERR_TOO_LARGE;
    case 429:
        return ERR_RATE_LIMITED;
    case 503:
    case 529:
        return ERR_OVERLOADED;
    default:
        return status < 500 ? ERR_BAD_REQUEST : ERR_PROVIDER_ERROR;
    }
}

/* With the provider's status, in the words of the client's protocol. */
static void respond_told(struct request *r, int status, enum err e, str message)
{
    const struct http_head *head = &r->attempt->wire.call.head;
    struct buf body, headers;
    buf_init(&body, 0);
    buf_init(&headers, HEADERS_MAX);
    dialect_at(r->receive.dialect)->error(&body, e, message, STR_NONE, STR_NONE);
    buf_printf(&headers, "content-type: application/json\r\nx-purser-request-id: %016llx\r\n",
               (unsigned long long)r->id);
    for (size_t i = 0; i < head->header_count; i++)
        if (is_understood(head->headers[i].name)) add_header(&headers, head->headers[i].name, head->headers[i].value);
    http_respond(r->x, status, buf_str(&headers), buf_str(&body));
    buf_free(&body);
    buf_free(&headers);
}

/* The provider's own error, in its own words, where they are the client's business:
 * what it says of purser's credentials is not. */
static void respond_provider_error(struct request *r)
{
    struct attempt *a = r->attempt;
    int status = a->head.status;
    str provider = a->way->target->provider->name, told = a->body.answer.provider_error;
    bool credentials = status == 401 || status == 403 || status == 407;
    bool json = a->body.kept.n > 1 && (a->body.kept.p[0] == '{' || a->body.kept.p[0] == '[');
    r->answer.done = true;
    if (!r->x) return;
    if (credentials) {
        respond_error(r, ERR_PROVIDER_ERROR,
                      arena_printf(&r->arena,
                                   "The provider '%" STR_FMT
                                   "' refused purser's credentials (HTTP %d): check its api_key in the settings.",
                                   STR_ARG(provider), status),
                      STR_NONE, S("x-should-retry: false\r\n"));
        return;
    }
    str message = arena_printf(&r->arena, "The provider '%" STR_FMT "' answered with HTTP %d and no readable error.",
                               STR_ARG(provider), status);
    if (status < 400) {
        respond_error(r, ERR_PROVIDER_ERROR, message, STR_NONE, S("x-should-retry: false\r\n"));
    } else if (a->way->translated && told.n) {
        respond_told(r, status, err_of_status(status), told);
    } else if (!json) {
        respond_told(r, status, err_of_status(status), message);
    } else {
        struct buf headers;
        write_headers(r, &headers, true);
        http_respond(r->x, status, buf_str(&headers), buf_str(&a->body.kept));
        buf_free(&headers);
    }
}

static void respond_whole(struct request *r)
{
    struct attempt *a = r->attempt;
    if (r->x) {
        struct buf headers;
        write_headers(r, &headers, true);
        uint64_t length = 0;
        if (a->wire.call.head_request && str_to_u64(http_head_find(&a->wire.call.head, S("content-length")), &length)) {
            http_begin_length(r->x, a->head.status, buf_str(&headers), length); /* what GET would send */
            http_end(r->x);
        } else {
            http_respond(r->x, a->head.status, buf_str(&headers), buf_str(&a->body.kept));
        }
        buf_free(&headers);
    }
    r->answer.done = true;
}

/* ---- choosing */

/* A target that does not know a field purser wrote says so: it is remembered, and
 * the call is tried once more without it. Nothing was generated, so it cost nothing. */
static bool learned(struct request *r)
{
    struct attempt *a = r->attempt;
    struct target *t = a->way->target;
    if (a->err != ERR_PROVIDER_ERROR || a->number > 2 || !r->x || !r->receive.body.p) return false;
    if (a->head.status != 400 && a->head.status != 422) return false;
    str body = buf_str(&a->body.kept);
    if (a->wire.add_usage && str_find(body, S("stream_options"), 0) != SIZE_MAX) {
        t->rejects_stream_options = true;
        return true;
    }
    if (!t->wants_max_tokens && r->receive.kind == CALL_CHAT &&
        str_find(body, S("max_completion_tokens"), 0) != SIZE_MAX) {
        t->wants_max_tokens = true;
        return true;
    }
    return false;
}

static void answer_client(struct request *r)
{
    struct attempt *a = r->attempt;
    if (!a->err) {
        if (r->answer.begun || !a->body.whole)
            client_finish_stream(r, buf_str(&a->body.withheld));
        else
            respond_whole(r);
        return;
    }
    if (!r->err) r->err = a->err;
    str why = a->err_why ? str_from(a->err_why) : err_info(a->err)->text;
    str message = arena_printf(&r->arena, "%" STR_FMT " (provider '%" STR_FMT "')", STR_ARG(why),
                               STR_ARG(a->way->target->provider->name));
    if (r->answer.begun)
        client_stream_error(r, a->err, message);
    else if (a->err == ERR_PROVIDER_ERROR && a->head.status >= 300)
        respond_provider_error(r);
    else if (r->err_message.n)
        respond_error(r, r->err, r->err_message, r->err_param, r->err_headers);
    else
        respond_error(r, a->err, message, STR_NONE, STR_NONE);
}

enum verdict step_answer(struct request *r)
{
    if (!r->attempt && r->err) {
        if (!r->answer.done) respond_error(r, r->err, r->err_message, r->err_param, r->err_headers);
        return STEP_NEXT;
    }
    if (r->count.walk) return tokens_answer(r) ? STEP_NEXT : STEP_WAIT;
    if (!r->attempt) attempt_new(r, r->plan.ways, REASON_FIRST);
    while (!r->answer.done || !r->attempt->over) {
        if (!attempt_run(r->attempt)) return STEP_WAIT;
        if (learned(r)) {
            attempt_new(r, r->attempt->way, REASON_RETRY);
            continue;
        }
        if (!r->answer.done) answer_client(r);
    }
    return STEP_NEXT;
}
