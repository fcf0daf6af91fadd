#include "net/http_decode.h"

#include <zlib.h>
#include <zstd.h>

enum {
    STEP_BYTES = 64 * 1024,
    ZSTD_WINDOW_LOG = 23, /* RFC 9659: 8 MB; a header of 20 bytes may ask for no more memory */
};

/* Room for at least one byte, at most STEP_BYTES; 0 at the ceiling. */
static size_t make_room(struct buf *out)
{
    if (buf_reserve(out, STEP_BYTES)) return STEP_BYTES;
    size_t left = out->max > out->n ? out->max - out->n : 0;
    out->overflow = false; /* nothing was lost yet */
    if (!left) return 0;
    return buf_reserve(out, left) ? left : 0;
}

static enum err fail(const char **why, enum err e, const char *text)
{
    *why = text;
    return e;
}

/* Where the next bytes go. At the ceiling that is one byte beside `out`: what
 * still comes may be only the checksum of a body that fits to the byte. */
static char *next_room(struct buf *out, char *beside, size_t *room)
{
    *room = make_room(out);
    if (*room) return out->p + out->n;
    *room = 1;
    return beside;
}

static enum err inflate_steps(z_stream *z, bool gzip, struct buf *out, const char **why)
{
    for (;;) {
        char beside;
        size_t room;
        char *to = next_room(out, &beside, &room);
        z->next_out = (Bytef *)to;
        z->avail_out = (uInt)room;
        int status = inflate(z, Z_NO_FLUSH);
        size_t got = room - z->avail_out;
        if (to == &beside && got) return fail(why, ERR_TOO_LARGE, "the decoded body is above the ceiling");
        out->n += got;
        if (status == Z_STREAM_END) {
            if (!z->avail_in) return ERR_NONE;
            if (!gzip) return fail(why, ERR_BAD_REQUEST, "bytes follow the compressed body");
            inflateReset(z); /* RFC 1952, 2.2: a series of members */
        } else if (status != Z_OK) {
            return fail(why, ERR_BAD_REQUEST, "the compressed body is damaged or cut off");
        }
    }
}

static enum err inflate_body(str body, bool gzip, struct buf *out, const char **why)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)body.p, .avail_in = (uInt)body.n};
    if (body.n > UINT32_MAX) return fail(why, ERR_TOO_LARGE, "the compressed body is above 4 GB");
    if (inflateInit2(&z, gzip ? 15 + 16 : 15) != Z_OK) return fail(why, ERR_OVERLOADED, "out of memory");
    enum err e = inflate_steps(&z, gzip, out, why);
    inflateEnd(&z);
    return e;
}

static enum err zstd_steps(ZSTD_DCtx *z, str body, struct buf *out, const char **why)
{
    ZSTD_inBuffer in = {body.p, body.n, 0};
    for (;;) {
        char beside;
        ZSTD_outBuffer piece = {0};
        piece.dst = next_room(out, &beside, &piece.size);
        size_t before = in.pos;
        size_t left = ZSTD_decompressStream(z, &piece, &in);
        if (ZSTD_isError(left)) return fail(why, ERR_BAD_REQUEST, "the zstd body is damaged");
        if (piece.dst == &beside && piece.pos) return fail(why, ERR_TOO_LARGE, "the decoded body is above the ceiling");
        out->n += piece.pos;
        if (left == 0 && in.pos == in.size) return ERR_NONE; /* every frame is whole */
        if (in.pos == before && piece.pos == 0) return fail(why, ERR_BAD_REQUEST, "the zstd body is cut off");
    }
}

static enum err zstd_body(str body, struct buf *out, const char **why)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z) return fail(why, ERR_OVERLOADED, "out of memory");
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    enum err e = zstd_steps(z, body, out, why);
    ZSTD_freeDCtx(z);
    return e;
}

enum err http_decode(str encoding, str body, struct buf *out, const char **why)
{
    if (str_eq_nocase(encoding, S("gzip")) || str_eq_nocase(encoding, S("x-gzip")))
        return inflate_body(body, true, out, why);
    if (str_eq_nocase(encoding, S("deflate"))) return inflate_body(body, false, out, why);
    if (str_eq_nocase(encoding, S("zstd"))) return zstd_body(body, out, why);
    *why = "Content-Encoding must be gzip, deflate, zstd or identity";
    return ERR_BAD_MEDIA_TYPE;
}
