/* The canonical call, answer and delta: what stands between two dialects.
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

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "dialect/call.h"

/* A JSON value as it stands on the wire: a string with quotes and escapes, an
 * object, a number ... json.p == NULL: there is none. */
typedef struct jraw {
    str json;
} jraw;

#define RAW_NONE ((jraw){{NULL, 0}})

static inline jraw raw_of(str json)
{
    return (jraw){json};
}

/* Members that only `of` understands: `"key":value,"key":value`; n == 0: none. */
struct canon_extras {
    enum dialect_id of;
    str members;
};

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

/* Where in its source a citation points to: counted from 0, pages from 1; `to` is the first one beyond. */
enum canon_place { PLACE_NONE, PLACE_CHARS, PLACE_PAGES, PLACE_BLOCKS, PLACE_RESULT };

/* Some words of the answer lean on some words of a source. Of the web where it has a url, of a document otherwise. */
struct canon_citation {
    struct canon_citation *next;
    jraw url, title, id;    /* strings: the source's */
    jraw quote;             /* string: words of the source */
    jraw said;              /* string: words of the answer, those from start to end */
    int64_t start, end;     /* characters of the part's text; -1: of the whole part */
    enum canon_place place; /* PLACE_RESULT: blocks of a search result that the client gave */
    int64_t source;         /* which of the call's documents (or results) it is, from 0; -1: not told */
    int64_t from, to;       /* within the source; -1: not told */
    jraw value;             /* as it stands in dialect `of`, whole */
    enum dialect_id of;
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

struct canon_tool_use {
    str id; /* links call and result; made up where a dialect has none */
    str name;
    str arguments;              /* JSON text, decoded; an object, unless the model wrote something else */
    struct canon_part *content; /* of a result */
    bool is_error;              /* of a result */
    bool custom;                /* free text instead of JSON: `arguments` is that text */
    str group;                  /* responses: the namespace of the tool; `name` is then "<group>__<its name>" */
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

/* ---- tools */

enum canon_tool_kind {
    TOOL_FUNCTION,
    TOOL_CUSTOM,     /* free text, perhaps with a grammar: OpenAI's */
    TOOL_WEB_SEARCH, /* runs at the provider */
    TOOL_OPAQUE,     /* only `extras.of` knows it; runs at the provider, unless `at_client` */
};

struct canon_tool {
    struct canon_tool *next;
    enum canon_tool_kind kind;
    str name;
    str group;        /* responses: the namespace that it stands in; `name` is then "<group>__<its name>" */
    jraw description; /* string */
    jraw schema;      /* JSON Schema of its arguments; none: no arguments */
    int8_t strict;    /* -1: not told */
    bool at_client;   /* TOOL_OPAQUE: defined by the provider, run by the client */
    int64_t cache_ttl;
    int64_t max_uses; /* of a search; -1: not told */
    jraw value;       /* TOOL_CUSTOM, TOOL_WEB_SEARCH, TOOL_OPAQUE: as it stands; a group: on its first tool */
    struct canon_extras extras;
};

enum canon_choice_mode { CHOICE_UNSET, CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED };

struct canon_tool_choice {
    enum canon_choice_mode mode;
    str name;           /* REQUIRED: this one; empty: any */
    const str *allowed; /* only these; count 0: all */
    size_t allowed_count;
    int8_t parallel; /* -1: not told */
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

/* ---- deltas: a stream as blocks
 *
 * For each choice: BLOCK_START, pieces, BLOCK_STOP, one block at a time, indexes from 0
 * without gaps; a block without pieces is legal. START comes first, FINISH once for each
 * choice, END last and once. Decoders keep to it whatever their wire does (text after a
 * tool call is a new block); encoders rely on it. */
enum canon_delta_kind {
    DELTA_START,       /* id, model, created_s; usage as far as it is known */
    DELTA_BLOCK_START, /* part: kind, tool.id, tool.name, whatever is known; its pieces follow all the same */
    DELTA_TEXT,        /* piece: of text, reasoning or refusal */
    DELTA_ARGUMENTS,   /* piece: of a tool call's arguments, JSON text in a string */
    DELTA_SIGNATURE,   /* piece: the block's signature (whole) */
    DELTA_CITATION,    /* part->citations: one */
    DELTA_LOGPROBS,    /* piece: as it stands, belongs to the text just sent */
    DELTA_BLOCK_STOP,
    DELTA_FINISH, /* stop, stop_raw, stop_sequence */
    DELTA_PING,   /* the provider keeps the connection alive */
    DELTA_END,    /* usage is final */
};

struct canon_delta {
    enum canon_delta_kind kind;
    enum dialect_id from; /* DELTA_START: the provider's; canon_give() fills it in */
    int64_t choice;       /* 0 .. */
    int64_t block;        /* of this choice, 0 .. */
    const struct canon_part *part;
    jraw piece; /* a JSON string, quotes included */
    enum canon_stop stop;
    str stop_raw;
    jraw stop_sequence;
    str id, model;
    int64_t created_s;
    const struct usage *usage; /* NULL: not told yet */
    str service_tier;
    jraw extras; /* an object of the provider's own that a client of the same dialect would see; may be none */
};

/* Takes deltas: an encoder, or a test. Valid only during the call. */
struct canon_sink {
    void (*take)(struct canon_sink *sink, const struct canon_delta *delta);
};

enum { CANON_CHOICES_MAX = 128, CANON_BLOCKS_MAX = 4096, CANON_ARGUMENTS_MAX = 16 * 1024 * 1024 };

/* Reads the events of one stream. `state` is the dialect's own, in `arena`, made at the first event. */
struct canon_decoder {
    enum dialect_id dialect;
    uint32_t quirks;
    struct arena *arena;
    struct canon_sink *sink;
    void *state;
    bool started, ended;
    const char *broken; /* why the stream cannot be read on: for an error; NULL: it can */
};

/* Writes the events of one stream for a client: the caller says how they are framed
 * (server-sent events, event-stream frames, a JSON array). */
struct event_sink {
    /* One event; `name` may be empty. The bytes are valid only during the call. */
    void (*emit)(struct event_sink *sink, str name, str data);
    /* The event that says that the stream has failed. */
    void (*fail)(struct event_sink *sink, str name, str data);
};

struct canon_encoder {
    enum dialect_id dialect;
    struct event_sink *sink;
    struct buf json; /* scratch: one event under construction */
    struct arena *arena;
    str model;                     /* what the client asked for, shown where the provider tells none */
    str seed;                      /* unique: what made-up ids are made of (the request's id, hex) */
    int64_t created_s;             /* now, where the provider does not tell */
    bool include_usage;            /* chat: the client asked for the usage chunk */
    str cost_usd;                  /* shown beside the usage at the end; empty: not known */
    str echo;                      /* members that the client's protocol repeats of the call (dialect.echo) */
    void *state;                   /* the dialect's own, in `arena`, made at the first delta */
    struct canon_placing *placing; /* canon_cite.h */
    int64_t sequence;              /* of the last event that was numbered; -1 before the first */
    bool broken;                   /* a ceiling was met: the stream must end in an error */
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

/* What had to be left out of a call for its target. */
struct canon_dropped {
    str fields; /* "seed, logit_bias": for the warning header; empty: nothing */
};

/* Gives a whole answer as a stream would: for a client that asked for one. */
void canon_replay(const struct canon_answer *answer, struct canon_sink *sink);

/* Of each choice's tool calls only the first stays: for a call that wants one at a time (canon_first_call.c). */
void canon_keep_first_call(struct canon_answer *answer);
/* The same for a stream: a sink that stands before `to`. Lives in `arena`. */
struct canon_sink *canon_first_call_sink(struct canon_sink *to, struct arena *arena);

/* ---- building (canon.c) */

void canon_call_init(struct canon_call *call, enum dialect_id from, struct arena *arena);
void canon_answer_init(struct canon_answer *answer, enum dialect_id from, struct arena *arena);
struct canon_message *canon_add_message(struct canon_call *call, enum canon_role role);
/* Appends to a list of parts. */
struct canon_part *canon_add_part(struct arena *arena, struct canon_part **list, enum canon_part_kind kind);
struct canon_tool *canon_add_tool(struct canon_call *call, enum canon_tool_kind kind);
struct canon_choice *canon_add_choice(struct canon_answer *answer, int64_t index);
/* The call uses a feature, under that name. */
void canon_note(struct canon_call *call, enum canon_feature feature, str field);

/* Characters of a JSON string. */
int64_t canon_length(jraw text);
/* A number that is zero, as it is written. */
bool canon_is_zero(str number);
/* A list or object without members, or false: what clients send who want nothing. */
bool canon_is_nothing(const struct json *doc, json_ref at);

/* The tool results of a turn by their ids: a provider refuses an id that comes twice. Lives in `arena`. */
struct canon_results {
    struct result_slot *slots;
    size_t room; /* a power of two */
};
void canon_results_init(struct canon_results *s, const struct canon_message *first, const struct canon_message *end,
                        struct arena *arena);
/* Of those it was made of: whether none of the same id stands before it; how many have its id. */
bool canon_results_is_first(const struct canon_results *s, const struct canon_part *result);
size_t canon_results_count(const struct canon_results *s, const struct canon_part *result);
/* The members of `object` that are not among `known`, as extras. */
struct canon_extras canon_extras_of(const struct json *doc, json_ref object, const str *known, size_t count,
                                    enum dialect_id of, struct arena *arena);

/* The value as it stands; none where it is absent or null. */
jraw canon_raw(const struct json *doc, json_ref at);
/* A string member of `object` as it stands; none where it is absent, null or no string. */
jraw canon_raw_string(const struct json *doc, json_ref object, str key);
/* A copy in `arena`; none of none. */
jraw canon_keep(struct arena *arena, jraw raw);
/* A string member, decoded; STR_NONE where it is absent, null, no string or holds an unpaired surrogate. */
str canon_text(const struct json *doc, json_ref object, str key, struct arena *arena);
/* A number member as written; STR_NONE otherwise. */
str canon_number(const struct json *doc, json_ref object, str key);
/* -1 absent, null or no boolean; else 0 or 1. */
int8_t canon_tristate(const struct json *doc, json_ref object, str key);
/* "text" of a jraw string without its quotes. */
str canon_inside(jraw string);
/* A decoded text as a jraw string. */
jraw canon_quote(struct arena *arena, str text);
/* The content of a jraw string, decoded. Fails: STR_NONE for an unpaired surrogate. */
str canon_decode(struct arena *arena, jraw string);
/* Raw strings joined into one, `between` (already escaped) between them. */
jraw canon_join(struct arena *arena, const jraw *strings, size_t count, str between);
/* Bytes of base64 once decoded. */
int64_t canon_base64_size(str data);
/* "data:image/png;base64,AAAA" into media; false where `url` is no such. */
bool canon_data_url(struct arena *arena, jraw url, struct canon_media *media) MUST_CHECK;

/* ---- writing (canon.c): the value, or nothing */

/* Writes `"key":` with a comma before it unless the buffer ends in `{` or `[`. */
void canon_key(struct buf *out, str key);
/* A comma unless the buffer ends in `{`, `[` or `,`. */
void canon_comma(struct buf *out);
void canon_put_raw(struct buf *out, str key, jraw value); /* nothing where there is none */
/* A web search's `user_location`, flat: chat has its members one deeper, under `approximate`. */
void canon_put_place(struct buf *out, const struct json *doc, json_ref place);
void canon_put_text(struct buf *out, str key, str text);     /* nothing where it is empty */
void canon_put_number(struct buf *out, str key, str number); /* nothing where it is empty */
void canon_put_i64(struct buf *out, str key, int64_t v);
void canon_put_bool(struct buf *out, str key, bool v);
/* The extras of this dialect; those of another are not written. */
void canon_put_extras(struct buf *out, const struct canon_extras *extras, enum dialect_id of);

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
/* Fails: false where `text` is none of ours: then it is the client's dialect's own. */
bool canon_carried(struct arena *arena, jraw text, enum dialect_id *of, enum canon_carry *use,
                   jraw *signature) MUST_CHECK;
/* The part's signature, where it is one of dialect `to`; `from` is where the call or answer came from. */
jraw canon_signature(const struct canon_part *part, enum dialect_id from, enum dialect_id to);
/* A turn of the model that called tools, as the last one, with none of its thoughts that `to` can prove: Claude, where
 * it got a budget, refuses to go on from it. */
bool canon_thoughts_lost(const struct canon_call *call, enum dialect_id to);

/* The names of the tools that its history calls, each once, `max` at most. Returns how many. */
size_t canon_called_tools(const struct canon_call *call, str *names, size_t max);

/* What asks for the call's format in words, where it cannot be enforced. It has one. Lives in the call's arena. */
str canon_format_instruction(const struct canon_call *call);

/* "low", "medium" ... for a budget of tokens; and the budget for an effort, within what the output limit allows. */
str canon_effort(const struct canon_reasoning *r);
int64_t canon_thinking_budget(const struct canon_reasoning *r, int64_t max_output);
/* Units of a usage as the inclusive protocols count: everything read, everything generated. */
int64_t canon_prompt_tokens(const struct usage *u);
int64_t canon_completion_tokens(const struct usage *u);

/* Does the target's dialect take what the call uses? What it cannot say is refused, or dropped where
 * `lenient`; what is a mere hint is dropped in any case. Both are told in `dropped`.
 * Fails: false with `problem` naming the client's field. */
bool canon_check(const struct canon_call *call, enum dialect_id to, bool lenient, struct canon_dropped *dropped,
                 struct call_problem *problem) MUST_CHECK;
/* ... of a vendor (its kind: "voyage") whose words are not quite its dialect's; empty: any. */
bool canon_check_at(const struct canon_call *call, enum dialect_id to, str vendor, bool lenient,
                    struct canon_dropped *dropped, struct call_problem *problem) MUST_CHECK;
/* canon_range.c, for what the dialect has words for, but not for all that they may say (ranges.def): a number within
 * the target's range, told where it is another one; how many of the stop sequences may be written. */
str canon_ranged(const struct canon_call *call, const struct canon_target *target, enum dialect_id to,
                 enum canon_feature f, str number);
size_t canon_stops(const struct canon_call *call, enum dialect_id to, str vendor);
/* Fails: false with `problem`. */
bool canon_check_names(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
bool canon_check_stops(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
/* For encoders: what the call says of `f` was left out. */
void canon_leave_out(const struct canon_call *call, const struct canon_target *target, enum canon_feature f);
str canon_feature_text(enum canon_feature f);

/* What accounting reads of a call, from its canonical form: limit, choices, text, media, turns, tools,
 * segments, labels. `doc` is the body that `canon` was decoded from. The refs for call_edit() are the dialect's. */
void canon_count(const struct canon_call *canon, const struct json *doc, struct call *call);

#endif
