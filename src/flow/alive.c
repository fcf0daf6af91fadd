#include "flow/alive.h"

#include "flow/purser.h"

/* What every client of the protocol reads over; empty: there is nothing of the kind. Source: the official SDKs (the
 * Gemini ones take a comment for data). */
static str sign_of_life(enum dialect_id dialect, enum framing framing)
{
    bool sse = framing == FRAMING_SSE || framing == FRAMING_SSE_CRLF;
    if (!sse) return STR_NONE;
    switch (dialect) {
    case DIALECT_MESSAGES:
        return S("event: ping\ndata: {\"type\": \"ping\"}\n\n");
    case DIALECT_GEMINI:
        return S("\r\n");
    default:
        return S(": purser\n\n");
    }
}

static void open_head(struct request *r)
{
    struct buf headers;
    buf_init(&headers, 0);
    buf_add(&headers, framing_header(r->receive.path.framing));
    client_name_call(r, false, &headers);
    buf_add(&headers, r->limit.headers);
    buf_add(&headers, r->watch.headers);
    recall_begin(r, 200, buf_str(&headers));
    http_begin(r->x, 200, buf_str(&headers));
    r->answer.opened = true;
    buf_free(&headers);
}

void alive_show(struct request *r)
{
    str sign = sign_of_life(r->receive.dialect, r->receive.path.framing);
    if (!r->x || !sign.n) return;
    if (!r->answer.opened) open_head(r);
    if (!http_queued(r->x)) http_send_str(r->x, sign);
}

void alive_send(struct request *r, str body)
{
    struct iovec piece = iov_of(body);
    if (r->x) http_send_last(r->x, &piece, body.n ? 1 : 0);
}

void alive_error(struct request *r, enum err e, str message)
{
    struct buf event;
    struct frame_writer writer;
    buf_init(&event, 0);
    frame_writer_init(&writer, r->receive.path.framing, &event);
    dialect_at(r->receive.dialect)->stream_error(&writer.sink, e, message, 0);
    frame_writer_end(&writer);
    alive_send(r, buf_str(&event));
    buf_free(&event);
}
