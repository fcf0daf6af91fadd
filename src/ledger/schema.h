/* The store's tables: one SQLite file, `purser.db`, in the data folder.
 *
 * docs/ledger.md says what each column means. Money is pico-dollars, times are
 * UTC microseconds, no column is ever NULL. */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include "base/buf.h"
#include "base/usage.h"

#include <sqlite3.h>

/* 1: the first. 2: table `packs`; a purser of version 1 would let it grow stale. 3: `switches`,
 * `audit` and `events`. 4: the columns `rung`, `rung_number` and `accepted`. 5: what people steer by
 * (`runtime`, `access`), what came of calls (`outcomes`, `feedback`), and `rollup_mix`. The server
 * brings an older store up to date when it opens it; readers read all of them. */
enum { SCHEMA_SWITCHES = 3, SCHEMA_RUNGS = 4, SCHEMA_STEERING = 5, SCHEMA_VERSION = 5 };

/* UNIT_COLUMN(enum unit's end, column of the count, column of its cost) */
#define UNIT_COLUMNS(UNIT_COLUMN)                                                                                      \
    UNIT_COLUMN(INPUT, "input_tokens", "cost_input_picousd")                                                           \
    UNIT_COLUMN(CACHE_READ, "cache_read_tokens", "cost_cache_read_picousd")                                            \
    UNIT_COLUMN(CACHE_WRITE_5M, "cache_write_5m_tokens", "cost_cache_write_5m_picousd")                                \
    UNIT_COLUMN(CACHE_WRITE_1H, "cache_write_1h_tokens", "cost_cache_write_1h_picousd")                                \
    UNIT_COLUMN(OUTPUT, "output_tokens", "cost_output_picousd")                                                        \
    UNIT_COLUMN(REASONING, "reasoning_tokens", "cost_reasoning_picousd")                                               \
    UNIT_COLUMN(AUDIO_IN, "audio_in_tokens", "cost_audio_in_picousd")                                                  \
    UNIT_COLUMN(AUDIO_OUT, "audio_out_tokens", "cost_audio_out_picousd")                                               \
    UNIT_COLUMN(IMAGE, "image_tokens", "cost_image_picousd")                                                           \
    UNIT_COLUMN(TOOL_CALLS, "tool_calls", "cost_tool_calls_picousd")                                                   \
    UNIT_COLUMN(SEARCHES, "searches", "cost_searches_picousd")                                                         \
    UNIT_COLUMN(SECONDS, "seconds", "cost_seconds_picousd")                                                            \
    UNIT_COLUMN(REQUESTS, "requests", "cost_requests_picousd")

/* What a rollup row sums, beside the units. MEASURE(field, column, what it is) */
#define ROLLUP_MEASURES(MEASURE)                                                                                       \
    MEASURE(calls, "calls", "rows with number = 1")                                                                    \
    MEASURE(attempts, "attempts", "rows")                                                                              \
    MEASURE(errors, "errors", "rows whose status is not ok")                                                           \
    MEASURE(cost, "cost_picousd", "their cost, unpriced rows left out")                                                \
    MEASURE(cost_max, "cost_max_picousd", "the same with estimates at their upper end")                                \
    MEASURE(wasted, "wasted", "rows whose result was not used")                                                        \
    MEASURE(wasted_cost, "wasted_picousd", "their cost, a part of cost_picousd")                                       \
    MEASURE(saved_cost, "saved_picousd", "what caches and cheaper rungs saved")                                        \
    MEASURE(estimated, "estimated", "rows whose cost is estimated")                                                    \
    MEASURE(estimated_cost, "estimated_picousd", "their cost, a part of cost_picousd")                                 \
    MEASURE(unpriced, "unpriced", "rows without a known price")                                                        \
    MEASURE(unpriced_cost, "unpriced_picousd", "what was posted for them, not in cost_picousd")

/* Behind the measures and the units each rollup row has two histograms as blobs
 * (ledger/histogram.h): `latency` of total_us over all rows, `first_token` of
 * first_byte_us over streamed rows that had one. */

/* What a row of rollup_mix sums, beside the units' counts and costs: what makes a bill grow, and what prompts are made
 * of. MIX(field, column, what it is) */
#define MIX_MEASURES(MIX)                                                                                              \
    MIX(calls, "calls", "rows with number = 1")                                                                        \
    MIX(attempts, "attempts", "rows")                                                                                  \
    MIX(cost, "cost_picousd", "their cost, unpriced rows left out")                                                    \
    MIX(wasted_cost, "wasted_picousd", "of it, of rows whose result was not used")                                     \
    MIX(saved_cost, "saved_picousd", "what caches and cheaper rungs saved")                                            \
    MIX(prompt_bytes, "prompt_bytes", "the prompts' bytes; their segments follow")                                     \
    MIX(system_bytes, "system_bytes", "of them: instructions")                                                         \
    MIX(history_bytes, "history_bytes", "of them: earlier turns")                                                      \
    MIX(retrieved_bytes, "retrieved_bytes", "of them: retrieved documents")                                            \
    MIX(tools_bytes, "tools_bytes", "of them: tools' definitions and results")

#define ROLLUP_MIX_KEYS "feature, prompt, model, provider, key, team"

/* rollup_hour's key behind `hour_us`; rollup_day's is day_us, dimension, value, feature. */
#define ROLLUP_HOUR_KEYS "feature, model, provider, key, team, reason, status"

/* Opens dir/purser.db with our functions: sum128() (ledger/sum128.h) on every
 * connection. `write` creates the tables where they are missing.
 * Owns: the caller closes it with sqlite3_close(). Fails: NULL with a sentence in `why`. */
sqlite3 *schema_open(const char *dir, bool write, struct buf *why);
/* Whether there is one. Fails: false with a sentence in `why`. */
bool schema_exists(const char *dir, struct buf *why);
/* Of an open store: below SCHEMA_VERSION where it is read without having been brought up to date. */
int schema_version(sqlite3 *db);
/* The columns of `attempts`, for SELECT and INSERT: "attempt_id, at_us, ...". */
size_t schema_attempt_columns(void);
const char *schema_attempt_column(size_t i);
const char *schema_attempt_column_text(size_t i); /* what it is */
bool schema_attempt_is_late(size_t i);            /* not in a store older than SCHEMA_RUNGS */
bool schema_attempt_is_text(size_t i);
/* How a SELECT reads the column from a store of this version: its name, or 0 where it is not there yet. */
const char *schema_attempt_read(size_t i, int version);

bool schema_is_attempt_column(str name);
/* Its place; SIZE_MAX: there is none of this name. */
size_t schema_find_attempt_column(str name);

#endif
