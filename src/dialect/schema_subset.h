/* JSON Schema cut down to what a provider takes for structured output. */
#ifndef DIALECT_SCHEMA_SUBSET_H
#define DIALECT_SCHEMA_SUBSET_H

#include "dialect/canon.h"

enum schema_dialect {
    SCHEMA_ANTHROPIC,     /* output_config.format, strict tools */
    SCHEMA_OPENAI_STRICT, /* strict: true; an object with optional properties does not fit */
    SCHEMA_GEMINI,        /* responseJsonSchema, parametersJsonSchema, without references */
    SCHEMA_DIALECT_COUNT,
};

/* Keywords that the provider does not take move into the description, where the model can read
 * them; objects are closed; references are resolved where the provider takes none.
 * Fails: false where that would change what fits (a map with free keys, a recursion that cannot be
 * written out), or where a ceiling is met: then the schema cannot be enforced there. */
bool schema_subset(jraw schema, enum schema_dialect to, struct arena *arena, jraw *out) MUST_CHECK;

/* As OpenAI's protocols take it: where another dialect wants it enforced, and it fits, it is cut down;
 * where it does not fit, it stands as it is and `*strict` is 0. */
void schema_for_openai(const struct canon_call *call, jraw *schema, int8_t *strict);

#endif
