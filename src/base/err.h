/* One table of errors: status, whose fault, whether another attempt may help.
 * Dialects render it in the client's shape, metrics and ledger use its name. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

enum err {
    ERR_NONE,
#define ERR(constant, ...) ERR_##constant,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

enum err_fault { FAULT_NONE, FAULT_CLIENT, FAULT_PROVIDER, FAULT_GATEWAY };

struct err_info {
    str name;
    int status;
    enum err_fault fault;
    bool retry_may_help;
    str openai_type;
    str openai_code; /* empty: null */
    str text;
};

/* Never NULL; ERR_NONE has the name "ok" and status 200. */
const struct err_info *err_info(enum err e);

#endif
