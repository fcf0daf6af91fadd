/* What an entry of `models:` says: whom to ask, in which order, how often, and what then. */
#ifndef SETTINGS_MODEL_H
#define SETTINGS_MODEL_H

#include "base/money.h"
#include "base/pattern.h"
#include "base/schema.h"
#include "policy/balance.h"

enum { MODEL_TARGETS_MAX = 16, MODEL_ATTEMPTS_MAX = 16, MODEL_RUNGS_MAX = 16 };

/* A pattern of the settings. */
struct setting_pattern {
    str text;
    const struct pattern *code; /* NULL: none is set */
};

/* A JSON Schema of the settings. Formats must hold. */
struct setting_schema {
    str text; /* on one line */
    const struct schema *code;
};

/* A target in the settings: "openai/gpt-5-mini", with its weight where `balance: weighted`. */
struct setting_to {
    str provider, model;
    str name;       /* "provider/model" */
    int64_t weight; /* at least 1 */
};

/* What may happen to an attempt that another target could mend. */
enum mishap {
    MISHAP_ERROR,
    MISHAP_TIMEOUT,
    MISHAP_RATE_LIMIT,
    MISHAP_CONTEXT_WINDOW,
    MISHAP_CONTENT_POLICY,
    MISHAP_COUNT
};

/* What is done about it. */
enum reaction { REACTION_NEXT, REACTION_STOP, REACTION_TARGET };

struct setting_reaction {
    enum reaction what;
    struct setting_to to; /* REACTION_TARGET */
};

/* All attempts of a call share it: whichever ends first. */
struct setting_attempts {
    int64_t max;     /* attempts, the first one included; at least 1 */
    int64_t time_us; /* from the first one's start; 0: no limit of its own */
    picousd money;   /* -1: no limit of its own */
};

struct setting_hedge {
    bool on;
    int64_t after_us;      /* 0: the target's own p95 of the time to first token */
    int64_t max_extra_ppm; /* extra spend that hedges may cause, in millionths of all spend */
};

enum sticky { STICKY_NONE, STICKY_SESSION, STICKY_USER, STICKY_KEY };

/* What is answered without a provider. */
struct setting_degraded {
    bool set;
    str reply; /* empty: an error with `status`; with a format or schema asked for it must be valid for it */
    int64_t status;
    struct setting_pattern match;        /* of the last user message; none: any */
    const struct setting_degraded *next; /* the rule that is tried where this one does not match; NULL: none */
};

/* ---- the ladder */

/* What an answer must be, so that the ladder ends with it. All that are set must hold. */
struct setting_accept {
    bool set;                       /* there is a test at least */
    bool json_schema;               /* valid for the call's schema, else the model's; without either any is */
    uint32_t finish;                /* 1 << enum canon_stop, each that is taken; 0: not looked at */
    int64_t min_confidence_ppm;     /* of 1,000,000; 0: not looked at */
    int64_t min_length, max_length; /* characters of the text; 0: not looked at */
    struct setting_pattern matching, not_matching;
    bool early;  /* tested while it streams: of the tests above json_schema and max_length alone are set */
    bool repair; /* where json_schema does not hold, it is asked once more, and told why */
};

struct setting_when_header {
    str name; /* in lower case */
    struct setting_pattern pattern;
};

/* Which calls a rung is for: all that are set must hold. A rung that is not for a call is passed over. */
struct setting_when {
    bool set;
    str feature; /* empty: any */
    struct setting_when_header *headers;
    size_t header_count;
    int64_t longer_than, shorter_than; /* characters of all text in the call's messages; 0: not looked at */
    struct setting_pattern matching;   /* of the last user message */
};

enum rung_kind {
    RUNG_TARGET,  /* a model: `to` */
    RUNG_REPLY,   /* a rule: where `match` matches, `reply` is the answer */
    RUNG_SERVICE, /* plain HTTP: what is asked is posted to `service`, which tells the answer's text */
};

struct setting_header {
    str name, value; /* the value may be a secret */
};

struct setting_service {
    str url;
    str name;   /* as a provider's, in rows, budgets and metrics */
    str answer; /* JSON pointer to the text in its body; empty: the body is the text */
    int64_t timeout_us;
    picousd price; /* of a call; 0: free */
    str ca_file;   /* own certificate authority; empty: the system's */
    str api_key;   /* secret; empty: none */
    str why_off;   /* "the environment variable OCR_KEY is not set"; empty: it is on */
    struct setting_header *headers;
    size_t header_count;
};

struct setting_rung {
    enum rung_kind kind;
    struct setting_to to;
    str reply;
    struct setting_pattern match; /* of the last user message; none: any */
    struct setting_service service;
    struct setting_accept accept;
    struct setting_when when;
};

struct setting_model {
    str name;            /* public */
    str provider, model; /* the first target */
    struct setting_to *targets;
    size_t target_count; /* at least 1 */
    enum balance balance;
    struct setting_attempts attempts;
    struct setting_reaction on[MISHAP_COUNT];
    struct setting_hedge hedge;
    enum sticky sticky;
    struct setting_degraded degraded;
    /* Cheapest first. `targets` are then the models among them, in that order: at least one. */
    struct setting_rung *rungs;
    size_t rung_count;            /* 0: no ladder */
    struct setting_schema schema; /* that answers are held against; none: `code` is NULL */
    int64_t keep_alive_us;        /* a sign of life for streams that are held back; 0: none */
};

#endif
