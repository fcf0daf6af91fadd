#include "simulate/sim_capture.h"

#include <inttypes.h>
#include <stdio.h>

void sim_capture_init(struct sim_capture *c)
{
    *c = (struct sim_capture){0};
    pthread_mutex_init(&c->lock, NULL);
}

void sim_capture_free(struct sim_capture *c)
{
    for (size_t i = 0; i < SIM_CAPTURE_KEEP; i++) buf_free(&c->kept[i]);
    pthread_mutex_destroy(&c->lock);
}

void sim_capture_clear(struct sim_capture *c)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < SIM_CAPTURE_KEEP; i++) buf_free(&c->kept[i]);
    c->count = 0;
    pthread_mutex_unlock(&c->lock);
}

static bool is_secret(str name)
{
    static const str names[] = {STR_INIT("authorization"), STR_INIT("api-key"), STR_INIT("x-api-key"),
                                STR_INIT("cookie"), STR_INIT("proxy-authorization")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq_nocase(names[i], name)) return true;
    }
    return false;
}

/* The last four characters stay: enough to tell two keys apart, too little to use one. */
static void add_masked(str value, struct buf *out)
{
    enum { SHOWN = 4, SHORT = 12 };
    char text[16];
    str end = value.n > SHORT ? str_from_at(value, value.n - SHOWN) : S("");
    int n = snprintf(text, sizeof text, "***%.*s", STR_ARG(end));
    buf_add_json(out, str_of(text, (size_t)n));
}

void sim_capture_add(struct sim_capture *c, uint64_t id, const struct http_request *r)
{
    pthread_mutex_lock(&c->lock);
    struct buf *b = &c->kept[c->count++ % SIM_CAPTURE_KEEP];
    buf_clear(b);
    buf_printf(b, "{\"id\":%" PRIu64 ",\"request_id\":\"sim-%" PRIu64 "\",\"method\":", id, id);
    buf_add_json(b, r->method);
    buf_add(b, S(",\"target\":"));
    buf_add_json(b, r->target);
    buf_add(b, S(",\"headers\":["));
    for (size_t i = 0; i < r->header_count; i++) {
        buf_add(b, i ? S(",[") : S("["));
        buf_add_json(b, r->headers[i].name);
        buf_add(b, S(","));
        is_secret(r->headers[i].name) ? add_masked(r->headers[i].value, b) : (void)buf_add_json(b, r->headers[i].value);
        buf_add(b, S("]"));
    }
    buf_printf(b, "],\"body_bytes\":%zu,\"body\":", r->body.n);
    buf_add_json(b, str_head(r->body, SIM_CAPTURE_BODY));
    buf_add(b, S("}"));
    pthread_mutex_unlock(&c->lock);
}

void sim_capture_print(struct sim_capture *c, uint64_t last, struct buf *out)
{
    pthread_mutex_lock(&c->lock);
    uint64_t have = c->count < SIM_CAPTURE_KEEP ? c->count : SIM_CAPTURE_KEEP;
    if (last > have) last = have;
    buf_add(out, S("{\"requests\":["));
    for (uint64_t i = c->count - last; i < c->count; i++) {
        if (i > c->count - last) buf_add(out, S(",\n"));
        buf_add(out, buf_str(&c->kept[i % SIM_CAPTURE_KEEP]));
    }
    buf_add(out, S("]}\n"));
    pthread_mutex_unlock(&c->lock);
}
