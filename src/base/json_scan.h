/* The inside of a JSON string: found, checked, not decoded. Private to json_*.c. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct json_scan {
    const char *at;  /* the closing quote, or where the string is wrong */
    const char *why; /* NULL: it is a string */
    bool escaped;    /* it has a backslash */
};

/* `p` stands behind the opening quote. */
struct json_scan json_scan_string(const char *p, const char *end);

#if defined(__SSE2__)
enum { JSON_SCAN_STEP = 16 };

/* In each byte whether it is special. */
static inline __m128i json_special_in(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    return _mm_or_si128(_mm_or_si128(quote, backslash), other);
}

/* The closing quote of a string that is short and plain, as keys and names are; NULL
 * where it is another, or the text is about to end. */
static inline const char *json_scan_short(const char *p, const char *end)
{
    if (end - p < JSON_SCAN_STEP) return NULL;
    int mask = _mm_movemask_epi8(json_special_in(p));
    if (!mask) return NULL;
    p += __builtin_ctz((unsigned)mask);
    return *p == '"' ? p : NULL;
}
#else
static inline const char *json_scan_short(const char *p, const char *end)
{
    (void)p;
    (void)end;
    return NULL;
}
#endif

#endif
