/* Calls over the control socket of a data folder: one answer, or events and then the answer. */
#include "cli/control.h"

#include "base/json.h"
#include "base/time.h"
#include "net/http1.h"
#include "net/sse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, HEAD_MAX = 2 * READ_BYTES, BODY_MAX = 256 * 1024 * 1024 };

/* ---- connecting */

static bool wait_for(int fd, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - time_mono_us();
        struct pollfd p = {.fd = fd, .events = events};
        if (left_us <= 0) return false;
        int n = poll(&p, 1, (int)((left_us + 999) / 1000));
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return false;
    }
}

/* Through the folder's descriptor: a socket's address has room for 107 bytes only. */
static int connect_socket(const char *dir)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/purser.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

static bool send_all(int fd, str bytes, int64_t deadline_us)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n > 0) bytes = str_from_at(bytes, (size_t)n);
        bool again = n >= 0 || errno == EINTR || (errno == EAGAIN && wait_for(fd, POLLOUT, deadline_us));
        if (!again) return false;
    }
    return true;
}

/* ---- the answer */

/* What has come of it. */
struct incoming {
    struct buf head_bytes, body;
    struct arena arena;
    struct http_head head;
    struct http1_chunks chunks;
    bool has_head, events, ended, bad, late;
    struct sse_place place; /* in `body`, whose front an event is taken from */
    struct buf joined;
};

static void add_piece(void *ctx, str bytes)
{
    struct incoming *in = ctx;
    in->bad = in->bad || !buf_add(&in->body, bytes);
}

static void incoming_init(struct incoming *in)
{
    *in = (struct incoming){.ended = false};
    buf_init(&in->head_bytes, HEAD_MAX);
    buf_init(&in->body, BODY_MAX);
    buf_init(&in->joined, BODY_MAX);
    arena_init(&in->arena);
    http1_chunks_init(&in->chunks, false, add_piece, in);
}

static void incoming_free(struct incoming *in)
{
    buf_free(&in->head_bytes);
    buf_free(&in->body);
    buf_free(&in->joined);
    arena_free(&in->arena);
}

static void take_body(struct incoming *in, str bytes)
{
    if (in->head.framing == HTTP_CHUNKED) {
        (void)http1_chunks_feed(&in->chunks, bytes);
        in->ended = in->chunks.done;
        in->bad = in->bad || in->chunks.bad;
        return;
    }
    bool known = in->head.framing != HTTP_UNTIL_CLOSE;
    uint64_t length = in->head.framing == HTTP_LENGTH ? in->head.length : 0;
    if (known && in->body.n + bytes.n > length) bytes = str_head(bytes, (size_t)(length - in->body.n));
    add_piece(in, bytes);
    in->ended = known && in->body.n == length;
}

static void take(struct incoming *in, str bytes)
{
    if (in->has_head) {
        take_body(in, bytes);
        return;
    }
    const char *why = "";
    in->bad = in->bad || !buf_add(&in->head_bytes, bytes);
    size_t end = in->bad ? SIZE_MAX : http1_head_end(buf_str(&in->head_bytes), 0);
    if (!end) return;
    in->has_head = end != SIZE_MAX &&
                   !http1_read_response(str_head(buf_str(&in->head_bytes), end), false, &in->arena, &in->head, &why);
    in->bad = !in->has_head;
    if (in->bad) return;
    in->events = str_starts(http_head_find(&in->head, S("content-type")), S("text/event-stream"));
    take_body(in, str_from_at(buf_str(&in->head_bytes), end));
}

/* Tells the events that are whole. Returns whether to go on. */
static bool tell_events(struct incoming *in, const struct control_call *call)
{
    for (;;) {
        struct sse_event event;
        size_t n = sse_next(buf_str(&in->body), &in->place, &in->joined, &event);
        if (!n) return true;
        bool go_on = !event.data.p || call->on_event(call->ctx, event.name, event.data);
        buf_consume(&in->body, n);
        if (!go_on) return false;
    }
}

/* With events, `timeout_us` is how long it may be silent. Returns whether it came to its end, or as far as was wanted. */
static bool read_answer(int fd, const struct control_call *call, int64_t timeout_us, struct incoming *in)
{
    char bytes[READ_BYTES];
    int64_t deadline_us = time_mono_us() + timeout_us;
    while (!in->ended && !in->bad) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            in->late = !wait_for(fd, POLLIN, deadline_us);
            if (!in->late) continue;
        }
        if (n <= 0) return n == 0 && in->has_head && in->head.framing == HTTP_UNTIL_CLOSE;
        take(in, str_of(bytes, (size_t)n));
        if (!in->events || !call->on_event) continue;
        deadline_us = time_mono_us() + timeout_us;
        if (!tell_events(in, call)) return true;
    }
    return !in->bad;
}

static void add_failure(const struct control_call *call, const struct incoming *in, int64_t timeout_us, struct buf *why)
{
    bool silent = in->late && in->events && call->on_event;
    buf_printf(why, "the server at %s/purser.sock %s", call->dir, silent ? "went silent" : "gave no whole answer");
    if (in->late) buf_printf(why, " %s %lld s", silent ? "for" : "within", (long long)(timeout_us / US_PER_SECOND));
}

static void write_request(const struct control_call *call, struct buf *out)
{
    str who = control_user();
    buf_printf(out, "%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-purser-who: %" STR_FMT "\r\n",
               call->method, call->path, STR_ARG(who));
    if (call->on_event) buf_add(out, S("accept: text/event-stream\r\n"));
    if (call->body.n || strcmp(call->method, "GET") != 0)
        buf_printf(out, "content-type: application/json\r\ncontent-length: %zu\r\n", call->body.n);
    buf_add(out, S("\r\n"));
    buf_add(out, call->body);
}

enum control_result control_run(const struct control_call *call, int *status, struct buf *answer, struct buf *why)
{
    int64_t timeout_us = call->timeout_us ? call->timeout_us : 10 * US_PER_SECOND;
    int fd = connect_socket(call->dir);
    if (fd < 0) return CONTROL_NO_SERVER;
    struct buf request;
    struct incoming in;
    buf_init(&request, 0);
    incoming_init(&in);
    write_request(call, &request);
    bool ok = send_all(fd, buf_str(&request), time_mono_us() + timeout_us) && read_answer(fd, call, timeout_us, &in);
    if (ok) {
        *status = in.head.status;
        if (!in.events || !call->on_event) buf_add(answer, buf_str(&in.body));
    } else {
        add_failure(call, &in, timeout_us, why);
    }
    incoming_free(&in);
    buf_free(&request);
    close(fd);
    return ok ? CONTROL_ANSWERED : CONTROL_FAILED;
}

/* The `detail` of a problem (RFC 9457), else the body as it is. */
static void add_message(str answer, struct buf *out)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    str message = STR_NONE;
    json_init(&doc);
    arena_init(&arena);
    if (json_parse(&doc, answer, &fail)) {
        json_ref at = json_find(&doc, JSON_ROOT, S("detail"), NULL);
        if (at != JSON_ABSENT && !json_string(&doc, at, &arena, &message)) message = STR_NONE;
    }
    message = message.n ? message : str_trim(str_head(answer, 500));
    for (bool first = true; message.p; first = false) { /* names in it must not steer the terminal */
        if (!first) buf_add_byte(out, '\n');
        buf_add_shown(out, str_cut(&message, '\n'));
    }
    json_free(&doc);
    arena_free(&arena);
}

enum control_result control_get(const struct control_call *call, struct buf *answer, struct buf *why)
{
    int status = 0;
    enum control_result got = control_run(call, &status, answer, why);
    if (got != CONTROL_ANSWERED || status / 100 == 2) return got;
    if (answer->n)
        add_message(buf_str(answer), why);
    else
        buf_printf(why, "the server answers %d and says no more", status);
    return CONTROL_FAILED;
}

enum control_result control_ask(const struct options *o, const struct control_call *call, struct buf *answer)
{
    struct buf why;
    buf_init(&why, 0);
    enum control_result got = control_get(call, answer, &why);
    if (got == CONTROL_FAILED) options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return got;
}
