/* JSON Schema: a schema, a NUL, a document. Neither may crash or hang; a document that is accepted is open at
 * each of its prefixes; a schema that compiles compiles again to one that says the same. */
#include "base/schema.h"

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

static void check_document(const struct schema *s, const struct schema *again, str text)
{
    struct json doc;
    struct json_fail fail;
    struct schema_error error, same;
    json_init(&doc);
    enum schema_hope hope = schema_prefix(s, text);
    if (!json_parse(&doc, text, &fail)) {
        json_free(&doc);
        return;
    }
    bool ok = schema_check(s, &doc, JSON_ROOT, &error);
    check(schema_check(again, &doc, JSON_ROOT, &same) == ok);
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
