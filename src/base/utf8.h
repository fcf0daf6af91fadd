/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* Bytes of the character that `s` begins with, 1 to 4; 0 where it is invalid or cut off. */
size_t utf8_char_len(str s);
bool utf8_valid(str s);
/* Writes 1 to 4 bytes and returns how many. `rune` must be a scalar value. */
size_t utf8_encode(uint32_t rune, char out[4]);
/* Characters: bytes that none continues. */
int64_t utf8_length(str s);
/* Columns of a terminal that the text takes: wide characters two, combining ones none. */
size_t utf8_width(str s);

#endif
