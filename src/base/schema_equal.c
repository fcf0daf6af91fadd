/* Values that mean the same: 1.0 and 1, "a" and "\u0061", objects in any order. */
#include "base/hex.h"
#include "base/schema_inside.h"

static str inside(str raw)
{
    return raw.n >= 2 ? str_of(raw.p + 1, raw.n - 2) : STR_NONE;
}

str schema_text(const struct json *doc, json_ref at, struct arena *arena)
{
    str s;
    if (json_string(doc, at, arena, &s)) return s;
    return inside(json_raw(doc, at));
}

static uint32_t simple_escape(char c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *hit = strchr(from, c);
    return hit ? (uint32_t)to[hit - from] : (uint32_t)(unsigned char)c;
}

/* The character at `*i` of a string that was parsed, which `*i` then stands behind. Half a pair is one, too. */
static uint32_t next_rune(str s, size_t *i)
{
    const unsigned char *b = (const unsigned char *)s.p + *i;
    if (b[0] != '\\') {
        size_t len = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
        uint32_t rune = len == 1 ? b[0] : b[0] & (0xffu >> (len + 1));
        for (size_t k = 1; k < len; k++) rune = rune << 6 | (b[k] & 0x3fu);
        *i += len;
        return rune;
    }
    *i += 2;
    if (b[1] != 'u') return simple_escape((char)b[1]);
    uint32_t unit = hex_unit_of(s.p + *i);
    *i += 4;
    bool pair = unit >= 0xd800 && unit <= 0xdbff && s.n - *i >= 6 && s.p[*i] == '\\' && s.p[*i + 1] == 'u';
    uint32_t low = pair ? hex_unit_of(s.p + *i + 2) : 0;
    if (low < 0xdc00 || low > 0xdfff) return unit;
    *i += 6;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

size_t schema_text_length(const struct json *doc, json_ref at)
{
    str s = inside(json_raw(doc, at));
    size_t n = 0, i = 0;
    if (doc->nodes[at].escaped) {
        for (; i < s.n; n++) next_rune(s, &i);
    } else {
        for (; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    }
    return n;
}

static uint64_t hash_text(const struct json *doc, json_ref at)
{
    str s = inside(json_raw(doc, at));
    uint64_t h = 3;
    for (size_t i = 0; i < s.n;) h = (h ^ next_rune(s, &i)) * 1099511628211u;
    return h;
}

static bool equal_texts(const struct json *a, json_ref at, const struct json *b, json_ref other)
{
    str x = inside(json_raw(a, at)), y = inside(json_raw(b, other));
    if (!a->nodes[at].escaped && !b->nodes[other].escaped) return str_eq(x, y);
    size_t i = 0, k = 0;
    while (i < x.n && k < y.n) {
        if (next_rune(x, &i) != next_rune(y, &k)) return false;
    }
    return i == x.n && k == y.n;
}

static bool equal_numbers(str a, str b)
{
    if (str_eq(a, b)) return true;
    struct schema_number x = schema_number_read(a), y = schema_number_read(b);
    return schema_number_cmp(&x, &y) == 0;
}

static bool equal_arrays(const struct json *a, json_ref at, const struct json *b, json_ref other, uint64_t *steps)
{
    json_ref x = json_first(a, at), y = json_first(b, other);
    while (x != JSON_ABSENT && y != JSON_ABSENT) {
        if (!schema_equal(a, x, b, y, steps)) return false;
        x = json_next(a, at, x);
        y = json_next(b, other, y);
    }
    return x == y; /* both at their end */
}

static json_ref find_key(const struct json *a, json_ref key, const struct json *b, json_ref object, uint64_t *steps)
{
    for (json_ref k = json_first(b, object); k != JSON_ABSENT; k = json_next(b, object, k + 1)) {
        if (*steps == 0) break;
        --*steps;
        if (equal_texts(a, key, b, k)) return k;
    }
    return JSON_ABSENT;
}

/* Mostly keys come in the same order: the search is for the others. */
static bool equal_objects(const struct json *a, json_ref at, const struct json *b, json_ref other, uint64_t *steps)
{
    json_ref y = json_first(b, other);
    for (json_ref x = json_first(a, at); x != JSON_ABSENT; x = json_next(a, at, x + 1)) {
        if (y == JSON_ABSENT) return false;
        json_ref found = equal_texts(a, x, b, y) ? y : find_key(a, x, b, other, steps);
        if (found == JSON_ABSENT || !schema_equal(a, x + 1, b, found + 1, steps)) return false;
        y = json_next(b, other, y + 1);
    }
    return y == JSON_ABSENT;
}

bool schema_equal(const struct json *a, json_ref at, const struct json *b, json_ref other, uint64_t *steps)
{
    enum json_type type = json_type(a, at);
    if (type != json_type(b, other)) return false;
    switch (type) {
    case JSON_NUMBER:
        return equal_numbers(json_raw(a, at), json_raw(b, other));
    case JSON_STRING:
        return equal_texts(a, at, b, other);
    case JSON_ARRAY:
        return equal_arrays(a, at, b, other, steps);
    case JSON_OBJECT:
        return equal_objects(a, at, b, other, steps);
    default:
        return true;
    }
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

static uint64_t hash_children(const struct json *doc, json_ref at)
{
    bool object = json_type(doc, at) == JSON_OBJECT;
    uint64_t h = object ? 17 : 19;
    for (json_ref m = json_first(doc, at); m != JSON_ABSENT; m = json_next(doc, at, m)) {
        if (object) {
            uint64_t key = hash_text(doc, m);
            h += mix(key * 31 + schema_hash(doc, ++m)); /* a sum: the order does not matter */
        } else {
            h = mix(h * 31 + schema_hash(doc, m));
        }
    }
    return h;
}

uint64_t schema_hash(const struct json *doc, json_ref at)
{
    enum json_type type = json_type(doc, at);
    if (type == JSON_STRING) return mix(hash_text(doc, at));
    if (type == JSON_ARRAY || type == JSON_OBJECT) return hash_children(doc, at);
    if (type != JSON_NUMBER) return mix((uint64_t)type + 1);
    struct schema_number n = schema_number_read(json_raw(doc, at));
    return mix(schema_number_hash(&n));
}
