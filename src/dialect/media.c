/* Reading a call for images or sound: a body of JSON, or a form whose files are not read. */
#include "dialect/media.h"

#include "dialect/embed.h"
#include "dialect/multipart.h"
#include "dialect/openai.h"

enum { FIELD_BYTES_MAX = 256, IMAGES_MOST = 128, PREVIEWS_MOST = 16 };

bool call_kind_takes_form(enum call_kind kind)
{
    return kind == CALL_TRANSCRIPTIONS || kind == CALL_TRANSLATIONS || kind == CALL_IMAGE_EDITS ||
           kind == CALL_IMAGE_VARIATIONS;
}

bool call_kind_makes_media(enum call_kind kind)
{
    return kind == CALL_SPEECH || kind == CALL_IMAGES || call_kind_takes_form(kind);
}

/* Source: OpenAI's prices: tts-1 and tts-1-hd by a million characters. */
bool call_paid_by_character(enum call_kind kind, str model)
{
    return kind == CALL_SPEECH && str_starts(model, S("tts-1"));
}

/* ---- JSON */

/* A whole number of the root between 1 and `most`; absent: `*out` stays. */
static bool read_count(const struct json *doc, str key, int64_t most, struct arena *arena, int64_t *out,
                       struct call_problem *problem)
{
    int64_t v;
    json_ref at = openai_find(doc, JSON_ROOT, key);
    if (!at) return true;
    if (!json_i64(doc, at, &v) || v < 0 || v > most) return embed_refuse(problem, arena, key, "a small whole number");
    *out = v;
    return true;
}

/* Images by address or id: each of them may cost what an image costs. */
static int64_t count_images(const struct json *doc)
{
    int64_t count = openai_find(doc, JSON_ROOT, S("mask")) ? 1 : 0;
    static const str names[] = {STR_INIT("images"), STR_INIT("image")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_ref list = openai_find(doc, JSON_ROOT, names[i]);
        if (!list) continue;
        if (json_type(doc, list) != JSON_ARRAY) {
            count++;
            continue;
        }
        for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) count++;
    }
    return count;
}

bool media_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                struct call_problem *problem)
{
    struct media_ask ask = {.count = 1};
    if (!openai_read(kind, doc, arena, out, problem)) return false;
    if (!read_count(doc, S("n"), IMAGES_MOST, arena, &ask.count, problem) ||
        !read_count(doc, S("partial_images"), PREVIEWS_MOST, arena, &ask.partial, problem))
        return false;
    json_ref text = openai_find(doc, JSON_ROOT, kind == CALL_SPEECH ? S("input") : S("prompt"));
    json_ref instructions = openai_find(doc, JSON_ROOT, S("instructions"));
    if (kind == CALL_SPEECH && (!text || json_type(doc, text) != JSON_STRING))
        return embed_refuse(problem, arena, S("input"), "a string");
    ask.text = text ? canon_text(doc, JSON_ROOT, kind == CALL_SPEECH ? S("input") : S("prompt"), arena) : STR_NONE;
    ask.text_bytes = text ? (int64_t)json_raw(doc, text).n : 0;
    if (instructions) ask.text_bytes += (int64_t)json_raw(doc, instructions).n;
    ask.size = canon_text(doc, JSON_ROOT, S("size"), arena);
    ask.quality = canon_text(doc, JSON_ROOT, S("quality"), arena);
    ask.files = kind == CALL_IMAGE_EDITS ? count_images(doc) : 0;
    out->stream = json_is_true(doc, json_find(doc, JSON_ROOT, S("stream"), NULL)) ||
                  json_string_is(doc, json_find(doc, JSON_ROOT, S("stream_format"), NULL), S("sse"));
    out->segments = (struct call_segments){0};
    media_bound(out, &ask);
    return true;
}

/* ---- forms */

struct form {
    struct call *call;
    struct media_ask ask;
    struct call_problem *problem;
    struct arena *arena;
    bool model;
};

static bool form_count(struct form *f, const struct multipart_part *part, int64_t most, int64_t *out)
{
    uint64_t v;
    if (!str_to_u64(part->content, &v) || (int64_t)v > most)
        return embed_refuse(f->problem, f->arena, arena_str(f->arena, part->name), "a small whole number");
    *out = (int64_t)v;
    return true;
}

static bool form_model(struct form *f, const struct multipart_part *part)
{
    if (f->model) return embed_refuse(f->problem, f->arena, S("model"), "sent once");
    for (size_t i = 0; i < part->content.n; i++) {
        unsigned char c = (unsigned char)part->content.p[i];
        if (c < ' ' || c == 0x7f) return embed_refuse(f->problem, f->arena, S("model"), "a plain name");
    }
    if (!part->content.n || part->content.n > FIELD_BYTES_MAX)
        return embed_refuse(f->problem, f->arena, S("model"), "a name of at most 256 bytes");
    f->model = true;
    f->call->model = part->content;
    f->call->media.model_at = part->at;
    f->call->media.model_bytes = part->content.n;
    return true;
}

static bool form_field(struct form *f, const struct multipart_part *part)
{
    bool is_short = part->content.n <= FIELD_BYTES_MAX;
    if (part->file) {
        f->ask.files++;
        f->ask.file_bytes += (int64_t)part->content.n;
        return true;
    }
    if (str_eq(part->name, S("model"))) return form_model(f, part);
    if (str_eq(part->name, S("n"))) return form_count(f, part, IMAGES_MOST, &f->ask.count);
    if (str_eq(part->name, S("partial_images"))) return form_count(f, part, PREVIEWS_MOST, &f->ask.partial);
    f->ask.text_bytes += (int64_t)part->content.n;
    if (str_eq(part->name, S("stream"))) f->call->stream = str_eq_nocase(part->content, S("true"));
    if (str_eq(part->name, S("user")) && is_short) f->call->user = arena_str(f->arena, part->content);
    if (str_eq(part->name, S("size"))) f->ask.size = part->content;
    if (str_eq(part->name, S("quality"))) f->ask.quality = part->content;
    /* OpenAI takes a file as a plain field, too */
    if (str_eq(part->name, S("file")) || str_starts(part->name, S("image"))) {
        f->ask.files++;
        f->ask.file_bytes += (int64_t)part->content.n;
    }
    return true;
}

bool call_read_form(enum call_kind kind, str content_type, str body, struct arena *arena, struct call *out,
                    struct call_problem *problem)
{
    struct multipart m;
    struct multipart_part part;
    struct form f = {.call = out, .ask = {.count = 1}, .problem = problem, .arena = arena};
    *out = (struct call){
        .kind = kind,
        .max_output = -1,
        .max_tool_calls = -1,
        .choices = 1,
        .choices_returned = 1,
        .arena = arena,
        .media = {.form = true},
    };
    bool ok = multipart_init(&m, content_type, body);
    while (ok && multipart_next(&m, &part))
        if (!form_field(&f, &part)) return false;
    if (m.why) {
        *problem = (struct call_problem){ERR_BAD_REQUEST,
                                         arena_printf(arena, "The form in the body cannot be read: %s.", m.why), S("")};
        return false;
    }
    if (!f.model) return embed_refuse(problem, arena, S("model"), "named: it says what the call may cost");
    media_bound(out, &f.ask);
    return true;
}

size_t media_edit_form(const struct call *call, const struct call_changes *changes,
                       struct json_edit edits[CALL_EDITS_MAX])
{
    if (!changes->model.n || str_eq(changes->model, call->model)) return 0;
    edits[0] = (struct json_edit){call->media.model_at, call->media.model_bytes, changes->model};
    return 1;
}
