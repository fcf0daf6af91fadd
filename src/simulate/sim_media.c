/* Images and sound, in the plainest form that is paid like the real ones: an image has 1,056
 * tokens, spoken text twenty for each of its own, heard sound ten a second. The models
 * whisper-1 and sim-whisper are paid by the second, tts-1 and dall-e tell nothing. */
#include "simulate/sim_reader.h"
#include "simulate/sim_vector.h"

#include <inttypes.h>

enum {
    IMAGE_TOKENS = 1056,
    SPOKEN_TOKENS = 20,
    HEARD_TOKENS_PER_SECOND = 10,
    HEARD_TEXT_TOKENS = 12,
    SOUND_BYTES_PER_SECOND = 16000,
    IMAGES_MAX = 10,
};

/* A few bytes of PNG, and of MP3. */
#define PIXEL "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#define SOUND "ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x64\x00\x00"

bool sim_request_read_media(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref text = sim_top(rd, r->kind == SIM_SPEECH ? S("input") : S("prompt")), n = sim_top(rd, S("n"));
    if (!text || json_type(rd->doc, text) != JSON_STRING)
        return sim_reader_refuse_field(rd, r->kind == SIM_SPEECH ? "input" : "prompt", "must be a string");
    r->embed.count = 1;
    if (n && !sim_reader_number(rd, n, "n", 1, &r->embed.count)) return false;
    if (r->embed.count > IMAGES_MAX) return sim_reader_refuse_field(rd, "n", "is too large");
    json_ref format = sim_top(rd, S("stream_format"));
    if (r->kind == SIM_SPEECH) r->stream = format && json_string_is(rd->doc, format, S("sse"));
    sim_reader_count(rd, text, false);
    return sim_reader_control(rd, text);
}

/* The value of a field, which ends where its line does. */
static str field_of(str body, const char *head)
{
    size_t at = str_find(body, str_from(head), 0);
    size_t from = at == SIZE_MAX ? SIZE_MAX : str_find(body, S("\r\n\r\n"), at);
    if (from == SIZE_MAX) return S("");
    str rest = str_from_at(body, from + 4);
    return str_head(rest, str_find(rest, S("\r\n"), 0));
}

bool sim_media_read_form(str body, struct arena *keep, struct sim_request *r)
{
    str model = field_of(body, "name=\"model\"");
    r->model = arena_str(keep, str_head(model, 128));
    r->stream = str_eq(field_of(body, "name=\"stream\""), S("true"));
    r->embed.count = 1;
    r->embed.dimensions = (int64_t)body.n / SOUND_BYTES_PER_SECOND + 1; /* seconds */
    r->embed.base64 = str_eq(field_of(body, "name=\"response_format\""), S("text"));
    return model.n > 0;
}

static bool is_silent(str model)
{
    return str_starts(model, S("dall-e")) || str_starts(model, S("tts-1"));
}

/* Images and sound have different names for the details. */
static void print_tokens(const struct sim_units *u, bool sound, struct buf *out)
{
    int64_t in = u->input + u->audio_in + u->image, made = u->output + u->audio_out;
    buf_printf(out,
               "{%s\"input_tokens\":%" PRId64 ",\"output_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64
               ",\"%s\":{\"text_tokens\":%" PRId64 ",\"%s\":%" PRId64 "}}",
               sound ? "\"type\":\"tokens\"," : "", in, made, in + made,
               sound ? "input_token_details" : "input_tokens_details", u->input,
               sound ? "audio_tokens" : "image_tokens", sound ? u->audio_in : u->image);
}

static void print_images(const struct sim_request *r, struct sim_units *u, struct buf *out)
{
    bool told = !(r->control.usage & SIM_USAGE_ABSENT) && !is_silent(r->model);
    u->output = is_silent(r->model) ? 0 : IMAGE_TOKENS * r->embed.count;
    if (is_silent(r->model)) u->input = 0;
    if (r->stream) {
        for (int64_t i = 0; i < r->embed.count; i++) {
            buf_add(out, S("event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\","
                           "\"b64_json\":\"" PIXEL "\",\"size\":\"1024x1024\",\"quality\":\"medium\""));
            struct sim_units each = {.input = i ? 0 : u->input, .output = IMAGE_TOKENS};
            if (told) buf_add(out, S(",\"usage\":")), print_tokens(&each, false, out);
            buf_add(out, S("}\n\n"));
        }
        return;
    }
    buf_add(out, S("{\"created\":1767225600,\"data\":["));
    for (int64_t i = 0; i < r->embed.count; i++) buf_printf(out, "%s{\"b64_json\":\"" PIXEL "\"}", i ? "," : "");
    buf_add(out, S("]"));
    if (told) buf_add(out, S(",\"usage\":")), print_tokens(u, false, out);
    buf_add(out, S("}"));
}

static void print_speech(const struct sim_request *r, struct sim_units *u, struct buf *out)
{
    u->audio_out = is_silent(r->model) ? 0 : u->input * SPOKEN_TOKENS;
    if (!r->stream) {
        for (int i = 0; i < 64; i++) buf_add(out, str_of(SOUND, sizeof(SOUND) - 1));
        return;
    }
    buf_add(out, S("data: {\"type\":\"speech.audio.delta\",\"audio\":\"SUQzBAAAAAAA\"}\n\n"
                   "data: {\"type\":\"speech.audio.done\""));
    if (!(r->control.usage & SIM_USAGE_ABSENT)) buf_add(out, S(",\"usage\":")), print_tokens(u, true, out);
    buf_add(out, S("}\n\n"));
}

static void print_transcription(const struct sim_request *r, struct sim_units *u, struct buf *out)
{
    str text = S("The sun rises in the east and sets in the west.");
    bool seconds = str_starts(r->model, S("whisper")) || str_starts(r->model, S("sim-whisper"));
    u->input = 0;
    u->seconds = seconds ? r->embed.dimensions : 0;
    u->audio_in = seconds ? 0 : r->embed.dimensions * HEARD_TOKENS_PER_SECOND;
    u->output = seconds ? 0 : HEARD_TEXT_TOKENS;
    if (r->stream)
        buf_printf(out,
                   "data: {\"type\":\"transcript.text.delta\",\"delta\":\"%.*s\"}\n\n"
                   "data: {\"type\":\"transcript.text.done\",\"text\":\"%.*s\"",
                   STR_ARG(text), STR_ARG(text));
    else
        buf_printf(out, "{\"text\":\"%.*s\"", STR_ARG(text));
    if (!(r->control.usage & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        if (seconds)
            buf_printf(out, "{\"type\":\"duration\",\"seconds\":%" PRId64 "}", u->seconds);
        else
            print_tokens(u, true, out);
    }
    buf_add(out, r->stream ? S("}\n\n") : S("}"));
}

void sim_media_print(const struct sim_request *r, struct sim_units *u, struct buf *out)
{
    if (r->kind == SIM_IMAGES)
        print_images(r, u, out);
    else if (r->kind == SIM_SPEECH)
        print_speech(r, u, out);
    else
        print_transcription(r, u, out);
}
