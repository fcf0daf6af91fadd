/* What the files of `purser prices` share. */
#ifndef CLI_PRICES_H
#define CLI_PRICES_H

#include "cli/options.h"
#include "cli/table.h"
#include "settings/settings.h"

/* Prices grow old: from this age on the book is said to be old. */
enum { BOOK_OLD_DAYS = 60 };

int prices_list(int argc, char **argv);
int prices_show(int argc, char **argv);
int prices_check(int argc, char **argv);

/* The prices that are looked at: the settings' and the book's, or the book's alone. */
struct prices_source {
    struct settings *settings; /* NULL: none were found */
    struct price_book *book;   /* the settings', or a bare one */
    bool whole;                /* false: the settings were asked for and cannot be read */
};

/* Opens the settings at `config`; without it, those in the usual places, if any. Complains where they are wrong. */
struct prices_source prices_open(const struct options *o, const char *config);
void prices_close(struct prices_source *source);

/* Onto standard error, as they stand. */
void prices_print_problems(const struct buf *lines);

int64_t book_age_days(const struct price_book *book);
/* On standard error, when the book is old. */
void warn_if_old(const struct options *o, const struct price_book *book);

/* The price as US dollars per million units: "0.25"; empty where it is not set. */
str price_text(picousd each, char out[MONEY_TEXT_MAX]);

/* One line a price row: provider, model, tier, context, dates, every unit, source. `all` has every unit (for
 * programs), else a table has those that somebody reads first. */
void prices_table_init(struct table *t, enum output_format format);
void prices_table_add(struct table *t, enum output_format format, const struct price *p);

#endif
