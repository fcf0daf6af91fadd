#include "cli/control.h"

#include "base/json.h"
#include "base/time.h"
#include "provider/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, READ_BYTES = 16384 };

/* ---- the folder */

static void print_errors(const struct settings_report *report)
{
    if (report->errors.n) fwrite(report->errors.p, 1, report->errors.n, stderr);
}

static bool any_settings(const char *config)
{
    struct arena arena;
    bool any = config && *config;
    str file;
    arena_init(&arena);
    for (size_t i = 0; !any && (file = settings_default_file(i, &arena)).n; i++) {
        char *path = str_dup(file);
        any = access(path, F_OK) == 0;
        free(path);
    }
    arena_free(&arena);
    return any;
}

bool data_folder_find(const struct options *o, const char *config, const char *dir, bool lenient,
                      struct data_folder *out)
{
    struct settings_report report = {0};
    bool any = any_settings(config);
    *out = (struct data_folder){0};
    if (any) out->settings = settings_load(config, &report);
    out->settings_wrong = any && !out->settings;
    if (out->settings_wrong) print_errors(&report);
    settings_report_free(&report);
    if (dir)
        out->dir = str_dup(str_from(dir));
    else if (out->settings)
        out->dir = str_dup(out->settings->data);
    else if (access("purser-data", F_OK) == 0 && (!any || lenient))
        out->dir = str_dup(S("./purser-data"));
    if (out->settings_wrong && (config || !lenient || !out->dir)) {
        options_complain(o, "the settings cannot be used ('purser check' tells more)%s",
                         dir ? "" : "; --data DIR names the data folder without them");
        if (config || !dir) {
            data_folder_free(out);
            return false;
        }
    } else if (out->settings_wrong) {
        options_complain(o, "warning: the settings cannot be used; this is of %s", out->dir);
    }
    if (out->dir) return true;
    options_complain(o,
                     "there are neither settings nor ./purser-data here: name them with --config FILE or --data DIR");
    data_folder_free(out);
    return false;
}

void data_folder_free(struct data_folder *f)
{
    settings_drop(f->settings);
    free(f->dir);
    *f = (struct data_folder){0};
}

/* ---- the socket */

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

/* The value of a header in `head`; p == NULL where it is missing. */
static str header(str head, str name)
{
    while (head.p && head.n) {
        str line = str_cut(&head, '\n');
        str key = str_cut(&line, ':');
        if (line.p && str_eq_nocase(str_trim(key), name)) return str_trim(line);
    }
    return STR_NONE;
}

/* "HTTP/1.1 200 OK": is all of it there? Fills in the answer then. */
static bool is_whole(str all, bool closed, int *status, str *body)
{
    size_t end = str_find(all, S("\r\n\r\n"), 0);
    uint64_t length;
    if (end == SIZE_MAX || !str_starts(all, S("HTTP/1.1 ")) || end < 12) return false;
    if (!str_to_u64(str_of(all.p + 9, 3), &length)) return false;
    *status = (int)length;
    *body = str_from_at(all, end + 4);
    str value = header(str_head(all, end), S("content-length"));
    if (!value.p) return closed && !header(str_head(all, end), S("transfer-encoding")).p;
    if (!str_to_u64(value, &length) || body->n < length) return false;
    *body = str_head(*body, length);
    return true;
}

static bool read_answer(int fd, int64_t deadline_us, int *status, struct buf *answer)
{
    struct buf all;
    str body;
    bool whole = false;
    buf_init(&all, ANSWER_MAX);
    for (bool closed = false; !whole && !closed;) {
        if (!buf_reserve(&all, READ_BYTES)) break;
        ssize_t n = recv(fd, all.p + all.n, READ_BYTES, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN && wait_for(fd, POLLIN, deadline_us)) continue;
        if (n < 0) break;
        all.n += (size_t)n;
        closed = n == 0;
        whole = is_whole(buf_str(&all), closed, status, &body);
    }
    if (whole) buf_add(answer, body);
    buf_free(&all);
    return whole;
}

enum control_result control_run(const struct control_call *call, int *status, struct buf *answer, struct buf *why)
{
    int64_t timeout_us = call->timeout_us ? call->timeout_us : 10 * US_PER_SECOND;
    int64_t deadline_us = time_mono_us() + timeout_us;
    int fd = connect_socket(call->dir);
    if (fd < 0) return CONTROL_NO_SERVER;
    struct buf request;
    buf_init(&request, 0);
    buf_printf(&request, "%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", call->method, call->path);
    str who = control_user();
    buf_printf(&request, "x-purser-who: %" STR_FMT "\r\n", STR_ARG(who));
    if (call->body.n || strcmp(call->method, "GET") != 0)
        buf_printf(&request, "content-type: application/json\r\ncontent-length: %zu\r\n", call->body.n);
    buf_add(&request, S("\r\n"));
    buf_add(&request, call->body);
    bool ok = send_all(fd, buf_str(&request), deadline_us) && read_answer(fd, deadline_us, status, answer);
    buf_free(&request);
    close(fd);
    if (ok) return CONTROL_ANSWERED;
    buf_printf(why, "the server at %s/purser.sock gave no whole answer within %lld s", call->dir,
               (long long)(timeout_us / US_PER_SECOND));
    return CONTROL_FAILED;
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
    add_message(buf_str(answer), why);
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

/* ---- what is sent */

void control_add_member(struct buf *body, const char *name, str value)
{
    if (!value.p) return;
    buf_printf(body, "%s\"%s\":", body->n ? "," : "{", name);
    buf_add_json(body, value);
}

void control_add_name(struct buf *path, str name)
{
    size_t waves = 0;
    while (waves < name.n && name.p[waves] == '~') waves++;
    str rest = str_from_at(name, waves);
    if (str_eq(rest, S(".")) || str_eq(rest, S(".."))) buf_add_byte(path, '~');
    buf_add_percent(path, name);
}

str control_user(void)
{
    const char *sudo = getenv("SUDO_USER");
    if (sudo && *sudo && geteuid() == 0) return str_from(sudo);
    const struct passwd *p = getpwuid(getuid());
    return p ? str_from(p->pw_name) : S("unknown");
}
