/* Settings made at run time: kept in the store beside the file's, which win over those of the same name. */
#ifndef FLOW_RUNTIME_H
#define FLOW_RUNTIME_H

#include "flow/purser.h"
#include "ledger/runtime.h"

/* The file's settings (settings_load()) with the entries of the store in the data folder that it names.
 * Fails: NULL with errors; `lenient`: where the store cannot be read that is a warning, and the file's hold alone. */
struct settings *runtime_load(const char *file, bool lenient, struct settings_report *report);
/* The second half of that: takes the file's settings over, `dir` is the data folder. */
struct settings *runtime_beside(struct settings *s, const char *dir, bool lenient, struct settings_report *report);
/* The same for a running server, `steering` held. */
struct settings *runtime_read_again(struct purser *p, struct settings_report *report);

struct runtime_change {
    str kind, name;      /* "budget", "team-cap" */
    str body;            /* a JSON object with the keys that the file has for such an entry; empty: it is removed */
    const str *expected; /* the body that must stand there now (empty: none); NULL: any */
    str who, why, origin;
};

enum runtime_changed {
    RUNTIME_DONE,    /* in force, stored and in the audit; or there was nothing to do */
    RUNTIME_INVALID, /* it does not hold, or something else would not beside it */
    RUNTIME_TAKEN,   /* the file sets it: it cannot be changed here */
    RUNTIME_ABSENT,  /* there is nothing to remove */
    RUNTIME_MOVED,   /* what stands there is not what was expected */
    RUNTIME_UNABLE,  /* the server failed */
};

struct runtime_said {
    struct buf why;      /* not RUNTIME_DONE: a sentence, without a line break */
    struct buf warnings; /* a line each: it holds, but is perhaps not what was meant */
};

/* Returns once every worker acts on it. Checks all settings with it as one; changes all or nothing. A new budget knows
 * what was spent in its window. Owns: the caller frees what is said. Thread: control threads; blocks. */
enum runtime_changed purser_change_runtime(struct purser *p, const struct runtime_change *change,
                                           struct runtime_said *said) MUST_CHECK;

/* The same in a store that no server holds: `file` are the file's settings. It is in force from the next start on. */
enum runtime_changed runtime_change_in_store(struct ledger *l, const struct settings *file,
                                             const struct runtime_change *change, struct runtime_said *said) MUST_CHECK;

#endif
