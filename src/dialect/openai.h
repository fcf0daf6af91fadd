/* What the files of the OpenAI dialect share. Nobody else includes it. */
#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/tap.h"

/* The members of a body's root that purser reads or writes. */
#define CALL_FIELDS(FIELD)                                                                                             \
    FIELD(MODEL, "model")                                                                                              \
    FIELD(STREAM, "stream")                                                                                            \
    FIELD(STREAM_OPTIONS, "stream_options")                                                                            \
    FIELD(MAX_COMPLETION_TOKENS, "max_completion_tokens")                                                              \
    FIELD(MAX_TOKENS, "max_tokens")                                                                                    \
    FIELD(MAX_OUTPUT_TOKENS, "max_output_tokens")                                                                      \
    FIELD(N, "n")                                                                                                      \
    FIELD(BEST_OF, "best_of")                                                                                          \
    FIELD(USER, "user")                                                                                                \
    FIELD(SAFETY_IDENTIFIER, "safety_identifier")                                                                      \
    FIELD(METADATA, "metadata")                                                                                        \
    FIELD(SERVICE_TIER, "service_tier")                                                                                \
    FIELD(BACKGROUND, "background")                                                                                    \
    FIELD(MAX_TOOL_CALLS, "max_tool_calls")                                                                            \
    FIELD(MESSAGES, "messages")                                                                                        \
    FIELD(INPUT, "input")                                                                                              \
    FIELD(PROMPT, "prompt")                                                                                            \
    FIELD(SUFFIX, "suffix")                                                                                            \
    FIELD(INSTRUCTIONS, "instructions")                                                                                \
    FIELD(TOOLS, "tools")                                                                                              \
    FIELD(FUNCTIONS, "functions")                                                                                      \
    FIELD(RESPONSE_FORMAT, "response_format")                                                                          \
    FIELD(TEXT, "text")                                                                                                \
    FIELD(DOCUMENTS, "documents")                                                                                      \
    FIELD(PREDICTION, "prediction")                                                                                    \
    FIELD(PREVIOUS_RESPONSE_ID, "previous_response_id")                                                                \
    FIELD(CONVERSATION, "conversation")                                                                                \
    FIELD(WEB_SEARCH_OPTIONS, "web_search_options")                                                                    \
    FIELD(SEARCH_PARAMETERS, "search_parameters")                                                                      \
    FIELD(ENABLE_SEARCH, "enable_search")                                                                              \
    FIELD(PLUGINS, "plugins")

enum call_field {
#define FIELD(constant, name) FIELD_##constant,
    CALL_FIELDS(FIELD)
#undef FIELD
        FIELD_COUNT
};

/* A body being read. */
struct call_reader {
    const struct json *doc;
    struct arena *arena;
    struct call *call;
    struct call_problem *problem;
    json_ref at[FIELD_COUNT]; /* JSON_ABSENT where the root has no such member */
};

str call_field_name(enum call_field f);
/* As it stands: JSON_ABSENT where it is missing or null. */
json_ref call_field_value(const struct call_reader *r, enum call_field f);
/* Fills in the problem; false, for `return refuse(...)`. */
bool call_refuse(struct call_reader *r, str param, str message);

/* Counts the prompt: text, media, turns, tools, segments.
 * Fails: false with the problem filled in. */
bool call_count(struct call_reader *r) MUST_CHECK;

/* A count under way. */
struct tally {
    struct call_reader *r;
    const struct json *doc;
    struct call *call;
    int64_t *segment; /* where bytes go now */
};

/* Text of the current segment. */
void tally_text(struct tally *t, int64_t bytes);
/* A string, a part, or a list of them; a message or an item. */
void tally_content(struct tally *t, json_ref at);
void tally_object(struct tally *t, json_ref object);
/* Tool definitions: text of their own segment, and where they run. */
void tally_tools(struct tally *t, json_ref tools);

/* Reads `usage` into the answer: units, the raw bytes, the provider's own cost. */
void answer_take_usage(struct answer *a, uint32_t quirks, const struct json *doc, json_ref usage);
/* The parts of a chat chunk or body, and of the responses' events and bodies. */
void answer_take_choices(struct answer *a, const struct json *doc, json_ref choices);
enum tap_verdict answer_take_event(struct answer *a, uint32_t quirks, const struct json *doc, str type);
void answer_take_response(struct answer *a, uint32_t quirks, const struct json *doc, json_ref response);
void answer_take_items(struct answer *a, const struct json *doc, json_ref output);

/* ---- the rows of dialect_chat and dialect_responses */
bool openai_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem) MUST_CHECK;
size_t openai_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                   struct json_edit edits[CALL_EDITS_MAX]);
enum tap_verdict openai_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event);
void openai_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void responses_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void openai_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
void chat_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);
void responses_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);

#endif
