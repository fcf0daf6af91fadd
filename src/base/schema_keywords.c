/* The table of keywords, and where schemas are within schemas. */
#include "base/schema_inside.h"

#define KEYWORD(id, name, vocabulary, values, open, reader)                                                            \
    schema_read_fn schema_read_##reader;                                                                               \
    schema_check_fn schema_check_##id;
#include "base/schema_keywords.def"
#undef KEYWORD

enum { EARLY = true, LATER = false };

const struct schema_keyword_row schema_keywords[SCHEMA_KEYWORDS] = {
#define KEYWORD(id, name, vocabulary, values, open, reader)                                                            \
    {STR_INIT(name), SCHEMA_##vocabulary, SCHEMA_##values, open, schema_read_##reader, schema_check_##id},
#include "base/schema_keywords.def"
#undef KEYWORD
};

static const struct {
    str name;
    enum schema_holds holds;
} holders[] = {
    {STR_INIT("$defs"), SCHEMA_HOLDS_MAP},
    {STR_INIT("definitions"), SCHEMA_HOLDS_MAP},
    {STR_INIT("properties"), SCHEMA_HOLDS_MAP},
    {STR_INIT("patternProperties"), SCHEMA_HOLDS_MAP},
    {STR_INIT("dependentSchemas"), SCHEMA_HOLDS_MAP},
    {STR_INIT("dependencies"), SCHEMA_HOLDS_MAP},
    {STR_INIT("allOf"), SCHEMA_HOLDS_LIST},
    {STR_INIT("anyOf"), SCHEMA_HOLDS_LIST},
    {STR_INIT("oneOf"), SCHEMA_HOLDS_LIST},
    {STR_INIT("prefixItems"), SCHEMA_HOLDS_LIST},
    {STR_INIT("items"), SCHEMA_HOLDS_ONE},
    {STR_INIT("additionalItems"), SCHEMA_HOLDS_ONE},
    {STR_INIT("additionalProperties"), SCHEMA_HOLDS_ONE},
    {STR_INIT("propertyNames"), SCHEMA_HOLDS_ONE},
    {STR_INIT("contains"), SCHEMA_HOLDS_ONE},
    {STR_INIT("not"), SCHEMA_HOLDS_ONE},
    {STR_INIT("if"), SCHEMA_HOLDS_ONE},
    {STR_INIT("then"), SCHEMA_HOLDS_ONE},
    {STR_INIT("else"), SCHEMA_HOLDS_ONE},
    {STR_INIT("unevaluatedItems"), SCHEMA_HOLDS_ONE},
    {STR_INIT("unevaluatedProperties"), SCHEMA_HOLDS_ONE},
    {STR_INIT("contentSchema"), SCHEMA_HOLDS_ONE},
};

enum schema_holds schema_keyword_holds(str name, uint8_t vocabularies)
{
    bool old = vocabularies & SCHEMA_OLD;
    if (str_eq(name, S("additionalItems")) && !old) return SCHEMA_HOLDS_NONE;
    for (size_t i = 0; i < COUNT_OF(holders); i++) {
        if (str_eq(holders[i].name, name)) return holders[i].holds;
    }
    return SCHEMA_HOLDS_NONE;
}
