/* JSON: whatever the bytes, the index stays inside them and agrees with itself. */
#include "base/json.h"
#include "base/utf8.h"

#include <stdlib.h>

enum {
    INPUT_MAX = 64 * 1024,
    REPARSE_MAX = 1024 * 1024, /* bytes per input: nested values would make it quadratic */
};

static void check(bool holds)
{
    if (!holds) abort();
}

/* A node lies inside the node around it, and its own bytes are a text of the same shape. */
static void check_node(const struct json *doc, json_ref at, struct json *again, size_t *budget)
{
    const struct json_node *node = &doc->nodes[at];
    str raw = json_raw(doc, at);
    check(node->start < node->end && node->end <= doc->text.n);
    check(node->next > at && node->next <= doc->count);
    if (raw.n > *budget) return;
    *budget -= raw.n;
    struct json_fail why;
    check(json_parse(again, raw, &why));
    check(again->count == node->next - at);
    for (uint32_t i = 0; i < again->count; i++) {
        const struct json_node *a = &again->nodes[i], *b = &doc->nodes[at + i];
        check(a->start + node->start == b->start && a->end + node->start == b->end);
        check(a->next + at == b->next && a->type == b->type && a->escaped == b->escaped);
    }
}

/* A string decodes to UTF-8 or not at all, no longer than its text, and equals only itself. */
static void check_string(const struct json *doc, json_ref at, struct arena *arena)
{
    str s;
    if (!json_string(doc, at, arena, &s)) {
        check(doc->nodes[at].escaped || json_type(doc, at) != JSON_STRING);
        return;
    }
    check(json_type(doc, at) == JSON_STRING && utf8_valid(s) && s.n + 2 <= json_raw(doc, at).n);
    check(json_string_is(doc, at, s));
    check(!json_string_is(doc, at, arena_printf(arena, "%.*s\x01", (int)s.n, s.n ? s.p : "")));
    if (s.n) check(!json_string_is(doc, at, str_head(s, s.n - 1)));
}

/* Writing a decoded string anew gives a text that decodes to the same. */
static void check_written(const struct json *doc, json_ref at, struct arena *arena, struct json *again)
{
    str s, t = STR_NONE;
    if (!json_string(doc, at, arena, &s)) return;
    struct buf out;
    struct json_fail why;
    buf_init(&out, 0);
    check(buf_add_json(&out, s));
    check(json_parse(again, buf_str(&out), &why) && json_string(again, JSON_ROOT, arena, &t));
    check(str_eq(s, t));
    buf_free(&out);
}

/* Walking by first/next meets every child once; each key finds itself or a later twin. */
static void check_members(const struct json *doc, json_ref at, struct arena *arena, size_t *budget)
{
    enum json_type type = json_type(doc, at);
    json_ref expected = at + 1;
    uint32_t members = 0;
    for (json_ref m = json_first(doc, at); m != JSON_ABSENT; m = json_next(doc, at, m), members++) {
        check(m == expected);
        check(doc->nodes[m].start > doc->nodes[at].start && doc->nodes[m].end < doc->nodes[at].end);
        expected = doc->nodes[m].next;
        str key;
        size_t cost = doc->nodes[at].next - at;
        if (type != JSON_OBJECT || members % 2 || cost > *budget || !json_string(doc, m, arena, &key)) continue;
        *budget -= cost; /* a find looks at every key */
        bool twice;
        json_ref found = json_find(doc, at, key, &twice);
        check(found == m + 1 || (twice && found > m + 1));
    }
    check(type != JSON_OBJECT || members % 2 == 0);
    check(expected == doc->nodes[at].next || (type != JSON_OBJECT && type != JSON_ARRAY));
}

/* Taking a value out and putting it back gives the text. */
static void check_splice(const struct json *doc, json_ref at)
{
    struct json_edit edits[] = {
        {doc->nodes[at].start, 0, json_raw(doc, at)},
        {doc->nodes[at].start, json_raw(doc, at).n, STR_NONE},
    };
    struct buf out;
    buf_init(&out, INPUT_MAX);
    check(json_splice(doc->text, edits, COUNT_OF(edits), &out) && str_eq(buf_str(&out), doc->text));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    struct json doc, again;
    struct arena arena;
    struct json_fail why = {SIZE_MAX, NULL};
    json_init(&doc);
    json_init(&again);
    arena_init(&arena);
    size_t reparse = REPARSE_MAX, finds = REPARSE_MAX;
    if (json_parse(&doc, str_of((const char *)data, size), &why)) {
        check(doc.count > 0 && doc.nodes[0].next == doc.count);
        for (json_ref at = 0; at < doc.count; at++) {
            int64_t whole;
            double real;
            check_node(&doc, at, &again, &reparse);
            check_string(&doc, at, &arena);
            check_members(&doc, at, &arena, &finds);
            if (at < 64) check_written(&doc, at, &arena, &again);
            if (json_i64(&doc, at, &whole)) check(json_double(&doc, at, &real) && real == (double)whole);
        }
        check_splice(&doc, doc.count - 1);
    } else {
        check(doc.count == 0 && why.why && why.at <= size);
    }
    arena_free(&arena);
    json_free(&again);
    json_free(&doc);
    return 0;
}
