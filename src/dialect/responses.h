/* What the files of OpenAI's responses dialect share. Nobody else includes it.
 *
 * A call and an answer are lists of items. Here an item is a message of its own in a
 * call, and one or several parts in an answer: the parts of one message carry its id,
 * the first of them what else it has (`item`). */
#ifndef DIALECT_RESPONSES_H
#define DIALECT_RESPONSES_H

#include "dialect/tap.h"

enum { RESPONSES_OUTPUT_MIN = 16 }; /* OpenAI refuses a lower limit */

enum item_kind {
    ITEM_MESSAGE,
    ITEM_CALL,        /* function_call, custom_tool_call */
    ITEM_CALL_OUTPUT, /* function_call_output, custom_tool_call_output */
    ITEM_REASONING,
    ITEM_OTHER, /* tools that run at the provider, and whatever comes next year */
};
enum item_kind responses_item_kind(const struct json *doc, json_ref item);

/* Items being read, of a call or an answer. */
struct item_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call;  /* NULL: an answer */
    struct canon_part **end;  /* where the next part goes */
    struct canon_part *last;  /* the one before */
    struct canon_part *first; /* of the item under way */
    jraw carried;             /* a signature for the next part */
    uint8_t carried_signer;
};

struct canon_part *responses_add_part(struct item_reader *r, enum canon_part_kind kind);
/* A string or a list of parts. */
void responses_read_content(struct item_reader *r, json_ref content, str id);
/* One item of its kind: adds its parts. */
void responses_read_message(struct item_reader *r, json_ref item);
void responses_read_call(struct item_reader *r, json_ref item);
void responses_read_call_output(struct item_reader *r, json_ref item);
void responses_read_reasoning(struct item_reader *r, json_ref item);
void responses_read_other(struct item_reader *r, json_ref item);
/* The text of a reasoning item, whichever way it shows it. */
jraw responses_reasoning_text(const struct json *doc, json_ref item, struct arena *arena);
/* The name by which other dialects know a function of a namespace: "<group>__<name>". */
str responses_group_name(struct arena *arena, str group, str name);
/* An annotation of a text. */
struct canon_citation *responses_read_citation(const struct json *doc, json_ref at, struct arena *arena);

/* The response's time in seconds; 0: not told. */
int64_t responses_created(const struct json *doc, json_ref response);

void responses_note(struct canon_call *call, enum canon_feature feature, str field);

/* The prompt of a call: instructions and input. */
bool responses_read_prompt(const struct json *doc, struct canon_call *call, struct call_problem *problem) MUST_CHECK;
void responses_put_input(struct buf *out, const struct canon_call *call);

bool responses_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem) MUST_CHECK;
bool responses_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                           struct call_problem *problem) MUST_CHECK;
bool responses_decode_answer(const struct json *doc, struct canon_answer *out) MUST_CHECK;
void responses_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void responses_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void responses_decode_end(struct canon_decoder *d, const struct answer *tap);
void responses_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);
str responses_echo(const struct canon_call *call);
/* The namespaces among the tools that an echo tells: "a,b,c"; empty: none. */
str responses_groups(str echo, struct arena *arena);

/* ---- tools (responses_tools.c) */
void responses_read_tools(struct canon_call *call, const struct json *doc, json_ref tools);
bool responses_read_tool_choice(struct canon_call *call, const struct json *doc, json_ref choice,
                                struct call_problem *problem) MUST_CHECK;
void responses_put_tools(struct buf *out, const struct canon_call *call);
void responses_put_tool_choice(struct buf *out, const struct canon_call *call);
/* A tool in the form that answers repeat it in, which has every member. */
void responses_put_tool_echo(struct buf *out, const struct canon_tool *tool);

/* ---- writing (responses_put.c) */

/* How a stop is told: "completed", "incomplete" ...; why it is incomplete, empty where it is not. */
str responses_status(enum canon_stop stop, bool refused);
str responses_incomplete_reason(enum canon_stop stop, bool refused);
/* The stop that status, reason and items tell. */
enum canon_stop responses_stop(str status, str reason, bool tool, bool refused);
/* "msg_", the seed, a number: an item's id where it has none of its own. */
str responses_id(struct arena *arena, const char *prefix, str seed, int64_t index);
/* A call of a tool, as an item: `id` may be empty; `status` where it has none of its own. */
void responses_put_call(struct buf *out, const struct canon_part *part, str id, str status, str groups);
/* Name, and the namespace where it is of one: `groups` are those of the call, as its echo tells them. */
void responses_put_name(struct buf *out, str name, str group, str groups);
/* A part of an output message. */
void responses_put_output_part(struct buf *out, struct arena *arena, const struct canon_part *part, jraw logprobs);
void responses_put_citations(struct buf *out, struct arena *arena, const struct canon_part *part);
void responses_put_citation(struct buf *out, struct arena *arena, const struct canon_citation *c);
/* Log probabilities in this dialect's form: the list itself; `[]` where there are none. */
void responses_put_logprobs(struct buf *out, jraw logprobs);
/* The signature of a part in the form that comes back as an item's encrypted_content. */
jraw responses_encrypted(struct arena *arena, const struct canon_part *part, enum dialect_id from);
void responses_put_reasoning(struct buf *out, str id, jraw text, jraw encrypted, str status);
void responses_put_usage(struct buf *out, const struct usage *usage);

/* What stands before and behind the items of a response that another dialect's provider gave. */
struct response_frame {
    str id, model, service_tier, echo;
    int64_t created_s, completed_s; /* 0: not yet */
    str status, reason;
    bool failed;
    str output;                /* items, joined */
    const struct usage *usage; /* NULL: not known yet */
    str cost_usd;
};
void responses_put_frame(struct buf *out, const struct response_frame *f);

#endif
