/* What one call is told to do, beyond what its protocol says: control words in
 * headers (x-simulate-tokens: 50), in the prompt ("[simulate tokens=50]") or on
 * the command line. docs/simulate.md teaches them. */
#ifndef SIMULATE_SIM_CONTROL_H
#define SIMULATE_SIM_CONTROL_H

#include "base/arena.h"
#include "simulate/sim_random.h"

/* FAULT(constant, word, what happens) */
#define SIM_FAULTS(FAULT)                                                                                              \
    FAULT(NONE, "none", "nothing goes wrong")                                                                          \
    FAULT(429, "429", "rate limited, with Retry-After: 1 and the rate-limit headers")                                  \
    FAULT(500, "500", "server error")                                                                                  \
    FAULT(503, "503", "overloaded")                                                                                    \
    FAULT(400, "400", "the request is refused as malformed")                                                           \
    FAULT(401, "401", "the key is refused")                                                                            \
    FAULT(SLOW_HEAD, "slow-head", "the head comes `ms` late")                                                          \
    FAULT(SLOW_BODY, "slow-body", "the body trickles in pieces, `ms` apart")                                           \
    FAULT(STALL, "stall", "silence for `ms` after `after` tokens, then on")                                            \
    FAULT(CUT, "cut", "the connection closes inside a chunk, after `after` tokens")                                    \
    FAULT(CUT_CLEAN, "cut-clean", "the connection closes between two chunks, without the end")                         \
    FAULT(END_EARLY, "end-early", "a proper end of HTTP without the protocol's own end")                               \
    FAULT(MALFORMED, "malformed", "an event (or the body) is no valid JSON")                                           \
    FAULT(ERROR_IN_STREAM, "error-in-stream", "an error object inside a 200 answer")                                   \
    FAULT(FAILED, "failed", "as error-in-stream; in the Responses protocol the event response.failed")                 \
    FAULT(WRONG_LENGTH, "wrong-length", "Content-Length is larger than the body")                                      \
    FAULT(CLOSE_DELIMITED, "close-delimited", "no length, no chunks: the body ends with the connection")               \
    FAULT(REJECT_STREAM_OPTIONS, "reject-stream-options", "400 where the request has stream_options")                  \
    FAULT(REJECT_MAX_COMPLETION_TOKENS, "reject-max-completion-tokens", "400 where it has that field")                 \
    FAULT(REJECT_MAX_TOKENS, "reject-max-tokens", "400 where it has max_tokens")

enum sim_fault {
#define FAULT(constant, ...) SIM_FAULT_##constant,
    SIM_FAULTS(FAULT)
#undef FAULT
        SIM_FAULT_COUNT
};

str sim_fault_name(enum sim_fault f);
str sim_fault_text(enum sim_fault f);
bool sim_fault_find(str name, enum sim_fault *out) MUST_CHECK;

/* SHAPE(constant, bit, word, what it means) */
#define SIM_SHAPES(SHAPE)                                                                                              \
    SHAPE(PLAIN, 0, "plain", "prompt, completion and total, without details")                                          \
    SHAPE(CACHED, 1, "cached", "half of the prompt was read from the cache")                                           \
    SHAPE(CACHE_WRITE, 2, "cache_write", "a quarter of the prompt was written to the cache")                           \
    SHAPE(REASONING, 3, "reasoning", "half of the output is reasoning that is not shown")                              \
    SHAPE(AUDIO, 4, "audio", "an eighth of prompt and output is audio")                                                \
    SHAPE(FINISH, 5, "finish", "usage stands in the chunk with the finish reason")                                     \
    SHAPE(SEPARATE, 6, "separate", "usage comes in a chunk of its own, asked for or not")                              \
    SHAPE(EVERY, 7, "every", "every chunk carries the usage so far")                                                   \
    SHAPE(ABSENT, 8, "absent", "no usage, even where it was asked for")                                                \
    SHAPE(X_GROQ, 9, "x_groq", "usage stands under x_groq in the finish chunk")                                        \
    SHAPE(DEEPSEEK, 10, "deepseek", "prompt_cache_hit_tokens and prompt_cache_miss_tokens")                            \
    SHAPE(FLAT_CACHED, 11, "flat_cached", "cached_tokens stands beside prompt_tokens")                                 \
    SHAPE(MISTRAL_AUDIO, 12, "mistral_audio", "audio tokens stand in the details only, outside the prompt's")          \
    SHAPE(ABSURD, 13, "absurd", "more tokens read from the cache than the prompt has")                                 \
    SHAPE(CACHE_1H, 14, "cache_1h", "an eighth of the prompt was written to the cache for an hour")                    \
    SHAPE(UNATTRIBUTED, 15, "unattributed", "what was written to the cache is not told apart by its lifetime")         \
    SHAPE(OUTPUT_ONLY, 16, "output_only", "a stream's last usage has the output alone")                                \
    SHAPE(CHANGING, 17, "changing", "a stream's first usage has another prompt than its last, which is right")         \
    SHAPE(SEARCHES, 18, "searches", "two searches by the provider")                                                    \
    SHAPE(TOOL_PROMPT, 19, "tool_prompt", "a quarter of the input came from the provider's own tools")                 \
    SHAPE(DUPLICATE, 20, "duplicate", "the cache's counts stand there under two names")                                \
    SHAPE(INCLUSIVE, 21, "inclusive", "the prompt's count holds what was written to the cache, too")

enum sim_shape {
#define SHAPE(constant, bit, ...) SIM_USAGE_##constant = 1 << (bit),
    SIM_SHAPES(SHAPE)
#undef SHAPE
        SIM_USAGE_OPENAI = (1 << 14) - 1,
    SIM_USAGE_ALL = SIM_USAGE_CACHED | SIM_USAGE_CACHE_WRITE | SIM_USAGE_REASONING | SIM_USAGE_AUDIO,
};

/* "cached,every" -> bits; "all" and "none" are known too. */
bool sim_usage_parse(str s, uint32_t *out) MUST_CHECK;

enum { SIM_TIER_MAX = 24, SIM_CALL_MAX = 72, SIM_WORD_MAX = 2048 };

struct sim_control {
    int64_t tokens;       /* output of each choice; -1: drawn */
    int64_t input_tokens; /* -1: counted */
    int64_t after;        /* tokens before a fault; -1: half of them */
    int64_t ms;           /* length of a fault's delay; -1: the fault's default */
    int64_t times;        /* the fault strikes the first so many calls with the same control words; -1: all */
    int64_t tools;        /* tool calls to make; -1: as the request says */
    int64_t citations;    /* of the answer's text; -1: none */
    bool seed_given;
    uint64_t seed;
    bool usage_given;
    uint32_t usage; /* bits of enum sim_shape */
    bool fault_given;
    enum sim_fault fault;
    bool flagged; /* moderations */
    bool first_token_given, between_tokens_given;
    struct dist first_token, between_tokens; /* microseconds */
    char service_tier[SIM_TIER_MAX];         /* served; empty: as asked */
    char call[SIM_CALL_MAX];                 /* the tool to call; empty: as the request says */
    char arguments[SIM_WORD_MAX];            /* an object of JSON in one line; empty: made up to fit the schema */
    char text[SIM_WORD_MAX];                 /* the answer; empty: made up */
    uint64_t words_hash;                     /* of everything that was said: see `times` */
};

void sim_control_init(struct sim_control *c);
/* One word. Fails: false for a name that is not known or a value that does not fit it. */
bool sim_control_set(struct sim_control *c, str name, str value) MUST_CHECK;
/* "tokens=50 usage=cached". Fails: false, with the word in `*bad`. */
bool sim_control_words(struct sim_control *c, str words, str *bad) MUST_CHECK;
/* Every "[simulate ...]" in a text. Fails: as sim_control_words(). */
bool sim_control_text(struct sim_control *c, str text, str *bad) MUST_CHECK;

#endif
