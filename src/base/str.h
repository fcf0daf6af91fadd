/* A borrowed run of bytes: a pointer and a length, never owned, never
 * NUL-terminated unless somebody says so. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
    const char *p;
    size_t n;
} str;

/* Marks a result that must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* Marks a printf-like function: `f` is the format's place, `a` the first argument's. */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define COUNT_OF(array)                 (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A literal as a str; STR_INIT is the same for static tables. */
#define S(lit) ((str){("" lit ""), sizeof(lit) - 1})
#define STR_INIT(lit)                                                                                                  \
    {                                                                                                                  \
        ("" lit ""), sizeof(lit) - 1                                                                                   \
    }
#define STR_NONE ((str){NULL, 0})

/* printf("%" STR_FMT, STR_ARG(s)) */
#define STR_FMT    ".*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline str str_of(const char *p, size_t n)
{
    return (str){p, n};
}

static inline str str_from(const char *cstr)
{
    return cstr ? (str){cstr, strlen(cstr)} : STR_NONE;
}

static inline bool str_eq(str a, str b)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): with bytes comes a pointer
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(str s, str prefix)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): with bytes comes a pointer
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(str s, str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The part from `at` on; empty when `at` lies behind the end. */
static inline str str_from_at(str s, size_t at)
{
    if (!s.p) return s; /* NULL + 0 is undefined */
    return at >= s.n ? (str){s.p + s.n, 0} : (str){s.p + at, s.n - at};
}

static inline str str_head(str s, size_t n)
{
    return (str){s.p, n < s.n ? n : s.n};
}

/* str_eq_nocase() of two of one length, not empty. */
bool str_same_nocase(str a, str b);
/* ASCII only: header names, units and the like. Most that differ do so in their first letter:
 * only the others are worth a call. */
static inline bool str_eq_nocase(str a, str b)
{
    enum { CASES = 0x20 };
    return a.n == b.n && (a.n == 0 || (((*a.p ^ *b.p) & ~CASES) == 0 && str_same_nocase(a, b)));
}
/* memcmp order, a shorter prefix first: for qsort and bsearch. */
int str_cmp(str a, str b);
/* The first `needle` at or after `from`; SIZE_MAX where there is none. */
size_t str_find(str hay, str needle, size_t from);
size_t str_find_byte(str hay, char byte, size_t from);
/* Without spaces, tabs, CR and LF at both ends. */
str str_trim(str s);
/* Cuts `*rest` at the first `sep`: returns the part before it, leaves the part
 * after it. The last part leaves `*rest` with p == NULL. */
str str_cut(str *rest, char sep);
/* Whole decimal numbers only: no sign for u64, no blanks, no overflow. */
bool str_to_u64(str s, uint64_t *out);
bool str_to_i64(str s, int64_t *out);
/* `*` stands for any run of bytes; nothing else is special. */
bool str_glob(str pattern, str s);
/* A NUL-terminated copy on the heap. Owns: the caller frees it. */
char *str_dup(str s);
/* Copies at most size - 1 bytes and a NUL; says whether all of it fitted. */
bool str_copy(char *to, size_t size, str s);

#endif
