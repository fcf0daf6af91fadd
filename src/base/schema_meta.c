/* The schema of schemas, written from the tables: one document in place of the published eight. */
#include "base/schema_inside.h"

#define ONE    "{\"$dynamicRef\":\"#meta\"}"
#define LIST   "{\"type\":\"array\",\"minItems\":1,\"items\":" ONE "}"
#define MAP    "{\"type\":\"object\",\"additionalProperties\":" ONE "}"
#define COUNT  "{\"type\":\"integer\",\"minimum\":0}"
#define NUMBER "{\"type\":\"number\"}"
#define TEXT   "{\"type\":\"string\"}"
#define YESNO  "{\"type\":\"boolean\"}"
#define NAMES  "{\"type\":\"array\",\"items\":" TEXT ",\"uniqueItems\":true}"
#define NAME   "{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"}"
#define TYPE   "{\"enum\":[\"array\",\"boolean\",\"integer\",\"null\",\"number\",\"object\",\"string\"]}"

static const struct {
    str name, shape;
} shapes[] = {
    {STR_INIT("$id"), STR_INIT("{\"type\":\"string\",\"pattern\":\"^[^#]*#?$\"}")},
    {STR_INIT("$schema"), STR_INIT(TEXT)},
    {STR_INIT("$ref"), STR_INIT(TEXT)},
    {STR_INIT("$dynamicRef"), STR_INIT(TEXT)},
    {STR_INIT("$anchor"), STR_INIT(NAME)},
    {STR_INIT("$dynamicAnchor"), STR_INIT(NAME)},
    {STR_INIT("$vocabulary"), STR_INIT("{\"type\":\"object\",\"additionalProperties\":" YESNO "}")},
    {STR_INIT("$comment"), STR_INIT(TEXT)},
    {STR_INIT("$defs"), STR_INIT(MAP)},
    {STR_INIT("definitions"), STR_INIT(MAP)},
    {STR_INIT("type"), STR_INIT("{\"anyOf\":[" TYPE ",{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,"
                                "\"items\":" TYPE "}]}")},
    {STR_INIT("enum"), STR_INIT("{\"type\":\"array\"}")},
    {STR_INIT("multipleOf"), STR_INIT("{\"type\":\"number\",\"exclusiveMinimum\":0}")},
    {STR_INIT("maximum"), STR_INIT(NUMBER)},
    {STR_INIT("exclusiveMaximum"), STR_INIT(NUMBER)},
    {STR_INIT("minimum"), STR_INIT(NUMBER)},
    {STR_INIT("exclusiveMinimum"), STR_INIT(NUMBER)},
    {STR_INIT("maxLength"), STR_INIT(COUNT)},
    {STR_INIT("minLength"), STR_INIT(COUNT)},
    {STR_INIT("maxItems"), STR_INIT(COUNT)},
    {STR_INIT("minItems"), STR_INIT(COUNT)},
    {STR_INIT("maxContains"), STR_INIT(COUNT)},
    {STR_INIT("minContains"), STR_INIT(COUNT)},
    {STR_INIT("maxProperties"), STR_INIT(COUNT)},
    {STR_INIT("minProperties"), STR_INIT(COUNT)},
    {STR_INIT("uniqueItems"), STR_INIT(YESNO)},
    {STR_INIT("required"), STR_INIT(NAMES)},
    {STR_INIT("dependentRequired"), STR_INIT("{\"type\":\"object\",\"additionalProperties\":" NAMES "}")},
    {STR_INIT("dependencies"),
     STR_INIT("{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[" ONE "," NAMES "]}}")},
    {STR_INIT("pattern"), STR_INIT("{\"type\":\"string\",\"format\":\"regex\"}")},
    {STR_INIT("format"), STR_INIT(TEXT)},
    {STR_INIT("properties"), STR_INIT(MAP)},
    {STR_INIT("patternProperties"),
     STR_INIT("{\"type\":\"object\",\"additionalProperties\":" ONE ",\"propertyNames\":{\"format\":\"regex\"}}")},
    {STR_INIT("dependentSchemas"), STR_INIT(MAP)},
    {STR_INIT("additionalProperties"), STR_INIT(ONE)},
    {STR_INIT("propertyNames"), STR_INIT(ONE)},
    {STR_INIT("prefixItems"), STR_INIT(LIST)},
    {STR_INIT("items"), STR_INIT(ONE)},
    {STR_INIT("contains"), STR_INIT(ONE)},
    {STR_INIT("allOf"), STR_INIT(LIST)},
    {STR_INIT("anyOf"), STR_INIT(LIST)},
    {STR_INIT("oneOf"), STR_INIT(LIST)},
    {STR_INIT("not"), STR_INIT(ONE)},
    {STR_INIT("if"), STR_INIT(ONE)},
    {STR_INIT("then"), STR_INIT(ONE)},
    {STR_INIT("else"), STR_INIT(ONE)},
    {STR_INIT("unevaluatedItems"), STR_INIT(ONE)},
    {STR_INIT("unevaluatedProperties"), STR_INIT(ONE)},
    {STR_INIT("contentSchema"), STR_INIT(ONE)},
    {STR_INIT("contentEncoding"), STR_INIT(TEXT)},
    {STR_INIT("contentMediaType"), STR_INIT(TEXT)},
    {STR_INIT("title"), STR_INIT(TEXT)},
    {STR_INIT("description"), STR_INIT(TEXT)},
    {STR_INIT("deprecated"), STR_INIT(YESNO)},
    {STR_INIT("readOnly"), STR_INIT(YESNO)},
    {STR_INIT("writeOnly"), STR_INIT(YESNO)},
    {STR_INIT("examples"), STR_INIT("{\"type\":\"array\"}")},
};

bool schema_write_meta(struct buf *out)
{
    bool ok = buf_add(out, S("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                             "\"$id\":\"https://json-schema.org/draft/2020-12/schema\",\"$dynamicAnchor\":\"meta\","
                             "\"type\":[\"object\",\"boolean\"],\"properties\":{"));
    for (size_t i = 0; ok && i < COUNT_OF(shapes); i++) {
        ok = buf_add(out, i ? S(",") : S("")) && buf_add_json(out, shapes[i].name) && buf_add(out, S(":")) &&
             buf_add(out, shapes[i].shape);
    }
    return ok && buf_add(out, S("}}"));
}
