/* Counts of models whose tokenizer nobody may see: estimates from the kinds of characters in a text, corrected
 * by what a target's own answers told of earlier calls.
 *
 * Thread: pure, but for the calibration, which belongs to one target of one worker. */
#ifndef PRICE_TOKENS_ESTIMATE_H
#define PRICE_TOKENS_ESTIMATE_H

#include "price/tokens.h"

/* The encoding that a model counts in. False: none that is public. A provider's prefix ("openai/", "ft:") is
 * looked through. */
bool token_encoding_of_model(str model, enum token_encoding *out) MUST_CHECK;
/* What o200k's counts are multiplied with for the model, per mille. */
int64_t token_family_permille(str model);

enum token_kind {
    KIND_WORD,    /* where a run of ASCII letters begins */
    KIND_LETTER,  /* an ASCII letter */
    KIND_DIGIT,   /* an ASCII digit */
    KIND_SPACE,   /* a space or tab behind another */
    KIND_NEWLINE, /* CR, LF */
    KIND_MARK,    /* other ASCII */
    KIND_TWO,     /* a character of two bytes: Latin with accents, Greek, Cyrillic, Arabic ... */
    KIND_THREE,   /* ... of three: CJK, the scripts of India, symbols */
    KIND_FOUR,    /* ... of four: emoji */
    KIND_ODD,     /* a byte that begins no character */
    KIND_COUNT
};

struct token_features {
    int64_t of[KIND_COUNT];
};

/* Adds those of a text. */
void token_features_add(struct token_features *f, str text);
/* About o200k's count of such a text, in thousandths of a token. */
int64_t token_features_milli(const struct token_features *f);

enum {
    CALIBRATION_LOW = 400, /* bounds of the correction, per mille */
    CALIBRATION_HIGH = 2500,
    CALIBRATION_STEPS = 32, /* a call weighs at least one in so many */
};

/* How far estimates of a target are off: learned from finished calls. All zero: nothing learned. */
struct token_calibration {
    int64_t permille; /* of the estimate; 0: nothing learned */
    uint32_t calls;   /* up to CALIBRATION_STEPS */
};

/* A call of which `estimated` tokens were expected (without calibration) was billed `billed`. */
void token_calibration_learn(struct token_calibration *c, int64_t estimated, int64_t billed);
int64_t token_calibration_apply(const struct token_calibration *c, int64_t estimated);

/* The features' tokens for this model, uncorrected. */
int64_t token_estimate(str model, const struct token_features *f);

#endif
