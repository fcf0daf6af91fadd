/* Tools: what a call offers, what the model wants run, and what came of it. */
#ifndef DIALECT_CANON_TOOL_H
#define DIALECT_CANON_TOOL_H

#include "dialect/canon_raw.h"

struct canon_call;
struct canon_answer;
struct canon_message;
struct canon_part;

/* ---- calls of tools, and their results: a part's */

struct canon_tool_use {
    str id; /* links call and result; made up where a dialect has none */
    str name;
    str arguments;              /* JSON text, decoded; an object, unless the model wrote something else */
    struct canon_part *content; /* of a result */
    bool is_error;              /* of a result */
    bool custom;                /* free text instead of JSON: `arguments` is that text */
    str group;                  /* responses: the namespace of the tool; `name` is then "<group>__<its name>" */
};

/* ---- what the call offers */

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
    const uint32_t *places; /* of them, by name */
    size_t room;            /* a power of two */
    int8_t parallel;        /* -1: not told */
};
/* Holds the choice to `names`, which live as long as the call's arena. */
void canon_allow(struct canon_call *call, const str *names, size_t count);
/* The first of the allowed names that is this one; SIZE_MAX: none. */
size_t canon_allowed_at(const struct canon_tool_choice *c, str name);
bool canon_allows(const struct canon_tool_choice *c, str name);

struct canon_tool *canon_add_tool(struct canon_call *call, enum canon_tool_kind kind);
/* A web search's `user_location`, flat: chat has its members one deeper, under `approximate`. */
void canon_put_place(struct buf *out, const struct json *doc, json_ref place);

/* ---- of all calls */

/* The names of the tools that its history calls, each once, `max` at most. Returns how many. */
size_t canon_called_tools(const struct canon_call *call, str *names, size_t max);
/* Of each choice's tool calls only the first stays: for a call that wants one at a time (canon_first_call.c). */
void canon_keep_first_call(struct canon_answer *answer);

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

#endif
