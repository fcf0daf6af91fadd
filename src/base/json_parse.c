/* The grammar: one pass, an explicit stack of open containers, a node per value. */
#include "base/json.h"
#include "base/json_index.h"
#include "base/json_scan.h"

#include <stdlib.h>

enum { FIRST_NODES = 64 };

/* What may stand at the place reached. */
enum want { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_MORE };

struct parser {
    struct json *doc;
    const char *start, *p, *end;
    uint32_t open[JSON_DEPTH_MAX]; /* the containers around the place reached */
    uint32_t depth;
    enum want want;
    const char *why; /* static text; NULL while all is well */
};

void json_init(struct json *doc)
{
    *doc = (struct json){0};
}

void json_free(struct json *doc)
{
    free(doc->nodes);
    free(doc->indexes);
    free(doc->slots);
    json_init(doc);
}

static bool refuse(struct parser *x, const char *why)
{
    x->why = why;
    return false;
}

const char json_too_many[] = "too many values";

static bool grow(struct json *doc)
{
    if (doc->cap >= (doc->most ? doc->most : JSON_NODES_MAX)) return false;
    uint32_t cap = doc->cap ? doc->cap * 2 : FIRST_NODES;
    struct json_node *nodes = realloc(doc->nodes, cap * sizeof(*nodes));
    if (!nodes) return false;
    doc->nodes = nodes;
    doc->cap = cap;
    return true;
}

/* A node for the bytes [from, x->p); a container's `end` and `next` are set when it closes. */
static inline bool add_node(struct parser *x, enum json_type type, const char *from, bool escaped)
{
    struct json *doc = x->doc;
    if (doc->count == doc->cap && !grow(doc)) return refuse(x, json_too_many);
    doc->nodes[doc->count] = (struct json_node){
        .start = (uint32_t)(from - x->start),
        .end = (uint32_t)(x->p - x->start),
        .next = doc->count + 1,
        .type = (uint8_t)type,
        .escaped = escaped,
    };
    doc->count++;
    return true;
}

static inline bool is_blank(char c)
{
    return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t'); /* one comparison for nearly all */
}

static inline void skip_blanks(struct parser *x)
{
    while (x->p < x->end && is_blank(*x->p)) x->p++;
}

static inline bool in_object(const struct parser *x)
{
    return x->doc->nodes[x->open[x->depth - 1]].type == JSON_OBJECT;
}

static inline bool read_string(struct parser *x)
{
    const char *from = x->p, *quote = json_scan_short(from + 1, x->end);
    if (quote) {
        x->p = quote + 1;
        return add_node(x, JSON_STRING, from, false);
    }
    struct json_scan s = json_scan_string(from + 1, x->end);
    x->p = s.at;
    if (s.why) return refuse(x, s.why);
    x->p++;
    return add_node(x, JSON_STRING, from, s.escaped);
}

static inline bool is_digit(const struct parser *x)
{
    return x->p < x->end && *x->p >= '0' && *x->p <= '9';
}

static inline void skip_digits(struct parser *x)
{
    while (is_digit(x)) x->p++;
}

static bool read_number(struct parser *x)
{
    const char *from = x->p;
    if (*x->p == '-') x->p++;
    if (!is_digit(x)) return refuse(x, "a minus without a digit behind it");
    if (*x->p == '0') {
        x->p++;
        if (is_digit(x)) return refuse(x, "a number must not begin with 0");
    }
    skip_digits(x);
    if (x->p < x->end && *x->p == '.') {
        x->p++;
        if (!is_digit(x)) return refuse(x, "a decimal point without a digit behind it");
        skip_digits(x);
    }
    if (x->p < x->end && (*x->p == 'e' || *x->p == 'E')) {
        x->p++;
        if (x->p < x->end && (*x->p == '+' || *x->p == '-')) x->p++;
        if (!is_digit(x)) return refuse(x, "an exponent without a digit");
        skip_digits(x);
    }
    return add_node(x, JSON_NUMBER, from, false);
}

static bool read_word(struct parser *x, str word, enum json_type type)
{
    const char *from = x->p;
    if (!str_starts(str_of(x->p, (size_t)(x->end - x->p)), word)) {
        return refuse(x, "a word that is none of true, false and null");
    }
    x->p += word.n;
    return add_node(x, type, from, false);
}

static bool open_container(struct parser *x, enum json_type type)
{
    if (x->depth == JSON_DEPTH_MAX) return refuse(x, "nested too deeply (128 levels are allowed)");
    uint32_t at = x->doc->count;
    const char *from = x->p++;
    if (!add_node(x, type, from, false)) return false;
    x->open[x->depth++] = at;
    x->want = type == JSON_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return true;
}

static inline void close_container(struct parser *x)
{
    x->p++;
    uint32_t at = x->open[--x->depth];
    struct json_node *node = &x->doc->nodes[at];
    node->end = (uint32_t)(x->p - x->start);
    node->next = x->doc->count;
    x->want = WANT_MORE;
    bool large = node->next - at > 2 * JSON_INDEX_FROM_KEYS;
    if (large && node->type == JSON_OBJECT) json_index_object(x->doc, at);
}

/* What people write who take JSON for JavaScript or Python deserves its own words. */
static const char *no_value_why(const struct parser *x, bool behind_comma)
{
    switch (*x->p) {
    case ']':
    case '}':
        return behind_comma ? "a comma before the end" : "a value is missing";
    case ',':
    case ':':
        return "a value is missing";
    case '\'':
        return "a string needs double quotes";
    case '/':
    case '#':
        return "comments are not JSON";
    case 'N':
    case 'I':
        return "NaN and Infinity are not JSON";
    case 'T':
    case 'F':
        return "true, false and null are written in small letters";
    case '+':
        return "a number must not begin with +";
    case '.':
        return "a number needs a digit before its point";
    case '\xef':
        return "a byte order mark is not JSON";
    default:
        return "this is no value";
    }
}

static inline bool read_value(struct parser *x)
{
    if (x->p == x->end) return refuse(x, x->doc->count ? "the text ends where a value should be" : "the text is empty");
    char c = *x->p;
    if (c == '{') return open_container(x, JSON_OBJECT);
    if (c == '[') return open_container(x, JSON_ARRAY);
    if (c == ']' && x->want == WANT_VALUE_OR_END) {
        close_container(x);
        return true;
    }
    enum want before = x->want;
    x->want = WANT_MORE;
    switch (c) {
    case '"':
        return read_string(x);
    case 't':
        return read_word(x, S("true"), JSON_TRUE);
    case 'f':
        return read_word(x, S("false"), JSON_FALSE);
    case 'n':
        return read_word(x, S("null"), JSON_NULL);
    default:
        if (c == '-' || (c >= '0' && c <= '9')) return read_number(x);
        return refuse(x, no_value_why(x, before == WANT_VALUE && x->depth && !in_object(x)));
    }
}

/* The node read last is a key of the object around it: json_find() asks for its length. */
static inline void note_key(struct parser *x)
{
    struct json_node *nodes = x->doc->nodes, *key = &nodes[x->doc->count - 1];
    uint32_t length = key->end - key->start - 2;
    nodes[x->open[x->depth - 1]].keys |= (uint16_t)(key->escaped ? UINT16_MAX : 1u << (length & 15));
}

static inline bool read_key(struct parser *x)
{
    if (x->p == x->end) return refuse(x, "the text ends inside an object");
    if (*x->p == '}') {
        if (x->want == WANT_KEY) return refuse(x, "a comma before the end");
        close_container(x);
        return true;
    }
    if (*x->p != '"') return refuse(x, "a key must be a string in double quotes");
    if (!read_string(x)) return false;
    note_key(x);
    skip_blanks(x);
    if (x->p == x->end) return refuse(x, "the text ends inside an object");
    if (*x->p != ':') return refuse(x, "a colon is missing behind the key");
    x->p++;
    x->want = WANT_VALUE;
    return true;
}

static inline bool read_more(struct parser *x)
{
    bool object = in_object(x);
    if (x->p == x->end) return refuse(x, object ? "the text ends inside an object" : "the text ends inside an array");
    if (*x->p == ',') {
        x->p++;
        x->want = object ? WANT_KEY : WANT_VALUE;
        return true;
    }
    if (*x->p != (object ? '}' : ']')) return refuse(x, object ? "a comma or } is missing" : "a comma or ] is missing");
    close_container(x);
    return true;
}

static bool parse_text(struct parser *x)
{
    bool ok;
    do {
        skip_blanks(x);
        switch (x->want) {
        case WANT_KEY:
        case WANT_KEY_OR_END:
            ok = read_key(x);
            if (!ok || x->want != WANT_VALUE) break;
            skip_blanks(x);
            /* fall through */
        case WANT_VALUE:
        case WANT_VALUE_OR_END:
            ok = read_value(x);
            break;
        default:
            ok = read_more(x);
        }
    } while (ok && (x->depth || x->want != WANT_MORE));
    if (!ok) return false;
    skip_blanks(x);
    return x->p == x->end || refuse(x, "something stands behind the end of the value");
}

bool json_parse(struct json *doc, str text, struct json_fail *fail)
{
    struct parser x; /* field by field: the stack of 128 need not be cleared for every call */
    x.doc = doc;
    x.start = x.p = text.n ? text.p : "";
    x.end = x.p + text.n;
    x.depth = 0;
    x.want = WANT_VALUE;
    x.why = NULL;
    doc->text = text;
    doc->count = 0;
    doc->index_count = doc->slot_count = 0;
    doc->secret = (uint64_t)(uintptr_t)&x << 24 ^ (uint64_t)(uintptr_t)doc; /* where this process keeps things */
    bool ok = text.n <= JSON_TEXT_MAX ? parse_text(&x) : refuse(&x, "the text is too long");
    if (!ok) {
        doc->text = STR_NONE;
        doc->count = 0;
        *fail = (struct json_fail){(size_t)(x.p - x.start), x.why};
    }
    return ok;
}
