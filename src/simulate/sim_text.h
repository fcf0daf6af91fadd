/* Text and its tokens: the counting rule for what comes in, and the words and
 * pieces that go out.
 *
 * The rule: a run of letters, digits and bytes above ASCII is cut into tokens of
 * six bytes, one blank in front of it belongs to it; any other run of blanks is
 * one token; every other character is one token. So a token covers at least one
 * byte, and a bound by bytes always holds. */
#ifndef SIMULATE_SIM_TEXT_H
#define SIMULATE_SIM_TEXT_H

#include "base/str.h"

enum {
    SIM_WORD_BYTES = 6,     /* of a word, in one token */
    SIM_PIECE_BYTES = 4,    /* of generated JSON, in one token */
    SIM_MESSAGE_TOKENS = 3, /* for each message of a conversation, and once for the answer's start */
    SIM_IMAGE_TOKENS = 85,  /* for each image, as OpenAI counts one in low detail */
    SIM_AUDIO_BYTES = 3200, /* of audio data, in one token: 10 a second of 16 kHz, 16 bit */
    SIM_FILE_BYTES = 8,     /* of a file's data, in one token */
};

int64_t sim_count_tokens(str text);

/* Word `i` of the answer that `seed` stands for: one token under the rule above. */
str sim_word(uint64_t seed, int64_t i, int64_t last);
/* Length of the piece of JSON at `at`: never splits a character. */
size_t sim_piece_len(str text, size_t at);
int64_t sim_count_pieces(str text);

/* "a%20b" -> "a b"; a percent sign without two digits stands for itself. `out` has room for
 * text.n bytes. Returns how many it wrote. */
size_t sim_unescape(str text, char *out);

#endif
