#include "simulate/sim_usage.h"

#include <inttypes.h>

str sim_kind_name(enum sim_kind kind)
{
    static const str names[SIM_KIND_COUNT] = {
        [SIM_CHAT] = STR_INIT("chat"),
        [SIM_COMPLETIONS] = STR_INIT("completions"),
        [SIM_RESPONSES] = STR_INIT("responses"),
        [SIM_EMBEDDINGS] = STR_INIT("embeddings"),
        [SIM_MODERATIONS] = STR_INIT("moderations"),
        [SIM_MESSAGES] = STR_INIT("messages"),
        [SIM_GEMINI] = STR_INIT("gemini"),
        [SIM_CONVERSE] = STR_INIT("converse"),
        [SIM_COHERE] = STR_INIT("cohere"),
        [SIM_EMBED_CONTENT] = STR_INIT("embed_content"),
        [SIM_EMBED_CONTENTS] = STR_INIT("batch_embed_contents"),
        [SIM_PREDICT] = STR_INIT("predict"),
        [SIM_COHERE_EMBED] = STR_INIT("cohere_embed"),
        [SIM_RERANK] = STR_INIT("rerank"),
        [SIM_COHERE_RERANK] = STR_INIT("cohere_rerank"),
        [SIM_IMAGES] = STR_INIT("images"),
        [SIM_SPEECH] = STR_INIT("speech"),
        [SIM_TRANSCRIPTIONS] = STR_INIT("transcriptions"),
    };
    return names[kind];
}

void sim_units_add(struct sim_units *to, const struct sim_units *more)
{
#define UNIT(field) to->field += more->field;
    SIM_UNITS(UNIT)
#undef UNIT
}

void sim_units_sub(struct sim_units *from, const struct sim_units *less)
{
#define UNIT(field) from->field -= less->field;
    SIM_UNITS(UNIT)
#undef UNIT
}

void sim_units_print(const struct sim_units *u, struct buf *out)
{
    const char *comma = "";
#define UNIT(field)                                                                                                    \
    buf_printf(out, "%s\"" #field "\":%" PRId64, comma, u->field);                                                     \
    comma = ",";
    SIM_UNITS(UNIT)
#undef UNIT
}

/* What OpenAI's family has a field for. */
static uint32_t openai_shape(enum sim_kind kind, uint32_t shape)
{
    const uint32_t parts = SIM_USAGE_ALL | SIM_USAGE_DEEPSEEK | SIM_USAGE_FLAT_CACHED | SIM_USAGE_MISTRAL_AUDIO;
    const uint32_t chat_only = SIM_USAGE_AUDIO | SIM_USAGE_MISTRAL_AUDIO | SIM_USAGE_DEEPSEEK | SIM_USAGE_FLAT_CACHED;
    if (shape & SIM_USAGE_ABSURD) shape = (shape & ~(uint32_t)SIM_USAGE_ALL) | SIM_USAGE_CACHED;
    if (kind == SIM_RESPONSES) return shape & ~chat_only;
    /* formats that have no field for a unit leave that unit out of the truth too */
    if (shape & SIM_USAGE_DEEPSEEK) shape &= ~(uint32_t)(SIM_USAGE_CACHE_WRITE | SIM_USAGE_AUDIO);
    if (shape & SIM_USAGE_FLAT_CACHED) shape &= ~(uint32_t)(SIM_USAGE_ALL & ~SIM_USAGE_CACHED);
    if (shape & SIM_USAGE_MISTRAL_AUDIO) shape &= ~(uint32_t)SIM_USAGE_AUDIO;
    if (shape & (SIM_USAGE_DEEPSEEK | SIM_USAGE_FLAT_CACHED)) shape |= SIM_USAGE_CACHED;
    return shape & SIM_USAGE_PLAIN ? shape & ~parts : shape;
}

uint32_t sim_usage_for(enum sim_kind kind, uint32_t shape)
{
    const uint32_t written = SIM_USAGE_CACHED | SIM_USAGE_CACHE_WRITE | SIM_USAGE_CACHE_1H;
    const uint32_t thought = shape & SIM_USAGE_REASONING;
    uint32_t known = SIM_USAGE_ABSENT;
    switch (kind) {
    case SIM_CHAT:
    case SIM_COMPLETIONS:
    case SIM_RESPONSES:
        return openai_shape(kind, shape & SIM_USAGE_OPENAI);
    case SIM_MESSAGES:
        known |= written | SIM_USAGE_REASONING | SIM_USAGE_PLAIN | SIM_USAGE_UNATTRIBUTED | SIM_USAGE_OUTPUT_ONLY |
                 SIM_USAGE_CHANGING | SIM_USAGE_SEARCHES;
        if (shape & SIM_USAGE_UNATTRIBUTED) shape = (shape | SIM_USAGE_CACHE_WRITE) & ~(uint32_t)SIM_USAGE_CACHE_1H;
        if (shape & SIM_USAGE_OUTPUT_ONLY) shape &= ~(uint32_t)SIM_USAGE_CHANGING;
        break;
    case SIM_GEMINI:
        known |= SIM_USAGE_CACHED | SIM_USAGE_REASONING | SIM_USAGE_AUDIO | SIM_USAGE_PLAIN | SIM_USAGE_TOOL_PROMPT |
                 SIM_USAGE_CHANGING | SIM_USAGE_FINISH;
        break;
    case SIM_CONVERSE:
        known |= written | SIM_USAGE_REASONING | SIM_USAGE_PLAIN | SIM_USAGE_DUPLICATE | SIM_USAGE_INCLUSIVE;
        break;
    case SIM_COHERE:
        known |= SIM_USAGE_CACHED | SIM_USAGE_REASONING | SIM_USAGE_PLAIN | SIM_USAGE_SEARCHES;
        break;
    default:
        return shape & SIM_USAGE_ABSENT;
    }
    shape &= known;
    return shape & SIM_USAGE_PLAIN ? (shape & (SIM_USAGE_PLAIN | SIM_USAGE_ABSENT)) | thought : shape;
}

bool sim_usage_tells(enum sim_kind kind, uint32_t shape)
{
    if (!(shape & SIM_USAGE_REASONING)) return false;
    return kind != SIM_CONVERSE && !(shape & SIM_USAGE_PLAIN);
}

struct sim_units sim_units_in(uint32_t shape, int64_t text, int64_t audio)
{
    struct sim_units u = {.audio_in = audio};
    if (shape & SIM_USAGE_ABSURD) {
        u.cache_read = text;
        return u;
    }
    if (shape & SIM_USAGE_CACHED) u.cache_read = text / 2;
    if (shape & SIM_USAGE_CACHE_WRITE) u.cache_write = text / 4;
    if (shape & SIM_USAGE_CACHE_1H) u.cache_write_1h = text / 8;
    if (shape & SIM_USAGE_SEARCHES) u.searches = 2;
    if (shape & SIM_USAGE_AUDIO) u.audio_in += text / 8;
    u.input = text - u.cache_read - u.cache_write - u.cache_write_1h - (u.audio_in - audio);
    if (shape & SIM_USAGE_MISTRAL_AUDIO) u.audio_in += text / 2 + 1;
    return u;
}

int64_t sim_reasoning_of(uint32_t shape, int64_t planned)
{
    return shape & SIM_USAGE_REASONING ? planned / 2 : 0;
}

int64_t sim_audio_of(uint32_t shape, int64_t planned)
{
    return shape & SIM_USAGE_AUDIO ? planned / 8 : 0;
}

uint32_t sim_usage_place(uint32_t shape, bool asked)
{
    const uint32_t places = SIM_USAGE_FINISH | SIM_USAGE_SEPARATE | SIM_USAGE_EVERY | SIM_USAGE_X_GROQ;
    if (shape & SIM_USAGE_ABSENT) return SIM_USAGE_ABSENT;
    uint32_t said = shape & places;
    if (said) return said;
    if (shape & (SIM_USAGE_DEEPSEEK | SIM_USAGE_FLAT_CACHED | SIM_USAGE_MISTRAL_AUDIO)) return SIM_USAGE_FINISH;
    return asked ? SIM_USAGE_SEPARATE : SIM_USAGE_ABSENT;
}

static void print_responses(uint32_t shape, const struct sim_units *u, struct buf *out)
{
    int64_t in = u->input + u->cache_read + u->cache_write + u->audio_in;
    int64_t output = u->output + u->reasoning + u->audio_out;
    int64_t cached = shape & SIM_USAGE_ABSURD ? 2 * in + 1 : u->cache_read;
    buf_printf(out, "{\"input_tokens\":%" PRId64, in);
    if (!(shape & SIM_USAGE_PLAIN)) {
        buf_printf(out, ",\"input_tokens_details\":{\"cached_tokens\":%" PRId64, cached);
        if (shape & SIM_USAGE_CACHE_WRITE) buf_printf(out, ",\"cache_write_tokens\":%" PRId64, u->cache_write);
        buf_add(out, S("}"));
    }
    buf_printf(out, ",\"output_tokens\":%" PRId64, output);
    if (!(shape & SIM_USAGE_PLAIN)) {
        buf_printf(out, ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRId64 "}", u->reasoning);
    }
    buf_printf(out, ",\"total_tokens\":%" PRId64 "}", in + output);
}

static void print_details(uint32_t shape, const struct sim_units *u, int64_t cached, struct buf *out)
{
    buf_printf(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRId64 ",\"audio_tokens\":%" PRId64, cached,
               u->audio_in);
    if (shape & SIM_USAGE_CACHE_WRITE) buf_printf(out, ",\"cache_write_tokens\":%" PRId64, u->cache_write);
    buf_printf(out,
               "},\"completion_tokens_details\":{\"reasoning_tokens\":%" PRId64 ",\"audio_tokens\":%" PRId64
               ",\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}",
               u->reasoning, u->audio_out);
}

static void print_chat(uint32_t shape, const struct sim_units *u, struct buf *out)
{
    bool outside = shape & SIM_USAGE_MISTRAL_AUDIO; /* audio stands beside the prompt's count, not in it */
    int64_t prompt = u->input + u->cache_read + u->cache_write + (outside ? 0 : u->audio_in);
    int64_t completion = u->output + u->reasoning + u->audio_out;
    int64_t cached = shape & SIM_USAGE_ABSURD ? 2 * prompt + 1 : u->cache_read;
    buf_printf(out, "{\"prompt_tokens\":%" PRId64 ",\"completion_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64,
               prompt, completion, prompt + completion + (outside ? u->audio_in : 0));
    if (shape & SIM_USAGE_DEEPSEEK) {
        buf_printf(out, ",\"prompt_cache_hit_tokens\":%" PRId64 ",\"prompt_cache_miss_tokens\":%" PRId64, cached,
                   prompt > cached ? prompt - cached : 0);
        if (shape & SIM_USAGE_REASONING) {
            buf_printf(out, ",\"completion_tokens_details\":{\"reasoning_tokens\":%" PRId64 "}", u->reasoning);
        }
    } else if (shape & SIM_USAGE_FLAT_CACHED) {
        buf_printf(out, ",\"cached_tokens\":%" PRId64, cached);
    } else if (!(shape & SIM_USAGE_PLAIN)) {
        print_details(shape, u, cached, out);
    }
    buf_add(out, S("}"));
}

void sim_usage_print(enum sim_kind kind, uint32_t shape, const struct sim_units *u, struct buf *out)
{
    if (kind == SIM_RESPONSES) {
        print_responses(shape, u, out);
    } else if (kind == SIM_EMBEDDINGS || kind == SIM_MODERATIONS) {
        buf_printf(out, "{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}", u->input, u->input);
    } else {
        print_chat(shape, u, out);
    }
}
