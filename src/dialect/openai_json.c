/* Sizes of JSON values as prompts see them. */
#include "base/hex.h"
#include "dialect/openai.h"

static bool is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

/* Bytes that the escape at p[0] stands for; `*used` is its length. */
static int64_t escape_bytes(const char *p, const char *end, size_t *used)
{
    *used = 2;
    if (p[1] != 'u') return 1;
    *used = 6;
    uint32_t unit = hex_unit_of(p + 2);
    if (unit < 0x80) return 1;
    if (unit < 0x800) return 2;
    bool pair =
        is_high(unit) && end - p >= 12 && p[6] == '\\' && p[7] == 'u' && (hex_unit_of(p + 8) & 0xfc00) == 0xdc00;
    if (!pair) return 3;
    *used = 12;
    return 4;
}

int64_t openai_string_bytes(const struct json *doc, json_ref at)
{
    if (json_type(doc, at) != JSON_STRING) return 0;
    str raw = json_raw(doc, at);
    if (!doc->nodes[at].escaped) return (int64_t)raw.n - 2;
    const char *p = raw.p + 1, *end = raw.p + raw.n - 1;
    int64_t bytes = 0;
    while (p < end) {
        const char *hit = memchr(p, '\\', (size_t)(end - p));
        if (!hit) return bytes + (end - p);
        size_t used;
        bytes += hit - p + escape_bytes(hit, end, &used);
        p = hit + used;
    }
    return bytes;
}

/* The nodes of a value stand one behind the other, so one loop sees them all:
 * each has its own bytes and at most one separator. */
int64_t openai_value_bytes(const struct json *doc, json_ref at)
{
    if (at >= doc->count) return 0;
    int64_t bytes = 0;
    for (json_ref i = at, end = doc->nodes[at].next; i < end; i++) {
        switch (json_type(doc, i)) {
        case JSON_STRING:
            bytes += openai_string_bytes(doc, i) + 3;
            break;
        case JSON_ARRAY:
        case JSON_OBJECT:
            bytes += 3;
            break;
        default:
            bytes += (int64_t)json_raw(doc, i).n + 1;
        }
    }
    return bytes;
}

json_ref openai_find_in(const struct json *doc, json_ref object, str outer, str inner)
{
    json_ref at = openai_find(doc, object, outer);
    return at ? openai_find(doc, at, inner) : JSON_ABSENT;
}
