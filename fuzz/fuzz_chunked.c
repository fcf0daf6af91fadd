/* Chunked bodies: the same bytes cut anywhere give the same body and the same
 * end, and what is taken here llhttp takes, too, with the same body. */
#include "base/buf.h"
#include "net/http1.h"

#include <stdlib.h>

enum { INPUT_MAX = 8 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

struct outcome {
    struct buf body;
    size_t used;
    bool done, bad;
};

static void collect(void *ctx, str bytes)
{
    check(bytes.n > 0);
    buf_add(ctx, bytes);
}

static struct outcome feed(str all, bool request, size_t step, size_t first)
{
    struct outcome o = {0};
    struct http1_chunks c;
    buf_init(&o.body, 0);
    http1_chunks_init(&c, request, collect, &o.body);
    for (size_t at = 0, n = first; at < all.n && !c.done && !c.bad; at += n, n = step) {
        o.used += http1_chunks_feed(&c, str_head(str_from_at(all, at), n));
    }
    check(!(c.done && c.bad) && o.used <= all.n);
    check(c.done || c.bad || o.used == all.n);
    o.done = c.done;
    o.bad = c.bad;
    return o;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    buf_add(p->data, str_of(at, n));
    return 0;
}

static int on_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static void compare_with_llhttp(str all, const struct outcome *mine)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    llhttp_settings_t settings;
    llhttp_t parser;
    struct buf body;
    buf_init(&body, 0);
    llhttp_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &body;
    llhttp_execute(&parser, head, sizeof(head) - 1);
    check(llhttp_execute(&parser, all.p, all.n) == HPE_PAUSED);
    check((size_t)(llhttp_get_error_pos(&parser) - all.p) == mine->used);
    check(str_eq(buf_str(&body), buf_str(&mine->body)));
    buf_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX) return 0;
    bool request = data[0] & 1;
    size_t first = data[1] + 1u;
    str all = str_of((const char *)data + 2, size - 2);
    struct outcome whole = feed(all, request, all.n, all.n);
    size_t steps[] = {1, 2, 5, all.n};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct outcome cut = feed(all, request, steps[i], first);
        check(cut.done == whole.done && cut.bad == whole.bad && cut.used == whole.used);
        check(str_eq(buf_str(&cut.body), buf_str(&whole.body)));
        buf_free(&cut.body);
    }
    /* llhttp refuses some blanks and extensions that the RFC allows, never the other way round;
     * without them it must agree */
    bool plain = !memchr(all.p, ';', all.n) && !memchr(all.p, ' ', all.n) && !memchr(all.p, '\t', all.n);
    if (whole.done && plain && request) compare_with_llhttp(str_head(all, whole.used), &whole);
    buf_free(&whole.body);
    return 0;
}
