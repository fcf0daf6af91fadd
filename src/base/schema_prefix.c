/* The first bytes of a document: can it still become valid?
 *
 * They are completed to a text that parses: what hangs over (half an escape, a
 * comma, half a key) is cut off, what is open is closed. If the result is no JSON, then
 * nothing that begins so is. Otherwise the usual rules run over it, and the values that end
 * behind the bytes that are known are open: rules that can only be told at the end of
 * a value let them pass. */
#include "base/schema_run.h"

#include <stdio.h>

enum in { IN_NOTHING, IN_WORD, IN_NUMBER, IN_STRING, IN_KEY };

struct tail {
    str text;
    char open[JSON_DEPTH_MAX]; /* '{' or '[' */
    uint32_t depth;
    enum in in;
    size_t begun;    /* where the scalar at the end begins */
    bool key_next;   /* a string here is a key */
    bool value_next; /* behind a colon */
    bool comma;      /* the last thing that stands there */
    size_t comma_at;
    bool key_done; /* a key without its colon */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool is_word_part(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Behind the string that begins at `i`; past the end where it does not end. */
static size_t skip_string(str s, size_t i)
{
    for (i++; i < s.n; i++) {
        if (s.p[i] == '\\') {
            i++;
        } else if (s.p[i] == '"') {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

/* A value or a key is over. */
static void end_scalar(struct tail *t, bool key)
{
    t->in = IN_NOTHING;
    t->key_done = key;
    t->value_next = t->comma = false;
}

static void read_mark(struct tail *t, size_t i)
{
    char c = t->text.p[i];
    t->comma = c == ',';
    t->key_done = false;
    t->value_next = c == ':';
    switch (c) {
    case '{':
    case '[':
        if (t->depth < JSON_DEPTH_MAX) t->open[t->depth] = c;
        t->depth++;
        t->key_next = c == '{';
        break;
    case '}':
    case ']':
        if (t->depth) t->depth--;
        t->key_next = false;
        break;
    case ',':
        t->comma_at = i;
        t->key_next = t->depth && t->depth <= JSON_DEPTH_MAX && t->open[t->depth - 1] == '{';
        break;
    default:
        t->key_next = false;
    }
}

/* Where the text stops. What is wrong with it the parser will say. */
static void find_tail(struct tail *t)
{
    str s = t->text;
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        if (is_blank(c)) {
            i++;
        } else if (c == '"') {
            bool key = t->key_next;
            t->begun = i;
            t->in = key ? IN_KEY : IN_STRING;
            t->comma &= key; /* with half a key its comma goes */
            i = skip_string(s, i);
            if (i == SIZE_MAX) return;
            end_scalar(t, key);
            t->key_next = false;
        } else if (is_word_part(c) || is_number_part(c)) {
            bool word = is_word_part(c);
            t->begun = i;
            while (i < s.n && (word ? is_word_part(s.p[i]) : is_number_part(s.p[i]))) i++;
            end_scalar(t, false);
            if (i == s.n) t->in = word ? IN_WORD : IN_NUMBER;
        } else {
            read_mark(t, i++);
        }
    }
}

/* Bytes of the string at the end without half an escape or half a character. */
static size_t whole_string_len(str s, size_t begun)
{
    size_t i = begun + 1, last = i;
    while (i < s.n) {
        last = i;
        unsigned char c = (unsigned char)s.p[i];
        bool unicode = c == '\\' && i + 1 < s.n && s.p[i + 1] == 'u';
        i += unicode ? 6 : c == '\\' ? 2 : c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    }
    return i > s.n ? last : s.n;
}

static str word_rest(str word)
{
    static const str words[] = {STR_INIT("true"), STR_INIT("false"), STR_INIT("null")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_starts(words[i], word)) return str_from_at(words[i], word.n);
    }
    return STR_NONE;
}

/* How much of the text is kept, and what closes the scalar at its end. */
static size_t close_scalar(const struct tail *t, str *rest)
{
    str s = t->text;
    char last = s.n ? s.p[s.n - 1] : '\0';
    *rest = STR_NONE;
    switch (t->in) {
    case IN_STRING:
        *rest = S("\"");
        return whole_string_len(s, t->begun);
    case IN_KEY: /* half a key says nothing yet */
        return t->comma ? t->comma_at : t->begun;
    case IN_WORD:
        *rest = word_rest(str_from_at(s, t->begun));
        return s.n;
    case IN_NUMBER:
        if (last < '0' || last > '9') *rest = S("0");
        return s.n;
    default:
        if (t->comma) return t->comma_at;
        if (t->key_done) *rest = S(":null");
        if (t->value_next) *rest = S("null");
        return s.n;
    }
}

static bool complete(const struct tail *t, struct buf *out, size_t *known)
{
    str rest;
    *known = close_scalar(t, &rest);
    if (t->depth > JSON_DEPTH_MAX) return false;
    if (!buf_add(out, str_head(t->text, *known)) || !buf_add(out, rest)) return false;
    if (t->comma) { /* a number in front of it is over: a blank says so, too */
        if (!buf_add_byte(out, ' ')) return false;
        ++*known;
    }
    for (uint32_t i = t->depth; i-- > 0;) {
        if (!buf_add_byte(out, t->open[i] == '{' ? '}' : ']')) return false;
    }
    return true;
}

/* Who asks, and what it may cost. */
struct prefix_ask {
    const struct schema *schema;
    uint64_t *steps;            /* NULL: as many as any check */
    struct schema_error *error; /* NULL: nobody wants to know */
};

static enum schema_hope judge(const struct prefix_ask *ask, const struct json *doc, const struct tail *t, size_t known)
{
    struct schema_check c;
    schema_check_init(&c, ask->schema, doc);
    c.known = known;
    /* The value that stands in for the one behind the last key. */
    if (t->in == IN_NOTHING && (t->key_done || t->value_next)) c.unknown = doc->count - 1;
    if (ask->steps && *ask->steps < c.steps) c.steps = *ask->steps;
    uint64_t before = c.steps;
    bool may = schema_check_here(&c, ask->schema->root, JSON_ROOT) || c.gave_up;
    if (ask->steps) *ask->steps -= before - c.steps;
    if (!may && ask->error) schema_error_write(&c, JSON_ROOT, ask->error);
    schema_check_free(&c);
    return may ? SCHEMA_OPEN : SCHEMA_HOPELESS;
}

static enum schema_hope no_json(const struct prefix_ask *ask, const char *why)
{
    if (ask->error) {
        *ask->error = (struct schema_error){.keyword = "JSON"};
        snprintf(ask->error->message, sizeof(ask->error->message), "it is no JSON: %s", why);
    }
    return SCHEMA_HOPELESS;
}

static enum schema_hope look(const struct prefix_ask *ask, str so_far)
{
    struct tail t = {.text = so_far};
    find_tail(&t);
    bool blank = !t.depth && t.in == IN_NOTHING;
    for (size_t i = 0; blank && i < so_far.n; i++) blank = is_blank(so_far.p[i]);
    if (blank) return SCHEMA_OPEN;
    if (t.depth > JSON_DEPTH_MAX) return no_json(ask, "its brackets go too deep");
    struct buf text;
    struct json doc;
    struct json_fail why;
    size_t known;
    enum schema_hope hope = SCHEMA_OPEN;
    buf_init(&text, JSON_TEXT_MAX);
    json_init(&doc);
    if (complete(&t, &text, &known)) {
        hope = json_parse(&doc, buf_str(&text), &why) ? judge(ask, &doc, &t, known) : no_json(ask, why.why);
    }
    json_free(&doc);
    buf_free(&text);
    return hope;
}

enum schema_hope schema_prefix(const struct schema *schema, str so_far)
{
    return look(&(struct prefix_ask){.schema = schema}, so_far);
}

enum schema_hope schema_prefix_paid(const struct schema *schema, str so_far, uint64_t *steps)
{
    return look(&(struct prefix_ask){.schema = schema, .steps = steps}, so_far);
}

bool schema_prefix_error(const struct schema *schema, str so_far, struct schema_error *out)
{
    return look(&(struct prefix_ask){.schema = schema, .error = out}, so_far) == SCHEMA_HOPELESS;
}
