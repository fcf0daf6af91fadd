/* What the protocols of embeddings share: building calls, counting them, and vectors in
 * either of their two forms. */
#include "dialect/embed.h"

#include <stdlib.h>

static const str type_names[EMBED_TYPES] = {
    [EMBED_FLOAT] = STR_INIT("float"), [EMBED_BASE64] = STR_INIT("base64"), [EMBED_INT8] = STR_INIT("int8"),
    [EMBED_UINT8] = STR_INIT("uint8"), [EMBED_BINARY] = STR_INIT("binary"), [EMBED_UBINARY] = STR_INIT("ubinary"),
};

enum embed_type embed_type_of(str name)
{
    enum embed_type t = 0;
    while (t < EMBED_TYPES && !str_eq(type_names[t], name)) t++;
    return t;
}

str embed_type_name(enum embed_type type)
{
    return type_names[type];
}

/* ---- calls */

struct canon_embed *embed_of(struct canon_call *call)
{
    if (!call->embed) call->embed = arena_zalloc(call->arena, sizeof(*call->embed));
    return call->embed;
}

struct canon_embed_input *embed_add(struct canon_call *call)
{
    struct canon_embed *e = embed_of(call);
    struct canon_embed_input *input = arena_zalloc(call->arena, sizeof(*input));
    if (e->last)
        e->last->next = input;
    else
        e->inputs = input;
    e->last = input;
    e->count++;
    return input;
}

void embed_add_text(struct canon_call *call, struct canon_embed_input *input, jraw text)
{
    canon_add_part(call->arena, &input->parts, PART_TEXT)->text = text;
}

void embed_add_image(struct canon_call *call, struct canon_embed_input *input, jraw url, str field)
{
    struct canon_part *part = canon_add_part(call->arena, &input->parts, PART_IMAGE);
    canon_note(call, FEATURE_EMBED_IMAGE, field);
    if (canon_data_url(call->arena, url, &part->media)) return;
    part->media.url = url;
    canon_note(call, FEATURE_IMAGE_URL, field);
}

struct canon_extras embed_rest(struct canon_call *call, const struct json *doc, json_ref object, const str *known,
                               size_t count)
{
    enum { UNKNOWN_MAX = 64 };
    int unknown = 0;
    for (json_ref key = json_first(doc, object); key; key = json_next(doc, object, key + 1)) {
        bool is_known = json_type(doc, key + 1) == JSON_NULL;
        for (size_t i = 0; i < count && !is_known; i++) is_known = json_string_is(doc, key, known[i]);
        str name = json_raw(doc, key);
        if (!is_known && unknown++ < UNKNOWN_MAX) canon_note(call, FEATURE_UNKNOWN, str_of(name.p + 1, name.n - 2));
    }
    return canon_extras_of(doc, object, known, count, call->from, call->arena);
}

bool embed_refuse(struct call_problem *problem, struct arena *arena, str field, const char *wanted)
{
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     arena_printf(arena, "`%" STR_FMT "` must be %s.", STR_ARG(field), wanted), field};
    return false;
}

bool embed_count(const struct json *doc, json_ref object, str key, struct arena *arena, str *out,
                 struct call_problem *problem)
{
    int64_t v;
    json_ref at = json_find(doc, object, key, NULL);
    if (!at || json_type(doc, at) == JSON_NULL) return true;
    if (!json_i64(doc, at, &v) || v < 1) return embed_refuse(problem, arena, key, "a whole number of at least 1");
    *out = json_raw(doc, at);
    return true;
}

/* Each input has an overhead like a message; what is not known may become prompt. */
void embed_account(const struct canon_call *canon, struct call *call)
{
    const struct canon_embed *e = canon->embed;
    int64_t bytes = (int64_t)canon->extras.members.n;
    for (const struct canon_embed_input *in = e ? e->inputs : NULL; in; in = in->next) {
        bytes += (int64_t)(in->extras.members.n + in->tokens.json.n);
        call->messages++;
        for (const struct canon_part *p = in->parts; p; p = p->next) {
            bytes += (int64_t)(p->text.json.n + p->value.json.n + p->extras.members.n);
            call->images += p->kind == PART_IMAGE;
            call->audio += p->kind == PART_AUDIO;
            if (p->kind == PART_AUDIO) call->audio_bytes += p->media.size;
            bool unbound = p->kind == PART_VIDEO || p->kind == PART_DOCUMENT || p->kind == PART_OPAQUE;
            call->files += unbound;
            if (unbound || (p->kind == PART_AUDIO && !p->media.data.p)) call->references = true;
        }
    }
    if (e) bytes += (int64_t)e->title.json.n * (e->count ? e->count : 1);
    call->text_bytes = call->segments.user_bytes = bytes;
}

jraw embed_text(struct arena *arena, const struct canon_embed_input *input)
{
    enum { PIECES_MAX = 64 };
    jraw pieces[PIECES_MAX];
    size_t count = 0;
    for (const struct canon_part *p = input->parts; p && count < PIECES_MAX; p = p->next)
        if (p->kind == PART_TEXT && p->text.json.p) pieces[count++] = p->text;
    return count ? canon_join(arena, pieces, count, S("\\n")) : (jraw){S("\"\"")};
}

/* ---- vectors */

struct canon_vector *embed_add_vector(struct canon_answer *answer)
{
    if (!answer->vectors) answer->vectors = arena_zalloc(answer->arena, sizeof(*answer->vectors));
    struct canon_vectors *all = answer->vectors;
    struct canon_vector *v = arena_zalloc(answer->arena, sizeof(*v));
    if (all->last)
        all->last->next = v;
    else
        all->list = v;
    all->last = v;
    return v;
}

static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double slow_number(str s)
{
    char text[64];
    return str_copy(text, sizeof(text), s) ? strtod(text, NULL) : 0;
}

/* One number of a list, which need not have been parsed before; `*s` is left behind it. Exact where the
 * digits fit 53 bits and the power of ten is one of a double: nearly always. Fails: false. */
static bool take_number(str *s, double *out)
{
    str all = *s;
    size_t i = 0, digits = 0;
    uint64_t whole = 0;
    int exponent = 0;
    bool minus = all.n && all.p[0] == '-', point = false, exact = true;
    for (i = minus; i < all.n && (all.p[i] == '.' || (all.p[i] >= '0' && all.p[i] <= '9')); i++) {
        if (all.p[i] == '.') {
            point = true;
            continue;
        }
        digits++;
        if (whole > (UINT64_C(1) << 53) / 10 - 1) exact = false;
        if (exact) whole = whole * 10 + (uint64_t)(all.p[i] - '0');
        exponent -= point;
    }
    if (!digits) return false;
    size_t mark = i;
    if (i < all.n && (all.p[i] == 'e' || all.p[i] == 'E')) {
        int e = 0;
        bool below = ++i < all.n && all.p[i] == '-';
        if (i < all.n && (all.p[i] == '-' || all.p[i] == '+')) i++;
        for (; i < all.n && all.p[i] >= '0' && all.p[i] <= '9'; i++) e = e < 10000 ? e * 10 + (all.p[i] - '0') : e;
        exponent += below ? -e : e;
    }
    (void)mark;
    *s = str_from_at(all, i);
    bool fits = exact && exponent >= -22 && exponent <= 22;
    *out = !fits          ? slow_number(str_head(all, i))
           : exponent < 0 ? (double)whole / tens[-exponent]
                          : (double)whole * tens[exponent];
    if (fits && minus) *out = -*out;
    return true;
}

static str skip_space(str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\r' || s.p[0] == '\t')) s = str_from_at(s, 1);
    return s;
}

/* Bytes as base64, three at a time. */
struct packer {
    struct buf *out;
    uint32_t held;
    int count;
};

static void pack_byte(struct packer *p, uint8_t byte)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    p->held = p->held << 8 | byte;
    if (++p->count < 3) return;
    char four[4] = {digits[p->held >> 18 & 63], digits[p->held >> 12 & 63], digits[p->held >> 6 & 63],
                    digits[p->held & 63]};
    buf_add(p->out, str_of(four, 4));
    p->held = 0;
    p->count = 0;
}

static void pack_end(struct packer *p)
{
    int rest = p->count;
    if (!rest) return;
    while (p->count) pack_byte(p, 0);
    for (int i = rest; i < 3; i++) p->out->p[p->out->n - 1 - (size_t)(i - rest)] = '=';
}

bool embed_pack(str list, struct buf *out)
{
    struct packer packer = {.out = out};
    list = skip_space(list);
    if (!str_starts(list, S("["))) return false;
    list = skip_space(str_from_at(list, 1));
    buf_reserve(out, list.n / 2);
    while (list.n && list.p[0] != ']') {
        double v;
        uint32_t bits;
        if (!take_number(&list, &v)) return false;
        float f = (float)v;
        memcpy(&bits, &f, sizeof(bits));
        for (int i = 0; i < 32; i += 8) pack_byte(&packer, (uint8_t)(bits >> i));
        list = skip_space(list);
        if (list.n && list.p[0] == ',') list = skip_space(str_from_at(list, 1));
    }
    pack_end(&packer);
    return list.n > 0;
}

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

static void add_float(struct buf *out, const uint8_t bytes[4], bool first)
{
    float f;
    uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    memcpy(&f, &bits, sizeof(f));
    bool number = f - f == 0; /* infinity and NaN are no JSON */
    buf_printf(out, first ? "%.9g" : ",%.9g", number ? (double)f : 0.0);
}

bool embed_unpack(str base64, struct buf *out)
{
    uint8_t bytes[4];
    size_t have = 0, count = 0;
    uint32_t held = 0;
    int bits = 0;
    buf_add_byte(out, '[');
    for (size_t i = 0; i < base64.n && base64.p[i] != '='; i++) {
        int d = digit_of(base64.p[i]);
        if (base64.p[i] == '\\') continue; /* "\/": some escape the slash */
        if (d < 0) return false;
        held = held << 6 | (uint32_t)d;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[have++] = (uint8_t)(held >> bits);
        if (have < sizeof(bytes)) continue;
        add_float(out, bytes, count++ == 0);
        have = 0;
    }
    buf_add_byte(out, ']');
    return !have && !out->overflow;
}

bool embed_put_vector(struct buf *out, const struct canon_vector *v, enum embed_type type)
{
    bool ok = true;
    if (v->of[type].json.p) {
        buf_add(out, v->of[type].json);
    } else if (type == EMBED_BASE64 && v->of[EMBED_FLOAT].json.p) {
        buf_add_byte(out, '"');
        ok = embed_pack(v->of[EMBED_FLOAT].json, out);
        buf_add_byte(out, '"');
    } else if (type == EMBED_FLOAT && v->of[EMBED_BASE64].json.p) {
        ok = embed_unpack(canon_inside(v->of[EMBED_BASE64]), out);
    } else {
        buf_add(out, type == EMBED_BASE64 ? S("\"\"") : S("[]"));
        ok = false;
    }
    return ok;
}
