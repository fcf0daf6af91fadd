/* A provider that costs next to nothing, for the benchmark: raw epoll, one
 * thread, answers rendered once at start.
 *
 *   mock --port 19201 [--tls-port 19202 --cert FILE --key FILE] [--seconds 600]
 *
 * POST with a Content-Length is answered with a chat completion of about 1 KB, or,
 * with "stream":true in the body, by a stream. The model's name picks its manner:
 *   mock-hang   waits for ever after the first chunk
 *   mock-pace   the first chunk at once, then one each millisecond
 *   (others)    everything at once
 * A usage chunk ends a stream that asks for "include_usage":true.
 * It ends by itself after --seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECES_MAX = 40, DELTAS = 16, IN_MAX = 4 << 20, IN_FIRST = 40 << 10, PACE_US = 1000, EVENTS = 256 };
#define FOR_EVER INT64_MAX

/* An answer: runs of bytes, each sent `wait_us` after the one before it. */
struct piece {
    char *p;
    size_t n;
    int64_t wait_us;
};

struct script {
    struct piece pieces[PIECES_MAX];
    size_t count;
};

/* Everything that can be answered; rendered once, then only read. */
struct replies {
    struct script json, stream[2], pace[2], hang, health, refusal; /* [1]: with a usage chunk */
};

struct conn {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool greeted;
    char *in;
    size_t in_n, in_cap;
    const struct script *script; /* being answered; NULL: waiting for a request */
    size_t at, sent;             /* in the script, in the piece */
    int64_t due_us;
    bool due, want_out; /* waiting for due_us; for the socket */
    struct conn *next_due;
};

struct mock {
    int epoll;
    SSL_CTX *tls;
    struct replies replies;
    /* All waits are of one length, so that who comes first is due first. */
    struct conn *due_first, *due_last;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "mock: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

/* ---- the answers */

static void script_add(struct script *s, int64_t wait_us, const char *text)
{
    if (s->count == PIECES_MAX) die("too many pieces");
    struct piece *piece = &s->pieces[s->count++];
    piece->p = strdup(text);
    if (!piece->p) die("memory");
    piece->n = strlen(text);
    piece->wait_us = wait_us;
}

static void script_add_event(struct script *s, int64_t wait_us, const char *json)
{
    char chunk[2048];
    snprintf(chunk, sizeof chunk, "%zx\r\ndata: %s\n\n\r\n", strlen(json) + 8, json);
    script_add(s, wait_us, chunk);
}

#define CHUNK_HEAD                                                                                                     \
    "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"mock\","
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define USAGE                                                                                                          \
    "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":180,\"total_tokens\":390,"                                 \
    "\"prompt_tokens_details\":{\"cached_tokens\":64,\"audio_tokens\":0},"                                             \
    "\"completion_tokens_details\":{\"reasoning_tokens\":32,\"audio_tokens\":0}}"

/* `pace_us` 0: all in one write. */
static void render_stream(struct script *s, int64_t pace_us, bool usage)
{
    script_add(s, 0, STREAM_HEAD);
    script_add_event(s, 0,
                     CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}");
    for (int i = 0; i < DELTAS; i++) {
        script_add_event(s, pace_us,
                         CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" a few words of it\"}}]}");
    }
    script_add_event(s, pace_us, CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    if (usage) script_add_event(s, 0, CHUNK_HEAD "\"choices\":[]," USAGE "}");
    script_add_event(s, 0, "[DONE]");
    script_add(s, 0, "0\r\n\r\n");
}

/* Neighbours that wait for nothing become one write. */
static void script_join(struct script *s)
{
    size_t to = 0;
    for (size_t i = 1; i < s->count; i++) {
        struct piece *last = &s->pieces[to], *piece = &s->pieces[i];
        if (piece->wait_us != 0) {
            s->pieces[++to] = *piece;
            continue;
        }
        last->p = realloc(last->p, last->n + piece->n);
        if (!last->p) die("memory");
        memcpy(last->p + last->n, piece->p, piece->n);
        last->n += piece->n;
        free(piece->p);
    }
    s->count = to + 1;
}

static void render_json(struct script *s)
{
    char words[601], body[2048], answer[2560];
    for (size_t i = 0; i < sizeof words - 1; i++) words[i] = "an answer of some length "[i % 25];
    words[sizeof words - 1] = '\0';
    snprintf(body, sizeof body,
             "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"mock\","
             "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},"
             "\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE ",\"service_tier\":\"default\"}",
             words);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    script_add(s, 0, answer);
}

static void render(struct replies *r)
{
    render_json(&r->json);
    for (int usage = 0; usage < 2; usage++) {
        render_stream(&r->stream[usage], 0, usage);
        render_stream(&r->pace[usage], PACE_US, usage);
        script_join(&r->stream[usage]);
        script_join(&r->pace[usage]);
    }
    script_add(&r->hang, 0, STREAM_HEAD);
    script_add_event(&r->hang, 0, CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"so\"}}]}");
    script_add_event(&r->hang, FOR_EVER, "[DONE]");
    script_join(&r->hang);
    script_add(&r->health, 0, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    script_add(&r->refusal, 0, "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n");
}

/* ---- reading a request: what a well-meaning proxy sends, nothing more */

static bool has(const char *p, size_t n, const char *word)
{
    return memmem(p, n, word, strlen(word)) != NULL;
}

static const struct script *choose(const struct replies *r, const char *head, const char *body, size_t n)
{
    if (memcmp(head, "POST ", 5) != 0) return &r->health;
    if (!has(body, n, "\"stream\":true") && !has(body, n, "\"stream\": true")) return &r->json;
    if (has(body, n, "mock-hang")) return &r->hang;
    bool usage = has(body, n, "\"include_usage\":true") || has(body, n, "\"include_usage\": true");
    return has(body, n, "mock-pace") ? &r->pace[usage] : &r->stream[usage];
}

/* Takes one whole request off the input; false where there is none yet. */
static bool take_request(const struct mock *m, struct conn *c)
{
    char *end = c->in_n > 4 ? memmem(c->in, c->in_n, "\r\n\r\n", 4) : NULL;
    if (!end) return false;
    size_t head_n = (size_t)(end - c->in) + 4, body_n = 0;
    *end = '\0';
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    bool chunked = strcasestr(c->in, "\r\ntransfer-encoding:") != NULL;
    *end = '\r';
    if (length) body_n = strtoul(length + 17, NULL, 10);
    if (c->in_n < head_n + body_n) return false;
    c->script = chunked ? &m->replies.refusal : choose(&m->replies, c->in, c->in + head_n, body_n);
    c->at = c->sent = 0;
    c->in_n -= head_n + body_n;
    memmove(c->in, c->in + head_n + body_n, c->in_n);
    return true;
}

/* ---- connections */

static void conn_drop(struct mock *m, struct conn *c)
{
    for (struct conn **at = &m->due_first, *before = NULL; c->due && *at; before = *at, at = &(*at)->next_due) {
        if (*at != c) continue;
        *at = c->next_due;
        if (m->due_last == c) m->due_last = before;
        break;
    }
    SSL_free(c->ssl);
    close(c->fd);
    free(c->in);
    free(c);
}

static void wait_due(struct mock *m, struct conn *c, int64_t wait_us)
{
    if (wait_us == FOR_EVER || c->due) return;
    c->due = true;
    c->due_us = now_us() + wait_us;
    c->next_due = NULL;
    if (m->due_last)
        m->due_last->next_due = c;
    else
        m->due_first = c;
    m->due_last = c;
}

static void want_out(struct mock *m, struct conn *c, bool want)
{
    if (c->want_out == want) return;
    c->want_out = want;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (want ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(m->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* Bytes moved; 0: the socket would block; -1: it is over. */
static ssize_t conn_io(struct conn *c, char *p, size_t n, bool out)
{
    ssize_t done;
    if (!c->ssl) {
        done = out ? send(c->fd, p, n, MSG_NOSIGNAL) : recv(c->fd, p, n, 0);
        if (done > 0) return done;
        return done < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    ERR_clear_error();
    done = out ? SSL_write(c->ssl, p, (int)n) : SSL_read(c->ssl, p, (int)n);
    if (done > 0) return done;
    int why = SSL_get_error(c->ssl, (int)done);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Sends what is due and takes requests as long as there are any. False: it is over. */
static bool conn_run(struct mock *m, struct conn *c)
{
    while (c->script || take_request(m, c)) {
        const struct piece *piece = &c->script->pieces[c->at];
        if (c->sent == 0 && piece->wait_us != 0 && !(c->due && now_us() >= c->due_us)) {
            wait_due(m, c, piece->wait_us);
            return true;
        }
        c->due = false;
        ssize_t done = conn_io(c, piece->p + c->sent, piece->n - c->sent, true);
        if (done < 0) return false;
        want_out(m, c, done == 0);
        if (done == 0) return true;
        c->sent += (size_t)done;
        if (c->sent < piece->n) continue;
        c->sent = 0;
        if (++c->at == c->script->count) c->script = NULL;
    }
    return true;
}

static bool conn_read(struct conn *c)
{
    for (;;) {
        if (c->in_cap - c->in_n < IN_FIRST / 2) {
            size_t cap = c->in_cap ? c->in_cap * 2 : IN_FIRST;
            char *bigger = cap > IN_MAX ? NULL : realloc(c->in, cap);
            if (!bigger) return false;
            c->in = bigger;
            c->in_cap = cap;
        }
        size_t room = c->in_cap - c->in_n;
        ssize_t done = conn_io(c, c->in + c->in_n, room, false);
        if (done < 0) return false;
        c->in_n += (size_t)done;
        /* A plain socket that gave less than it could is empty: spares the EAGAIN. */
        if (done == 0 || (!c->ssl && (size_t)done < room)) return true;
    }
}

static bool conn_event(struct mock *m, struct conn *c, uint32_t events)
{
    if (c->ssl && !c->greeted) {
        ERR_clear_error();
        int done = SSL_accept(c->ssl);
        if (done != 1) {
            int why = SSL_get_error(c->ssl, done);
            return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        }
        c->greeted = true;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !conn_read(c)) return false;
    return conn_run(m, c);
}

/* ---- the loop */

struct listener {
    int fd;
    bool tls;
};

static void listen_on(struct mock *m, struct listener *l, const char *port, bool tls)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    l->tls = tls;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(l->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(l->fd, 4096) < 0) die(port);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, l->fd, &e) < 0) die("epoll");
}

static void accept_all(struct mock *m, const struct listener *l)
{
    /* What epoll holds is not lost. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    for (int fd; (fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = calloc(1, sizeof *c);
        if (!c) die("memory");
        c->fd = fd;
        if (l->tls) {
            c->ssl = SSL_new(m->tls);
            if (!c->ssl || !SSL_set_fd(c->ssl, fd)) die("TLS");
        }
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
        if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &e) < 0) die("epoll");
    }
}

static void run_due(struct mock *m)
{
    int64_t now = now_us();
    while (m->due_first && m->due_first->due_us <= now) {
        struct conn *c = m->due_first;
        m->due_first = c->next_due;
        if (!m->due_first) m->due_last = NULL;
        if (!conn_run(m, c)) conn_drop(m, c);
    }
}

static _Noreturn void run(struct mock *m, const struct listener *listeners)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int wait_ms = -1;
        if (m->due_first) {
            int64_t wait_us = m->due_first->due_us - now_us();
            wait_ms = wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000);
        }
        int n = epoll_wait(m->epoll, events, EVENTS, wait_ms);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &listeners[0] || who == &listeners[1])
                accept_all(m, who);
            else if (!conn_event(m, who, events[i].events))
                conn_drop(m, who);
        }
        run_due(m);
    }
}

static SSL_CTX *tls_new(const char *cert, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        errno = 0;
        die("certificate or key");
    }
    SSL_CTX_set_mode(tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

int main(int argc, char **argv)
{
    const char *port = NULL, *tls_port = NULL, *cert = NULL, *key = NULL, *seconds = "900";
    const struct {
        const char *name, **value;
    } options[] = {
        {"--port", &port}, {"--tls-port", &tls_port}, {"--cert", &cert}, {"--key", &key}, {"--seconds", &seconds}};
    for (int i = 1; i + 1 < argc; i += 2) {
        for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
            if (strcmp(argv[i], options[o].name) == 0) *options[o].value = argv[i + 1];
        }
    }
    if (!port || (tls_port && (!cert || !key))) {
        fprintf(stderr, "usage: mock --port P [--tls-port P --cert FILE --key FILE] [--seconds N]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)strtoul(seconds, NULL, 10));
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct mock m = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct listener listeners[2] = {{.fd = -1}, {.fd = -1}};
    render(&m.replies);
    listen_on(&m, &listeners[0], port, false);
    if (tls_port) {
        m.tls = tls_new(cert, key);
        listen_on(&m, &listeners[1], tls_port, true);
    }
    run(&m, listeners);
}
