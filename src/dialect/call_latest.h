/* What a call is about: its last message, or the tool calls that it brings results of.
 *
 * Loops are found by it. Ids are left out (each turn has new ones), and so is what came
 * before: a conversation grows while its last word stays the same. */
#ifndef DIALECT_CALL_LATEST_H
#define DIALECT_CALL_LATEST_H

#include "base/hash.h"
#include "base/json.h"

/* A hash of the last user message; behind it of the last tool calls with their arguments, where results
 * of them are what came last. 0: there is neither. For the bodies of all protocols that generate. */
uint64_t call_latest(const struct json *doc, struct hash_key key);

#endif
