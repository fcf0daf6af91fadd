/* What the simulated provider reads of a request's body: enough to answer it,
 * and what its input counts. Independent of src/dialect on purpose: a fault
 * there must not be mirrored in the truth that it is held against. */
#ifndef SIMULATE_SIM_REQUEST_H
#define SIMULATE_SIM_REQUEST_H

#include "base/arena.h"
#include "base/json.h"
#include "simulate/sim_usage.h"

/* What proves thoughts, in every family that signs them. */
#define SIM_SIGNATURE "c2lnbmVkLWJ5LXB1cnNlci1zaW11bGF0ZQ=="

enum sim_tool_choice { SIM_TOOLS_NONE, SIM_TOOLS_AUTO, SIM_TOOLS_REQUIRED, SIM_TOOLS_NAMED };

enum {
    SIM_CHOICES_MAX = 128,
    SIM_TOOLS_MAX = 512,
    SIM_TOOL_CALLS_MAX = 32,
    SIM_INPUTS_MAX = 2048,
    SIM_DIMENSIONS_MAX = 4096,
    SIM_DIMENSIONS = 1536,
};

struct sim_tool {
    str name;
    json_ref parameters; /* a schema; JSON_ABSENT: none */
};

struct sim_request {
    enum sim_kind kind;
    str model;
    bool stream;
    bool stream_options, include_usage;
    bool has_max_tokens, has_max_completion_tokens;
    int64_t max_output;                /* -1: none */
    int64_t choices;                   /* shown: prompts x n */
    int64_t generated;                 /* prompts x max(n, best_of) */
    int64_t text_tokens, audio_tokens; /* of the prompt */
    int64_t images;
    str service_tier; /* as asked; empty: not */
    bool thinks;      /* reasoning was asked for ... */
    bool shows;       /* ... and to be shown */
    bool counting;    /* only the prompt's tokens are wanted */
    bool array;       /* Gemini: the stream is an array of JSON, not of events */
    struct {
        struct sim_tool *list;
        size_t count;
        enum sim_tool_choice choice;
        str name;       /* SIM_TOOLS_NAMED */
        bool mentioned; /* the last user turn names one */
        bool answered;  /* the last message is a tool's result */
    } tools;
    struct {
        json_ref schema; /* JSON_ABSENT: none */
        str schema_text; /* Converse: a schema as a string of JSON */
        bool json;       /* an object of any kind */
    } format;
    struct {
        json_ref input;
        int64_t count, dimensions;
        bool base64;
    } embed;
    struct sim_control control; /* said in the prompt */
};

/* Why a request is refused: sim_error.c says it in the words of a family. */
struct sim_problem {
    int status;
    str message, type, param, code; /* param, code: empty is null */
};

/* Owns: `model` and `service_tier` live in `keep`; whatever else was decoded in
 * `scratch`; refs point into `doc`. `out->control` must have been initialised; where the
 * path says the model and whether to stream, they must be there already.
 * Fails: false with `problem` filled in (texts in `keep`). */
bool sim_request_read(enum sim_kind kind, const struct json *doc, struct arena *keep, struct arena *scratch,
                      struct sim_request *out, struct sim_problem *problem) MUST_CHECK;

/* The tool of that name; NULL: it offers none. */
const struct sim_tool *sim_request_tool(const struct sim_request *r, str name);

#endif
