#include "base/buf.h"

#include "base/arena.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

bool buf_reserve(struct buf *b, size_t more)
{
    if (more <= b->cap - b->n) return true;
    size_t need = b->n + more;
    if (need < more || (b->max && need > b->max)) {
        b->overflow = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need) cap *= 2;
    if (b->max && cap > b->max) cap = b->max;
    b->p = mem_realloc(b->p, cap);
    b->cap = cap;
    return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = b->cap - b->n;
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, args);
    va_end(args);
    bool ok = n >= 0;
    if (ok && (size_t)n >= room) {
        ok = buf_reserve(b, (size_t)n + 1);
        if (ok) vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (ok) b->n += (size_t)n;
    return ok;
}

bool buf_add_json(struct buf *b, str s)
{
    static const char hex[] = "0123456789abcdef";
    bool ok = buf_add_byte(b, '"');
    for (size_t i = 0; i < s.n && ok;) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) {
            size_t len = utf8_char_len(str_from_at(s, i));
            ok = buf_add(b, len ? str_of(s.p + i, len) : S("\xef\xbf\xbd"));
            i += len ? len : 1;
            continue;
        }
        i++;
        if (c == '"' || c == '\\') {
            ok = buf_add(b, str_of((char[]){'\\', (char)c}, 2));
        } else if (c == '\n') {
            ok = buf_add(b, S("\\n"));
        } else if (c < 0x20 || c == 0x7f) {
            ok = buf_add(b, str_of((char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6));
        } else {
            ok = buf_add_byte(b, (char)c);
        }
    }
    return buf_add_byte(b, '"') && ok;
}

void buf_add_csv(struct buf *b, str s)
{
    bool plain = true;
    for (size_t i = 0; i < s.n && plain; i++) plain = s.p[i] == '\0' || !strchr(",\"\r\n", s.p[i]);
    if (plain) {
        buf_add(b, s);
        return;
    }
    buf_add_byte(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') buf_add_byte(b, '"');
        buf_add_byte(b, s.p[i]);
    }
    buf_add_byte(b, '"');
}

static bool is_formula(str s)
{
    bool number = s.n > 1;
    for (size_t i = 1; i < s.n && number; i++) number = (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.';
    return s.n && s.p[0] && strchr("=+-@\t\r", s.p[0]) && !(number && (s.p[0] == '+' || s.p[0] == '-'));
}

static void add_utf8(struct buf *b, str s)
{
    for (size_t n; s.n; s = str_from_at(s, n)) {
        n = utf8_char_len(s);
        buf_add(b, n ? str_head(s, n) : S("\xef\xbf\xbd"));
        n = n ? n : 1;
    }
}

void buf_add_csv_cell(struct buf *b, str s)
{
    struct buf cell;
    bool formula = is_formula(s);
    if (!formula && utf8_valid(s)) {
        buf_add_csv(b, s);
        return;
    }
    buf_init(&cell, 0);
    if (formula) buf_add_byte(&cell, '\'');
    add_utf8(&cell, s);
    buf_add_csv(b, buf_str(&cell));
    buf_free(&cell);
}

void buf_add_shown(struct buf *b, str s)
{
    for (size_t n; s.n; s = str_from_at(s, n)) {
        n = utf8_char_len(s);
        unsigned char c = (unsigned char)s.p[0];
        bool c1 = n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0; /* two bytes in UTF-8 */
        bool harmless = n && c >= 0x20 && c != 0x7f && !c1;
        n = n ? n : 1;
        buf_add(b, harmless ? str_head(s, n) : S("?"));
    }
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
