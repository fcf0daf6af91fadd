/* JSON made up to fit a schema: for structured output and for tools' arguments.
 *
 * Known: type (one or several), properties, required, items, minItems, maxItems,
 * enum, const, anyOf, oneOf, allOf (the first), $ref within the document,
 * minimum, maximum, exclusive bounds, multipleOf for integers, minLength,
 * maxLength, and the usual formats. `pattern` is not: a string that must match
 * one will not. */
#ifndef SIMULATE_SIM_SCHEMA_H
#define SIMULATE_SIM_SCHEMA_H

#include "base/buf.h"
#include "base/json.h"

enum {
    SIM_SCHEMA_DEPTH = 12,        /* from here on only what is required */
    SIM_SCHEMA_DEPTH_MAX = 24,    /* from here on null: the schema is endless */
    SIM_SCHEMA_BYTES = 64 * 1024, /* ceiling of what is written */
};

/* Writes a value for the schema at `schema`; JSON_ABSENT stands for an object of any
 * kind. The same seed gives the same value.
 * Fails: false when it outgrows SIM_SCHEMA_BYTES. */
bool sim_schema_fill(const struct json *doc, json_ref schema, uint64_t seed, struct buf *out) MUST_CHECK;

#endif
