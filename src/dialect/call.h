/* What purser reads of a call, whichever protocol it came in, and what it reads
 * of an answer. Pure functions of bytes: no clock, no sockets, no settings. */
#ifndef DIALECT_CALL_H
#define DIALECT_CALL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/usage.h"

/* The wire formats of calls, by their names in `protocols:` of the settings. */
enum dialect_id {
    DIALECT_CHAT,      /* OpenAI chat completions, and OpenAI's smaller endpoints */
    DIALECT_RESPONSES, /* OpenAI responses */
    DIALECT_MESSAGES,  /* Anthropic messages */
    DIALECT_GEMINI,    /* Gemini generateContent */
    DIALECT_CONVERSE,  /* Bedrock Converse */
    DIALECT_COHERE,    /* Cohere v2 */
    DIALECT_COUNT,
};

enum call_kind {
#define KIND(constant, ...) CALL_##constant,
#include "dialect/kinds.def"
#undef KIND
    CALL_KIND_COUNT,
    CALL_PASSTHROUGH = CALL_KIND_COUNT, /* another path of the provider: carried, not read */
};

/* "/v1/chat/completions", as clients call it; a `*` stands for the model. */
str call_path(enum call_kind kind);
/* "chat", "messages", "passthrough": unique. */
str call_kind_name(enum call_kind kind);
/* GenAI operation name for metrics and ledger: "chat", "embeddings", "generate_content" ... */
str call_kind_operation(enum call_kind kind);
/* Whether its answer is generated text: those kinds translate into each other. */
bool call_kind_generates(enum call_kind kind);
/* CALL_PASSTHROUGH speaks DIALECT_CHAT, as far as it must speak. */
enum dialect_id call_kind_dialect(enum call_kind kind);
/* The least output limit that providers take for the kind: a limit is never lowered below it. */
int64_t call_min_output(enum call_kind kind);

/* Where the prompt's bytes are, for the ledger. */
struct call_segments {
    int64_t system_bytes;    /* system and developer messages, instructions */
    int64_t history_bytes;   /* earlier turns */
    int64_t retrieved_bytes; /* tool results and retrieved documents */
    int64_t tools_bytes;     /* tool definitions, response schemas */
    int64_t user_bytes;      /* the last user turn */
};

/* Images and sound: what such a call makes, and the most that it can cost. */
struct call_media {
    int64_t pieces;        /* images asked for */
    int64_t output_tokens; /* most that is generated, of all pieces: these kinds have no limit of their own */
    int64_t seconds;       /* most that the sound may last */
    int64_t likely_output, likely_seconds; /* where nobody tells */
    int64_t characters;                    /* of a text to be spoken */
    /* a body of multipart/form-data: where the model's name stands in it */
    bool form;
    size_t model_at, model_bytes;
};

struct call {
    enum call_kind kind;
    str model; /* as the client wrote it, decoded */
    bool stream;
    bool include_usage;       /* the client asked for the usage chunk itself */
    bool include_usage_false; /* ... or forbade it */
    bool background;          /* responses only */
    int64_t max_output;       /* tokens; the larger of two names; -1 where the client set none */
    int64_t choices;          /* generations that are paid: n or best_of, times the prompts; at least 1 */
    int64_t choices_returned; /* generations that come back: n times the prompts; at least 1 */
    int64_t max_tool_calls;   /* -1 where not set */
    bool server_tools;        /* asks for tools that run at the provider (web search, code, ...) */
    int64_t text_bytes; /* all text that becomes prompt tokens, tools and schemas included: never fewer than tokens */
    int64_t prediction_bytes;     /* of a predicted output: what of it is rejected is paid as output, above the limit */
    int64_t messages;             /* turns, each with constant overhead */
    int64_t tools;                /* tool definitions, each with constant overhead */
    int64_t images, audio, files; /* parts by kind */
    int64_t audio_bytes;          /* of the audio parts, decoded; not in text_bytes */
    bool references; /* stored or remote context, or a file whose text cannot be counted (previous_response_id,
                              * conversation, file ids, PDF): size unknown */
    str user;        /* `user`, else `safety_identifier`, else metadata.user_id */
    str feature, task, session, prompt; /* metadata.feature, .task, .session_id, .prompt */
    str service_tier;                   /* as asked */
    struct call_segments segments;
    struct call_media media;
    bool openai_words; /* embeddings: says something that vendors which are only like OpenAI say in other words */
    struct arena *arena;
    /* what call_edit() needs; offsets into the body */
    uint32_t at_open; /* just behind the root's `{` */
    bool root_empty;  /* the root has no members */
    json_ref model_ref, stream_options_ref, include_usage_ref;
    json_ref budget_ref;  /* messages: thinking.budget_tokens, which stays below the limit */
    int64_t min_output;   /* the limit is never lowered below it; 0: call_min_output() says */
    json_ref limit_in;    /* the object that holds the limit, where that is not the root */
    json_ref max_refs[3]; /* the limits by name, nulls too: max_completion_tokens, max_tokens, max_output_tokens */
};

/* The least output limit that this call can have where it is sent as `kind`. */
int64_t call_least_output(const struct call *call, enum call_kind kind);
/* The most tokens that come out where each choice has at most `limit` (>= 0): all choices, and what was predicted.
 * Whatever a client asks for: never above CALL_OUTPUT_MOST, so that sums with it cannot overflow. */
#define CALL_OUTPUT_MOST (INT64_C(1) << 60)
int64_t call_output_of_all(const struct call *call, int64_t limit);

/* What a call may become on its way to the provider. */
struct call_changes {
    str model;           /* p == NULL: as it stands */
    bool add_usage;      /* stream_options.include_usage: true */
    int64_t max_output;  /* written where none stands, else lowered to; -1: as it stands */
    str body_version;    /* messages at Vertex: stands as anthropic_version where the model stood, which is in the
                          * path there; p == NULL: no such thing */
    bool use_max_tokens; /* the target knows `max_tokens`, not `max_completion_tokens`: a limit that stands under
                              * the second name alone is renamed */
};

/* What was wrong with a body: for the client's error. */
struct call_problem {
    enum err err;
    str message; /* what, where and what to do; in the call's arena */
    str param;   /* the field's name, or empty */
};

/* Reads a body. `doc` stays in use until the call is edited.
 * Owns: strings live in `arena` or borrow from `doc->text`.
 * Fails: false with `problem` filled in (bad JSON is the caller's to report). */
bool call_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
               struct call_problem *problem) MUST_CHECK;
/* Reads a body of multipart/form-data, for the kinds that come as such (media.c). */
bool call_read_form(enum call_kind kind, str content_type, str body, struct arena *arena, struct call *out,
                    struct call_problem *problem) MUST_CHECK;
/* Whether the kind may come as multipart/form-data; whether its answer may be something else than JSON. */
bool call_kind_takes_form(enum call_kind kind);
bool call_kind_makes_media(enum call_kind kind);
/* Whether a model is paid by the characters that it speaks, of which its answer tells nothing. */
bool call_paid_by_character(enum call_kind kind, str model);

enum { CALL_EDITS_MAX = 8 };
/* The edits that make `changes`: sorted, not overlapping, their texts in `call->arena`. */
size_t call_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                 struct json_edit edits[CALL_EDITS_MAX]);

/* Quirks of a provider's usage and stream; set by its row in provider/. */
enum answer_quirk {
    QUIRK_X_GROQ = 1 << 0,            /* usage under x_groq */
    QUIRK_CUMULATIVE = 1 << 1,        /* usage on every chunk, growing: keep the last */
    QUIRK_CACHE_MISS = 1 << 2,        /* prompt_cache_hit_tokens / prompt_cache_miss_tokens */
    QUIRK_FLAT_CACHED = 1 << 3,       /* flat `cached_tokens` beside prompt_tokens */
    QUIRK_AUDIO_OUTSIDE = 1 << 4,     /* audio tokens stand only in the details (Mistral) */
    QUIRK_OWN_COST = 1 << 5,          /* usage.cost: the provider's own figure */
    QUIRK_REASONING_OUTSIDE = 1 << 6, /* total = prompt + completion + reasoning (xAI chat) */
    QUIRK_REASONING_IS_REST =
        1 << 7, /* what total has above prompt + completion is reasoning (Gemini's OpenAI layer) */
};

/* What is known of an answer so far. One for each attempt. */
struct answer {
    struct usage usage;
    str usage_raw;         /* the usage object as it came, where it has at most 16 kB; owned by `arena` */
    str model;             /* as answered */
    str service_tier;      /* as served */
    str finish;            /* the last finish reason */
    str id;                /* of what the provider stored: a response, or whatever another path made */
    str provider_error;    /* message of an error the provider sent in band */
    int error_status;      /* the HTTP status that it stands for; 0: it does not say */
    picousd provider_cost; /* its own figure; PICO -1 where it gave none */
    bool finished;         /* the protocol's own end was seen (finish reason of all choices, end event) */
    bool ended;            /* the last event was seen ([DONE], response.completed ...) */
    bool failed;           /* an error inside the stream or body; stays */
    int64_t output_events; /* deltas that carried output */
    int64_t output_bytes;  /* bytes of text, arguments and reasoning in them */
    uint64_t output_hash;  /* of text and arguments, 0: there were none; not for tables that a peer could fill */
    int64_t choices_seen, choices_finished;
    int64_t pieces;           /* images made, each of which may have a price */
    int64_t image_output;     /* tokens of them, within UNIT_OUTPUT */
    int64_t choices_expected; /* call.choices_returned, set by the caller: `finished` waits for as many; 0: unknown */
    int64_t sequence;         /* responses: the last sequence_number; -1 before the first */
    int64_t searches,
        tool_calls; /* made at the provider, counted in the output; in `usage` where it has none of its own */
    bool tool_used;
    struct arena *arena;
    /* the tap's own memory */
    uint64_t seen[2], done[2]; /* choices by index, a bit each */
    uint32_t labels;           /* changes of model, tier and finish: bounded */
    uint32_t usage_cap;        /* room behind usage_raw.p */
};

void answer_init(struct answer *a, struct arena *arena);

/* Whether the answer came to an end that its protocol knows. Some providers omit
 * the last event, some a finish reason: either of the two does, nothing but
 * "[DONE]" does not, and an end that follows an error never does. */
bool answer_complete(const struct answer *a);

/* What the tap says about one event of a stream. */
enum tap_verdict {
    TAP_PASS,       /* send on as it is */
    TAP_USAGE_ONLY, /* a chunk that only carries usage (choices: []): drop it where the client did not ask */
    TAP_END,        /* the protocol's last event: withhold until the attempt is posted */
    TAP_ERROR,      /* an error in band: the stream has failed */
};

/* One event of a stream: `event` is its name (may be empty), `data` its data.
 * `doc` is scratch. Malformed JSON in an event is TAP_ERROR. */
enum tap_verdict answer_feed(struct answer *a, enum call_kind kind, uint32_t quirks, struct json *doc, str event,
                             str data);
/* A whole body that was not streamed. Fails: false when it is no JSON object;
 * `failed` where it carries an error object. */
bool answer_read(struct answer *a, enum call_kind kind, uint32_t quirks, struct json *doc, str body) MUST_CHECK;
/* The usage object alone, for every protocol of the OpenAI family: reads the
 * fields of chat and of responses, makes the units disjoint and clamps them. */
void usage_read_openai(const struct json *doc, json_ref usage, uint32_t quirks, struct usage *out);

/* ... of Anthropic's protocol. */
void usage_read_messages(const struct json *doc, json_ref usage, struct usage *out);

/* OpenAI's error, as a body: {"error":{"message","type","param","code"}}. */
void openai_render_error(struct buf *out, enum err e, str message, str param, str code_or_empty);

#endif
