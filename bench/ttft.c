/* How long one caller waits, through each of several servers in turn.
 *
 *   ttft --body FILE --key KEY --calls N PORT[/PATH]...
 *
 * One kept connection each, one call at a time, the servers alternating call by
 * call, so that whatever else the machine does hits all of them alike. Prints a
 * JSON array, in the order of the ports: microseconds from the first byte written
 * to the first byte of the answer's body, and to its end, p50 and p99. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { TARGETS_MAX = 8, CALLS_MAX = 1000000, BODY_MAX = 1 << 20, ANSWER_MAX = 1 << 20, WARM_UP = 20, WAIT_S = 20 };

struct target {
    int fd;
    char *request;
    size_t request_n;
    int64_t *first_ns, *whole_ns;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "ttft: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static void *must(void *p)
{
    if (!p) die("memory");
    return p;
}

static void dial(struct target *t, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    struct timeval wait = {.tv_sec = WAIT_S};
    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&at, sizeof at) < 0) die("connect");
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}

static void target_init(struct target *t, const char *where, const char *key, const char *body, size_t body_n,
                        size_t calls)
{
    char *path = NULL;
    unsigned port = (unsigned)strtoul(where, &path, 10);
    size_t room = body_n + 1024;
    t->request = must(malloc(room));
    int n = snprintf(t->request, room,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     path && *path ? path : "/v1/chat/completions", port, key, body_n);
    if (n < 0 || (size_t)n + body_n > room) die("path or key too long");
    memcpy(t->request + n, body, body_n);
    t->request_n = (size_t)n + body_n;
    t->first_ns = must(calloc(calls, sizeof *t->first_ns));
    t->whole_ns = must(calloc(calls, sizeof *t->whole_ns));
    dial(t, port);
}

/* Whole by its own framing? `body`: where the head ends. */
static bool is_whole(const char *answer, size_t n, size_t body, const char *length)
{
    if (length) return n >= body + strtoul(length + 17, NULL, 10);
    return n >= body + 5 && memcmp(answer + n - 5, "0\r\n\r\n", 5) == 0;
}

static void call(const struct target *t, int64_t *first_ns, int64_t *whole_ns)
{
    static char answer[ANSWER_MAX + 1];
    size_t n = 0, body = 0;
    const char *length = NULL;
    int64_t began = now_ns();
    for (size_t sent = 0; sent < t->request_n;) {
        ssize_t done = send(t->fd, t->request + sent, t->request_n - sent, MSG_NOSIGNAL);
        if (done <= 0) die("send");
        sent += (size_t)done;
    }
    do {
        ssize_t done = recv(t->fd, answer + n, ANSWER_MAX - n, 0);
        if (done <= 0) die("the connection ended before the answer did");
        n += (size_t)done;
        answer[n] = '\0';
        if (body == 0) {
            const char *end = strstr(answer, "\r\n\r\n");
            if (!end) continue;
            if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
                errno = 0;
                die(answer);
            }
            body = (size_t)(end - answer) + 4;
            length = strcasestr(answer, "\r\ncontent-length:");
        }
        if (n > body && !*first_ns) *first_ns = now_ns() - began;
    } while (body == 0 || !is_whole(answer, n, body, length));
    *whole_ns = now_ns() - began;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(int64_t *ns, size_t n, size_t percent)
{
    qsort(ns, n, sizeof *ns, by_size);
    size_t at = (n - 1) * percent / 100;
    return (double)ns[at] / 1000;
}

static size_t read_body(const char *file, char *body)
{
    FILE *f = fopen(file, "rb");
    if (!f) die(file);
    size_t n = fread(body, 1, BODY_MAX, f);
    fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    static char body[BODY_MAX];
    const char *key = "none";
    size_t calls = 1000, body_n = 0, count = 0;
    const char *where[TARGETS_MAX];
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--body") == 0)
            body_n = read_body(argv[++i], body);
        else if (i + 1 < argc && strcmp(argv[i], "--key") == 0)
            key = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--calls") == 0)
            calls = strtoul(argv[++i], NULL, 10);
        else if (count < TARGETS_MAX)
            where[count++] = argv[i];
    }
    if (count == 0 || body_n == 0 || calls == 0 || calls > CALLS_MAX) {
        fprintf(stderr, "usage: ttft --body FILE --key KEY --calls N PORT[/PATH]...\n");
        return 2;
    }
    struct target targets[TARGETS_MAX];
    for (size_t t = 0; t < count; t++) target_init(&targets[t], where[t], key, body, body_n, calls);
    for (size_t i = 0; i < WARM_UP + calls; i++) {
        for (size_t t = 0; t < count; t++) {
            int64_t first = 0, whole = 0;
            call(&targets[t], &first, &whole);
            if (i < WARM_UP) continue;
            targets[t].first_ns[i - WARM_UP] = first;
            targets[t].whole_ns[i - WARM_UP] = whole;
        }
    }
    printf("[");
    for (size_t t = 0; t < count; t++) {
        printf("%s{\"first_p50_us\":%.1f,\"first_p99_us\":%.1f,\"whole_p50_us\":%.1f,\"whole_p99_us\":%.1f}",
               t ? "," : "", percentile_us(targets[t].first_ns, calls, 50),
               percentile_us(targets[t].first_ns, calls, 99), percentile_us(targets[t].whole_ns, calls, 50),
               percentile_us(targets[t].whole_ns, calls, 99));
    }
    printf("]\n");
    return 0;
}
