/* What it costs to check an answer: microseconds per compile, check, and look at a prefix. */
#include "base/schema.h"
#include "base/time.h"

#include <stdio.h>

enum { ROUNDS = 50, TIMES = 200 };

static const char tool[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"customer\",\"lines\",\"currency\",\"total\",\"due\",\"status\"],\"properties\":{"
    "\"customer\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"email\",\"address\"],"
    "\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"email\":{\"type\":\"string\"},"
    "\"address\":{\"$ref\":\"#/$defs/address\"}}},\"currency\":{\"enum\":[\"EUR\",\"USD\",\"GBP\",\"CHF\"]},"
    "\"lines\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,\"items\":{\"$ref\":\"#/$defs/line\"}},"
    "\"total\":{\"type\":\"number\",\"minimum\":0},\"due\":{\"type\":\"string\",\"format\":\"date\"},"
    "\"status\":{\"enum\":[\"draft\",\"open\",\"paid\",\"void\"]},\"note\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":"
    "\"null\"}]}},\"$defs\":{\"address\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"street\","
    "\"city\",\"country\"],\"properties\":{\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"},"
    "\"country\":{\"type\":\"string\"%s}}},\"line\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"sku\",\"text\",\"count\",\"price\"],\"properties\":{\"sku\":{\"type\":\"string\"},\"text\":{"
    "\"type\":"
    "\"string\"},\"count\":{\"type\":\"integer\",\"minimum\":1},\"price\":{\"type\":\"number\",\"minimum\":0}}}}}";

static void make_answer(struct buf *b, int lines)
{
    buf_clear(b);
    buf_printf(b,
               "{\"customer\":{\"name\":\"Erika Mustermann\",\"email\":\"erika@example.com\",\"address\":{\"street\":"
               "\"Heidestr. 17\",\"city\":\"Cologne\",\"country\":\"DE\"}},\"currency\":\"EUR\",\"lines\":[");
    for (int i = 0; i < lines; i++) {
        buf_printf(b, "%s{\"sku\":\"A-%d\",\"text\":\"A thing of some use\",\"count\":%d,\"price\":%d.95}",
                   i ? "," : "", i, i + 1, i * 3);
    }
    buf_printf(b, "],\"total\":120.5,\"due\":\"2026-12-24\",\"status\":\"open\",\"note\":null}");
}

enum what { COMPILE, PARSE, CHECK, PREFIX };

static bool run(enum what what, str schema_text, const struct schema *s, str text, struct json *doc)
{
    struct schema_fail why;
    struct json_fail fail;
    struct schema *made;
    switch (what) {
    case COMPILE:
        made = schema_compile(schema_text, NULL, &why);
        schema_drop(made);
        return made != NULL;
    case PARSE:
        return json_parse(doc, text, &fail);
    case CHECK:
        return schema_check(s, doc, JSON_ROOT, NULL);
    default:
        return schema_prefix(s, str_head(text, text.n - 5)) == SCHEMA_OPEN;
    }
}

static double best_us(enum what what, str schema_text, str text)
{
    struct schema_fail why;
    struct json doc;
    json_init(&doc);
    struct schema *s = schema_compile(schema_text, NULL, &why);
    int64_t best = INT64_MAX;
    bool ok = s && run(PARSE, schema_text, s, text, &doc);
    for (int round = 0; ok && round < ROUNDS; round++) {
        int64_t begun = time_mono_us();
        for (int i = 0; i < TIMES; i++) ok &= run(what, schema_text, s, text, &doc);
        int64_t us = time_mono_us() - begun;
        if (us < best) best = us;
    }
    schema_drop(s);
    json_free(&doc);
    return ok ? (double)best / TIMES : -1;
}

int main(void)
{
    char plain[4096], pattern[4096];
    snprintf(plain, sizeof(plain), tool, "");
    snprintf(pattern, sizeof(pattern), tool, ",\"pattern\":\"^[A-Z]{2}$\"");
    struct buf answer;
    buf_init(&answer, 0);
    printf("%-28s %8s %9s %9s %9s %9s\n", "answer", "bytes", "compile", "parse", "check", "prefix");
    for (int lines = 1; lines <= 64; lines *= 8) {
        make_answer(&answer, lines);
        str text = buf_str(&answer), schemas[] = {str_from(plain), str_from(pattern)};
        for (int i = 0; i < 2; i++) {
            printf("%3d lines%-19s %8zu", lines, i ? ", a pattern" : "", text.n);
            for (int what = COMPILE; what <= PREFIX; what++) {
                printf(" %6.2f us", best_us((enum what)what, schemas[i], text));
            }
            printf("\n");
        }
    }
    buf_free(&answer);
    return 0;
}
