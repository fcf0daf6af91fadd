/* The canonical call and answer: what stands between two dialects. As a stream: canon_stream.h.
 *
 * A dialect decodes its own bytes into these and encodes them into its own bytes;
 * no dialect knows another. Nothing here is copied that need not be: `jraw` borrows
 * JSON from the body as it stands, so that text goes from one wire to the other
 * without being decoded; whoever needs it decoded asks for it.
 *
 * What only one dialect knows is not lost: it is kept as `extras` (members) or as
 * a PART_OPAQUE (a whole block) and written again by the same dialect.
 *
 * Lifetimes: everything lies in the arena or borrows from the text of the document
 * that was decoded, never from the document's nodes. */
#ifndef DIALECT_CANON_H
#define DIALECT_CANON_H

#include "dialect/canon_tool.h"

struct canon_citation; /* canon_cite.h */

/* ---- features: what a call may use, and what becomes of it in each dialect (features.def) */

enum canon_feature {
#define FEATURE(constant, ...) FEATURE_##constant,
#include "dialect/features.def"
#undef FEATURE
    FEATURE_COUNT
};

/* ---- parts */

enum canon_part_kind {
    PART_TEXT,        /* text, citations */
    PART_IMAGE,       /* media */
    PART_AUDIO,       /* media */
    PART_VIDEO,       /* media */
    PART_DOCUMENT,    /* media, or text where the document is plain text */
    PART_TOOL_CALL,   /* tool: the model asks the client to run it */
    PART_TOOL_RESULT, /* tool.id, tool.content: what the client's tool gave */
    PART_REASONING,   /* text (may be empty), signature */
    PART_REDACTED,    /* encrypted reasoning: `signature` holds it */
    PART_REFUSAL,     /* text */
    PART_OPAQUE,      /* only `extras.of` knows it: `value` as it stands */
};

struct canon_media {
    str type;     /* "image/png"; empty: not told */
    str data;     /* base64, as inside a JSON string but without quotes; p == NULL: by reference */
    jraw url;     /* string */
    str file_id;  /* stored at the provider */
    str name;     /* file name or title */
    str detail;   /* OpenAI's: low, high, auto */
    int64_t size; /* bytes once decoded, an upper bound; 0: by reference */
};

struct canon_part {
    struct canon_part *next;
    enum canon_part_kind kind;
    jraw text; /* string */
    struct canon_citation *citations;
    struct canon_media media;
    struct canon_tool_use tool;
    jraw signature;    /* string: proves reasoning to the provider that made it, replayed untouched; of text and tool
                        * calls, too (Gemini's) */
    uint8_t signer;    /* 1 + the dialect that the signature is of; 0: the one that the call or answer came in */
    int64_t cache_ttl; /* seconds: a cache marker stands behind this part; 0: none */
    str id;            /* of the item that holds it, where the dialect has such (responses) */
    bool inner;        /* PART_OPAQUE: a piece of a message's content, where the dialect has items beside messages */
    jraw value;        /* PART_OPAQUE; PART_REASONING: the whole item as it stands in `extras.of` */
    struct canon_extras extras;
    struct canon_extras item; /* of the item that holds it, on its first part (responses) */
};

/* ---- messages */

enum canon_role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT };

/* Tool results are parts of a ROLE_USER message, whatever the dialect. A dialect with one
 * message for each result gives one message here, too; encoders join neighbours where
 * theirs must alternate. */
struct canon_message {
    struct canon_message *next;
    enum canon_role role;
    str name;   /* of the speaker; empty: none */
    bool among; /* a system message that stood among the others, where the dialect has a place above them */
    struct canon_part *parts;
    struct canon_extras extras;
};

/* ---- the call */

struct canon_embed;
struct canon_rerank;
struct canon_vectors;
struct canon_ranking;

enum canon_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

struct canon_output {
    enum canon_format format;
    str name;         /* FORMAT_SCHEMA: may be empty */
    jraw description; /* string */
    jraw schema;
    int8_t strict; /* -1: not told */
    str verbosity; /* OpenAI's: low, medium, high */
};

/* How much the model may think. Each dialect says one of the two; encoders derive the other
 * (canon_effort(), canon_thinking_budget()). */
struct canon_reasoning {
    str effort;            /* none, minimal, low, medium, high, xhigh, max; empty: not told */
    int64_t budget_tokens; /* -1: not told; 0: do not think */
    bool adaptive;         /* the model decides */
    bool show;             /* thoughts (or their summary) are wanted in the answer */
    str summary;           /* OpenAI's: auto, concise, detailed */
    bool encrypted;        /* encrypted reasoning is wanted back */
};

/* Numbers as they stand on the wire: they are passed on, never computed with. n == 0: not told. */
struct canon_sampling {
    str temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, seed;
    jraw logit_bias;      /* object */
    int8_t logprobs;      /* -1: not told */
    int64_t top_logprobs; /* -1: not told */
};

struct canon_note {
    struct canon_note *next;
    enum canon_feature feature;
    str field; /* as the client's dialect spells it: "generationConfig.seed" */
};

struct canon_call {
    enum dialect_id from;
    str model; /* as the client wrote it */
    bool stream, include_usage;
    struct canon_message *messages, *last_message; /* system messages stand where they stood */
    struct canon_tool *tools, *last_tool;
    struct canon_tool_choice choice;
    struct canon_output output;
    struct canon_reasoning reasoning;
    struct canon_sampling sampling;
    const jraw *stop; /* strings */
    size_t stop_count;
    int64_t max_output; /* tokens; -1: not told */
    int64_t choices;    /* n; at least 1 */
    str user, service_tier, cache_key;
    jraw metadata;            /* object */
    struct canon_note *notes; /* each feature that it uses, once for each field */
    size_t note_count;
    struct canon_extras extras; /* of the root */
    struct canon_embed *embed;  /* embeddings: what to embed, and how (embed.h) */
    struct canon_rerank *rank;  /* rerank: query and documents (rerank.h) */
    struct canon_extras own;    /* members of the root that the fields above tell in other words: written again,
                                 * instead of those, by the same dialect */
    struct arena *arena;
};

/* ---- the answer */

enum canon_stop {
    STOP_NONE, /* not over, or not told */
    STOP_END,
    STOP_SEQUENCE,
    STOP_LENGTH,
    STOP_CONTEXT, /* the context window is full: a kind of length */
    STOP_TOOL,
    STOP_FILTER,  /* a content filter */
    STOP_REFUSAL, /* the model refused */
    STOP_PAUSE,   /* a long turn pauses: the client sends it back to go on */
    STOP_ERROR,   /* malformed call, internal trouble: no result that could be used */
};

struct canon_choice {
    struct canon_choice *next;
    int64_t index;
    struct canon_part *parts, *last_part;
    enum canon_stop stop;
    str stop_raw;       /* as the provider wrote it */
    jraw stop_sequence; /* string: the one that was met */
    jraw logprobs;      /* as it stands: chat's and responses' own shape */
    struct canon_extras extras, message_extras;
};

struct canon_answer {
    enum dialect_id from;
    str id, model;
    int64_t created_s; /* 0: not told */
    struct canon_choice *choices, *last_choice;
    struct canon_vectors *vectors; /* embeddings (embed.h) */
    struct canon_ranking *ranking; /* rerank (rerank.h) */
    struct usage usage;            /* filled in by the caller, from the tap */
    jraw usage_value;              /* the usage object as it stands in dialect `from` */
    str service_tier;
    struct canon_extras extras;
    struct arena *arena;
};

/* ---- what is asked of a target */

struct canon_target {
    str model;          /* the target's name */
    int64_t max_output; /* written into the call; -1: none */
    bool stream;
    bool max_tokens; /* chat: knows max_tokens, not max_completion_tokens */
    bool no_stream_options;
    str body_version; /* as in struct call_changes */
    str vendor;       /* kind of the vendor: "groq" */
    uint32_t flags;   /* enum provider_flag, for what depends on the vendor */
    /* Out: the client's fields that the dialect has words for, but not beside what else the call says, or not for
     * this model or vendor; as in struct canon_dropped. NULL: nobody asks. */
    struct buf *left_out;
};

/* How an answer is shown to the client that waits for it. */
struct canon_client {
    str model;                     /* what it asked for, shown where the provider tells none */
    str seed;                      /* unique: what made-up ids are made of (the request's id, hex) */
    int64_t created_s;             /* now, where the provider does not tell */
    str echo;                      /* members that its protocol repeats of the call (dialect.echo) */
    const struct canon_call *call; /* what it asked; its texts are gone with the body. NULL: not known */
};

/* ---- building (canon.c) */

void canon_call_init(struct canon_call *call, enum dialect_id from, struct arena *arena);
void canon_answer_init(struct canon_answer *answer, enum dialect_id from, struct arena *arena);
struct canon_message *canon_add_message(struct canon_call *call, enum canon_role role);
/* Appends to a list of parts. */
struct canon_part *canon_add_part(struct arena *arena, struct canon_part **list, enum canon_part_kind kind);
struct canon_choice *canon_add_choice(struct canon_answer *answer, int64_t index);
/* The call uses a feature, under that name. */
void canon_note(struct canon_call *call, enum canon_feature feature, str field);
/* "data:image/png;base64,AAAA" into media; false where `url` is no such. */
bool canon_data_url(struct arena *arena, jraw url, struct canon_media *media) MUST_CHECK;

/* ---- meaning shared by dialects (canon_meaning.c) */

/* Signatures of one dialect on their way through a client of another, which sends them back as they are: a string
 * that names dialect and use. `use` tells what the decoder does with it when it comes back. */
enum canon_carry {
    CARRY_REASONING, /* the signature of this reasoning */
    CARRY_REDACTED,  /* a PART_REDACTED */
    CARRY_NEXT,      /* the signature of the part that follows */
    CARRY_LAST,      /* ... of the part before */
};
jraw canon_carry(struct arena *arena, enum dialect_id of, enum canon_carry use, jraw signature);
/* The same where the field holds bytes: all of it in base64. Google's clients decode it, and some send it back in the
 * alphabet for URLs. */
jraw canon_carry_bytes(struct arena *arena, enum dialect_id of, enum canon_carry use, jraw signature);
/* Either form. Fails: false where `text` is none of ours: then it is the client's dialect's own. */
bool canon_carried(struct arena *arena, jraw text, enum dialect_id *of, enum canon_carry *use,
                   jraw *signature) MUST_CHECK;
/* The part's signature, where it is one of dialect `to`; `from` is where the call or answer came from. */
jraw canon_signature(const struct canon_part *part, enum dialect_id from, enum dialect_id to);
/* A turn of the model that called tools, as the last one, with none of its thoughts that `to` can prove: Claude, where
 * it got a budget, refuses to go on from it. */
bool canon_thoughts_lost(const struct canon_call *call, enum dialect_id to);

/* What asks for the call's format in words, where it cannot be enforced. It has one. Lives in the call's arena. */
str canon_format_instruction(const struct canon_call *call);

/* "low", "medium" ... for a budget of tokens; and the budget for an effort, within what the output limit allows. */
str canon_effort(const struct canon_reasoning *r);
/* The tier that was served, in the words of OpenAI's and Anthropic's clients, who know closed lists. None: no word. */
str canon_served_tier(str tier, enum dialect_id from, enum dialect_id client);
int64_t canon_thinking_budget(const struct canon_reasoning *r, int64_t max_output);
/* Units of a usage as the inclusive protocols count: everything read, everything generated. */
int64_t canon_prompt_tokens(const struct usage *u);
int64_t canon_completion_tokens(const struct usage *u);

/* What accounting reads of a call, from its canonical form: limit, choices, text, media, turns, tools,
 * segments, labels. `doc` is the body that `canon` was decoded from. The refs for call_edit() are the dialect's. */
void canon_count(const struct canon_call *canon, const struct json *doc, struct call *call);

#endif
