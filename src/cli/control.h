/* What commands share that speak with a data folder: which folder it is, and the
 * control socket of the server that may run there. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/buf.h"
#include "cli/options.h"
#include "settings/settings.h"

#define OPTION_DATA                                                                                                    \
    {                                                                                                                  \
        "data", "DIR", "the data folder (the settings' `data`, else ./purser-data)"                                    \
    }

/* A data folder and the settings that named it. */
struct data_folder {
    struct settings *settings; /* NULL: none were found */
    char *dir;
    bool settings_wrong; /* there are some, but they cannot be used */
};

/* Finds the folder: `dir` where it is given, else the settings' (`config`, else the
 * usual places), else ./purser-data. `lenient`: settings that cannot be used are only
 * warned of, where there is a folder without them: good enough to read.
 * Owns: the caller calls data_folder_free(). Fails: false after complaining. */
bool data_folder_find(const struct options *o, const char *config, const char *dir, bool lenient,
                      struct data_folder *out) MUST_CHECK;
void data_folder_free(struct data_folder *f);

enum control_result {
    CONTROL_ANSWERED,
    CONTROL_NO_SERVER, /* there is no socket, or nobody listens */
    CONTROL_FAILED,    /* somebody listens, but no whole answer came in time */
};

/* One call over dir/purser.sock. `status` and `answer` (the body) are filled in when answered,
 * `why` when failed. */
struct control_call {
    const char *dir;
    const char *method, *path; /* "POST", "/api/v1/switches" */
    str body;                  /* JSON; empty: none */
    int64_t timeout_us;        /* 0: ten seconds */
    /* Not NULL: server-sent events are asked for. If they come, each goes here in place of `answer`, and `timeout_us` is
     * how long the server may be silent. False: enough. */
    bool (*on_event)(void *ctx, str name, str data);
    void *ctx;
};
enum control_result control_run(const struct control_call *call, int *status, struct buf *answer, struct buf *why);
/* One whose only good answers have status 2xx: they alone are CONTROL_ANSWERED; of any other `why` says what it was. */
enum control_result control_get(const struct control_call *call, struct buf *answer, struct buf *why);
/* The same, and complains; not of a server that is missing. */
enum control_result control_ask(const struct options *o, const struct control_call *call, struct buf *answer);

/* A member of the JSON object under construction, which the first one begins; none where the value is missing. */
void control_add_member(struct buf *body, const char *name, str value);
/* One more parameter behind a path. */
void control_add_param(struct buf *path, const char *name, str value);
/* A name as a part of a path: percent-encoded, and `.` and what looks so as the API reads them (docs/api.md). */
void control_add_name(struct buf *path, str name);
/* Who sits at the keyboard; behind sudo, who did before. */
str control_user(void);

#endif
