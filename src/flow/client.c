/* Towards the client: headers, streams, whole answers and errors, in its own protocol. */
#include "flow/request.h"

#include "base/text.h"
#include "base/time.h"
#include "dialect/rate_header.h"
#include "flow/alive.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/trial.h"

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
        STR_INIT("anthropic-organization-id"),
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

/* purser has tried again already, or has decided that trying again does not help: the client's SDK need not.
 * A name with one target, tried once, leaves that to the SDK. */
static bool tried_again(const struct request *r)
{
    return r->attempts > 1 || (r->attempts && enter_guards(r));
}

static void add_advice(const struct request *r, struct buf *out)
{
    if (tried_again(r)) buf_add(out, S("x-should-retry: false\r\n"));
}

static bool is_advice(const struct request *r, str name)
{
    return tried_again(r) && str_eq_nocase(name, S("x-should-retry"));
}

static void add_warning(const struct attempt *a, struct buf *out)
{
    str dropped = a->way->dropped, left_out = a->wire.left_out;
    if (!dropped.n && !left_out.n) return;
    buf_add(out, S("x-purser-warning: dropped: "));
    buf_add(out, dropped);
    if (dropped.n && left_out.n) buf_add(out, S(", "));
    buf_add(out, left_out);
    buf_add(out, S("\r\n"));
}

static void provider_headers(struct request *r, struct buf *out)
{
    const struct attempt *a = r->attempt;
    const struct http_head *h = &a->wire.call.head;
    enum framing framing = a->body.whole ? FRAMING_NONE : r->receive.path.framing;
    bool foreign = a->way->translated || a->body.replayed;
    str connection = http_head_list(h, S("connection"), &r->arena);
    for (size_t i = 0; i < h->header_count; i++) {
        str name = h->headers[i].name, value = h->headers[i].value;
        if (is_kept_back(name, r->limit.headers.n > 0) || is_advice(r, name)) continue;
        if (http_connection_names(connection, name)) continue;
        if (!foreign || is_understood(name))
            add_header(out, name, value);
        else if (!r->limit.headers.n)
            rate_header_convert(r->receive.dialect, name, value, r->at_us, out);
    }
    if (h->status >= 300) add_advice(r, out);
    if (!foreign) return;
    buf_add(out, framing_header(framing));
    add_warning(a, out);
}

void client_name_call(const struct request *r, bool passed_on, struct buf *out)
{
    str own = dialect_at(r->receive.dialect)->id_header;
    buf_add(out, S("x-purser-request-id: "));
    buf_add_hex64(out, r->id);
    buf_add(out, S("\r\n"));
    if (passed_on || !own.n) return;
    buf_add(out, own);
    buf_add(out, S(": "));
    buf_add_hex64(out, r->id);
    buf_add(out, S("\r\n"));
}

/* The provider's name for the call is among its headers that go on. */
static bool provider_names_call(const struct request *r)
{
    const struct attempt *a = r->attempt;
    if (!a || !a->head.status || a->way->translated || a->body.replayed) return false;
    return http_head_find(&a->wire.call.head, dialect_at(r->receive.dialect)->id_header).p != NULL;
}

static void write_headers(struct request *r, struct buf *out, bool with_cost)
{
    const struct attempt *a = r->attempt;
    char text[MONEY_TEXT_MAX];
    buf_init(out, HEADERS_MAX);
    buf_reserve(out, 1024);
    if (a && a->head.status) provider_headers(r, out);
    client_name_call(r, provider_names_call(r), out);
    buf_add(out, r->limit.headers);
    buf_add(out, r->watch.headers);
    if (with_cost && a && a->post.cost.state != COST_UNPRICED) {
        buf_add(out, S("x-purser-cost-usd: "));
        buf_add(out, money_format(r->cost_so_far, text));
        buf_add(out, S("\r\n"));
    }
    if (a && r->plan.count > 1) {
        buf_add(out, S("x-purser-target: "));
        buf_add(out, a->way->target->name);
        buf_add(out, S("\r\n"));
    }
    if (a && trial_failed(a)) buf_printf(out, "x-purser-not-accepted: %s\r\n", trial_failed(a));
    if (a && a->hold.lowered) buf_printf(out, "x-purser-max-output-tokens: %lld\r\n", (long long)a->hold.max_output);
}

/* ---- the client's stream */

/* What goes out first decides: the other attempt, if there is one, has lost. */
static void claim(struct attempt *a)
{
    struct request *r = a->request;
    struct attempt *other = r->attempt == a ? r->rival : r->attempt;
    if (r->attempt != a) {
        r->rival = r->attempt;
        r->attempt = a;
    }
    if (other && !other->over) {
        attempt_fail(other, ERR_HEDGE_LOST, "the other attempt was faster");
        attempt_wake(other); /* it is settled now, not when this one ends */
    }
    r->answer.begun = true;
    if (!wire_needs_request(r)) wire_drop_request(a);
}

/* While another attempt could take this one's place, nothing goes out before there is content. */
static bool holds_back(const struct attempt *a)
{
    enum { HELD_MAX = 64 * 1024 };
    const struct request *r = a->request;
    if (trial_holds(a)) return true;
    bool several = r->plan.attempts.max > 1 || r->rival;
    return several && !r->answer.begun && !a->body.complete && !a->body.answer.output_events &&
           a->body.held.n < HELD_MAX;
}

/* Someone wants the answer: the client, or its next try. */
static bool is_heard(const struct request *r)
{
    return r->x || recall_listens(r);
}

static void begin_http(struct http_exchange *x, const struct attempt *a, str headers)
{
    if (a->body.whole && a->head.length)
        http_begin_length(x, a->head.status, headers, a->head.length);
    else
        http_begin(x, a->head.status, headers);
}

/* What is tested whole must be kept whole. */
static bool hold_back(struct attempt *a, str bytes)
{
    enum { TESTED_MAX = 16 * 1024 * 1024 };
    bool room = !trial_holds(a) || a->body.held.n + bytes.n <= TESTED_MAX;
    if (room && buf_add(&a->body.held, bytes)) return true;
    attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the answer is larger than the 16 MB that the ladder tests");
    return true;
}

static void begin_head(struct attempt *a)
{
    struct request *r = a->request;
    struct buf headers;
    write_headers(r, &headers, false);
    recall_begin(r, a->head.status, buf_str(&headers));
    if (r->x) begin_http(r->x, a, buf_str(&headers));
    buf_free(&headers);
}

void client_begin_stream(struct attempt *a)
{
    struct request *r = a->request;
    if (!is_heard(r) || r->answer.begun) return;
    claim(a);
    if (!r->answer.opened) begin_head(a);
    recall_add(r, buf_str(&a->body.held));
    if (r->x && a->body.held.n) http_send_str(r->x, buf_str(&a->body.held));
    buf_free(&a->body.held);
}

bool client_send(struct attempt *a, str bytes)
{
    struct request *r = a->request;
    if (!is_heard(r) || !bytes.n || (a != r->attempt && r->answer.begun)) return true;
    if (holds_back(a)) return hold_back(a, bytes);
    client_begin_stream(a);
    recall_add(r, bytes);
    if (!r->x) return true;
    bool room = http_send_str(r->x, bytes);
    if (!room && !r->answer.paused) { /* the client reads too slowly: the provider's side rests */
        r->answer.paused = true;
        http_call_pause(&a->wire.call);
    }
    return room;
}

void client_finish_stream(struct request *r, str last)
{
    if (is_heard(r)) {
        client_begin_stream(r->attempt);
        recall_add(r, last);
        if (!r->attempt->err) recall_whole(r);
    }
    if (r->x) {
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
        struct http_exchange *x = r->x;
        request_leave_client(r);
        if (x) http_abort(x); /* half a JSON document has no room for an error: the cut itself must tell */
        r->answer.done = true;
    } else {
        bool inside = a->body.passed > 0; /* an event that went on in part must end first */
        if (inside) client_send(a, S("\n\n"));
        client_finish_stream(r, buf_str(&event));
    }
    buf_free(&event);
}

/* ---- whole answers */

static void add_error_headers(const struct request *r, enum err e, struct buf *out)
{
    const struct dialect *d = dialect_at(r->receive.dialect);
    if (d->error_headers) d->error_headers(out, e);
}

/* When the call may come again, of raw header lines; 0: they do not say. */
static int64_t wait_ms_of(str headers)
{
    int64_t wait_ms = 0, n;
    for (str line = str_cut(&headers, '\n'); line.n; line = str_cut(&headers, '\n')) {
        str name = str_cut(&line, ':'), value = str_trim(line);
        if (!str_to_i64(value, &n) || n <= 0 || n > 86400000) continue;
        if (str_eq_nocase(name, S("retry-after-ms"))) return n;
        if (str_eq_nocase(name, S("retry-after"))) wait_ms = n * 1000;
    }
    return wait_ms;
}

void client_write_error(const struct request *r, enum err e, str message, str param, str headers, struct buf *body)
{
    const struct dialect *dialect = dialect_at(r->receive.dialect);
    int64_t wait_ms = wait_ms_of(headers);
    dialect->error(body, e, message, param, STR_NONE);
    if (wait_ms && dialect->error_wait) dialect->error_wait(body, wait_ms);
}

void client_respond_error(struct request *r, enum err e, str message, str param, str headers)
{
    r->answer.done = true;
    if (r->answer.opened) {
        alive_error(r, e, message);
        return;
    }
    if (!r->x) return;
    struct buf body, all;
    buf_init(&body, 0);
    client_write_error(r, e, message, param, headers, &body);
    buf_init(&all, 0);
    add_error_headers(r, e, &all);
    bool retry = err_info(e)->retry_may_help && !tried_again(r);
    bool told = str_find(headers, S("x-should-retry"), 0) != SIZE_MAX;
    client_name_call(r, false, &all);
    buf_printf(&all, "content-type: application/json\r\n%s%" STR_FMT,
               told    ? ""
               : retry ? "x-should-retry: true\r\n"
                       : "x-should-retry: false\r\n",
               STR_ARG(headers));
    http_respond(r->x, err_info(e)->status, buf_str(&all), buf_str(&body));
    buf_free(&body);
    buf_free(&all);
}

/* What the provider's status means for the client. */
static enum err err_of_status(const struct attempt *a, int status)
{
    if (mishap_is_quota(a)) return ERR_BUDGET_SPENT;
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
    case 424: /* Bedrock: its model failed */
        return ERR_PROVIDER_ERROR;
    default:
        return status < 500 ? ERR_BAD_REQUEST : ERR_PROVIDER_ERROR;
    }
}

enum err client_err_of(const struct attempt *a)
{
    int told = a->body.answer.error_status;
    bool in_band = a->err == ERR_PROVIDER_ERROR || a->err == ERR_PROVIDER_STREAM_ERROR;
    return in_band && told && told != 401 && told != 403 ? err_of_status(a, told) : a->err;
}

/* The status for the client: the provider's, where the client's protocol has such a one; a body of Google's and
 * Bedrock's says it, too, and must agree. */
static int status_of(enum dialect_id client, int status, enum err e)
{
    bool exact = client == DIALECT_GEMINI || client == DIALECT_CONVERSE;
    bool free = e == ERR_BAD_REQUEST || (e == ERR_PROVIDER_ERROR && status >= 500);
    return status == 529 && client == DIALECT_MESSAGES ? status : free && !exact ? status : err_info(e)->status;
}

/* What Google tells in the error's details is a header elsewhere. */
static void add_retry_after(const struct request *r, const struct http_head *head, struct buf *out)
{
    if (http_head_find(head, S("retry-after")).p || http_head_find(head, S("retry-after-ms")).p) return;
    int64_t us = mishap_retry_after_us(r->attempt, r->at_us);
    if (us > 0) buf_printf(out, "retry-after: %lld\r\n", (long long)((us + US_PER_SECOND - 1) / US_PER_SECOND));
}

/* With the provider's status, in the words of the client's protocol. */
static void respond_told(struct request *r, int status, enum err e, str message)
{
    const struct http_head *head = &r->attempt->wire.call.head;
    struct buf body, headers;
    enum dialect_id client = r->receive.dialect;
    if (status == 500 && status_of(client, status, e) != 500) e = ERR_INTERNAL; /* the same in the body's words */
    buf_init(&body, 0);
    buf_init(&headers, HEADERS_MAX);
    add_error_headers(r, e, &headers);
    buf_add(&headers, S("content-type: application/json\r\n"));
    client_name_call(r, false, &headers);
    for (size_t i = 0; i < head->header_count; i++) {
        str name = head->headers[i].name;
        if (is_understood(name) && !is_advice(r, name) && e != ERR_BUDGET_SPENT)
            add_header(&headers, name, head->headers[i].value);
        else if (!r->limit.headers.n)
            rate_header_convert(client, name, head->headers[i].value, r->at_us, &headers);
    }
    add_retry_after(r, head, &headers);
    if (e == ERR_BUDGET_SPENT)
        buf_add(&headers, S("x-should-retry: false\r\n"));
    else
        add_advice(r, &headers);
    client_write_error(r, e, message, STR_NONE, buf_str(&headers), &body);
    http_respond(r->x, status_of(client, status, e), buf_str(&headers), buf_str(&body));
    buf_free(&body);
    buf_free(&headers);
}

/* The provider's own error, in its own words, where they are the client's business:
 * what it says of purser's credentials is not. */
void client_respond_provider_error(struct request *r)
{
    struct attempt *a = r->attempt;
    int status = a->head.status;
    str provider = a->way->target->provider->name, told = a->body.answer.provider_error;
    bool credentials = mishap_is_refusal(a);
    bool json = a->body.kept.n > 1 && (a->body.kept.p[0] == '{' || a->body.kept.p[0] == '[');
    r->answer.done = true;
    if (!r->x) return;
    if (credentials) {
        client_respond_error(
            r, ERR_PROVIDER_ERROR,
            arena_printf(&r->arena,
                         "The provider '%" STR_FMT
                         "' refused purser's credentials (HTTP %d): check its api_key in the settings.",
                         STR_ARG(provider), status),
            STR_NONE, S("x-should-retry: false\r\n"));
        return;
    }
    str message = arena_printf(&r->arena, "The provider '%" STR_FMT "' answered with HTTP %d and no readable error.",
                               STR_ARG(provider), status);
    if (r->answer.opened) {
        alive_error(r, err_of_status(a, status), told.n ? told : message);
    } else if (status < 400) {
        client_respond_error(r, ERR_PROVIDER_ERROR, message, STR_NONE, S("x-should-retry: false\r\n"));
    } else if (a->way->translated && told.n) {
        respond_told(r, status, err_of_status(a, status), told);
    } else if (!json) {
        respond_told(r, status, err_of_status(a, status), message);
    } else {
        struct buf headers;
        write_headers(r, &headers, true);
        http_respond(r->x, status, buf_str(&headers), buf_str(&a->body.kept));
        buf_free(&headers);
    }
}

static void send_whole(struct request *r, str headers)
{
    struct attempt *a = r->attempt;
    uint64_t length = 0;
    if (a->wire.call.head_request && str_to_u64(http_head_find(&a->wire.call.head, S("content-length")), &length)) {
        http_begin_length(r->x, a->head.status, headers, length); /* what GET would send */
        http_end(r->x);
    } else {
        http_respond(r->x, a->head.status, headers, buf_str(&a->body.kept));
    }
}

void client_respond_whole(struct request *r)
{
    struct attempt *a = r->attempt;
    if (is_heard(r)) {
        struct buf headers;
        write_headers(r, &headers, true);
        recall_begin(r, a->head.status, buf_str(&headers));
        recall_add(r, buf_str(&a->body.kept));
        recall_whole(r);
        if (r->x) send_whole(r, buf_str(&headers));
        buf_free(&headers);
    }
    r->answer.done = true;
}
