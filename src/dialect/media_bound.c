/* The most that a call for images or sound can cost. */
#include "dialect/media.h"

/* Source: OpenAI's guide to images, November 2026: output tokens of the dearest quality by
 * size, 6,240 for 1024x1536; a preview costs 100 more. Newer models take any size: held in
 * proportion to its area. Without a size or with `auto` the model chooses among the usual. */
enum { IMAGE_TOKENS_MOST = 6240, IMAGE_PIXELS = 1024 * 1536, PREVIEW_TOKENS = 100, IMAGE_TEXT_TOKENS = 1024 };

/* Speech is paid by about 21 tokens a second; a text of 15 characters a second, read at a
 * quarter of the usual speed, makes six tokens a character. In a script where a character is
 * a syllable it is three times as many, as it has bytes. */
enum { SPEECH_TOKENS_PER_BYTE = 8, SPEECH_TOKENS_LEAST = 512, SPEECH_TOKENS_LIKELY = 3, SPEECH_CHARACTERS_LIKELY = 2 };

/* The fewest bytes that a second of sound has: Opus at 6 kbit/s. Usual is 128 kbit/s. Transcribing
 * makes ten tokens of each second, and rarely more than twenty tokens of text. */
enum {
    SOUND_BYTES_LEAST = 750,
    SOUND_BYTES_USUAL = 16000,
    SOUND_TOKENS_PER_SECOND = 10,
    TEXT_TOKENS_PER_SECOND = 50,
    TEXT_TOKENS_USUAL = 5,
};

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX / 16 : product;
}

/* "1536x1024" */
static int64_t pixels_of(str size)
{
    uint64_t wide, high;
    str rest = size;
    str first = str_cut(&rest, 'x');
    if (!rest.p || !str_to_u64(first, &wide) || !str_to_u64(rest, &high)) return IMAGE_PIXELS;
    if (wide > 16384 || high > 16384) return INT64_C(16384) * 16384;
    return (int64_t)(wide * high);
}

static int64_t image_tokens(const struct media_ask *ask)
{
    int64_t pixels = pixels_of(ask->size);
    int64_t tokens = times(IMAGE_TOKENS_MOST, pixels) / IMAGE_PIXELS + 1;
    if (pixels < IMAGE_PIXELS) tokens = IMAGE_TOKENS_MOST; /* square ones have fewer, but not in proportion */
    if (str_eq(ask->quality, S("low"))) tokens = tokens / 10 + 1;
    if (str_eq(ask->quality, S("medium"))) tokens = tokens / 3 + 1;
    return tokens;
}

static void bound_images(struct call *call, const struct media_ask *ask)
{
    struct call_media *m = &call->media;
    m->pieces = ask->count > 0 ? ask->count : 1;
    int64_t each = image_tokens(ask);
    m->likely_output = times(each, m->pieces);
    m->output_tokens = times(each + IMAGE_TEXT_TOKENS + times(PREVIEW_TOKENS, ask->partial), m->pieces);
    call->images = ask->files;
    call->choices_returned = m->pieces;
}

static int64_t characters_of(str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.n; i++) count += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return count;
}

static void bound_speech(struct call *call, const struct media_ask *ask)
{
    struct call_media *m = &call->media;
    m->characters = characters_of(ask->text);
    m->output_tokens = times((int64_t)ask->text.n, SPEECH_TOKENS_PER_BYTE) + SPEECH_TOKENS_LEAST;
    m->likely_output = m->characters * SPEECH_TOKENS_LIKELY / SPEECH_CHARACTERS_LIKELY + 1;
}

static void bound_sound(struct call *call, const struct media_ask *ask)
{
    struct call_media *m = &call->media;
    m->seconds = ask->file_bytes / SOUND_BYTES_LEAST + 1;
    m->likely_seconds = ask->file_bytes / SOUND_BYTES_USUAL + 1;
    m->output_tokens = times(m->seconds, TEXT_TOKENS_PER_SECOND);
    m->likely_output = times(m->likely_seconds, TEXT_TOKENS_USUAL);
    call->audio = 1;
    call->audio_bytes = times(m->seconds, SOUND_TOKENS_PER_SECOND * 8); /* the plan counts eight bytes a token */
}

void media_bound(struct call *call, const struct media_ask *ask)
{
    call->messages = 1;
    call->text_bytes = call->segments.user_bytes = ask->text_bytes;
    switch (call->kind) {
    case CALL_SPEECH:
        bound_speech(call, ask);
        break;
    case CALL_TRANSCRIPTIONS:
    case CALL_TRANSLATIONS:
        bound_sound(call, ask);
        break;
    default:
        bound_images(call, ask);
        break;
    }
}
