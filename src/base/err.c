#include "base/err.h"

static const struct err_info table[ERR_COUNT] = {
    [ERR_NONE] = {STR_INIT("ok"), 200, FAULT_NONE, false, STR_INIT(""), STR_INIT(""), STR_INIT("no error")},
#define ERR(constant, name, status, fault, retry, type, code, text)                                                    \
    [ERR_##constant] = {STR_INIT(name), status, FAULT_##fault, retry, STR_INIT(type), STR_INIT(code), STR_INIT(text)},
#include "base/err.def"
#undef ERR
};

const struct err_info *err_info(enum err e)
{
    return &table[e < ERR_COUNT ? e : ERR_INTERNAL];
}
