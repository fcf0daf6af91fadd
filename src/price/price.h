/* What things cost: prices found by provider, model, date and tier, and the cost
 * of a usage vector. Integers only; see docs/architecture.md, Money. */
#ifndef PRICE_PRICE_H
#define PRICE_PRICE_H

#include "base/arena.h"
#include "base/usage.h"

/* How the provider served the call. Source: OpenAI's `service_tier`. */
enum price_tier { TIER_STANDARD, TIER_BATCH, TIER_FLEX, TIER_PRIORITY, TIER_COUNT };
str price_tier_name(enum price_tier t);
/* "default", "standard", "auto", "" and NULL are TIER_STANDARD; "scale" is, too.
 * Fails: false for a name that is not known. */
bool price_tier_find(str name, enum price_tier *out) MUST_CHECK;

/* One set of prices: pico-dollars per unit; PRICE_UNSET where the unit has no
 * price of its own (see price_cost() for what then happens). */
#define PRICE_UNSET INT64_C(-1)

struct price {
    str provider; /* "openai" */
    str model;    /* the book's id of it */
    enum price_tier tier;
    int64_t context_from;      /* tokens of prompt from which on these prices hold; 0: from the first */
    int64_t from_us, until_us; /* validity, UTC microseconds, [from, until) */
    picousd unit[UNIT_COUNT];
    picousd per_hour;   /* a self-hosted target's; PRICE_UNSET: priced by unit */
    bool free;          /* known to cost nothing: distinct from unpriced */
    str source;         /* whence the figure: "genai-prices", "purser.yaml:12" */
    int64_t checked_us; /* when somebody last looked */
    uint32_t id;        /* names the row in the ledger: stable within one book version */
};

/* Facts about a model that bounds need. 0: not known. */
struct model_facts {
    int64_t context_window; /* tokens */
    int64_t max_output;     /* tokens */
};

/* All prices: the built-in book and the settings' own. Immutable once built.
 * Thread: any, without a lock. */
struct price_book;

/* The embedded book alone. Owns: the caller drops it. */
struct price_book *price_book_new(void);
void price_book_drop(struct price_book *book);
/* Puts an own price in front of the book's. Strings are copied. Only while building. */
void price_book_add(struct price_book *book, const struct price *own);
/* Call once after the last add. */
void price_book_seal(struct price_book *book);

/* When the embedded book was made, UTC microseconds, and from what. */
int64_t price_book_date(const struct price_book *book);
str price_book_source(const struct price_book *book);
size_t price_book_count(const struct price_book *book);
/* The `i`th price, the book's first, then those that were added; NULL behind the last.
 * `space` is where one of the book's is read into. */
const struct price *price_book_at(const struct price_book *book, size_t i, struct price *space);
/* The number of the first that was added. */
size_t price_book_first_own(const struct price_book *book);
bool price_book_is_own(const struct price_book *book, const struct price *row);
/* Who sells the book's `i`th model, sellers standing together; empty behind the last. */
str price_book_seller(const struct price_book *book, size_t i);

/* All the prices of one provider's model, looked up once for each target and
 * kept: `price_pick()` then chooses by tier, context and date. */
struct price_set {
    const struct price *const *rows;
    size_t count;
    struct model_facts facts;
    bool own;                    /* from the settings */
    size_t own_count;            /* of `rows`, these stand first; while one of them is in force, the book's are not */
    const struct price *ceiling; /* in place of all where none is in force; NULL: then there is no price */
};

/* `provider` is the book's id of the vendor ("openai"), or a provider's name in
 * the settings (own prices). Model names match as providers spell them: dates,
 * aliases, upper case, a vendor prefix. Fails: count 0. */
struct price_set price_book_find(const struct price_book *book, str provider, str model, struct arena *arena);
/* The same for a provider whose name in the settings (`name`) is not the book's
 * id of its vendor (`vendor`, may be empty): own prices by the one, the book's by the other. */
struct price_set price_book_find_target(const struct price_book *book, str name, str vendor, str model,
                                        struct arena *arena);
/* The `i`th name by which the provider of a book's row knows its model; empty behind the last. */
str price_book_names(const struct price_book *book, const struct price *row, size_t i);
/* The one that holds; NULL when none does at that time. `prompt_tokens` are all
 * that the prompt has, read from a cache or not: see price_prompt_tokens(). A tier
 * without prices of its own (at that context) falls back to standard and says so
 * in `*tier_missing`. */
const struct price *price_pick(const struct price_set *set, enum price_tier tier, int64_t prompt_tokens, int64_t at_us,
                               bool *tier_missing);

/* Whether a call at that time has a price, whatever its length: the set's, or its ceiling. */
bool price_set_holds(const struct price_set *set, int64_t at_us);
/* Whether what was picked is no known price. */
static inline bool price_is_ceiling(const struct price_set *set, const struct price *picked)
{
    return picked && picked == set->ceiling;
}
/* Whether any of them has a price by tokens. */
bool price_set_has_tokens(const struct price_set *set);

/* What counts towards a context tier. Caches count: providers meter the prompt's
 * length, not what was new in it. */
int64_t price_prompt_tokens(const struct usage *usage);

/* The cost of a usage vector, by unit and in sum. */
struct cost {
    picousd unit[UNIT_COUNT];
    picousd total;
    enum cost_state state;
    uint32_t flags; /* of enum usage_flag: USAGE_OVERFLOW */
};

/* A unit without a price of its own costs what it is a part of: cache reads,
 * cache writes, audio in and image as input, reasoning and audio out as output;
 * one hour's cache writes as five minutes'. Tool calls, searches, seconds and
 * requests without a price cost nothing. `price` NULL: COST_UNPRICED, and so it is
 * when tokens were used that the price has no figure for (output of an embedding
 * model). Usage that is not known: COST_ESTIMATED. Overflow: USAGE_OVERFLOW and
 * COST_ESTIMATED, the sum stopped at the top. A price by the hour costs nothing by
 * unit: add price_of_time(). */
struct cost price_cost(const struct price *price, const struct usage *usage);

/* What `us` microseconds of a machine cost, rounded up; saturates. */
picousd price_of_time(picousd per_hour, int64_t us);

/* The dearest that up to `input` tokens in and `output` out can cost at any tier
 * and context that the call may meet, plus `requests` calls and `tools` searches
 * or tool calls: the bound that is held. Every input token may turn out to be a
 * cache write and every output token the dearest kind that the model makes.
 * Saturates, never wraps; PICOUSD_MAX when no price is in force. */
struct price_bound_ask {
    int64_t input_tokens, output_tokens, image_tokens, audio_tokens;
    int64_t requests, tool_calls;
    int64_t seconds;
    uint32_t tiers; /* 1 << enum price_tier of those that may be served; 0: any */
};
picousd price_bound(const struct price_set *set, int64_t at_us, const struct price_bound_ask *ask);
/* The largest `output_tokens` whose bound fits in `room`, the ask's own being
 * ignored; -1 when not even 0 does, INT64_MAX when output costs nothing. */
int64_t price_bound_output_fitting(const struct price_set *set, int64_t at_us, const struct price_bound_ask *ask,
                                   picousd room);

#endif
