/* Ids of calls and attempts as people see them: 16 lower-case hexadecimal digits, as in the header
 * x-purser-request-id. In SQL they are integers. */
#ifndef LEDGER_ID_H
#define LEDGER_ID_H

#include "base/str.h"

enum { ID_TEXT = 16 };

str id_format(uint64_t id, char out[ID_TEXT + 1]);
/* In either case. Fails: false for anything but 16 hexadecimal digits. */
bool id_parse(str s, uint64_t *out) MUST_CHECK;
/* The ids that begin with these digits, [from, until]. Fails: false for none, for more than 16, for others. */
bool id_parse_prefix(str s, uint64_t *from, uint64_t *until) MUST_CHECK;

#endif
