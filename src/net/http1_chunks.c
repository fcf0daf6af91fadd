/* Chunked bodies, byte by byte: every length and line end is checked, nothing is
 * looked at twice, and there is nothing in it that two parsers could read two ways. */
#include "base/hex.h"
#include "net/http1.h"

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_BLANKS, /* behind the size, before ';' */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER, /* at the begin of a line: a field's name, or the empty line */
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
};

enum { SIZE_DIGITS_MAX = 15 }; /* 2^60: no overflow, and far above any ceiling */

/* RFC 9110, 5.6.2 */
static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* Text of an extension or a field's value: no control character but the tab. */
static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

void http1_chunks_init(struct http1_chunks *c, bool request, void (*piece)(void *ctx, str bytes), void *ctx)
{
    *c = (struct http1_chunks){.piece = piece, .ctx = ctx, .request = request};
}

/* Where one byte that is not body leads; -1: it must not stand there. */
static int next_state(struct http1_chunks *c, char byte)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE: {
        int digit = hex_digit_of(byte);
        if (digit >= 0) {
            c->left = c->left << 4 | (unsigned)digit;
            return ++c->digits > SIZE_DIGITS_MAX ? -1 : CHUNK_SIZE;
        }
        if (c->digits == 0) return -1;
        if (byte == ' ' || byte == '\t') return CHUNK_BLANKS;
        return byte == ';' ? CHUNK_EXTENSION : byte == '\r' ? CHUNK_SIZE_LF : -1;
    }
    case CHUNK_BLANKS:
        c->extra++;
        if (byte == ' ' || byte == '\t') return CHUNK_BLANKS;
        if (byte == ';') return CHUNK_EXTENSION;
        return byte == '\r' && !c->request ? CHUNK_SIZE_LF : -1; /* old servers pad the size */
    case CHUNK_EXTENSION:
        c->extra++;
        return byte == '\r' ? CHUNK_SIZE_LF : is_text(byte) ? CHUNK_EXTENSION : -1;
    case CHUNK_SIZE_LF:
        c->digits = 0;
        return byte != '\n' ? -1 : c->left ? CHUNK_DATA : CHUNK_TRAILER;
    case CHUNK_DATA:
        return -1; /* not asked */
    case CHUNK_DATA_CR:
        return byte == '\r' ? CHUNK_DATA_LF : -1;
    case CHUNK_DATA_LF:
        return byte == '\n' ? CHUNK_SIZE : -1;
    case CHUNK_TRAILER:
        if (byte == '\r') return CHUNK_END_LF;
        c->extra++;
        return is_token_char(byte) ? CHUNK_TRAILER_NAME : -1;
    case CHUNK_TRAILER_NAME:
        c->extra++;
        return byte == ':' ? CHUNK_TRAILER_VALUE : is_token_char(byte) ? CHUNK_TRAILER_NAME : -1;
    case CHUNK_TRAILER_VALUE:
        c->extra++;
        return byte == '\r' ? CHUNK_TRAILER_LF : is_text(byte) ? CHUNK_TRAILER_VALUE : -1;
    case CHUNK_TRAILER_LF:
        return byte == '\n' ? CHUNK_TRAILER : -1;
    case CHUNK_END_LF:
        c->done = byte == '\n';
        return c->done ? CHUNK_END_LF : -1;
    }
    return -1;
}

size_t http1_chunks_feed(struct http1_chunks *c, str bytes)
{
    size_t at = 0;
    while (at < bytes.n && !c->done && !c->bad) {
        if (c->state == CHUNK_DATA) {
            size_t rest = bytes.n - at;
            size_t n = c->left < rest ? (size_t)c->left : rest;
            c->left -= n;
            if (c->left == 0) c->state = CHUNK_DATA_CR;
            c->piece(c->ctx, str_of(bytes.p + at, n));
            at += n;
            continue;
        }
        int next = next_state(c, bytes.p[at++]);
        c->bad = next < 0 || c->extra > HTTP1_CHUNK_EXTRA_MAX;
        if (!c->bad) c->state = (uint8_t)next;
    }
    return at;
}
