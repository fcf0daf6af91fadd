/* The inside of the price book, shared by the files of this folder and their tests. */
#ifndef PRICE_BOOK_H
#define PRICE_BOOK_H

#include "price/price.h"

/* One model of the book: its rows stand next to each other. */
struct book_model {
    str provider, model;
    uint32_t first, count; /* rows */
    struct model_facts facts;
};

/* A name that a provider knows a model by; see price/names.h for the forms. */
struct book_name {
    str text;
    uint32_t model;
};

/* Providers that sell other providers' models under their names (Azure: OpenAI's). */
struct book_fallback {
    str provider, others; /* "azure", "openai anthropic" */
};

enum { BOOK_FALLBACKS_MAX = 8 };

struct price_book {
    struct arena arena; /* owns the arrays; texts point into the embedded file */
    str text;
    str source;
    int64_t made_us;
    size_t bad_lines; /* left out as malformed: 0 in a book that tools/build-prices wrote */

    const char **rows; /* where their lines begin: a row is read when it is wanted */
    size_t row_count;
    struct book_model *models;
    size_t model_count;
    struct book_name *names; /* exact ones; found through `slots` */
    size_t name_count;
    struct book_name *patterns;
    size_t pattern_count;
    uint32_t *slots;   /* open addressing: index into names + 1, 0 is empty */
    size_t slot_count; /* a power of two */
    struct book_fallback fallbacks[BOOK_FALLBACKS_MAX];
    size_t fallback_count;

    struct price **own; /* in front of the book's, sorted once sealed */
    size_t own_count, own_cap;
};

/* The file embedded by book_data.c. */
str price_book_data(void);
/* A book from the text of a prices.csv, which must live as long as the book. */
struct price_book *price_book_parse(str csv);

/* Reads one of the book's rows. */
void book_read_row(const struct price_book *book, size_t i, struct price *out);

/* The model that `name` means at `provider`, fallbacks included; NULL: none. */
const struct book_model *book_find_model(const struct price_book *book, str provider, str name);

#endif
