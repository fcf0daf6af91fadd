#include "net/http1.h"

#include <stdlib.h>

str http_head_search(const struct http_head *h, str name)
{
    for (size_t i = 0; i < h->header_count; i++) {
        str found = h->headers[i].name;
        if (found.n == name.n && str_eq_nocase(found, name)) return h->headers[i].value;
    }
    return STR_NONE;
}

/* Folded; or without a name, which llhttp would give to the header before it. */
static bool is_odd_line(char first)
{
    return first == ' ' || first == '\t' || first == ':';
}

size_t http1_head_end(str bytes, size_t seen)
{
    size_t line = seen; /* where the line being looked at begins: go back to it */
    while (line > 0 && bytes.p[line - 1] != '\n') line--;
    for (;;) {
        size_t lf = str_find_byte(bytes, '\n', line);
        if (lf == SIZE_MAX) return 0;
        if (lf == line || bytes.p[lf - 1] != '\r') return SIZE_MAX;
        size_t text = lf - 1 - line;
        if (text == 0) {
            if (line > 0) return lf + 1;
        } else {
            bool odd = line > 0 && is_odd_line(bytes.p[line]);
            if (odd || memchr(bytes.p + line, '\r', text) || memchr(bytes.p + line, '\0', text)) return SIZE_MAX;
        }
        line = lf + 1;
    }
}

/* What llhttp tells while it reads one head. */
struct reading {
    llhttp_t parser; /* first: the callbacks find the rest behind it */
    struct http_head *out;
    struct http_header found[HTTP_HEADERS_MAX];
    bool too_many;
};

static struct reading *of(llhttp_t *p)
{
    return CONTAINER_OF(p, struct reading, parser);
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    of(p)->out->target = str_of(at, n);
    return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    struct reading *r = of(p);
    if (r->out->header_count == HTTP_HEADERS_MAX) {
        r->too_many = true;
        return -1;
    }
    r->found[r->out->header_count++] = (struct http_header){str_of(at, n), STR_NONE};
    r->out->name_lengths |= UINT64_C(1) << (n & 63);
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct reading *r = of(p);
    r->found[r->out->header_count - 1].value = str_trim(str_of(at, n));
    return 0;
}

static int on_head_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static const llhttp_settings_t *head_settings(void)
{
    static const llhttp_settings_t settings = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = on_head_complete,
    };
    return &settings;
}

static bool read_head(struct reading *r, llhttp_type_t type, str head, struct arena *arena, struct http_head *out)
{
    *out = (struct http_head){0};
    r->out = out;
    r->too_many = false;
    llhttp_init(&r->parser, type, head_settings());
    llhttp_errno_t error = llhttp_execute(&r->parser, head.p, head.n);
    if (error != HPE_PAUSED) return false;
    if (r->parser.http_major != 1 || r->parser.http_minor > 1) return false;
    out->version_minor = r->parser.http_minor;
    if (out->header_count == 0) return true;
    size_t size = out->header_count * sizeof(struct http_header);
    out->headers = arena_alloc(arena, size);
    memcpy(out->headers, r->found, size);
    return true;
}

/* "a, b" lists: is `token` one of them? */
static bool has_token(str list, str token)
{
    while (list.p) {
        if (str_eq_nocase(str_trim(str_cut(&list, ',')), token)) return true;
    }
    return false;
}

/* The headers that frame a message, gathered once. */
struct framing_headers {
    str length, coding, host, expect, upgrade;
    size_t lengths, codings, hosts, keys, types;
    bool close, keep_alive; /* said by any Connection header */
};

static struct framing_headers gather(const struct http_head *h)
{
    struct framing_headers f = {0};
    for (size_t i = 0; i < h->header_count; i++) {
        str name = h->headers[i].name, value = h->headers[i].value;
        switch (name.n) {
        case 4:
            if (str_eq_nocase(name, S("host"))) f.host = value, f.hosts++;
            break;
        case 6:
            if (str_eq_nocase(name, S("expect"))) f.expect = value;
            break;
        case 7:
            if (str_eq_nocase(name, S("upgrade"))) f.upgrade = value;
            break;
        case 10:
            if (!str_eq_nocase(name, S("connection"))) break;
            f.close = f.close || has_token(value, S("close"));
            f.keep_alive = f.keep_alive || has_token(value, S("keep-alive"));
            break;
        case 12:
            f.types += str_eq_nocase(name, S("content-type"));
            break;
        case 13:
            f.keys += str_eq_nocase(name, S("authorization"));
            break;
        case 14:
            if (str_eq_nocase(name, S("content-length"))) f.length = value, f.lengths++;
            break;
        case 17:
            if (str_eq_nocase(name, S("transfer-encoding"))) f.coding = value, f.codings++;
            break;
        default:
            break;
        }
    }
    return f;
}

static bool keeps_alive(const struct http_head *h, const struct framing_headers *f)
{
    return !f->close && (h->version_minor > 0 || f->keep_alive);
}

/* RFC 9112, 3.2: a Host that cannot be one is refused; empty is allowed. */
static bool is_host(str host)
{
    static const char others[] = "-._~%!$&'()*+,;=:[]";
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !memchr(others, c, sizeof(others) - 1)) return false;
    }
    return true;
}

static enum err bad(const char **why, const char *text)
{
    *why = text;
    return ERR_BAD_REQUEST;
}

/* RFC 9112, 6.3 with nothing forgiven: one framing header, read one way only. */
static enum err frame_request(struct http_head *h, const struct framing_headers *f, const char **why)
{
    if (f->codings > 1 || f->lengths > 1) return bad(why, "Content-Length or Transfer-Encoding stands twice");
    if (f->codings && f->lengths) return bad(why, "Content-Length and Transfer-Encoding exclude each other");
    if (f->codings) {
        if (h->version_minor == 0) return bad(why, "HTTP/1.0 knows no Transfer-Encoding");
        if (!str_eq_nocase(f->coding, S("chunked"))) return bad(why, "the only Transfer-Encoding taken is chunked");
        h->framing = HTTP_CHUNKED;
    } else if (f->lengths) {
        if (!str_to_u64(f->length, &h->length)) return bad(why, "Content-Length is no decimal number");
        h->framing = h->length ? HTTP_LENGTH : HTTP_NO_BODY;
    }
    return ERR_NONE;
}

/* llhttp also takes RTSP, ICE and several blanks. `target` shows where it found what. */
static bool is_http_line(str head, const struct http_head *h)
{
    size_t begin = str_starts(head, S("\r\n")) ? 2 : 0;
    size_t target = (size_t)(h->target.p - head.p);
    str version = str_from_at(head, target + h->target.n);
    return target == begin + h->method.n + 1 && str_starts(version, S(" HTTP/1.")) &&
           str_starts(str_from_at(version, 9), S("\r\n"));
}

/* "GET / HTTP/2.0": whole, but of a version that is not spoken here. */
static bool is_other_version(str head)
{
    if (str_starts(head, S("\r\n"))) head = str_from_at(head, 2);
    size_t end = str_find(head, S("\r\n"), 0);
    if (end == SIZE_MAX || end < 9) return false;
    str version = str_of(head.p + end - 9, 9);
    char major = version.p[6], minor = version.p[8];
    return str_starts(version, S(" HTTP/")) && version.p[7] == '.' && major >= '0' && major <= '9' && minor >= '0' &&
           minor <= '9' && !(major == '1' && minor <= '1');
}

static const char not_a_line[] = "the request line is not: method, one space, target, one space, HTTP/1.1";

enum err http1_read_request(str head, struct arena *arena, struct http_head *out, const char **why)
{
    struct reading r;
    if (!read_head(&r, HTTP_REQUEST, head, arena, out)) {
        if (r.too_many) {
            *why = "more than 100 headers";
            return ERR_HEAD_TOO_LARGE;
        }
        if (is_other_version(head)) {
            *why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
            return ERR_HTTP_VERSION;
        }
        const char *reason = llhttp_get_error_reason(&r.parser);
        if (llhttp_get_errno(&r.parser) == HPE_PAUSED)
            return bad(why, not_a_line); /* HTTP/0.9: a line without version */
        return bad(why, reason && *reason ? reason : "the request's head is malformed");
    }
    out->method = str_from(llhttp_method_name((llhttp_method_t)r.parser.method));
    if (!is_http_line(head, out)) return bad(why, not_a_line);
    struct framing_headers f = gather(out);
    if (f.hosts > 1 || (f.hosts == 0 && out->version_minor == 1))
        return bad(why, "there must be exactly one Host header");
    if (!is_host(f.host)) return bad(why, "the Host header is no host");
    if (f.keys > 1 || f.types > 1) return bad(why, "Authorization or Content-Type stands twice: which one is meant?");
    enum err e = frame_request(out, &f, why);
    if (e) return e;
    out->keep_alive = keeps_alive(out, &f);
    if (f.expect.n) {
        if (!str_eq_nocase(f.expect, S("100-continue"))) {
            *why = "only Expect: 100-continue is known";
            return ERR_EXPECTATION_FAILED;
        }
        out->expect_continue = out->version_minor == 1;
    }
    out->upgrade_websocket = has_token(f.upgrade, S("websocket"));
    return ERR_NONE;
}

enum err http1_read_response(str head, bool head_request, struct arena *arena, struct http_head *out, const char **why)
{
    struct reading r;
    if (!read_head(&r, HTTP_RESPONSE, head, arena, out)) {
        const char *reason = llhttp_get_error_reason(&r.parser);
        *why = reason && *reason ? reason : "the answer's head is malformed";
        return ERR_PROVIDER_PROTOCOL;
    }
    out->status = r.parser.status_code;
    struct framing_headers f = gather(out);
    out->keep_alive = keeps_alive(out, &f);
    if (out->status < 100 || out->status > 599) {
        *why = "the answer's status is none of HTTP's";
        return ERR_PROVIDER_PROTOCOL;
    }
    if (head_request || out->status < 200 || out->status == 204 || out->status == 304) return ERR_NONE;
    if (f.codings) {
        if (f.codings > 1 || !str_eq_nocase(f.coding, S("chunked")) || f.lengths) {
            *why = "the answer's Transfer-Encoding and Content-Length conflict";
            return ERR_PROVIDER_PROTOCOL;
        }
        out->framing = HTTP_CHUNKED;
    } else if (f.lengths) {
        if (f.lengths > 1 || !str_to_u64(f.length, &out->length)) {
            *why = "the answer's Content-Length is no decimal number";
            return ERR_PROVIDER_PROTOCOL;
        }
        out->framing = out->length ? HTTP_LENGTH : HTTP_NO_BODY;
    } else {
        out->framing = HTTP_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return ERR_NONE;
}

str http_head_list(const struct http_head *h, str name, struct arena *arena)
{
    str list = http_head_find(h, name);
    if (!list.p) return list;
    for (size_t i = 0; i < h->header_count; i++) {
        const struct http_header *line = &h->headers[i];
        if (line->value.p == list.p || !str_eq_nocase(line->name, name)) continue;
        list = arena_printf(arena, "%" STR_FMT ",%" STR_FMT, STR_ARG(list), STR_ARG(line->value));
    }
    return list;
}

bool http_connection_names(str connection, str name)
{
    while (connection.n)
        if (str_eq_nocase(str_trim(str_cut(&connection, ',')), name)) return true;
    return false;
}
