/* Content blocks, of calls and of answers, as parts. A block that has no like elsewhere
 * stays as it is (PART_OPAQUE). */
#include "dialect/canon_cite.h"
#include "dialect/messages.h"

int64_t messages_cache_ttl(const struct json *doc, json_ref object)
{
    json_ref at = openai_find(doc, object, S("cache_control"));
    if (!at || json_type(doc, at) != JSON_OBJECT) return 0;
    return json_string_is(doc, json_find(doc, at, S("ttl"), NULL), S("1h")) ? 3600 : 300;
}

/* A block being read. */
struct block {
    struct messages_reader *r;
    json_ref at;
    struct canon_part **list; /* where it goes */
};

static struct canon_part *add(struct block *b, enum canon_part_kind kind, const str *known, size_t count)
{
    struct messages_reader *r = b->r;
    struct canon_part *part = canon_add_part(r->arena, b->list, kind);
    part->extras = canon_extras_of(r->doc, b->at, known, count, DIALECT_MESSAGES, r->arena);
    part->cache_ttl = messages_cache_ttl(r->doc, b->at);
    if (part->cache_ttl) messages_note(r, FEATURE_CACHE_MARKER, S("cache_control"));
    return part;
}

static bool read_opaque(struct block *b, enum canon_feature feature, str field)
{
    struct canon_part *part = canon_add_part(b->r->arena, b->list, PART_OPAQUE);
    part->value = canon_raw(b->r->doc, b->at);
    part->extras.of = DIALECT_MESSAGES;
    messages_note(b->r, feature, field);
    return true;
}

static str text_of(struct block *b, json_ref object, str key)
{
    return canon_text(b->r->doc, object, key, b->r->arena);
}

/* ---- text */

static void read_citations(struct block *b, struct canon_part *part, json_ref list)
{
    const struct json *doc = b->r->doc;
    struct canon_citation **tail = &part->citations;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        *tail = messages_citation(doc, at, b->r->arena);
        messages_note(b->r, FEATURE_CITATION_HISTORY, S("messages.content.citations"));
        tail = &(*tail)->next;
    }
}

static bool read_text(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("text"), STR_INIT("citations")};
    const struct json *doc = b->r->doc;
    json_ref text, citations = json_find(doc, b->at, S("citations"), NULL);
    if (!messages_member(b->r, b->at, S("text"), &text)) return false;
    if (text && json_type(doc, text) != JSON_STRING) return messages_refuse(b->r, S("text"), "must be a string");
    bool list = citations && json_type(doc, citations) == JSON_ARRAY && json_first(doc, citations);
    struct canon_part *part = add(b, PART_TEXT, known, list ? 3 : 2);
    part->text = text ? canon_raw(doc, text) : (jraw){S("\"\"")};
    if (list) read_citations(b, part, citations);
    return true;
}

/* ---- media */

static bool read_media(struct block *b, struct canon_part *part, json_ref source, bool image)
{
    struct messages_reader *r = b->r;
    json_ref type, data;
    str field = image ? S("image.source") : S("document.source");
    if (!messages_member(r, source, S("type"), &type) || !messages_member(r, source, S("data"), &data)) return false;
    if (json_string_is(r->doc, type, S("base64"))) {
        part->media.type = text_of(b, source, S("media_type"));
        part->media.data = canon_inside(canon_raw_string(r->doc, source, S("data")));
        part->media.size = canon_base64_size(part->media.data);
        messages_note(r, image ? FEATURE_IMAGE_DATA : FEATURE_DOCUMENT_DATA, field);
    } else if (json_string_is(r->doc, type, S("url"))) {
        part->media.url = canon_raw_string(r->doc, source, S("url"));
        messages_note(r, image ? FEATURE_IMAGE_URL : FEATURE_DOCUMENT_URL, field);
    } else {
        part->media.file_id = text_of(b, source, S("file_id"));
        messages_note(r, image ? FEATURE_IMAGE_FILE : FEATURE_DOCUMENT_FILE, field);
    }
    if (r->in_result) messages_note(r, FEATURE_TOOL_RESULT_MEDIA, S("tool_result.content"));
    return true;
}

static bool source_is(const struct json *doc, json_ref source, str type)
{
    return json_string_is(doc, json_find(doc, source, S("type"), NULL), type);
}

static bool read_image(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("source")};
    const struct json *doc = b->r->doc;
    json_ref source;
    if (!messages_member(b->r, b->at, S("source"), &source)) return false;
    bool fits =
        source_is(doc, source, S("base64")) || source_is(doc, source, S("url")) || source_is(doc, source, S("file"));
    if (!fits) return read_opaque(b, FEATURE_UNKNOWN, S("image.source.type"));
    return read_media(b, add(b, PART_IMAGE, known, COUNT_OF(known)), source, true);
}

/* A document of text blocks: its text, and the blocks as they stand for the same protocol. */
static bool read_content_source(struct block *b, json_ref source)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("title")};
    struct messages_reader *r = b->r;
    struct canon_part *inner = NULL;
    json_ref content;
    if (!messages_member(r, source, S("content"), &content)) return false;
    if (!messages_read_blocks(r, content, S("document.source.content"), &inner)) return false;
    size_t count = 0;
    for (const struct canon_part *p = inner; p; p = p->next, count++)
        if (p->kind != PART_TEXT) return read_opaque(b, FEATURE_UNKNOWN, S("document.source.content"));
    jraw *texts = arena_alloc(r->arena, (count + 1) * sizeof(*texts));
    count = 0;
    for (const struct canon_part *p = inner; p; p = p->next) texts[count++] = p->text;
    struct canon_part *part = add(b, PART_DOCUMENT, known, COUNT_OF(known));
    part->text = count ? canon_join(r->arena, texts, count, S("\\n\\n")) : (jraw){S("\"\"")};
    part->media.name = text_of(b, b->at, S("title"));
    return true;
}

static bool read_document(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("source"), STR_INIT("title")};
    struct messages_reader *r = b->r;
    const struct json *doc = r->doc;
    json_ref source;
    if (!messages_member(r, b->at, S("source"), &source)) return false;
    if (openai_find(doc, b->at, S("context"))) messages_note(r, FEATURE_CLIENT_HINT, S("document.context"));
    if (json_is_true(doc, json_path(doc, b->at, "citations", "enabled", NULL)))
        messages_note(r, FEATURE_CITATIONS, S("document.citations"));
    if (source_is(doc, source, S("content"))) return read_content_source(b, source);
    bool text = source_is(doc, source, S("text"));
    bool fits = text || source_is(doc, source, S("base64")) || source_is(doc, source, S("url")) ||
                source_is(doc, source, S("file"));
    if (!fits) return read_opaque(b, FEATURE_UNKNOWN, S("document.source.type"));
    struct canon_part *part = add(b, PART_DOCUMENT, known, COUNT_OF(known));
    part->media.name = text_of(b, b->at, S("title"));
    if (!text) return read_media(b, part, source, false);
    json_ref data;
    if (!messages_member(r, source, S("data"), &data)) return false;
    part->media.type = S("text/plain");
    part->text = canon_raw_string(doc, source, S("data"));
    messages_note(r, FEATURE_DOCUMENT_DATA, S("document.source"));
    return true;
}

/* ---- tools and thinking */

static bool read_tool_use(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("id"), STR_INIT("name"), STR_INIT("input")};
    json_ref input;
    if (!messages_member(b->r, b->at, S("input"), &input)) return false;
    struct canon_part *part = add(b, PART_TOOL_CALL, known, COUNT_OF(known));
    part->tool.id = text_of(b, b->at, S("id"));
    part->tool.name = text_of(b, b->at, S("name"));
    part->tool.arguments = input ? json_raw(b->r->doc, input) : S("{}");
    return true;
}

static bool read_tool_result(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("tool_use_id"), STR_INIT("content"), STR_INIT("is_error")};
    struct messages_reader *r = b->r;
    json_ref content;
    if (!messages_member(r, b->at, S("content"), &content)) return false;
    bool failed = json_is_true(r->doc, json_find(r->doc, b->at, S("is_error"), NULL));
    struct canon_part *part = add(b, PART_TOOL_RESULT, known, failed ? 4 : 3);
    part->tool.id = text_of(b, b->at, S("tool_use_id"));
    part->tool.is_error = failed;
    if (part->tool.is_error) messages_note(r, FEATURE_TOOL_RESULT_ERROR, S("tool_result.is_error"));
    bool outer = r->in_result;
    r->in_result = true;
    bool ok = !content || messages_read_blocks(r, content, S("tool_result.content"), &part->tool.content);
    r->in_result = outer;
    return ok;
}

/* A block of purser's own making: the signature of a neighbour, or reasoning in another dialect's secret form. */
static bool take_carried(struct block *b, enum dialect_id of, enum canon_carry use, jraw signature)
{
    struct messages_reader *r = b->r;
    struct canon_part *part = use == CARRY_LAST ? r->last : NULL;
    if (use == CARRY_NEXT) {
        r->carried = signature;
        r->carried_signer = (uint8_t)(of + 1);
        return true;
    }
    if (use == CARRY_REDACTED) part = canon_add_part(r->arena, b->list, PART_REDACTED);
    if (!part) return true;
    part->signature = signature;
    part->signer = (uint8_t)(of + 1);
    return true;
}

static bool read_thinking(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("thinking"), STR_INIT("signature")};
    struct messages_reader *r = b->r;
    json_ref text;
    enum dialect_id of;
    enum canon_carry use;
    jraw inner, signature = canon_raw_string(r->doc, b->at, S("signature"));
    if (!messages_member(r, b->at, S("thinking"), &text)) return false;
    bool carried = r->call && canon_carried(r->arena, signature, &of, &use, &inner);
    if (carried && use != CARRY_REASONING) return take_carried(b, of, use, inner);
    struct canon_part *part = add(b, PART_REASONING, known, COUNT_OF(known));
    part->text = canon_raw_string(r->doc, b->at, S("thinking"));
    part->signature = carried ? inner : signature;
    if (carried) part->signer = (uint8_t)(of + 1);
    messages_note(r, FEATURE_REASONING_HISTORY, S("messages.content.thinking"));
    return true;
}

static bool read_redacted(struct block *b)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("data")};
    enum dialect_id of;
    enum canon_carry use;
    jraw inner, data = canon_raw_string(b->r->doc, b->at, S("data"));
    if (b->r->call && canon_carried(b->r->arena, data, &of, &use, &inner)) return take_carried(b, of, use, inner);
    struct canon_part *part = add(b, PART_REDACTED, known, COUNT_OF(known));
    part->signature = data;
    messages_note(b->r, FEATURE_REASONING_HISTORY, S("messages.content.redacted_thinking"));
    return true;
}

/* ---- any block */

static bool read_other(struct block *b, str type)
{
    bool tool = str_eq(type, S("server_tool_use")) || str_eq(type, S("mcp_tool_use")) ||
                str_ends(type, S("_tool_result")) || str_eq(type, S("compaction"));
    str field = arena_printf(b->r->arena, "messages.content.%" STR_FMT, STR_ARG(str_head(type, 64)));
    if (tool) return read_opaque(b, FEATURE_SERVER_TOOL_HISTORY, field);
    if (str_eq(type, S("search_result"))) return read_opaque(b, FEATURE_RETRIEVED_DOCUMENTS, field);
    if (b->r->unknown >= 32) return read_opaque(b, FEATURE_UNKNOWN, S("messages.content"));
    b->r->unknown++;
    return read_opaque(b, FEATURE_UNKNOWN, field);
}

bool messages_read_block(struct messages_reader *r, json_ref at, struct canon_part **list)
{
    static const struct {
        str type;
        bool (*read)(struct block *b);
    } kinds[] = {
        {STR_INIT("text"), read_text},
        {STR_INIT("tool_use"), read_tool_use},
        {STR_INIT("tool_result"), read_tool_result},
        {STR_INIT("image"), read_image},
        {STR_INIT("document"), read_document},
        {STR_INIT("thinking"), read_thinking},
        {STR_INIT("redacted_thinking"), read_redacted},
    };
    struct block b = {r, at, list};
    json_ref type;
    bool (*read)(struct block * b) = NULL;
    if (!messages_member(r, at, S("type"), &type)) return false;
    for (size_t i = 0; i < COUNT_OF(kinds) && !read; i++)
        if (json_string_is(r->doc, type, kinds[i].type)) read = kinds[i].read;
    if (!(read ? read(&b) : read_other(&b, canon_text(r->doc, at, S("type"), r->arena)))) return false;
    if (*list && r->carried.json.p) { /* of the block that a carrier stood before */
        (*list)->signature = r->carried;
        (*list)->signer = r->carried_signer;
        r->carried = RAW_NONE;
    }
    r->last = *list ? *list : r->last;
    return true;
}

bool messages_read_blocks(struct messages_reader *r, json_ref content, str where, struct canon_part **parts)
{
    if (content && json_type(r->doc, content) == JSON_STRING) {
        canon_add_part(r->arena, parts, PART_TEXT)->text = canon_raw(r->doc, content);
        return true;
    }
    if (!content || json_type(r->doc, content) != JSON_ARRAY)
        return messages_refuse(r, where, "must be a string or an array of blocks");
    for (json_ref at = json_first(r->doc, content); at; at = json_next(r->doc, content, at)) {
        if (json_type(r->doc, at) != JSON_OBJECT)
            return messages_refuse(r, where, "must be a string or an array of blocks");
        if (!messages_read_block(r, at, parts)) return false;
        while (*parts) parts = &(*parts)->next; /* one step: appending stays cheap */
    }
    return true;
}
