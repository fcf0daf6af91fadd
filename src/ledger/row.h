/* One attempt, as the journal carries it and the store keeps it. */
#ifndef LEDGER_ROW_H
#define LEDGER_ROW_H

#include "base/usage.h"

/* Why an attempt was made. */
/* clang-format off */
#define ATTEMPT_REASONS(R) \
    R(FIRST, "first") \
    R(RETRY, "retry") \
    R(FALLBACK, "fallback") \
    R(ESCALATION, "escalation") \
    R(HEDGE, "hedge") \
    R(PROBE, "probe") \
    R(BATCH, "batch") \
    R(JUDGE, "judge") \
    R(IDLE, "idle") \
    R(REPAIR, "repair")
/* clang-format on */

enum attempt_reason {
#define R(constant, name) REASON_##constant,
    ATTEMPT_REASONS(R)
#undef R
        REASON_COUNT
};
str attempt_reason_name(enum attempt_reason r);

/* Texts of a row. TEXT(constant, column, what it is) */
#define ROW_TEXTS(TEXT)                                                                                                \
    TEXT(KEY, "key", "the key's name: who pays")                                                                       \
    TEXT(TEAM, "team", "the key's team")                                                                               \
    TEXT(USER, "user", "end user")                                                                                     \
    TEXT(FEATURE, "feature", "what the call was for")                                                                  \
    TEXT(TASK, "task", "the task it was part of")                                                                      \
    TEXT(SESSION, "session", "conversation or trace")                                                                  \
    TEXT(PROMPT, "prompt", "prompt and version: name@version")                                                         \
    TEXT(TAGS, "tags", "free tags")                                                                                    \
    TEXT(PROVIDER, "provider", "the provider's name in the settings")                                                  \
    TEXT(MODEL, "model", "the target's name for the model")                                                            \
    TEXT(MODEL_REQUESTED, "model_requested", "the name the client used")                                               \
    TEXT(MODEL_ANSWERED, "model_answered", "the name in the answer")                                                   \
    TEXT(OPERATION, "operation", "chat, text_completion, embeddings, responses, moderations")                          \
    TEXT(SERVICE_TIER, "service_tier", "as served")                                                                    \
    TEXT(FINISH, "finish_reason", "how the model ended")                                                               \
    TEXT(PRICE_SOURCE, "price_source", "where the prices came from")                                                   \
    TEXT(PROVIDER_REQUEST, "provider_request_id", "the provider's id of the call")                                     \
    TEXT(OBJECT, "object_id", "id of what the provider stored for it: a response, a file, a batch")                    \
    TEXT(USAGE_RAW, "usage_raw", "the provider's usage object, as it came")

enum row_text {
#define TEXT(constant, column, what) ROW_##constant,
    ROW_TEXTS(TEXT)
#undef TEXT
        ROW_TEXT_COUNT
};

/* Numbers of a row, in one flat struct that is copied as it is. */
struct row_numbers {
    uint64_t attempt_id; /* unique for ever: boot epoch, worker, counter */
    uint64_t call_id;    /* the same for all attempts of one call */
    int64_t at_us;       /* admitted: decides windows and hours */
    int64_t ended_us;
    int64_t units[UNIT_COUNT];
    picousd cost_by_unit[UNIT_COUNT];
    picousd cost_picousd;
    picousd cost_max_picousd;      /* upper end of an estimate; else the cost */
    picousd held_picousd;          /* the bound that was held */
    picousd provider_cost_picousd; /* the provider's own figure; -1: none */
    picousd saved_picousd;         /* what a cache or a cheaper rung saved */
    int64_t wait_us;               /* in a budget's queue */
    int64_t connect_us;            /* to a usable connection */
    int64_t first_byte_us;         /* admitted -> first byte of the answer's body; 0: none came */
    int64_t total_us;              /* admitted -> end */
    int64_t overhead_us;           /* purser's own share, without waiting on others */
    int64_t request_bytes, response_bytes;
    int64_t system_bytes, history_bytes, retrieved_bytes, tools_bytes, prompt_bytes;
    int64_t output_seen;    /* tokens or deltas seen, for estimates */
    uint32_t generation;    /* of the settings under which it was posted */
    uint32_t usage_flags;   /* enum usage_flag */
    uint16_t http_status;   /* the provider's; 0: none came */
    uint16_t err;           /* enum err: how it ended for purser */
    uint8_t reason;         /* enum attempt_reason */
    uint8_t cost_state;     /* enum cost_state */
    uint8_t number;         /* the call's first attempt is 1 */
    uint8_t client_retries; /* x-stainless-retry-count */
    uint8_t streamed;
    uint8_t wasted; /* its result was not used */
    uint8_t usage_known;
    uint8_t rung;        /* of the model's ladder, from 1; 0: none */
    uint8_t rung_number; /* the call's first attempt at its rung is 1; 0: at none */
    uint8_t accepted;    /* by the rung's tests, or the rung has none */
    uint16_t zero;       /* no padding: the journal copies the struct as it is */
};

/* What an attempt takes from or adds to one budget cell. */
struct ledger_cell {
    uint64_t key;
    int64_t amount; /* a hold's: held; a post's: spent */
};

enum { ROW_CELLS_MAX = 16, ROW_TEXT_MAX = 4096, ROW_USAGE_MAX = 16384 };

struct row {
    struct row_numbers n;
    str text[ROW_TEXT_COUNT]; /* borrowed; cut at ROW_TEXT_MAX (USAGE_RAW: ROW_USAGE_MAX) */
    struct ledger_cell cells[ROW_CELLS_MAX];
    uint32_t cell_count;
};

#endif
