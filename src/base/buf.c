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

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
