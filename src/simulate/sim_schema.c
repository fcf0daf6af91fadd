#include "simulate/sim_schema.h"

#include "simulate/sim_random.h"
#include "simulate/sim_text.h"

#include <inttypes.h>

struct filler {
    const struct json *doc;
    json_ref root; /* what "#" means */
    struct rng rng;
    struct arena arena;
    struct buf *out;
    int depth;
};

static void fill(struct filler *f, json_ref schema);

static json_ref member(const struct filler *f, json_ref schema, str key)
{
    return json_find(f->doc, schema, key, NULL);
}

static bool whole(const struct filler *f, json_ref schema, str key, int64_t *out)
{
    json_ref at = member(f, schema, key);
    double v;
    if (!at || !json_double(f->doc, at, &v) || v < -1e15 || v > 1e15) return false;
    *out = (int64_t)v;
    if ((double)*out > v) --*out; /* the floor */
    return true;
}

/* "#/$defs/step" -> the schema there. */
static json_ref resolve(struct filler *f, str path)
{
    if (!str_starts(path, S("#"))) return JSON_ABSENT;
    json_ref at = f->root;
    path = str_from_at(path, 1);
    while (path.n) {
        path = str_from_at(path, 1); /* the slash */
        size_t end = str_find_byte(path, '/', 0);
        str key = end == SIZE_MAX ? path : str_head(path, end);
        at = json_find(f->doc, at, key, NULL);
        if (!at) return JSON_ABSENT;
        path = str_from_at(path, key.n);
    }
    return at;
}

/* ---- scalars */

static void fill_string(struct filler *f, json_ref schema)
{
    static const struct {
        str format, value;
    } formats[] = {
        {STR_INIT("date-time"), STR_INIT("2026-11-21T10:15:30Z")},
        {STR_INIT("date"), STR_INIT("2026-11-21")},
        {STR_INIT("time"), STR_INIT("10:15:30Z")},
        {STR_INIT("duration"), STR_INIT("PT15M")},
        {STR_INIT("email"), STR_INIT("purser@example.com")},
        {STR_INIT("hostname"), STR_INIT("ship.example.com")},
        {STR_INIT("ipv4"), STR_INIT("192.0.2.1")},
        {STR_INIT("ipv6"), STR_INIT("2001:db8::1")},
        {STR_INIT("uuid"), STR_INIT("7d444840-9dc0-41d1-b245-5ffdce74fad2")},
        {STR_INIT("uri"), STR_INIT("https://example.com/manifest")},
    };
    json_ref format = member(f, schema, S("format"));
    for (size_t i = 0; format && i < COUNT_OF(formats); i++) {
        if (json_string_is(f->doc, format, formats[i].format)) {
            buf_add_json(f->out, formats[i].value);
            return;
        }
    }
    int64_t least = 0, most = SIM_SCHEMA_BYTES;
    whole(f, schema, S("minLength"), &least);
    whole(f, schema, S("maxLength"), &most);
    char text[256];
    size_t n = 0;
    uint64_t seed = rng_next(&f->rng);
    int64_t words = 2 + (int64_t)rng_below(&f->rng, 3);
    for (int64_t i = 0; i < words || (int64_t)n < least; i++) {
        str word = sim_word(seed, i, -1);
        if (n + word.n > sizeof text) break;
        memcpy(text + n, word.p, word.n);
        n += word.n;
    }
    if (most >= 0 && (int64_t)n > most) n = (size_t)most;
    buf_add_json(f->out, str_of(text, n));
}

static int64_t draw_integer(struct filler *f, json_ref schema)
{
    int64_t least = 0, most = 100, step = 1, v;
    bool low = whole(f, schema, S("minimum"), &least), high = whole(f, schema, S("maximum"), &most);
    if (whole(f, schema, S("exclusiveMinimum"), &v)) least = v + 1, low = true;
    if (whole(f, schema, S("exclusiveMaximum"), &v)) most = v - 1, high = true;
    if (low && !high) most = least + 100;
    if (high && !low) least = most < 0 ? most - 100 : 0;
    v = most > least ? least + (int64_t)rng_below(&f->rng, (uint64_t)(most - least) + 1) : least;
    if (!whole(f, schema, S("multipleOf"), &step) || step < 1) return v;
    v -= v % step;
    return v < least ? v + step : v;
}

static void fill_number(struct filler *f, json_ref schema)
{
    int64_t v = draw_integer(f, schema), most;
    bool bounded = whole(f, schema, S("maximum"), &most) || whole(f, schema, S("exclusiveMaximum"), &most);
    bool fraction = !member(f, schema, S("multipleOf")) && (!bounded || v < most);
    buf_printf(f->out, fraction && v >= 0 ? "%" PRId64 ".5" : "%" PRId64, v);
}

/* ---- containers */

static bool is_required(struct filler *f, json_ref schema, json_ref key)
{
    json_ref list = member(f, schema, S("required"));
    str name;
    if (!list || !json_string(f->doc, key, &f->arena, &name)) return false;
    for (json_ref it = json_first(f->doc, list); it; it = json_next(f->doc, list, it)) {
        if (json_string_is(f->doc, it, name)) return true;
    }
    return false;
}

static void fill_object(struct filler *f, json_ref schema)
{
    json_ref properties = member(f, schema, S("properties"));
    const char *comma = "";
    buf_add(f->out, S("{"));
    if (properties && json_type(f->doc, properties) == JSON_OBJECT) {
        for (json_ref key = json_first(f->doc, properties); key;) {
            json_ref value = json_next(f->doc, properties, key);
            if (f->depth <= SIM_SCHEMA_DEPTH || is_required(f, schema, key)) {
                str raw = json_raw(f->doc, key);
                buf_printf(f->out, "%s%.*s:", comma, STR_ARG(raw));
                fill(f, value);
                comma = ",";
            }
            key = json_next(f->doc, properties, value);
        }
    }
    buf_add(f->out, S("}"));
}

static void fill_array(struct filler *f, json_ref schema)
{
    enum { ITEMS = 2, ITEMS_MAX = 1000 };
    int64_t least = 0, most = ITEMS_MAX;
    whole(f, schema, S("minItems"), &least);
    whole(f, schema, S("maxItems"), &most);
    int64_t count = f->depth > SIM_SCHEMA_DEPTH ? 0 : ITEMS;
    if (count < least) count = least;
    if (count > most) count = most;
    if (count > ITEMS_MAX) count = ITEMS_MAX;
    json_ref items = member(f, schema, S("items"));
    buf_add(f->out, S("["));
    for (int64_t i = 0; i < count; i++) {
        if (i) buf_add(f->out, S(","));
        items ? (void)fill(f, items) : (void)buf_add_json(f->out, sim_word(rng_next(&f->rng), 0, -1));
    }
    buf_add(f->out, S("]"));
}

/* ---- a schema */

/* One of an array's members; the first one deep down, where something must end. */
static json_ref pick(struct filler *f, json_ref list, bool first)
{
    size_t count = 0;
    for (json_ref it = json_first(f->doc, list); it; it = json_next(f->doc, list, it)) count++;
    size_t at = first || count == 0 ? 0 : rng_below(&f->rng, count);
    json_ref it = json_first(f->doc, list);
    while (it && at--) it = json_next(f->doc, list, it);
    return it;
}

/* The alternative to take: a null among them is the way out of an endless schema. */
static json_ref pick_branch(struct filler *f, json_ref list)
{
    for (json_ref it = json_first(f->doc, list); it && f->depth > SIM_SCHEMA_DEPTH; it = json_next(f->doc, list, it)) {
        json_ref type = member(f, it, S("type"));
        if (type && json_string_is(f->doc, type, S("null"))) return it;
    }
    return pick(f, list, true);
}

/* Google writes types in capitals. */
static bool type_is(struct filler *f, json_ref type, str name)
{
    str said;
    return json_string(f->doc, type, &f->arena, &said) && str_eq_nocase(said, name);
}

static void fill_type(struct filler *f, json_ref schema)
{
    json_ref type = member(f, schema, S("type"));
    if (type && json_type(f->doc, type) == JSON_ARRAY) type = pick(f, type, true);
    if (!type) {
        member(f, schema, S("items"))        ? fill_array(f, schema)
        : member(f, schema, S("properties")) ? fill_object(f, schema)
                                             : fill_string(f, schema);
    } else if (type_is(f, type, S("object"))) {
        fill_object(f, schema);
    } else if (type_is(f, type, S("array"))) {
        fill_array(f, schema);
    } else if (type_is(f, type, S("integer"))) {
        buf_printf(f->out, "%" PRId64, draw_integer(f, schema));
    } else if (type_is(f, type, S("number"))) {
        fill_number(f, schema);
    } else if (type_is(f, type, S("boolean"))) {
        buf_add(f->out, rng_next(&f->rng) & 1 ? S("true") : S("false"));
    } else if (type_is(f, type, S("null"))) {
        buf_add(f->out, S("null"));
    } else {
        fill_string(f, schema);
    }
}

static void fill_here(struct filler *f, json_ref schema)
{
    static const str branches[] = {STR_INIT("anyOf"), STR_INIT("oneOf"), STR_INIT("allOf")};
    json_ref at = member(f, schema, S("const"));
    if (!at) {
        json_ref values = member(f, schema, S("enum"));
        if (values && json_type(f->doc, values) == JSON_ARRAY) at = pick(f, values, false);
    }
    if (at) {
        buf_add(f->out, json_raw(f->doc, at));
        return;
    }
    json_ref ref = member(f, schema, S("$ref"));
    str path;
    if (ref && json_string(f->doc, ref, &f->arena, &path) && (at = resolve(f, path)) != JSON_ABSENT) {
        fill(f, at);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(branches); i++) {
        json_ref list = member(f, schema, branches[i]);
        if (list && json_type(f->doc, list) == JSON_ARRAY && json_first(f->doc, list)) {
            fill(f, pick_branch(f, list));
            return;
        }
    }
    fill_type(f, schema);
}

/* `depth` bounds the recursion. */
static void fill(struct filler *f, json_ref schema)
{
    if (f->depth >= SIM_SCHEMA_DEPTH_MAX || f->out->overflow) {
        buf_add(f->out, S("null"));
        return;
    }
    f->depth++;
    fill_here(f, schema);
    f->depth--;
}

/* One line: pretty-printed enums and keys come with line breaks, which a stream's events must not have. */
static void unbreak(struct buf *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] == '\n' || b->p[i] == '\r') b->p[i] = ' ';
    }
}

bool sim_schema_fill(const struct json *doc, json_ref schema, uint64_t seed, struct buf *out)
{
    struct filler f = {.doc = doc, .root = schema, .out = out};
    if (!schema) return buf_add(out, S("{\"answer\":\"the ledger is in order\",\"items\":[1,2,3]}"));
    rng_seed(&f.rng, seed);
    arena_init(&f.arena);
    size_t max = out->max;
    out->max = SIM_SCHEMA_BYTES;
    fill(&f, schema);
    out->max = max;
    arena_free(&f.arena);
    unbreak(out);
    return !out->overflow;
}
