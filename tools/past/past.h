/* A believable past for a data folder: what a company of eight teams asked of its providers in the last so many
 * days, written through the store as a server writes it. For demonstrations, tests and the benchmark; nothing of it
 * ever happened.
 *
 * The same seed, end and numbers give the same past. Floating point draws the lots; money is the price book's, in
 * integers (price_cost()). Thread: one. */
#ifndef PAST_PAST_H
#define PAST_PAST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"
#include "ledger/store.h"
#include "policy/budgets.h"
#include "price/price.h"

struct past_ask {
    const char *dir, *settings, *upstream, *secret;
    int64_t rows, days, users, until_us;
    uint64_t seed;
    bool hostile;
};

/* ---- the company: past_world.c */

enum past_cache { CACHE_NONE, CACHE_AUTOMATIC, CACHE_MARKED }; /* marked: what is written to it is paid, too */
enum past_words { WORDS_OPENAI, WORDS_ANTHROPIC, WORDS_GEMINI };

struct past_model {
    const char *provider, *seller, *name, *answered;
    enum past_words words; /* how its usage is spelt */
    enum past_cache cache;
    double first_ms, spread, tokens_per_second; /* log-normal to the first byte, then an even pace */
    double failing;                             /* share of attempts */
    bool unpriced;
};

enum past_kind { KIND_CHAT, KIND_AGENT, KIND_LADDER, KIND_EMBED, KIND_BATCH };

struct past_feature {
    const char *name, *owner, *tier, *team, *key, *other_key, *model, *prompt, *task;
    enum past_kind kind;
    uint8_t target[3]; /* models: the usual one, the one behind it, the last rung */
    uint8_t later;     /* the usual one in the last two fifths of the time */
    double share;      /* of all tasks */
    int calls_min, calls_max;
    double gap_s; /* between two calls of a task */
    int system_bytes, user_bytes, retrieved_bytes, tools_bytes;
    double growth; /* of the segment that creeps, each week */
    int version_days;
    int output_tokens, reasoning_tokens;
    bool streamed, of_users, hedged;
    const char *outcome;
    double success, value_usd;
};

enum { PAST_MODELS = 14, PAST_FEATURES = 14, PAST_KEYS = 11 };
extern const struct past_model past_models[PAST_MODELS];
extern const struct past_feature past_features[PAST_FEATURES];
struct past_key {
    const char *name, *team;
};
extern const struct past_key past_keys[PAST_KEYS];

/* ---- when: past_rhythm.c */

struct past_rhythm {
    int64_t from_us, until_us;
    size_t hours;
    double *sum;                               /* share of all rows up to the end of each hour */
    double feature[2][24][PAST_FEATURES];      /* running sums: by day and hour, at work and at weekends */
    int64_t loop_from_us, loop_until_us;       /* the weekend on which something ran away */
    int64_t outage_from_us, outage_until_us;   /* a provider's bad hour */
    int64_t crowded_from_us, crowded_until_us; /* another one's day of 429 */
    int64_t price_us;                          /* when the negotiated price came into force */
};
void rhythm_init(struct past_rhythm *r, const struct past_ask *ask, struct rng *rng);
void rhythm_free(struct past_rhythm *r);
const struct past_feature *rhythm_feature(const struct past_rhythm *r, int64_t at_us, struct rng *rng);

/* ---- one task under way */

struct past_task {
    int64_t due_us; /* the next call */
    const struct past_feature *feature;
    uint64_t number, user; /* user 0: none */
    const char *key, *team;
    int calls, made;
    int version; /* of the prompt */
    int64_t history_bytes;
    int64_t hostile; /* from which of the hostile texts on it carries some: each has its turn; -1: none */
    bool loop, unanswered;
    uint64_t last_call;
};

struct past {
    struct past_ask ask;
    struct past_rhythm rhythm;
    struct rng rng;
    struct store *store;
    struct price_book *book;
    struct price_set prices[PAST_MODELS];
    struct arena arena; /* of prices and cell names */
    struct budgets *budgets;
    struct hash_key key;

    struct past_task *heap; /* by due_us */
    size_t heap_count, heap_cap;
    uint64_t counter, task_count, user_step;
    int64_t hostile_count, rows, loop_rows, loop_written,
        coming; /* coming: calls that tasks under way have still to make */
    int64_t now_us;
    struct past_cells *cells;
    struct sqlite3_stmt *outcome, *feedback;
};

bool past_write(struct past *p, const struct row *row);

/* ---- past_task.c */
void tasks_begin_hour(struct past *p, size_t hour);
/* The next call until `until_us`, with all its attempts. 0: none is due. -1: the store refuses. */
int tasks_step(struct past *p, int64_t until_us);

/* ---- past_call.c */
bool call_make(struct past *p, struct past_task *t);
double past_normal(struct rng *rng);
bool past_chance(struct rng *rng, double share);

/* ---- past_attempt.c: one row */
struct past_attempt {
    const struct past_task *task;
    const struct past_model *model;
    uint64_t call_id;
    int64_t at_us;
    int64_t system_bytes, history_bytes, retrieved_bytes, tools_bytes, prompt_bytes;
    int64_t input_tokens, cached_tokens, output_tokens, reasoning_tokens, searches;
    int64_t first_us, total_us;
    double seen; /* of the output, where it was cut; 1: all */
    enum err err;
    enum attempt_reason reason;
    uint16_t http_status;
    uint8_t number, rung, rung_number, client_retries;
    bool accepted, refused, empty, write_cache;
    const char *finish;
};
bool attempt_write(struct past *p, const struct past_attempt *a);
/* "ticket-1017"; of features that have tasks. */
str task_name(const struct past_task *t, char *to, size_t room);

/* ---- past_cells.c: budgets' counters of the windows that are open, and of earlier months */
struct past_cells *past_cells_new(void);
void past_cells_drop(struct past_cells *c);
bool past_cells_fill(struct past *p, struct row *row);
/* Of the last month: a team's, or "company"; "": the support bot's. */
__int128 past_cells_spent(const struct past *p, const char *team);

/* ---- past_after.c: what came of tasks; who changed what */
bool after_prepare(struct past *p);
bool after_task(struct past *p, const struct past_task *t);
bool after_call(struct past *p, const struct past_task *t, uint64_t call_id, int64_t at_us);
bool after_all(struct past *p);
void after_free(struct past *p);

/* ---- past_settings.c */
bool settings_write(struct past *p, struct buf *why);
/* The price that was negotiated, as it is added to the book. */
void settings_prices(struct past *p);

/* ---- past_hostile.c: what clients might call things */
size_t hostile_count(void);
str hostile_text(int64_t i);

#endif
