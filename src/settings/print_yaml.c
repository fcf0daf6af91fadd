#include "settings/print.h"

#include "base/utf8.h"

/* `escape`: a "${" in it is text, which the file has as "$${". */
static void add_text(struct buf *out, str s, bool escape)
{
    static const char special[] = "&*!|>'\"%@`{}[],#?";
    bool plain = s.n && !strchr("-: ~.0123456789", s.p[0]) && s.p[s.n - 1] != ':' && s.p[s.n - 1] != ' ';
    for (size_t i = 0; i < s.n && plain; i++) {
        unsigned char c = (unsigned char)s.p[i];
        plain = c >= 0x20 && c < 0x7f && !strchr(special, s.p[i]) && !(c == ':' && i + 1 < s.n && s.p[i + 1] == ' ');
    }
    if (plain && !str_eq(s, S("null")) && !str_eq(s, S("<<"))) {
        buf_add(out, s);
        return;
    }
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') buf_add_byte(out, '\\');
        if (escape && s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{') buf_add_byte(out, '$');
        buf_add_byte(out, s.p[i]);
    }
    buf_add_byte(out, '"');
}

void print_text(struct buf *out, str s)
{
    add_text(out, s, true);
}

void print_shown(struct buf *out, str s)
{
    for (size_t i = 0, n; i < s.n; i += n) {
        n = utf8_char_len(str_from_at(s, i));
        bool control = n == 1 && ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f);
        bool upper = n == 2 && s.p[i] == '\xc2' && (unsigned char)s.p[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (n && !control && !upper)
            buf_add(out, str_of(s.p + i, n));
        else
            buf_add_byte(out, '?');
        n += !n;
    }
}

void print_node(struct buf *out, const struct tree_node *n)
{
    if (n->kind == TREE_SCALAR) {
        if (n->plain)
            buf_add(out, n->text);
        else
            add_text(out, n->text, false);
        return;
    }
    bool map = n->kind == TREE_MAP;
    buf_add(out, map ? S("{ ") : S("[ "));
    for (const struct tree_node *it = n->first; it; it = it->next) {
        if (it != n->first) buf_add(out, S(", "));
        if (map) {
            add_text(out, it->key, false);
            buf_add(out, S(": "));
        }
        print_node(out, it);
    }
    buf_add(out, map ? S(" }") : S(" ]"));
}

void print_pair(struct buf *out, const char *key, str value)
{
    buf_printf(out, ", %s: ", key);
    print_text(out, value);
}

void print_duration(struct buf *out, const char *key, int64_t us)
{
    char text[40];
    str s = time_format_duration(us, text);
    buf_printf(out, ", %s: %" STR_FMT, key, STR_ARG(s));
}

void print_percent(struct buf *out, const char *key, int64_t ppm)
{
    char text[MONEY_TEXT_MAX];
    str s = money_format((__int128)ppm * (PICOUSD_PER_USD / 10000), text); /* any exact decimal */
    buf_printf(out, ", %s: %" STR_FMT "%%", key, STR_ARG(s));
}

void print_money(struct buf *out, const char *key, __int128 amount)
{
    char text[MONEY_TEXT_MAX];
    str s = money_format(amount, text);
    buf_printf(out, ", %s: %" STR_FMT, key, STR_ARG(s));
}

void print_date(struct buf *out, const char *key, int64_t at_us)
{
    char text[40];
    str s = at_us % US_PER_DAY == 0 ? time_format_date(at_us, text) : time_format(at_us, text);
    buf_printf(out, ", %s: %" STR_FMT, key, STR_ARG(s));
}

void print_list(struct buf *out, const char *key, const str *items, size_t count)
{
    if (!count) return;
    buf_printf(out, ", %s: [", key);
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add(out, S(", "));
        print_text(out, items[i]);
    }
    buf_add_byte(out, ']');
}

void print_end(struct buf *out, str where)
{
    buf_add(out, settings_is_runtime(where) ? S("  # made at run time\n") : S("\n"));
}

void print_close(struct buf *out, size_t from, const char *end)
{
    if (out->n > from) {
        memmove(out->p + from, out->p + from + 2, out->n - from - 2);
        out->n -= 2;
        buf_add_byte(out, ' ');
    }
    buf_printf(out, "}%s", end);
}
