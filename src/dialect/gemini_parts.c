/* Parts of a content, in calls and in answers. */
#include "dialect/gemini.h"

enum part_field {
    PART_AT_TEXT,
    PART_AT_INLINE,
    PART_AT_FILE,
    PART_AT_CALL,
    PART_AT_RESULT,
    PART_AT_THOUGHT,
    PART_AT_SIGNATURE,
    PART_FIELDS
};

static const struct gemini_field part_fields[] = {
    [PART_AT_TEXT] = {STR_INIT("text"), GEMINI_READ},
    [PART_AT_INLINE] = {STR_INIT("inlineData"), GEMINI_READ},
    [PART_AT_FILE] = {STR_INIT("fileData"), GEMINI_READ},
    [PART_AT_CALL] = {STR_INIT("functionCall"), GEMINI_READ},
    [PART_AT_RESULT] = {STR_INIT("functionResponse"), GEMINI_READ},
    [PART_AT_THOUGHT] = {STR_INIT("thought"), GEMINI_READ},
    [PART_AT_SIGNATURE] = {STR_INIT("thoughtSignature"), GEMINI_READ},
    /* run by the provider, in the answer and in the history that repeats it */
    {STR_INIT("executableCode"), FEATURE_SERVER_TOOL_HISTORY},
    {STR_INIT("codeExecutionResult"), FEATURE_SERVER_TOOL_HISTORY},
    {STR_INIT("toolCall"), FEATURE_SERVER_TOOL_HISTORY},
    {STR_INIT("toolResponse"), FEATURE_SERVER_TOOL_HISTORY},
    {STR_INIT("videoMetadata"), FEATURE_IMAGE_DETAIL},
    {STR_INIT("mediaResolution"), FEATURE_IMAGE_DETAIL},
    {STR_INIT("mediaProcessing"), FEATURE_IMAGE_DETAIL},
    {STR_INIT("partMetadata"), FEATURE_CLIENT_HINT},
    {STR_INIT("audioTranscription"), FEATURE_CLIENT_HINT},
    {STR_INIT("speechMetadata"), FEATURE_CLIENT_HINT},
};

static struct canon_part *add(struct gemini_reader *r, struct gemini_parts *list, enum canon_part_kind kind)
{
    struct canon_part *part = arena_zalloc(r->arena, sizeof(*part));
    part->kind = kind;
    if (list->last)
        list->last->next = part;
    else
        list->first = part;
    list->last = part;
    return part;
}

/* What the object inside a part has beside what is read of it: `{"willContinue":true}`. */
static jraw rest_of(struct gemini_reader *r, const struct canon_extras *extras)
{
    if (!extras->members.n) return RAW_NONE;
    return (jraw){arena_printf(r->arena, "{%" STR_FMT "}", STR_ARG(extras->members))};
}

/* ---- media */

/* Google also reads base64 with `-` and `_`, which others do not. */
static str plain_base64(struct gemini_reader *r, str data)
{
    if (!memchr(data.p, '-', data.n) && !memchr(data.p, '_', data.n)) return data;
    char *to = arena_alloc(r->arena, data.n);
    for (size_t i = 0; i < data.n; i++) to[i] = (char)(data.p[i] == '-' ? '+' : data.p[i] == '_' ? '/' : data.p[i]);
    return str_of(to, data.n);
}

static enum canon_part_kind media_kind(str type)
{
    return str_starts(type, S("image/"))   ? PART_IMAGE
           : str_starts(type, S("audio/")) ? PART_AUDIO
           : str_starts(type, S("video/")) ? PART_VIDEO
                                           : PART_DOCUMENT;
}

static void note_media(struct gemini_reader *r, const struct canon_part *part, str field)
{
    bool image = part->kind == PART_IMAGE, file = part->media.file_id.n > 0, data = part->media.data.p;
    enum canon_feature feature = image  ? file   ? FEATURE_IMAGE_FILE
                                          : data ? FEATURE_IMAGE_DATA
                                                 : FEATURE_IMAGE_URL
                                 : file ? FEATURE_DOCUMENT_FILE
                                 : data ? FEATURE_DOCUMENT_DATA
                                        : FEATURE_DOCUMENT_URL;
    if (part->kind == PART_AUDIO) gemini_note(r, FEATURE_AUDIO_IN, field);
    if (part->kind == PART_VIDEO) gemini_note(r, FEATURE_VIDEO_IN, field);
    if (part->kind == PART_IMAGE || part->kind == PART_DOCUMENT || !data) gemini_note(r, feature, field);
}

/* A file is stored at Google, unless its address is one of the web's. */
static bool is_stored(str uri)
{
    bool web = str_starts(uri, S("https://")) || str_starts(uri, S("http://"));
    return !web || str_find(uri, S("generativelanguage.googleapis.com/"), 0) != SIZE_MAX;
}

static bool read_media(struct gemini_reader *r, json_ref at, bool file, struct gemini_parts *list)
{
    static const struct gemini_field fields[] = {{STR_INIT("mimeType"), GEMINI_READ},
                                                 {STR_INIT("data"), GEMINI_READ},
                                                 {STR_INIT("fileUri"), GEMINI_READ},
                                                 {STR_INIT("displayName"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    str where = file ? S("contents.parts.fileData") : S("contents.parts.inlineData");
    if (!gemini_fields(r, at, where, fields, COUNT_OF(fields), found, &extras)) return false;
    json_ref content = found[file ? 2 : 1];
    if (!content || json_type(r->doc, content) != JSON_STRING)
        return gemini_refuse(r, where, file ? S("an object with a fileUri") : S("an object with base64 in its data"));
    str type = gemini_string(r, found[0]);
    struct canon_part *part = add(r, list, media_kind(type));
    part->media.type = type;
    part->media.name = gemini_string(r, found[3]);
    part->value = rest_of(r, &extras);
    if (!file) {
        part->media.data = plain_base64(r, canon_inside((jraw){json_raw(r->doc, content)}));
        part->media.size = canon_base64_size(part->media.data);
    } else if (is_stored(gemini_string(r, content))) {
        part->media.file_id = gemini_string(r, content);
    } else {
        part->media.url = (jraw){json_raw(r->doc, content)};
    }
    note_media(r, part, where);
    return true;
}

/* ---- functions */

enum { OPEN_LOOK_MAX = 256 };

static void open_call(struct gemini_reader *r, str id, str name)
{
    struct gemini_open_call *o = arena_alloc(r->arena, sizeof(*o));
    *o = (struct gemini_open_call){NULL, id, name};
    if (r->open)
        r->last_open->next = o;
    else
        r->open = o;
    r->last_open = o;
}

/* The id of the call that a result belongs to: by its id, else the first open one of that name. */
static str close_call(struct gemini_reader *r, str id, str name)
{
    struct gemini_open_call **at = &r->open, *before = NULL;
    for (int i = 0; *at && i < OPEN_LOOK_MAX; i++, before = *at, at = &(*at)->next) {
        struct gemini_open_call *o = *at;
        if (id.n ? !str_eq(o->id, id) : !str_eq(o->name, name)) continue;
        *at = o->next;
        if (r->last_open == o) r->last_open = before;
        return o->id;
    }
    return id.n ? id : arena_printf(r->arena, "call_%" STR_FMT "%lld", STR_ARG(r->id_seed), (long long)r->calls++);
}

static bool read_function_call(struct gemini_reader *r, json_ref at, struct gemini_parts *list)
{
    static const struct gemini_field fields[] = {{STR_INIT("id"), GEMINI_READ},
                                                 {STR_INIT("name"), GEMINI_READ},
                                                 {STR_INIT("args"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    if (!gemini_fields(r, at, S("contents.parts.functionCall"), fields, COUNT_OF(fields), found, &extras)) return false;
    struct canon_part *part = add(r, list, PART_TOOL_CALL);
    part->id = part->tool.id = gemini_string(r, found[0]);
    if (!part->tool.id.n)
        part->tool.id = arena_printf(r->arena, "call_%" STR_FMT "%lld", STR_ARG(r->id_seed), (long long)r->calls);
    r->calls++;
    part->tool.name = gemini_string(r, found[1]);
    part->tool.arguments = found[2] ? json_raw(r->doc, found[2]) : S("{}");
    part->value = rest_of(r, &extras);
    if (r->call) open_call(r, part->tool.id, part->tool.name);
    return true;
}

/* {"output": "text"} and {"error": "text"} are how Google's clients wrap what is no object. */
static void read_response(struct gemini_reader *r, json_ref at, struct canon_part *part)
{
    static const str wraps[] = {STR_INIT("output"), STR_INIT("error"), STR_INIT("result")};
    struct gemini_parts content = {0};
    if (!at) return;
    json_ref key = json_type(r->doc, at) == JSON_OBJECT ? json_first(r->doc, at) : JSON_ABSENT;
    json_ref value = key && !json_next(r->doc, at, key + 1) ? key + 1 : JSON_ABSENT;
    struct canon_part *text = add(r, &content, PART_TEXT);
    part->tool.content = content.first;
    for (size_t i = 0; i < COUNT_OF(wraps) && value; i++) {
        if (json_type(r->doc, value) != JSON_STRING || !json_string_is(r->doc, key, wraps[i])) continue;
        text->text = (jraw){json_raw(r->doc, value)};
        part->tool.is_error = i == 1;
        if (part->tool.is_error) gemini_note(r, FEATURE_TOOL_RESULT_ERROR, S("functionResponse.response.error"));
        return;
    }
    text->text = json_type(r->doc, at) == JSON_STRING ? raw_of(json_raw(r->doc, at))
                                                      : canon_quote(r->arena, json_raw(r->doc, at));
}

static bool read_function_response(struct gemini_reader *r, json_ref at, struct gemini_parts *list)
{
    static const struct gemini_field fields[] = {{STR_INIT("id"), GEMINI_READ},
                                                 {STR_INIT("name"), GEMINI_READ},
                                                 {STR_INIT("response"), GEMINI_READ},
                                                 {STR_INIT("parts"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    str where = S("contents.parts.functionResponse");
    if (!gemini_fields(r, at, where, fields, COUNT_OF(fields), found, &extras)) return false;
    struct canon_part *part = add(r, list, PART_TOOL_RESULT);
    part->id = gemini_string(r, found[0]);
    part->tool.name = gemini_string(r, found[1]);
    part->tool.id = close_call(r, part->id, part->tool.name);
    part->value = rest_of(r, &extras);
    read_response(r, found[2], part);
    if (!found[3]) return true;
    struct gemini_parts media = {part->tool.content, part->tool.content};
    gemini_note(r, FEATURE_TOOL_RESULT_MEDIA, S("functionResponse.parts"));
    if (!gemini_read_parts(r, found[3], S("contents.parts.functionResponse.parts"), &media)) return false;
    part->tool.content = media.first;
    return true;
}

/* ---- a part */

static struct canon_part *opaque(struct gemini_reader *r, json_ref at, struct gemini_parts *list)
{
    struct canon_part *part = add(r, list, PART_OPAQUE);
    part->value = (jraw){json_raw(r->doc, at)};
    part->extras.of = DIALECT_GEMINI;
    return part;
}

static bool object_at(const struct gemini_reader *r, json_ref at)
{
    return at && json_type(r->doc, at) == JSON_OBJECT;
}

/* A client sends back what it was given, also what another dialect had signed. */
static void take_signature(struct gemini_reader *r, struct canon_part *part, jraw signature)
{
    enum dialect_id of;
    enum canon_carry use;
    part->signature = signature;
    if (!r->call || !canon_carried(r->arena, signature, &of, &use, &part->signature)) return;
    part->signer = (uint8_t)(of + 1);
    if (use == CARRY_REDACTED && part->kind == PART_REASONING) part->kind = PART_REDACTED;
}

bool gemini_read_part(struct gemini_reader *r, json_ref at, struct gemini_parts *list)
{
    json_ref found[COUNT_OF(part_fields)];
    struct canon_extras extras;
    struct gemini_parts before = *list;
    bool ok = true;
    if (json_type(r->doc, at) == JSON_STRING) { /* Google refuses it, its clients' libraries write it */
        add(r, list, PART_TEXT)->text = (jraw){json_raw(r->doc, at)};
        return true;
    }
    if (json_type(r->doc, at) != JSON_OBJECT) return gemini_refuse(r, S("contents.parts"), S("a list of objects"));
    if (!gemini_fields(r, at, S("contents.parts"), part_fields, COUNT_OF(part_fields), found, &extras)) return false;
    bool thought = found[PART_AT_THOUGHT] && json_is_true(r->doc, found[PART_AT_THOUGHT]);
    bool text = found[PART_AT_TEXT] && json_type(r->doc, found[PART_AT_TEXT]) == JSON_STRING;
    if (found[PART_AT_TEXT] && !text) return gemini_refuse(r, S("contents.parts.text"), S("a string"));
    if (object_at(r, found[PART_AT_CALL]))
        ok = read_function_call(r, found[PART_AT_CALL], list);
    else if (object_at(r, found[PART_AT_RESULT]))
        ok = read_function_response(r, found[PART_AT_RESULT], list);
    else if (object_at(r, found[PART_AT_INLINE]))
        ok = read_media(r, found[PART_AT_INLINE], false, list);
    else if (object_at(r, found[PART_AT_FILE]))
        ok = read_media(r, found[PART_AT_FILE], true, list);
    else if (thought || text)
        add(r, list, thought ? PART_REASONING : PART_TEXT);
    else if (found[PART_AT_SIGNATURE] && !extras.members.n)
        add(r, list, PART_TEXT); /* a signature alone, as the last chunk of a stream has it */
    else
        return opaque(r, at, list), true;
    if (!ok) {
        if (r->call) return false;
        *list = before; /* an answer is taken as it is */
        if (before.last) before.last->next = NULL;
        return opaque(r, at, list), true;
    }
    struct canon_part *part = list->last;
    if (text) part->text = (jraw){json_raw(r->doc, found[PART_AT_TEXT])};
    if (found[PART_AT_SIGNATURE] && json_type(r->doc, found[PART_AT_SIGNATURE]) == JSON_STRING)
        take_signature(r, part, (jraw){json_raw(r->doc, found[PART_AT_SIGNATURE])});
    part->extras = extras;
    return true;
}

bool gemini_read_parts(struct gemini_reader *r, json_ref at, str where, struct gemini_parts *list)
{
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_ARRAY) {
        if (json_type(r->doc, at) == JSON_OBJECT || json_type(r->doc, at) == JSON_STRING)
            return gemini_read_part(r, at, list);
        return gemini_refuse(r, where, S("a list of parts"));
    }
    for (json_ref part = json_first(r->doc, at); part; part = json_next(r->doc, at, part))
        if (!gemini_read_part(r, part, list)) return false;
    return true;
}
