#include "price/names.h"

/* What a version may look like; 'd' is a digit. Longer shapes first. */
static const str version_shapes[] = {
    STR_INIT("dddd-dd-dd"), STR_INIT("dddddddd"), STR_INIT("dd-dddd"),
    STR_INIT("dd-dd"),      STR_INIT("dddd"),     STR_INIT("ddd"),
};
static const str version_words[] = {
    STR_INIT("latest"),
    STR_INIT("preview"),
    STR_INIT("default"),
    STR_INIT("exp"),
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_joint(char c)
{
    return c == '-' || c == '@' || c == ':';
}

/* Bytes of the shape that `s` begins with, ending at a joint or the end; 0: not that shape. */
static size_t shape_len(str shape, str s)
{
    if (s.n < shape.n || (s.n > shape.n && !is_joint(s.p[shape.n]))) return 0;
    for (size_t i = 0; i < shape.n; i++) {
        if (shape.p[i] == 'd' ? !is_digit(s.p[i]) : s.p[i] != shape.p[i]) return 0;
    }
    return shape.n;
}

static size_t word_len(str word, str s)
{
    if (!str_starts(s, word)) return 0;
    return s.n == word.n || is_joint(s.p[word.n]) ? word.n : 0;
}

/* "v2", "v1.5"; behind a ':' a bare number, as Bedrock writes "-v1:0". */
static size_t revision_len(str s, char joint)
{
    size_t at = s.n && s.p[0] == 'v' ? 1 : 0;
    if (!at && joint != ':') return 0;
    size_t digits = 0;
    for (; at < s.n && !is_joint(s.p[at]); at++) {
        if (is_digit(s.p[at])) {
            digits++;
        } else if (s.p[at] != '.') {
            return 0;
        }
    }
    return digits ? at : 0;
}

static size_t version_len(str s, char joint)
{
    for (size_t i = 0; i < COUNT_OF(version_shapes); i++) {
        size_t n = shape_len(version_shapes[i], s);
        if (n) return n;
    }
    for (size_t i = 0; i < COUNT_OF(version_words); i++) {
        size_t n = word_len(version_words[i], s);
        if (n) return n;
    }
    return revision_len(s, joint);
}

/* Nothing, or joints and versions to the end. */
static bool is_versions(str rest)
{
    while (rest.n) {
        if (!is_joint(rest.p[0])) return false;
        size_t n = version_len(str_from_at(rest, 1), rest.p[0]);
        if (!n) return false;
        rest = str_from_at(rest, 1 + n);
    }
    return true;
}

bool name_is_pattern(str form)
{
    return form.n > 1 && (form.p[0] == '*' || form.p[form.n - 1] == '~' || form.p[form.n - 1] == '*');
}

str name_without_date(str name)
{
    static const str dates[] = {STR_INIT("dddd-dd-dd"), STR_INIT("dddddddd")};
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        if (name.n < dates[i].n + 2) continue;
        size_t at = name.n - dates[i].n;
        if (is_joint(name.p[at - 1]) && shape_len(dates[i], str_from_at(name, at))) return str_head(name, at - 1);
    }
    return name;
}

size_t name_match(str form, str name)
{
    bool path = form.n && form.p[0] == '*';
    str literal = path ? str_from_at(form, 1) : form;
    if (!path && form.n > 1 && form.p[form.n - 1] == '*') {
        literal.n--;
        return str_starts(name, literal) ? literal.n : 0;
    }
    bool versions = literal.n > 1 && literal.p[literal.n - 1] == '~';
    if (versions) literal.n--;
    for (size_t at = 0; at + literal.n <= name.n; at++) {
        at = str_find(name, literal, at);
        if (at == SIZE_MAX || (at > 0 && !path)) return 0;
        if (at > 0 && name.p[at - 1] != '/' && name.p[at - 1] != '.' && name.p[at - 1] != ':') continue;
        str rest = str_from_at(name, at + literal.n);
        if (versions ? is_versions(rest) : name_without_date(str_from_at(name, at)).n == literal.n) return literal.n;
    }
    return 0;
}

str name_without_path(str name, str provider)
{
    size_t owner = str_find(name, S("publishers/"), 0);
    if (owner != SIZE_MAX && (owner == 0 || name.p[owner - 1] == '/')) {
        size_t at = str_find(name, S("/models/"), owner);
        return at == SIZE_MAX ? name : str_from_at(name, at + 8);
    }
    if (str_starts(name, S("models/"))) return str_from_at(name, 7);
    if (provider.n && name.n > provider.n + 1 && name.p[provider.n] == '/' &&
        str_eq_nocase(str_head(name, provider.n), provider)) {
        return str_from_at(name, provider.n + 1);
    }
    return name;
}

bool name_lower(str name, char out[NAME_MAX_BYTES], str *lower)
{
    if (!name.n || name.n > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    *lower = str_of(out, name.n);
    return true;
}
