/* Pieces of YAML, as settings_print() writes them: what is read back is the same. */
#ifndef SETTINGS_PRINT_H
#define SETTINGS_PRINT_H

#include "settings/settings.h"
#include "settings/tree.h"

/* Quoted where YAML would take it for something else than text. */
void print_text(struct buf *out, str s);
/* For people, whatever it is: control characters and what is no UTF-8 are replaced. */
void print_shown(struct buf *out, str s);
/* A tree in one line, as the file may have it. */
void print_node(struct buf *out, const struct tree_node *n);
/* ", key: value" each. */
void print_pair(struct buf *out, const char *key, str value);
void print_duration(struct buf *out, const char *key, int64_t us);
/* "5%" of 50000 millionths. */
void print_percent(struct buf *out, const char *key, int64_t ppm);
void print_money(struct buf *out, const char *key, __int128 amount);
void print_date(struct buf *out, const char *key, int64_t at_us);
void print_list(struct buf *out, const char *key, const str *items, size_t count);
/* A map in braces: `from` is where its first ", " stands, which goes. */
void print_close(struct buf *out, size_t from, const char *end);

/* The end of an entry's line; one that was made at run time says so. */
void print_end(struct buf *out, str where);

/* A line of `providers:`; `s`: what the top level says. */
void print_provider(struct buf *out, const struct setting_provider *p, const struct settings *s, struct arena *scratch);
/* "health: { ... }". */
void print_health(struct buf *out, const struct health_rules *r);
/* The whole of `features:`. */
void print_features(struct buf *out, const struct settings *s);
/* "runaway: { ... }". */
void print_runaway(struct buf *out, const struct setting_runaway *r);
/* A line of `models:`. */
void print_model(struct buf *out, const struct setting_model *m);
void print_ladder(struct buf *out, const struct setting_model *m);
/* "openai/gpt-5-mini". */
void print_to(struct buf *out, const struct setting_to *to);
/* ", key: pattern", where it is set. */
void print_pattern(struct buf *out, const char *key, const struct setting_pattern *p);
/* ", degraded: [ ... ]", where it is set. */
void print_degraded(struct buf *out, const struct setting_degraded *d);

#endif
