/* The true usage of a call as disjoint units, and every way to report it. */
#ifndef SIMULATE_SIM_USAGE_H
#define SIMULATE_SIM_USAGE_H

#include "base/buf.h"
#include "simulate/sim_control.h"

enum sim_kind {
    SIM_CHAT,
    SIM_COMPLETIONS,
    SIM_RESPONSES,
    SIM_EMBEDDINGS,
    SIM_MODERATIONS,
    SIM_MESSAGES,
    SIM_GEMINI,
    SIM_CONVERSE,
    SIM_COHERE,
    /* what generates no text: sim_embed.c, sim_rerank.c, sim_media.c */
    SIM_EMBED_CONTENT,
    SIM_EMBED_CONTENTS,
    SIM_PREDICT,
    SIM_COHERE_EMBED,
    SIM_RERANK,
    SIM_COHERE_RERANK,
    SIM_IMAGES,
    SIM_SPEECH,
    SIM_TRANSCRIPTIONS,
    SIM_KIND_COUNT
};

/* Its answer is made at once: nothing is generated token by token. */
static inline bool sim_kind_is_small(enum sim_kind kind)
{
    return kind == SIM_EMBEDDINGS || kind == SIM_MODERATIONS || kind >= SIM_EMBED_CONTENT;
}

/* The kind whose errors it has. */
static inline enum sim_kind sim_kind_family(enum sim_kind kind)
{
    if (kind == SIM_COHERE_EMBED || kind == SIM_COHERE_RERANK) return SIM_COHERE;
    return kind < SIM_EMBED_CONTENT ? kind : kind <= SIM_PREDICT ? SIM_GEMINI : SIM_CHAT;
}

/* "chat", "completions", ... */
str sim_kind_name(enum sim_kind kind);

/* UNIT(field): each token stands in one of them; searches are no tokens. */
#define SIM_UNITS(UNIT)                                                                                                \
    UNIT(input)                                                                                                        \
    UNIT(cache_read)                                                                                                   \
    UNIT(cache_write)                                                                                                  \
    UNIT(cache_write_1h)                                                                                               \
    UNIT(output) UNIT(reasoning) UNIT(audio_in) UNIT(audio_out) UNIT(image) UNIT(searches) UNIT(seconds)

struct sim_units {
#define UNIT(field) int64_t field;
    SIM_UNITS(UNIT)
#undef UNIT
};

void sim_units_add(struct sim_units *to, const struct sim_units *more);
void sim_units_sub(struct sim_units *from, const struct sim_units *less);
/* "input":1,"cache_read":0,... without braces. */
void sim_units_print(const struct sim_units *u, struct buf *out);

/* The shapes that this kind of call can have. */
uint32_t sim_usage_for(enum sim_kind kind, uint32_t shape);
/* Whether thoughts are told apart from the output: where not, they are output. */
bool sim_usage_tells(enum sim_kind kind, uint32_t shape);
/* Splits a prompt of `text` and `audio` tokens by the shape. */
struct sim_units sim_units_in(uint32_t shape, int64_t text, int64_t audio);
/* Of an output of `planned` tokens: how many are hidden reasoning (they come
 * first) and how many audio (they come last). */
int64_t sim_reasoning_of(uint32_t shape, int64_t planned);
int64_t sim_audio_of(uint32_t shape, int64_t planned);

/* Where a stream reports: the bits FINISH, SEPARATE, EVERY, X_GROQ, ABSENT, made
 * definite. `asked`: stream_options.include_usage. */
uint32_t sim_usage_place(uint32_t shape, bool asked);
/* The usage object as OpenAI's protocol of `kind` has it, braces included. */
void sim_usage_print(enum sim_kind kind, uint32_t shape, const struct sim_units *u, struct buf *out);

#endif
