/* Reading items: what a call's input and an answer's output have in common. */
#include "dialect/canon_cite.h"
#include "dialect/responses.h"

enum item_kind responses_item_kind(const struct json *doc, json_ref item)
{
    static const struct {
        str type;
        enum item_kind kind;
    } kinds[] = {{STR_INIT("message"), ITEM_MESSAGE},
                 {STR_INIT("function_call"), ITEM_CALL},
                 {STR_INIT("custom_tool_call"), ITEM_CALL},
                 {STR_INIT("function_call_output"), ITEM_CALL_OUTPUT},
                 {STR_INIT("custom_tool_call_output"), ITEM_CALL_OUTPUT},
                 {STR_INIT("reasoning"), ITEM_REASONING}};
    json_ref type = openai_find(doc, item, S("type"));
    if (!type) return openai_find(doc, item, S("role")) ? ITEM_MESSAGE : ITEM_OTHER;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (json_string_is(doc, type, kinds[i].type)) return kinds[i].kind;
    return ITEM_OTHER;
}

void responses_note(struct canon_call *call, enum canon_feature feature, str field)
{
    if (call) canon_note(call, feature, field);
}

str responses_group_name(struct arena *arena, str group, str name)
{
    return group.n ? arena_printf(arena, "%" STR_FMT "__%" STR_FMT, STR_ARG(group), STR_ARG(name)) : name;
}

struct canon_part *responses_add_part(struct item_reader *r, enum canon_part_kind kind)
{
    struct canon_part *part = canon_add_part(r->arena, r->end, kind);
    part->signature = r->carried;
    part->signer = r->carried_signer;
    r->carried = RAW_NONE;
    r->carried_signer = 0;
    r->end = &part->next;
    r->last = part;
    if (!r->first) r->first = part;
    return part;
}

/* ---- parts */

static void read_media(struct item_reader *r, struct canon_part *p, json_ref at, jraw url, enum canon_feature data,
                       enum canon_feature by_url, enum canon_feature stored)
{
    p->media.file_id = canon_text(r->doc, at, S("file_id"), r->arena);
    if (p->media.file_id.n) {
        responses_note(r->call, stored, S("input.content.file_id"));
    } else if (url.json.p && canon_data_url(r->arena, url, &p->media)) {
        responses_note(r->call, data,
                       p->kind == PART_IMAGE ? S("input.content.image_url") : S("input.content.file_url"));
    } else if (url.json.p) {
        p->media.url = url;
        responses_note(r->call, by_url,
                       p->kind == PART_IMAGE ? S("input.content.image_url") : S("input.content.file_url"));
    }
}

static void read_image(struct item_reader *r, json_ref at, struct canon_part *p)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("image_url"), STR_INIT("file_id"), STR_INIT("detail")};
    read_media(r, p, at, canon_raw_string(r->doc, at, S("image_url")), FEATURE_IMAGE_DATA, FEATURE_IMAGE_URL,
               FEATURE_IMAGE_FILE);
    p->media.detail = canon_text(r->doc, at, S("detail"), r->arena);
    if (p->media.detail.n && !str_eq(p->media.detail, S("auto")))
        responses_note(r->call, FEATURE_IMAGE_DETAIL, S("input.content.detail"));
    p->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_RESPONSES, r->arena);
}

static void read_file(struct item_reader *r, json_ref at, struct canon_part *p)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("file_data"), STR_INIT("file_id"), STR_INIT("file_url"),
                                STR_INIT("filename")};
    jraw data = canon_raw_string(r->doc, at, S("file_data"));
    p->media.name = canon_text(r->doc, at, S("filename"), r->arena);
    read_media(r, p, at, canon_raw_string(r->doc, at, S("file_url")), FEATURE_DOCUMENT_DATA, FEATURE_DOCUMENT_URL,
               FEATURE_DOCUMENT_FILE);
    if (data.json.p) {
        if (!canon_data_url(r->arena, data, &p->media)) { /* bare base64 */
            p->media.data = canon_inside(data);
            p->media.size = canon_base64_size(p->media.data);
        }
        responses_note(r->call, FEATURE_DOCUMENT_DATA, S("input.content.file_data"));
    }
    p->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_RESPONSES, r->arena);
}

static void read_audio(struct item_reader *r, json_ref at, struct canon_part *p)
{
    json_ref audio = openai_find(r->doc, at, S("input_audio"));
    responses_note(r->call, FEATURE_AUDIO_IN, S("input.content.input_audio"));
    if (!audio) return;
    str format = canon_text(r->doc, audio, S("format"), r->arena);
    p->media.data = canon_inside(canon_raw_string(r->doc, audio, S("data")));
    p->media.size = canon_base64_size(p->media.data);
    p->media.type = arena_printf(r->arena, "audio/%" STR_FMT, STR_ARG(format));
}

static void read_text(struct item_reader *r, json_ref at, struct canon_part *p)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("text"), STR_INIT("annotations")};
    p->text = canon_raw_string(r->doc, at, S("text"));
    json_ref annotations = openai_find(r->doc, at, S("annotations"));
    struct canon_citation **end = &p->citations;
    if (annotations && json_type(r->doc, annotations) == JSON_ARRAY) {
        for (json_ref a = json_first(r->doc, annotations); a; a = json_next(r->doc, annotations, a)) {
            if (json_type(r->doc, a) != JSON_OBJECT) continue;
            *end = responses_read_citation(r->doc, a, r->arena);
            responses_note(r->call, FEATURE_CITATION_HISTORY, S("input.content.annotations"));
            end = &(*end)->next;
        }
    }
    if (openai_find(r->doc, at, S("prompt_cache_breakpoint"))) {
        p->cache_ttl = 300;
        responses_note(r->call, FEATURE_CACHE_MARKER, S("input.content.prompt_cache_breakpoint"));
    }
    p->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_RESPONSES, r->arena);
}

static void read_part(struct item_reader *r, json_ref at, str id)
{
    static const str refusal[] = {STR_INIT("type"), STR_INIT("refusal")};
    str type = canon_text(r->doc, at, S("type"), r->arena);
    struct canon_part *p;
    bool text = str_eq(type, S("input_text")) || str_eq(type, S("output_text")) || str_eq(type, S("text"));
    if (text && canon_raw_string(r->doc, at, S("text")).json.p) {
        p = responses_add_part(r, PART_TEXT);
        read_text(r, at, p);
    } else if (str_eq(type, S("refusal"))) {
        p = responses_add_part(r, PART_REFUSAL);
        p->text = canon_raw_string(r->doc, at, S("refusal"));
        p->extras = canon_extras_of(r->doc, at, refusal, COUNT_OF(refusal), DIALECT_RESPONSES, r->arena);
    } else if (str_eq(type, S("input_image"))) {
        p = responses_add_part(r, PART_IMAGE);
        read_image(r, at, p);
    } else if (str_eq(type, S("input_file"))) {
        p = responses_add_part(r, PART_DOCUMENT);
        read_file(r, at, p);
    } else if (str_eq(type, S("input_audio"))) {
        p = responses_add_part(r, PART_AUDIO);
        read_audio(r, at, p);
    } else {
        p = responses_add_part(r, PART_OPAQUE);
        p->inner = true;
        p->value = canon_raw(r->doc, at);
        p->extras.of = DIALECT_RESPONSES;
        responses_note(r->call, FEATURE_UNKNOWN, S("input.content"));
    }
    p->id = id;
}

void responses_read_content(struct item_reader *r, json_ref content, str id)
{
    if (!content) return;
    if (json_type(r->doc, content) == JSON_STRING) {
        struct canon_part *p = responses_add_part(r, PART_TEXT);
        p->text = canon_raw(r->doc, content);
        p->id = id;
        return;
    }
    if (json_type(r->doc, content) != JSON_ARRAY) return;
    for (json_ref at = json_first(r->doc, content); at; at = json_next(r->doc, content, at)) read_part(r, at, id);
}

/* ---- items */

static void keep_item(struct item_reader *r, json_ref item, const str *known, size_t count)
{
    if (r->first) r->first->item = canon_extras_of(r->doc, item, known, count, DIALECT_RESPONSES, r->arena);
}

void responses_read_other(struct item_reader *r, json_ref item)
{
    struct canon_part *p = responses_add_part(r, PART_OPAQUE);
    p->value = canon_raw(r->doc, item);
    p->extras.of = DIALECT_RESPONSES;
}

/* A message without content has no part that could keep it: it is kept whole. */
void responses_read_message(struct item_reader *r, json_ref item)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("role"), STR_INIT("content"), STR_INIT("id")};
    r->first = NULL;
    responses_read_content(r, openai_find(r->doc, item, S("content")), canon_text(r->doc, item, S("id"), r->arena));
    if (!r->first) responses_read_other(r, item);
    keep_item(r, item, known, COUNT_OF(known));
}

void responses_read_call(struct item_reader *r, json_ref item)
{
    static const str known[] = {STR_INIT("type"),  STR_INIT("id"),        STR_INIT("call_id"),  STR_INIT("name"),
                                STR_INIT("input"), STR_INIT("arguments"), STR_INIT("namespace")};
    r->first = NULL;
    struct canon_part *p = responses_add_part(r, PART_TOOL_CALL);
    struct canon_tool_use *tool = &p->tool;
    tool->custom = json_string_is(r->doc, openai_find(r->doc, item, S("type")), S("custom_tool_call"));
    json_ref arguments = openai_find(r->doc, item, tool->custom ? S("input") : S("arguments"));
    p->id = canon_text(r->doc, item, S("id"), r->arena);
    tool->id = canon_text(r->doc, item, S("call_id"), r->arena);
    tool->group = canon_text(r->doc, item, S("namespace"), r->arena);
    tool->name = responses_group_name(r->arena, tool->group, canon_text(r->doc, item, S("name"), r->arena));
    if (arguments && !json_string(r->doc, arguments, r->arena, &tool->arguments))
        tool->arguments = json_raw(r->doc, arguments); /* some servers send an object */
    if (tool->custom) responses_note(r->call, FEATURE_TOOL_CUSTOM, S("input.custom_tool_call"));
    keep_item(r, item, known, COUNT_OF(known));
}

void responses_read_call_output(struct item_reader *r, json_ref item)
{
    static const str known[] = {STR_INIT("type"), STR_INIT("id"), STR_INIT("call_id"), STR_INIT("output")};
    r->first = NULL;
    struct canon_part *p = responses_add_part(r, PART_TOOL_RESULT);
    p->id = canon_text(r->doc, item, S("id"), r->arena);
    p->tool.id = canon_text(r->doc, item, S("call_id"), r->arena);
    p->tool.custom = json_string_is(r->doc, openai_find(r->doc, item, S("type")), S("custom_tool_call_output"));
    p->tool.is_error = json_string_is(r->doc, openai_find(r->doc, item, S("status")), S("incomplete"));
    if (p->tool.is_error) responses_note(r->call, FEATURE_TOOL_RESULT_ERROR, S("status"));
    json_ref output = openai_find(r->doc, item, S("output"));
    struct item_reader inner = {r->doc, r->arena, r->call, &p->tool.content, NULL, NULL, RAW_NONE, 0};
    if (output && json_type(r->doc, output) != JSON_STRING && json_type(r->doc, output) != JSON_ARRAY)
        responses_add_part(&inner, PART_TEXT)->text = canon_quote(r->arena, json_raw(r->doc, output));
    else
        responses_read_content(&inner, output, STR_NONE);
    for (const struct canon_part *c = p->tool.content; c; c = c->next)
        if (c->kind != PART_TEXT) responses_note(r->call, FEATURE_TOOL_RESULT_MEDIA, S("input.output"));
    keep_item(r, item, known, COUNT_OF(known));
}

/* ---- reasoning */

enum { REASONING_PARTS_MAX = 256 };

static size_t texts_of(const struct json *doc, json_ref list, jraw *texts)
{
    size_t count = 0;
    if (!list || json_type(doc, list) != JSON_ARRAY) return 0;
    for (json_ref at = json_first(doc, list); at && count < REASONING_PARTS_MAX; at = json_next(doc, list, at)) {
        jraw text = canon_raw_string(doc, at, S("text"));
        if (text.json.p) texts[count++] = text;
    }
    return count;
}

/* The summary is what clients show; open models show their thoughts as content. */
jraw responses_reasoning_text(const struct json *doc, json_ref item, struct arena *arena)
{
    jraw texts[REASONING_PARTS_MAX];
    size_t count = texts_of(doc, openai_find(doc, item, S("content")), texts);
    if (!count) count = texts_of(doc, openai_find(doc, item, S("summary")), texts);
    return count ? canon_join(arena, texts, count, S("\\n\\n")) : RAW_NONE;
}

/* What comes back of a signature of another dialect. */
static bool take_carried(struct item_reader *r, jraw encrypted, jraw text)
{
    enum dialect_id of;
    enum canon_carry use;
    jraw signature;
    if (!canon_carried(r->arena, encrypted, &of, &use, &signature)) return false;
    uint8_t signer = (uint8_t)(of + 1);
    struct canon_part *p;
    switch (use) {
    case CARRY_NEXT:
        r->carried = signature;
        r->carried_signer = signer;
        return true;
    case CARRY_LAST:
        p = r->last;
        if (!p) return true;
        break;
    default:
        p = responses_add_part(r, use == CARRY_REDACTED ? PART_REDACTED : PART_REASONING);
        p->text = use == CARRY_REDACTED ? RAW_NONE : text;
        responses_note(r->call, FEATURE_REASONING_HISTORY, S("input.reasoning"));
        break;
    }
    p->signature = signature;
    p->signer = signer;
    return true;
}

void responses_read_reasoning(struct item_reader *r, json_ref item)
{
    jraw encrypted = canon_raw_string(r->doc, item, S("encrypted_content"));
    jraw text = responses_reasoning_text(r->doc, item, r->arena);
    r->first = NULL;
    if (take_carried(r, encrypted, text)) return;
    struct canon_part *p = responses_add_part(r, PART_REASONING);
    p->id = canon_text(r->doc, item, S("id"), r->arena);
    p->text = text;
    p->signature = encrypted;
    p->signer = DIALECT_RESPONSES + 1;
    p->value = canon_raw(r->doc, item);
    p->extras.of = DIALECT_RESPONSES;
    responses_note(r->call, FEATURE_REASONING_HISTORY, S("input.reasoning"));
}
