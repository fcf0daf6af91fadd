/* Rows that a command lists: of the running server, over the API, page after page; of the store where none runs, or
 * where its answer is not what it should be. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/json.h"
#include "cli/control.h"
#include "cli/table.h"

/* A row of the server's answer. */
struct listing_row {
    const struct json *doc;
    json_ref at;
    struct arena *arena;
    bool wrong; /* something was missing, or was of another type */
};

/* Its members; null is an empty text, 0, no time. Texts live as long as the row. */
str listing_str(struct listing_row *r, const char *name);
int64_t listing_i64(struct listing_row *r, const char *name);
int64_t listing_time(struct listing_row *r, const char *name);
str listing_names(struct listing_row *r, const char *name); /* a list of texts, with commas between them */

enum { LISTING_PAGE = 1000 }; /* what the API gives at a time */

struct listing {
    const char *dir;
    const char *path;   /* of the API, with what filters it: "/api/v1/audit?who=ana" */
    const char *member; /* of the answer, which has the rows; NULL: "rows" */
    int64_t page;       /* rows asked for at a time; 0: all of them at once */
    int64_t most;       /* rows at most; 0: all */
    void (*add)(struct table *t, struct listing_row *row, void *ctx);
    bool (*read_store)(const char *dir, struct table *t, void *ctx, struct buf *why);
    void *ctx;
};

/* Fails: false after complaining; `t` then has what could be read. */
bool listing_fill(const struct options *o, const struct listing *l, struct table *t) MUST_CHECK;

#endif
