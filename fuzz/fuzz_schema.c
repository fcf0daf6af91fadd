/* JSON Schema: a schema, a NUL, a document. Neither may crash or hang; a document that is accepted is open at
 * each of its prefixes; one that comes in pieces is hopeless at the same byte however it is cut, and never where it
 * is accepted; a schema that compiles compiles again to one that says the same. */
#include "base/schema_stream.h"

#include <stdlib.h>

enum { INPUT_MAX = 16 * 1024, PREFIXES_MAX = 200 };

static void check(bool holds)
{
    if (!holds) abort();
}

static void check_prefixes(const struct schema *s, str text)
{
    size_t step = text.n / PREFIXES_MAX + 1;
    for (size_t n = 0; n <= text.n; n += step) check(schema_prefix(s, str_head(text, n)) == SCHEMA_OPEN);
}

/* Bytes until it is hopeless: of pieces of `most` bytes those of the whole pieces. */
static size_t hopeless_at(const struct schema *s, str text, size_t most)
{
    struct schema_stream stream;
    size_t at = 0;
    schema_stream_init(&stream, s, false);
    while (at < text.n && stream.hope == SCHEMA_OPEN) {
        size_t n = text.n - at < most ? text.n - at : most;
        (void)schema_stream_feed(&stream, str_of(text.p + at, n));
        at += n;
    }
    bool hopeless = stream.hope == SCHEMA_HOPELESS;
    schema_stream_free(&stream);
    return hopeless ? at : SIZE_MAX;
}

static void check_pieces(const struct schema *s, str text, bool valid)
{
    size_t at = hopeless_at(s, text, 1), most = 2 + text.n % 13, cut = hopeless_at(s, text, most);
    check((at == SIZE_MAX) == (cut == SIZE_MAX) && (at == SIZE_MAX || (cut >= at && cut < at + most)));
    check(!valid || at == SIZE_MAX);
}

static void check_document(const struct schema *s, const struct schema *again, str text)
{
    struct json doc;
    struct json_fail fail;
    struct schema_error error, same;
    json_init(&doc);
    enum schema_hope hope = schema_prefix(s, text);
    if (!json_parse(&doc, text, &fail)) {
        check_pieces(s, text, false);
        json_free(&doc);
        return;
    }
    bool ok = schema_check(s, &doc, JSON_ROOT, &error);
    check(schema_check(again, &doc, JSON_ROOT, &same) == ok);
    check_pieces(s, text, ok);
    if (ok) {
        check(hope == SCHEMA_OPEN);
        check_prefixes(s, text);
    } else {
        check(error.message[0] && !strcmp(error.message, same.message));
    }
    json_free(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    str rest = str_of((const char *)data, size), text = str_cut(&rest, '\0');
    struct schema_options options = {.formats = size % 2};
    struct schema_fail why;
    struct schema *s = schema_compile(text, &options, &why);
    if (!s) {
        check(why.why[0]);
        return 0;
    }
    struct schema *again = schema_compile(text, &options, &why);
    check(again != NULL);
    check_document(s, again, rest.p ? rest : S(""));
    schema_drop(s);
    schema_drop(again);
    return 0;
}
