/* How `purser report` is answered: by the server that runs on the data folder, over its API; from the store where none
 * runs, and where the report is too large to be the server's. The same to the byte either way. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/control.h"
#include "ledger/report.h"

struct report_question {
    struct report_ask ask;
    const char *ladder; /* in place of ask.by: the rungs of this model's; NULL: none */
    enum output_format format;
};

/* Prints it, with progress where a terminal looks on. Fails: false after complaining. */
bool report_answer(const struct options *o, const struct report_question *q, const char *dir) MUST_CHECK;

#endif
