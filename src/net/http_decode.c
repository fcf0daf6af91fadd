#include "net/http_decode.h"

#include <zlib.h>
#include <zstd.h>

enum { STEP_BYTES = 64 * 1024 };

/* Room for at least one byte, at most STEP_BYTES; 0 at the ceiling. */
static size_t make_room(struct buf *out)
{
    if (buf_reserve(out, STEP_BYTES)) return STEP_BYTES;
    size_t left = out->max > out->n ? out->max - out->n : 0;
    if (!left) return 0;
    out->overflow = false;
    return buf_reserve(out, left) ? left : 0;
}

static enum err inflate_body(str body, struct buf *out, const char **why)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)body.p, .avail_in = (uInt)body.n};
    if (inflateInit2(&z, 15 + 32) != Z_OK) { /* 32: gzip or zlib, by its header */
        *why = "out of memory";
        return ERR_OVERLOADED;
    }
    int status = Z_OK;
    enum err e = ERR_NONE;
    while (status != Z_STREAM_END && !e) {
        size_t room = make_room(out);
        if (!room) {
            e = ERR_TOO_LARGE;
            *why = "the decoded body is above the ceiling";
            break;
        }
        z.next_out = (Bytef *)out->p + out->n;
        z.avail_out = (uInt)room;
        status = inflate(&z, Z_NO_FLUSH);
        out->n += room - z.avail_out;
        if (status != Z_OK && status != Z_STREAM_END) {
            e = ERR_BAD_REQUEST;
            *why = "the gzip body is damaged or cut off";
        }
    }
    if (!e && z.avail_in) {
        e = ERR_BAD_REQUEST;
        *why = "bytes follow the gzip body";
    }
    inflateEnd(&z);
    return e;
}

static enum err zstd_body(str body, struct buf *out, const char **why)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z) {
        *why = "out of memory";
        return ERR_OVERLOADED;
    }
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax,
                           27); /* 128 MB: the standard's advice for HTTP is 8 MB, its default 128 */
    ZSTD_inBuffer in = {body.p, body.n, 0};
    enum err e = ERR_NONE;
    size_t left = 1;
    while (!e && (left || in.pos < in.size)) {
        size_t room = make_room(out);
        if (!room) {
            e = ERR_TOO_LARGE;
            *why = "the decoded body is above the ceiling";
            break;
        }
        ZSTD_outBuffer piece = {out->p + out->n, room, 0};
        size_t before = in.pos;
        left = ZSTD_decompressStream(z, &piece, &in);
        out->n += piece.pos;
        bool stuck = in.pos == before && piece.pos == 0 && left;
        if (ZSTD_isError(left) || stuck) {
            e = ERR_BAD_REQUEST;
            *why = "the zstd body is damaged or cut off";
        }
    }
    ZSTD_freeDCtx(z);
    return e;
}

enum err http_decode(str encoding, str body, struct buf *out, const char **why)
{
    if (str_eq_nocase(encoding, S("gzip")) || str_eq_nocase(encoding, S("x-gzip")) ||
        str_eq_nocase(encoding, S("deflate"))) {
        return inflate_body(body, out, why);
    }
    if (str_eq_nocase(encoding, S("zstd"))) return zstd_body(body, out, why);
    *why = "Content-Encoding must be gzip, deflate, zstd or identity";
    return ERR_BAD_MEDIA_TYPE;
}
