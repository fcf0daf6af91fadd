/* Hexadecimal digits, read. (text.h writes them.) */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdint.h>

/* 0 to 15; -1 where it is none. */
static inline int hex_digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The four digits behind "\u", which are known to be digits. */
static inline uint32_t hex_unit_of(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 4 | (uint32_t)hex_digit_of(p[i]);
    return v;
}

#endif
