/* Files of the dashboard: stored gzipped, sent gzipped; a client without gzip gets them inflated. Assets carry a hash
 * in their names and may be kept for ever, index.html is asked for anew with its ETag. */
#include "admin/pages.h"

#include "net/http_decode.h"

/* No script or style but our files, no request but to us, no frame around us. */
#define GUARDS                                                                                                         \
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "           \
    "img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'\r\n"           \
    "x-content-type-options: nosniff\r\n"                                                                              \
    "referrer-policy: no-referrer\r\n"                                                                                 \
    "cross-origin-opener-policy: same-origin\r\n"

struct page_file {
    str path, type, hash;
    uint64_t gzipped_bytes, plain_bytes;
    str gzipped;
};

static const char no_dashboard[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>purser</title>\n"
    "<h1>purser</h1>\n"
    "<p>It runs, but this binary was built without its dashboard: there was no npm, or no way to fetch its "
    "packages.</p>\n"
    "<p>To have it: <code>scripts/install build</code>, then <code>make</code>, then start purser anew.</p>\n"
    "<p>Without it the same is answered by <code>purser report</code>, <code>purser budgets</code>, "
    "<code>/api/v1</code> and <code>/metrics</code>.</p>\n"
    "</html>\n";

/* One line "file PATH TYPE GZIPPED PLAIN HASH". */
static bool read_file_line(str line, struct page_file *out)
{
    out->path = str_cut(&line, ' ');
    out->type = str_cut(&line, ' ');
    str gzipped = str_cut(&line, ' '), plain = str_cut(&line, ' ');
    out->hash = line;
    return str_to_u64(gzipped, &out->gzipped_bytes) && str_to_u64(plain, &out->plain_bytes);
}

/* "/costs" and "/costs/a/b", where `name` is "costs". */
static bool is_page(str path, str name)
{
    str rest = str_from_at(path, 1);
    return str_starts(rest, name) && (rest.n == name.n || rest.p[name.n] == '/');
}

/* `wanted` as the table has it. What browsers ask for beside what is no page, such as an answer of the API, is the icon. */
static bool is_wanted(str path, str wanted)
{
    return str_eq(wanted, S("/favicon.ico")) ? str_starts(path, S("/assets/icon-")) : str_eq(path, wanted);
}

/* Reads the table anew each time: some ten lines. */
static bool find(str path, struct page_file *out)
{
    str blob = pages_data(), rest = blob;
    size_t end = str_find(blob, S("\n\n"), 0);
    if (end == SIZE_MAX) return false;
    rest = str_head(blob, end);
    size_t at = end + 2;
    str wanted = str_eq(path, S("/")) ? S("/index.html") : path;
    while (rest.p) {
        str line = str_cut(&rest, '\n');
        str kind = str_cut(&line, ' ');
        if (str_eq(kind, S("page")) && is_page(path, line)) wanted = S("/index.html");
        if (!str_eq(kind, S("file")) || !read_file_line(line, out)) continue;
        out->gzipped = str_head(str_from_at(blob, at), out->gzipped_bytes);
        at += out->gzipped_bytes;
        if (is_wanted(out->path, wanted)) return true;
    }
    return false;
}

/* "q=0", "q=0.0" ... */
static bool is_zero_weight(str weight)
{
    if (!str_starts(weight, S("q=0"))) return false;
    for (size_t i = 3; i < weight.n; i++)
        if (weight.p[i] != '0' && weight.p[i] != '.') return false;
    return true;
}

/* RFC 9110, 12.5.3, as far as it matters here. */
static bool takes_gzip(const struct http_request *q)
{
    str rest = http_header_find(q, S("accept-encoding"));
    while (rest.p) {
        str weight = str_cut(&rest, ',');
        str coding = str_trim(str_cut(&weight, ';'));
        if (str_eq_nocase(coding, S("gzip"))) return !is_zero_weight(str_trim(weight));
    }
    return false;
}

static void send_file(struct http_exchange *x, const struct page_file *file)
{
    bool gzip = takes_gzip(&x->request), kept = str_starts(x->request.path, S("/assets/"));
    str tag = arena_printf(&x->arena, "W/\"%" STR_FMT "\"", STR_ARG(file->hash));
    str headers = arena_printf(&x->arena,
                               "content-type: %" STR_FMT "\r\n%scache-control: %s\r\netag: %" STR_FMT
                               "\r\nvary: accept-encoding\r\n" GUARDS,
                               STR_ARG(file->type), gzip ? "content-encoding: gzip\r\n" : "",
                               kept ? "public, max-age=31536000, immutable" : "no-cache", STR_ARG(tag));
    str known = http_header_find(&x->request, S("if-none-match"));
    if (known.n && (str_eq(known, S("*")) || str_find(known, tag, 0) != SIZE_MAX)) {
        http_respond(x, 304, headers, STR_NONE);
        return;
    }
    if (gzip) {
        http_respond(x, 200, headers, file->gzipped);
        return;
    }
    struct buf plain;
    const char *why = NULL;
    buf_init(&plain, file->plain_bytes);
    if (http_decode(S("gzip"), file->gzipped, &plain, &why) == ERR_NONE)
        http_respond(x, 200, headers, buf_str(&plain));
    else
        http_respond(x, 500, S("content-type: text/plain\r\n"), S("The embedded dashboard is damaged: build anew.\n"));
    buf_free(&plain);
}

bool admin_serve_page(struct http_exchange *x)
{
    struct page_file file;
    str path = x->request.path;
    if (!str_eq(x->request.method, S("GET")) && !str_eq(x->request.method, S("HEAD"))) return false;
    if (find(path, &file)) {
        send_file(x, &file);
        return true;
    }
    if (pages_data().n || !str_eq(path, S("/"))) return false;
    http_respond(x, 200, S("content-type: text/html;charset=utf-8\r\ncache-control: no-store\r\n" GUARDS),
                 str_of(no_dashboard, sizeof(no_dashboard) - 1));
    return true;
}
