/* Reading what json_parse() has indexed, and writing a text back with changes. */
#include "base/hex.h"
#include "base/json_index.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

str json_raw(const struct json *doc, json_ref at)
{
    if (at >= doc->count) return STR_NONE;
    const struct json_node *node = &doc->nodes[at];
    return str_of(doc->text.p + node->start, node->end - node->start);
}

json_ref json_first(const struct json *doc, json_ref container)
{
    enum json_type type = json_type(doc, container);
    if (type != JSON_ARRAY && type != JSON_OBJECT) return JSON_ABSENT;
    return doc->nodes[container].next > container + 1 ? container + 1 : JSON_ABSENT;
}

json_ref json_next(const struct json *doc, json_ref container, json_ref at)
{
    uint32_t next = doc->nodes[at].next;
    return next < doc->nodes[container].next ? next : JSON_ABSENT;
}

/* A string's bytes without the quotes. */
static inline str inside(const struct json *doc, json_ref at)
{
    const struct json_node *node = &doc->nodes[at];
    return str_of(doc->text.p + node->start + 1, node->end - node->start - 2);
}

/* What the \u escape at the head of `s` stands for, a pair of surrogates being
 * one; 0xd800 for an unpaired one. `*used` is its length. */
static uint32_t unescape_rune(str s, size_t *used)
{
    uint32_t unit = hex_unit_of(s.p + 2);
    *used = 6;
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    if (unit > 0xdbff || s.n < 12 || s.p[6] != '\\' || s.p[7] != 'u') return 0xd800;
    uint32_t low = hex_unit_of(s.p + 8);
    if (low < 0xdc00 || low > 0xdfff) return 0xd800;
    *used = 12;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* Decodes the escape at the head of `s`: its bytes into `out`, how many returned
 * (0: an unpaired surrogate). The parser has seen that it is well formed. */
static size_t unescape(str s, char out[4], size_t *used)
{
    *used = 2;
    switch (s.p[1]) {
    case 'b':
        out[0] = '\b';
        return 1;
    case 'f':
        out[0] = '\f';
        return 1;
    case 'n':
        out[0] = '\n';
        return 1;
    case 'r':
        out[0] = '\r';
        return 1;
    case 't':
        out[0] = '\t';
        return 1;
    case 'u': {
        uint32_t rune = unescape_rune(s, used);
        return rune == 0xd800 ? 0 : utf8_encode(rune, out);
    }
    default:
        out[0] = s.p[1];
        return 1; /* quote, backslash, slash */
    }
}

bool json_string_is(const struct json *doc, json_ref at, str want)
{
    if (json_type(doc, at) != JSON_STRING) return false;
    str s = inside(doc, at);
    if (!doc->nodes[at].escaped) return str_eq(s, want);
    size_t i = 0, k = 0;
    if (s.n <= want.n || s.n > 6 * want.n) return false; /* an escape of six bytes stands for one at least */
    while (i < s.n) {
        char piece[4] = {s.p[i]};
        size_t len = 1, used = 1;
        if (s.p[i] == '\\') len = unescape(str_from_at(s, i), piece, &used);
        if (!len || want.n - k < len) return false;
        for (size_t j = 0; j < len; j++)
            if (want.p[k + j] != piece[j]) return false;
        i += used;
        k += len;
    }
    return k == want.n;
}

/* Most keys of one length part at their first byte: only the others are worth a call. */
static inline bool is_text(const char *p, str key)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a key was read from a text
    return key.n == 0 || (*p == *key.p && memcmp(p, key.p, key.n) == 0);
}

json_ref json_find_key(const struct json *doc, json_ref object, str key, bool *twice)
{
    json_ref found = JSON_ABSENT;
    if (twice) *twice = false;
    if (doc->nodes[object].type != JSON_OBJECT) return JSON_ABSENT;
    if (doc->nodes[object].escaped) return json_index_find(doc, object, key, twice);
    for (json_ref k = object + 1, end = doc->nodes[object].next; k < end; k = doc->nodes[k + 1].next) {
        const struct json_node *node = &doc->nodes[k];
        size_t n = node->end - node->start - 2;
        bool same =
            node->escaped ? n > key.n && json_string_is(doc, k, key) : n == key.n && is_text(inside(doc, k).p, key);
        if (!same) continue;
        if (found && twice) *twice = true;
        found = k + 1;
    }
    return found;
}

json_ref json_path(const struct json *doc, json_ref from, ...)
{
    va_list keys;
    va_start(keys, from);
    const char *key = va_arg(keys, const char *);
    json_ref at = key ? json_find(doc, from, str_from(key), NULL) : from;
    while (at != JSON_ABSENT && key && (key = va_arg(keys, const char *))) at = json_find(doc, at, str_from(key), NULL);
    va_end(keys);
    return at;
}

bool json_string(const struct json *doc, json_ref at, struct arena *arena, str *out)
{
    if (json_type(doc, at) != JSON_STRING) return false;
    str s = inside(doc, at);
    if (!doc->nodes[at].escaped) {
        *out = s;
        return true;
    }
    char *to = arena_alloc(arena, s.n); /* no escape is shorter than what it stands for */
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        const char *hit = memchr(s.p + i, '\\', s.n - i);
        size_t plain = hit ? (size_t)(hit - s.p) - i : s.n - i, used = 0;
        memcpy(to + n, s.p + i, plain);
        n += plain;
        i += plain;
        if (!hit) break;
        char piece[4];
        size_t len = unescape(str_from_at(s, i), piece, &used);
        if (!len) return false;
        memcpy(to + n, piece, len);
        n += len;
        i += used;
    }
    *out = str_of(to, n);
    return true;
}

bool json_i64(const struct json *doc, json_ref at, int64_t *out)
{
    return json_type(doc, at) == JSON_NUMBER && str_to_i64(json_raw(doc, at), out);
}

bool json_double(const struct json *doc, json_ref at, double *out)
{
    if (json_type(doc, at) != JSON_NUMBER) return false;
    str s = json_raw(doc, at);
    char room[64]; /* strtod() wants a NUL, which the text need not have */
    char *copy = s.n < sizeof(room) ? room : mem_try_alloc(s.n + 1);
    if (!copy) return false;
    memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    double v = strtod(copy, NULL);
    if (copy != room) free(copy);
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

bool json_is_true(const struct json *doc, json_ref at)
{
    return json_type(doc, at) == JSON_TRUE;
}

bool json_splice(str text, const struct json_edit *edits, size_t count, struct buf *out)
{
    size_t at = 0, size = text.n;
    for (size_t i = 0; i < count; i++) {
        const struct json_edit *e = &edits[i];
        if (e->at < at || e->at > text.n || e->drop > text.n - e->at) return false;
        at = e->at + e->drop;
        if (__builtin_add_overflow(size - e->drop, e->with.n, &size)) return false;
    }
    if (!buf_reserve(out, size)) return false;
    at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct json_edit *e = &edits[i];
        if (!buf_add(out, str_of(text.p + at, e->at - at)) || !buf_add(out, e->with)) return false;
        at = e->at + e->drop;
    }
    return buf_add(out, str_of(text.p + at, text.n - at));
}
