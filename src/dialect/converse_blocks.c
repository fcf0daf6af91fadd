/* Content blocks of Converse, read. A block is an object with one member that says
 * what it is; media are by format ("png") instead of by type ("image/png"). */
#include "dialect/canon_cite.h"
#include "dialect/converse.h"

enum { LIST_MAX = 100000 };

static const struct {
    str format, type;
} formats[] = {
    {STR_INIT("png"), STR_INIT("image/png")},
    {STR_INIT("jpeg"), STR_INIT("image/jpeg")},
    {STR_INIT("gif"), STR_INIT("image/gif")},
    {STR_INIT("webp"), STR_INIT("image/webp")},
    {STR_INIT("pdf"), STR_INIT("application/pdf")},
    {STR_INIT("csv"), STR_INIT("text/csv")},
    {STR_INIT("doc"), STR_INIT("application/msword")},
    {STR_INIT("docx"), STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document")},
    {STR_INIT("xls"), STR_INIT("application/vnd.ms-excel")},
    {STR_INIT("xlsx"), STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")},
    {STR_INIT("html"), STR_INIT("text/html")},
    {STR_INIT("txt"), STR_INIT("text/plain")},
    {STR_INIT("md"), STR_INIT("text/markdown")},
    {STR_INIT("mkv"), STR_INIT("video/x-matroska")},
    {STR_INIT("mov"), STR_INIT("video/quicktime")},
    {STR_INIT("mp4"), STR_INIT("video/mp4")},
    {STR_INIT("webm"), STR_INIT("video/webm")},
    {STR_INIT("flv"), STR_INIT("video/x-flv")},
    {STR_INIT("mpeg"), STR_INIT("video/mpeg")},
    {STR_INIT("wmv"), STR_INIT("video/x-ms-wmv")},
    {STR_INIT("three_gp"), STR_INIT("video/3gpp")},
    {STR_INIT("mp3"), STR_INIT("audio/mpeg")},
    {STR_INIT("wav"), STR_INIT("audio/wav")},
};

str converse_type(str format)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (str_eq(formats[i].format, format)) return formats[i].type;
    return STR_NONE;
}

str converse_format(str type)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (str_eq_nocase(formats[i].type, type)) return formats[i].format;
    if (str_eq_nocase(type, S("image/jpg"))) return S("jpeg");
    if (str_eq_nocase(type, S("audio/x-wav"))) return S("wav");
    return STR_NONE;
}

static void note(struct converse_reader *r, enum canon_feature f, str where, str member)
{
    if (!r->call) return;
    canon_note(r->call, f, arena_printf(r->arena, "%" STR_FMT ".%" STR_FMT, STR_ARG(where), STR_ARG(member)));
}

static enum canon_feature feature_of(enum canon_part_kind kind)
{
    switch (kind) {
    case PART_IMAGE:
        return FEATURE_IMAGE_DATA;
    case PART_AUDIO:
        return FEATURE_AUDIO_IN;
    case PART_VIDEO:
        return FEATURE_VIDEO_IN;
    default:
        return FEATURE_DOCUMENT_DATA;
    }
}

/* {format, source: {bytes | s3Location | text | content}, name} */
static void read_media(struct converse_reader *r, json_ref media, struct canon_part *part, str where, str member)
{
    static const str known[] = {STR_INIT("format"), STR_INIT("source"), STR_INIT("name")};
    json_ref source = openai_find(r->doc, media, S("source"));
    jraw bytes = canon_raw_string(r->doc, source, S("bytes")), text = canon_raw_string(r->doc, source, S("text"));
    part->media.type = converse_type(canon_text(r->doc, media, S("format"), r->arena));
    part->media.name = canon_text(r->doc, media, S("name"), r->arena);
    part->extras = canon_extras_of(r->doc, media, known, COUNT_OF(known), DIALECT_CONVERSE, r->arena);
    if (bytes.json.p) {
        part->media.data = canon_inside(bytes);
        part->media.size = canon_base64_size(part->media.data);
        note(r, feature_of(part->kind), where, member);
    } else if (text.json.p) {
        part->text = text;
        note(r, FEATURE_DOCUMENT_DATA, where, member);
    } else { /* S3, or content of its own: known to Bedrock alone */
        part->value = canon_raw(r->doc, source);
        part->media.file_id = canon_text(r->doc, openai_find(r->doc, source, S("s3Location")), S("uri"), r->arena);
        note(r, part->kind == PART_IMAGE ? FEATURE_IMAGE_FILE : FEATURE_DOCUMENT_FILE, where, member);
    }
}

static void read_tool_use(struct converse_reader *r, json_ref use, struct canon_part *part)
{
    static const str known[] = {STR_INIT("toolUseId"), STR_INIT("name"), STR_INIT("input")};
    json_ref input = openai_find(r->doc, use, S("input"));
    part->tool.id = canon_text(r->doc, use, S("toolUseId"), r->arena);
    part->tool.name = canon_text(r->doc, use, S("name"), r->arena);
    part->tool.arguments = input ? json_raw(r->doc, input) : S("{}");
    part->extras = canon_extras_of(r->doc, use, known, COUNT_OF(known), DIALECT_CONVERSE, r->arena);
}

/* {"json": ...} is text to every other protocol. */
static bool read_json(struct converse_reader *r, json_ref block, struct canon_part **parts)
{
    json_ref json = openai_find(r->doc, block, S("json"));
    if (!json) return false;
    struct canon_part *part = canon_add_part(r->arena, parts, PART_TEXT);
    part->value = canon_raw(r->doc, json);
    part->text = canon_quote(r->arena, part->value.json);
    return true;
}

static void read_tool_result(struct converse_reader *r, json_ref result, struct canon_part *part, str where)
{
    static const str known[] = {STR_INIT("toolUseId"), STR_INIT("content"), STR_INIT("status")};
    json_ref content = openai_find(r->doc, result, S("content")), status = openai_find(r->doc, result, S("status"));
    part->tool.id = canon_text(r->doc, result, S("toolUseId"), r->arena);
    part->tool.is_error = status && json_string_is(r->doc, status, S("error"));
    /* the last of them is told by is_error */
    size_t told = COUNT_OF(known) - !part->tool.is_error;
    part->extras = canon_extras_of(r->doc, result, known, told, DIALECT_CONVERSE, r->arena);
    if (part->tool.is_error) note(r, FEATURE_TOOL_RESULT_ERROR, where, S("toolResult.status"));
    str inside = arena_printf(r->arena, "%" STR_FMT ".toolResult.content", STR_ARG(where));
    if (content) converse_read_blocks(r, content, &part->tool.content, inside);
    for (const struct canon_part *p = part->tool.content; p; p = p->next)
        if (p->media.data.p || p->media.file_id.n) note(r, FEATURE_TOOL_RESULT_MEDIA, where, S("toolResult.content"));
}

static void read_reasoning(struct converse_reader *r, json_ref reasoning, struct canon_part **parts)
{
    json_ref text = openai_find(r->doc, reasoning, S("reasoningText"));
    struct canon_part *part = canon_add_part(r->arena, parts, text ? PART_REASONING : PART_REDACTED);
    if (text) {
        static const str known[] = {STR_INIT("text"), STR_INIT("signature")};
        part->text = canon_raw_string(r->doc, text, S("text"));
        part->signature = canon_raw_string(r->doc, text, S("signature"));
        part->extras = canon_extras_of(r->doc, text, known, COUNT_OF(known), DIALECT_CONVERSE, r->arena);
    } else {
        part->signature = canon_raw_string(r->doc, reasoning, S("redactedContent"));
    }
    if (!r->call) return;
    canon_note(r->call, FEATURE_REASONING_HISTORY, S("messages.content.reasoningContent"));
    enum dialect_id of;
    enum canon_carry use;
    if (!canon_carried(r->arena, part->signature, &of, &use, &part->signature)) return;
    part->signer = (uint8_t)(of + 1);
    if (use == CARRY_REDACTED) part->kind = PART_REDACTED;
}

static void read_citations(struct converse_reader *r, json_ref block, struct canon_part **parts)
{
    json_ref list = openai_find(r->doc, block, S("citations")), content = openai_find(r->doc, block, S("content"));
    struct canon_part *part = canon_add_part(r->arena, parts, PART_TEXT);
    struct canon_citation **last = &part->citations;
    jraw texts[16];
    size_t count = 0;
    part->value = canon_raw(r->doc, block); /* written again as it stands */
    for (json_ref c = content ? json_first(r->doc, content) : JSON_ABSENT; c && count < COUNT_OF(texts);
         c = json_next(r->doc, content, c)) {
        jraw text = canon_raw_string(r->doc, c, S("text"));
        if (text.json.p) texts[count++] = text;
    }
    part->text = count ? canon_join(r->arena, texts, count, S("")) : (jraw){S("\"\"")};
    for (json_ref c = list ? json_first(r->doc, list) : JSON_ABSENT; c; c = json_next(r->doc, list, c)) {
        if (json_type(r->doc, c) != JSON_OBJECT) continue;
        *last = converse_citation(r->doc, c, r->arena);
        if (r->call) canon_note(r->call, FEATURE_CITATION_HISTORY, S("messages.content.citationsContent"));
        last = &(*last)->next;
    }
}

static int64_t ttl_of(const struct json *doc, json_ref point)
{
    json_ref ttl = openai_find(doc, point, S("ttl"));
    return ttl && json_string_is(doc, ttl, S("1h")) ? 3600 : 300;
}

static bool read_cache_point(struct converse_reader *r, json_ref block, struct canon_part *before, str where)
{
    json_ref point = openai_find(r->doc, block, S("cachePoint"));
    if (!point) return false;
    if (before) before->cache_ttl = ttl_of(r->doc, point);
    note(r, FEATURE_CACHE_MARKER, where, S("cachePoint"));
    return true;
}

static const struct {
    str member;
    enum canon_part_kind kind;
} media[] = {
    {STR_INIT("image"), PART_IMAGE},
    {STR_INIT("document"), PART_DOCUMENT},
    {STR_INIT("video"), PART_VIDEO},
    {STR_INIT("audio"), PART_AUDIO},
};

static bool read_some_media(struct converse_reader *r, json_ref block, struct canon_part **parts, str where)
{
    for (size_t i = 0; i < COUNT_OF(media); i++) {
        json_ref at = openai_find(r->doc, block, media[i].member);
        if (!at || json_type(r->doc, at) != JSON_OBJECT) continue;
        read_media(r, at, canon_add_part(r->arena, parts, media[i].kind), where, media[i].member);
        return true;
    }
    return false;
}

static void read_block(struct converse_reader *r, json_ref block, struct canon_part **parts, str where)
{
    json_ref at;
    if (json_type(r->doc, block) == JSON_OBJECT) {
        jraw text = canon_raw_string(r->doc, block, S("text"));
        if (text.json.p) {
            canon_add_part(r->arena, parts, PART_TEXT)->text = text;
            return;
        }
        if ((at = openai_find(r->doc, block, S("toolUse")))) {
            read_tool_use(r, at, canon_add_part(r->arena, parts, PART_TOOL_CALL));
            return;
        }
        if ((at = openai_find(r->doc, block, S("toolResult")))) {
            read_tool_result(r, at, canon_add_part(r->arena, parts, PART_TOOL_RESULT), where);
            return;
        }
        if ((at = openai_find(r->doc, block, S("reasoningContent")))) {
            read_reasoning(r, at, parts);
            return;
        }
        if ((at = openai_find(r->doc, block, S("citationsContent")))) {
            read_citations(r, at, parts);
            return;
        }
        if (read_json(r, block, parts) || read_some_media(r, block, parts, where)) return;
    }
    struct canon_part *part = canon_add_part(r->arena, parts, PART_OPAQUE);
    part->value = canon_raw(r->doc, block);
    part->extras.of = DIALECT_CONVERSE;
    if (openai_find(r->doc, block, S("guardContent")))
        note(r, FEATURE_GUARDRAIL, where, S("guardContent"));
    else
        note(r, FEATURE_SERVER_TOOL_HISTORY, where, S("content"));
}

void converse_read_blocks(struct converse_reader *r, json_ref list, struct canon_part **parts, str where)
{
    struct canon_part **at = parts, *last = NULL;
    int64_t index = 0;
    if (json_type(r->doc, list) != JSON_ARRAY) return;
    for (json_ref block = json_first(r->doc, list); block && index < LIST_MAX; block = json_next(r->doc, list, block)) {
        str here = arena_printf(r->arena, "%" STR_FMT "[%lld]", STR_ARG(where), (long long)index++);
        if (read_cache_point(r, block, last, here)) continue;
        read_block(r, block, at, here);
        while (*at) { /* appending stays cheap however long the list is */
            last = *at;
            at = &last->next;
        }
    }
}
