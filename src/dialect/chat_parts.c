/* The parts of chat's messages, as calls and answers have them. */
#include "dialect/chat.h"

#include "base/hash.h"

bool chat_refuse(struct chat_reader *r, str param, const char *wanted)
{
    if (!r->problem) return true;
    *r->problem =
        (struct call_problem){ERR_BAD_FIELD,
                              arena_printf(r->arena, "`%" STR_FMT "` must be %s.", STR_ARG(param), wanted), param};
    return false;
}

void chat_note(struct chat_reader *r, enum canon_feature feature, str field)
{
    if (r->call) canon_note(r->call, feature, field);
}

/* A call that is refused for 64 fields is not refused more for others. */
void chat_note_unknown(struct chat_reader *r, enum canon_feature feature, str where, json_ref key)
{
    str name;
    if (!r->call || r->unknown >= 64 || !json_string(r->doc, key, r->arena, &name)) return;
    r->unknown++;
    canon_note(r->call, feature, arena_printf(r->arena, "%" STR_FMT "%" STR_FMT, STR_ARG(where), STR_ARG(name)));
}

str chat_make_id(struct chat_reader *r)
{
    uint64_t from[2] = {r->seed, (uint64_t)r->made++};
    return arena_printf(r->arena, "call_%016llx", (unsigned long long)hash_fnv(str_of((char *)from, sizeof(from))));
}

bool chat_has_more(const struct json *doc, json_ref object, const str *known, size_t count)
{
    for (json_ref key = json_first(doc, object); key; key = json_next(doc, object, key + 1)) {
        bool is_known = false;
        for (size_t i = 0; i < count && !is_known; i++) is_known = json_string_is(doc, key, known[i]);
        if (!is_known) return true;
    }
    return false;
}

jraw chat_full_string(const struct json *doc, json_ref object, str key)
{
    jraw s = canon_raw_string(doc, object, key);
    return s.json.n > 2 ? s : RAW_NONE;
}

struct canon_part *chat_append(struct chat_reader *r, struct canon_part ***tail, enum canon_part_kind kind)
{
    struct canon_part *part = canon_add_part(r->arena, *tail, kind);
    *tail = &part->next;
    return part;
}

/* ---- content */

/* Anthropic's marker, which OpenRouter and others take in chat, too. */
static void read_cache_marker(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    json_ref marker = openai_find(r->doc, at, S("cache_control"));
    if (!marker) return;
    json_ref ttl = json_find(r->doc, marker, S("ttl"), NULL);
    part->cache_ttl = ttl && json_string_is(r->doc, ttl, S("1h")) ? 3600 : 300;
    chat_note(r, FEATURE_CACHE_MARKER, S("cache_control"));
}

static bool read_text(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    part->text = canon_raw_string(r->doc, at, S("text"));
    if (!part->text.json.p) return chat_refuse(r, S("messages.content.text"), "a string");
    return true;
}

static bool read_refusal(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    part->text = canon_raw_string(r->doc, at, S("refusal"));
    if (!part->text.json.p) return chat_refuse(r, S("messages.content.refusal"), "a string");
    return true;
}

static void note_media(struct chat_reader *r, enum canon_feature feature, str field)
{
    chat_note(r, r->tool_result ? FEATURE_TOOL_RESULT_MEDIA : feature, field);
    if (r->tool_result) chat_note(r, feature, field);
}

/* An address, or the data itself as an address. */
static void read_address(struct chat_reader *r, jraw url, struct canon_part *part, enum canon_feature data,
                         enum canon_feature reference, str field)
{
    if (canon_data_url(r->arena, url, &part->media)) {
        note_media(r, data, field);
        return;
    }
    part->media.url = url;
    note_media(r, reference, field);
}

/* {"url": ...}, or Mistral's bare string. */
static jraw url_of(struct chat_reader *r, json_ref at, str key)
{
    json_ref url = openai_find(r->doc, at, key);
    if (url && json_type(r->doc, url) == JSON_OBJECT) return canon_raw_string(r->doc, url, S("url"));
    return canon_raw_string(r->doc, at, key);
}

static bool read_image(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    str field = S("messages.content.image_url");
    json_ref image = openai_find(r->doc, at, S("image_url"));
    jraw url = url_of(r, at, S("image_url"));
    if (!url.json.p) return chat_refuse(r, field, "an object with a `url`");
    read_address(r, url, part, FEATURE_IMAGE_DATA, FEATURE_IMAGE_URL, field);
    part->media.detail = canon_text(r->doc, image, S("detail"), r->arena);
    if (part->media.detail.n && !str_eq(part->media.detail, S("auto")))
        chat_note(r, FEATURE_IMAGE_DETAIL, S("messages.content.image_url.detail"));
    return true;
}

static bool read_video(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    str field = S("messages.content.video_url");
    jraw url = url_of(r, at, S("video_url"));
    if (!url.json.p) return chat_refuse(r, field, "an object with a `url`");
    read_address(r, url, part, FEATURE_VIDEO_IN, FEATURE_VIDEO_IN, field);
    return true;
}

static bool read_document(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    str field = S("messages.content.document_url");
    jraw url = url_of(r, at, S("document_url"));
    if (!url.json.p) return chat_refuse(r, field, "a string");
    read_address(r, url, part, FEATURE_DOCUMENT_DATA, FEATURE_DOCUMENT_URL, field);
    part->media.name = canon_text(r->doc, at, S("document_name"), r->arena);
    return true;
}

static bool read_audio(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    str field = S("messages.content.input_audio");
    json_ref audio = openai_find(r->doc, at, S("input_audio"));
    jraw data = canon_raw_string(r->doc, audio ? audio : at, audio ? S("data") : S("input_audio"));
    if (!data.json.p) return chat_refuse(r, field, "an object with `data` and `format`");
    str format = audio ? canon_text(r->doc, audio, S("format"), r->arena) : STR_NONE;
    part->media.data = canon_inside(data);
    part->media.size = canon_base64_size(part->media.data);
    part->media.type = str_eq(format, S("mp3")) ? S("audio/mpeg")
                       : format.n               ? arena_printf(r->arena, "audio/%" STR_FMT, STR_ARG(format))
                                                : S("");
    note_media(r, FEATURE_AUDIO_IN, field);
    return true;
}

static bool read_file(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    str field = S("messages.content.file");
    json_ref file = openai_find(r->doc, at, S("file"));
    if (!file || json_type(r->doc, file) != JSON_OBJECT) return chat_refuse(r, field, "an object");
    jraw data = canon_raw_string(r->doc, file, S("file_data"));
    part->media.name = canon_text(r->doc, file, S("filename"), r->arena);
    part->media.file_id = canon_text(r->doc, file, S("file_id"), r->arena);
    if (part->media.file_id.n) note_media(r, FEATURE_DOCUMENT_FILE, S("messages.content.file.file_id"));
    if (!data.json.p) return true;
    if (str_starts(canon_inside(data), S("http")) || str_starts(canon_inside(data), S("data:"))) {
        read_address(r, data, part, FEATURE_DOCUMENT_DATA, FEATURE_DOCUMENT_URL, field);
        return true;
    }
    part->media.data = canon_inside(data);
    part->media.size = canon_base64_size(part->media.data);
    part->media.type = S("application/pdf"); /* the one type that is taken so */
    note_media(r, FEATURE_DOCUMENT_DATA, field);
    return true;
}

/* Mistral's: the thought is itself a list of parts. */
static bool read_thinking(struct chat_reader *r, json_ref at, struct canon_part *part)
{
    json_ref list = openai_find(r->doc, at, S("thinking"));
    part->signature = chat_full_string(r->doc, at, S("signature"));
    chat_note(r, FEATURE_REASONING_HISTORY, S("messages.content.thinking"));
    if (list && json_type(r->doc, list) == JSON_STRING) part->text = canon_raw(r->doc, list);
    if (!list || json_type(r->doc, list) != JSON_ARRAY) return true;
    size_t count = 0, i = 0;
    for (json_ref p = json_first(r->doc, list); p; p = json_next(r->doc, list, p)) count++;
    if (!count) return true;
    jraw *texts = arena_alloc(r->arena, count * sizeof(*texts));
    for (json_ref p = json_first(r->doc, list); p; p = json_next(r->doc, list, p))
        texts[i++] = canon_raw_string(r->doc, p, S("text"));
    part->text = canon_join(r->arena, texts, count, S(""));
    return true;
}

static const struct part_type {
    str type;
    enum canon_part_kind kind;
    bool (*read)(struct chat_reader *r, json_ref at, struct canon_part *part);
    bool plain; /* what stands in it beside type and value is worth keeping as it stands */
} part_types[] = {
    {STR_INIT("text"), PART_TEXT, read_text, true},
    {STR_INIT("image_url"), PART_IMAGE, read_image, false},
    {STR_INIT("input_audio"), PART_AUDIO, read_audio, false},
    {STR_INIT("file"), PART_DOCUMENT, read_file, false},
    {STR_INIT("refusal"), PART_REFUSAL, read_refusal, true},
    {STR_INIT("thinking"), PART_REASONING, read_thinking, false},
    {STR_INIT("video_url"), PART_VIDEO, read_video, false},
    {STR_INIT("document_url"), PART_DOCUMENT, read_document, false},
};

static bool read_part(struct chat_reader *r, json_ref at, struct canon_part ***tail, str where)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, where, "a string or a list of parts");
    json_ref type = openai_find(r->doc, at, S("type"));
    for (size_t i = 0; i < COUNT_OF(part_types); i++) {
        const struct part_type *t = &part_types[i];
        const str known[] = {S("type"), t->type};
        if (!type || !json_string_is(r->doc, type, t->type)) continue;
        struct canon_part *part = chat_append(r, tail, t->kind);
        if (!t->plain || chat_has_more(r->doc, at, known, 2)) part->value = canon_raw(r->doc, at);
        read_cache_marker(r, at, part);
        return t->read(r, at, part);
    }
    struct canon_part *part = chat_append(r, tail, PART_OPAQUE);
    part->value = canon_raw(r->doc, at);
    part->extras.of = DIALECT_CHAT;
    if (type) chat_note_unknown(r, FEATURE_UNKNOWN, arena_printf(r->arena, "%" STR_FMT ".", STR_ARG(where)), type);
    return true;
}

bool chat_read_content(struct chat_reader *r, json_ref at, struct canon_part ***tail, str where)
{
    if (!at) return true;
    switch (json_type(r->doc, at)) {
    case JSON_NULL:
        return true;
    case JSON_STRING:
        chat_append(r, tail, PART_TEXT)->text = canon_raw(r->doc, at);
        return true;
    case JSON_ARRAY:
        for (json_ref part = json_first(r->doc, at); part; part = json_next(r->doc, at, part))
            if (!read_part(r, part, tail, where)) return false;
        return true;
    default:
        return read_part(r, at, tail, where);
    }
}
