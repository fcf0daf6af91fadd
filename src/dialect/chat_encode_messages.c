/* Writing messages for a target that speaks chat.
 *
 * Results of tools are messages of their own here, and must follow the call at once:
 * within a run of user messages they come first, and media that they hold, which a
 * tool's message cannot carry, follow in the user's. */
#include "dialect/chat.h"

#include "base/hash.h"

static void open_message(struct buf *out, str role)
{
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_text(out, S("role"), role);
}

/* ---- ids: Mistral takes nine letters and digits, nothing else */

static bool is_mistral_id(str id)
{
    if (id.n != 9) return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
    }
    return true;
}

/* The same for the call and its result, as it is made of the id alone. */
static str tool_id(const struct chat_writer *w, str id)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char made[9];
    if (!w->mistral || w->same || is_mistral_id(id)) return id;
    uint64_t h = hash_fnv(id);
    for (size_t i = 0; i < sizeof(made); i++, h /= 62) made[i] = digits[h % 62];
    return arena_str(w->call->arena, str_of(made, sizeof(made)));
}

/* ---- parts */

static void write_part_head(struct buf *out, str type)
{
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_text(out, S("type"), type);
}

/* OpenRouter takes Anthropic's marks of what to cache, on text. */
static bool is_marked(const struct chat_writer *w, const struct canon_part *p)
{
    return p->cache_ttl && !w->same && str_eq(w->target->vendor, S("openrouter"));
}

static void write_text_part(struct buf *out, jraw text, const struct canon_part *marked)
{
    write_part_head(out, S("text"));
    canon_put_raw(out, S("text"), text);
    if (marked)
        canon_put_raw(out, S("cache_control"),
                      (jraw){marked->cache_ttl > 300 ? S("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
                                                     : S("{\"type\":\"ephemeral\"}")});
    buf_add_byte(out, '}');
}

/* "data:image/png;base64,..." or the address. */
static void write_address(struct buf *out, str key, const struct canon_media *m, str type)
{
    if (!m->data.p) {
        canon_put_raw(out, key, m->url);
        return;
    }
    struct buf head;
    canon_key(out, key);
    buf_init(&head, 0);
    buf_printf(&head, "data:%" STR_FMT ";base64,", STR_ARG(m->type.n ? m->type : type));
    buf_add_json(out, buf_str(&head));
    buf_free(&head);
    out->n--; /* the closing quote: the data follow as they stand */
    buf_add(out, m->data);
    buf_add_byte(out, '"');
}

static void write_image(struct buf *out, const struct canon_media *m)
{
    write_part_head(out, S("image_url"));
    canon_key(out, S("image_url"));
    buf_add_byte(out, '{');
    write_address(out, S("url"), m, S("image/png"));
    canon_put_text(out, S("detail"), m->detail);
    buf_add(out, S("}}"));
}

static void write_audio(struct buf *out, const struct canon_media *m)
{
    str format = str_starts(m->type, S("audio/")) ? str_from_at(m->type, 6) : S("wav");
    if (str_eq(format, S("mpeg"))) format = S("mp3");
    if (str_eq(format, S("x-wav")) || str_eq(format, S("wave"))) format = S("wav");
    write_part_head(out, S("input_audio"));
    canon_key(out, S("input_audio"));
    buf_add_byte(out, '{');
    canon_key(out, S("data"));
    buf_add_byte(out, '"');
    buf_add(out, m->data);
    buf_add_byte(out, '"');
    canon_put_text(out, S("format"), format);
    buf_add(out, S("}}"));
}

static void write_document(struct chat_writer *w, const struct canon_part *part)
{
    const struct canon_media *m = &part->media;
    struct buf *out = w->out;
    if (!m->data.p && !(w->same && m->file_id.n)) { /* another provider's file is not there */
        if (part->text.json.p) write_text_part(out, part->text, NULL);
        return;
    }
    write_part_head(out, S("file"));
    canon_key(out, S("file"));
    buf_add_byte(out, '{');
    canon_put_text(out, S("file_id"), m->file_id);
    if (m->data.p) {
        canon_put_text(out, S("filename"), canon_file_name(w->call->arena, m));
        write_address(out, S("file_data"), m, S("application/pdf"));
    }
    buf_add(out, S("}}"));
}

static bool is_media(const struct canon_part *p)
{
    return p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_DOCUMENT;
}

/* A part of a list of parts; what chat has no word for is left out. */
static void write_part(struct chat_writer *w, const struct canon_part *p)
{
    if (w->same && p->value.json.p) {
        canon_comma(w->out);
        buf_add(w->out, p->value.json);
        return;
    }
    switch (p->kind) {
    case PART_TEXT:
        write_text_part(w->out, p->text, is_marked(w, p) ? p : NULL);
        break;
    case PART_REFUSAL:
        write_part_head(w->out, S("refusal"));
        canon_put_raw(w->out, S("refusal"), p->text);
        buf_add_byte(w->out, '}');
        break;
    case PART_IMAGE:
        if (p->media.data.p || p->media.url.json.p) write_image(w->out, &p->media);
        break;
    case PART_AUDIO:
        if (p->media.data.p) write_audio(w->out, &p->media);
        break;
    case PART_DOCUMENT:
        write_document(w, p);
        break;
    default:
        break;
    }
}

/* ---- content */

static bool is_plain(const struct chat_writer *w, const struct canon_part *parts)
{
    size_t count = 0;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT) continue;
        if (w->same ? p->value.json.p != NULL : is_media(p) || is_marked(w, p)) return false;
        if (p->kind == PART_TEXT) count++;
    }
    return count <= 1 || !w->same;
}

/* One string, which every server takes, unless there is more than text. */
static void write_content(struct chat_writer *w, const struct canon_part *parts, str between)
{
    if (is_plain(w, parts)) {
        if (!chat_write_joined(w->out, S("content"), parts, PART_TEXT, between))
            canon_put_raw(w->out, S("content"), (jraw){S("\"\"")});
        return;
    }
    canon_key(w->out, S("content"));
    buf_add_byte(w->out, '[');
    for (const struct canon_part *p = parts; p; p = p->next) write_part(w, p);
    buf_add_byte(w->out, ']');
}

static void write_name(struct chat_writer *w, const struct canon_message *m)
{
    if (!w->mistral || w->same) canon_put_text(w->out, S("name"), m->name);
}

/* ---- results of tools, and the user's own */

static bool has_media(const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if (is_media(p)) return true;
    return false;
}

/* An error has no mark of its own here: its text says so. */
static void write_result_text(struct chat_writer *w, const struct canon_part *result)
{
    struct buf text;
    bool any = false;
    buf_init(&text, 0);
    buf_add_byte(&text, '"');
    if (result->tool.is_error) buf_add(&text, S("Error: "));
    for (const struct canon_part *p = result->tool.content; p; p = p->next) {
        bool is_text = p->kind == PART_TEXT || (p->kind == PART_DOCUMENT && !p->media.data.p && p->text.json.p);
        if (!is_text && !is_media(p)) continue;
        if (any) buf_add(&text, S("\\n"));
        any = true;
        if (is_text)
            buf_add(&text, canon_inside(p->text));
        else
            buf_add(&text,
                    p->kind == PART_IMAGE ? S("[image: see the next message]") : S("[file: see the next message]"));
    }
    canon_key(w->out, S("content"));
    buf_add_byte(&text, '"');
    if (is_marked(w, result)) {
        buf_add_byte(w->out, '[');
        write_text_part(w->out, (jraw){buf_str(&text)}, result);
        buf_add_byte(w->out, ']');
    } else {
        buf_add(w->out, buf_str(&text));
    }
    buf_free(&text);
}

static void write_result(struct chat_writer *w, const struct canon_message *m, const struct canon_part *result)
{
    open_message(w->out, S("tool"));
    canon_put_text(w->out, S("tool_call_id"), tool_id(w, result->tool.id));
    if (w->same || w->mistral) canon_put_text(w->out, S("name"), result->tool.name);
    if (w->same)
        write_content(w, result->tool.content, S("\\n"));
    else
        write_result_text(w, result);
    canon_put_extras(w->out, &m->extras, DIALECT_CHAT);
    buf_add_byte(w->out, '}');
}

static void write_result_media(struct chat_writer *w, const struct canon_part *result)
{
    str head = arena_printf(w->call->arena, "\"Of the result of tool call %" STR_FMT ":\"",
                            STR_ARG(canon_inside(canon_quote(w->call->arena, tool_id(w, result->tool.id)))));
    write_text_part(w->out, (jraw){head}, NULL);
    for (const struct canon_part *p = result->tool.content; p; p = p->next)
        if (is_media(p)) write_part(w, p);
}

static bool is_own(const struct canon_part *p)
{
    return p->kind != PART_TOOL_RESULT && p->kind != PART_REASONING && p->kind != PART_REDACTED;
}

/* What a user message holds beside results. */
static void write_user(struct chat_writer *w, const struct canon_message *m)
{
    bool own = !m->parts, media = false;
    for (const struct canon_part *p = m->parts; p; p = p->next) {
        own = own || is_own(p);
        media = media || (!w->same && p->kind == PART_TOOL_RESULT && has_media(p->tool.content));
    }
    if (!own && !media) return;
    size_t texts = 0;
    for (const struct canon_part *p = m->parts; p; p = p->next) texts += is_own(p);
    size_t from = w->out->n;
    open_message(w->out, S("user"));
    if (!media && texts <= 1) {
        write_content(w, m->parts, S("\\n"));
    } else {
        canon_key(w->out, S("content"));
        buf_add_byte(w->out, '[');
        for (const struct canon_part *p = m->parts; p && media; p = p->next)
            if (p->kind == PART_TOOL_RESULT && has_media(p->tool.content)) write_result_media(w, p);
        for (const struct canon_part *p = m->parts; p; p = p->next)
            if (is_own(p)) write_part(w, p);
        buf_add_byte(w->out, ']');
    }
    if (!w->same && str_ends(buf_str(w->out), S("\"content\":[]"))) { /* nothing of it can be said */
        w->out->n = from;
        return;
    }
    write_name(w, m);
    canon_put_extras(w->out, &m->extras, DIALECT_CHAT);
    buf_add_byte(w->out, '}');
}

/* A run of user messages: all results, then what the user says. Returns what follows it. */
static const struct canon_message *write_run(struct chat_writer *w, const struct canon_message *first)
{
    const struct canon_message *end = first;
    for (; end && end->role == ROLE_USER; end = end->next)
        for (const struct canon_part *p = end->parts; p; p = p->next)
            if (p->kind == PART_TOOL_RESULT) write_result(w, end, p);
    for (const struct canon_message *m = first; m != end; m = m->next) write_user(w, m);
    return end;
}

/* ---- the assistant's */

void chat_write_tool_call(struct buf *out, const struct canon_part *part, str id)
{
    canon_put_text(out, S("id"), id);
    canon_put_text(out, S("type"), part->tool.custom ? S("custom") : S("function"));
    canon_key(out, part->tool.custom ? S("custom") : S("function"));
    buf_add_byte(out, '{');
    canon_key(out, S("name"));
    buf_add_json(out, part->tool.name);
    canon_key(out, part->tool.custom ? S("input") : S("arguments"));
    buf_add_json(out, part->tool.arguments.n || part->tool.custom ? part->tool.arguments : S("{}"));
    buf_add_byte(out, '}');
}

static bool write_tool_calls(struct chat_writer *w, const struct canon_part *parts)
{
    bool any = false;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL) continue;
        if (!any) {
            canon_key(w->out, S("tool_calls"));
            buf_add_byte(w->out, '[');
            any = true;
        }
        canon_comma(w->out);
        if (w->same && p->value.json.p) {
            buf_add(w->out, p->value.json);
            continue;
        }
        buf_add_byte(w->out, '{');
        chat_write_tool_call(w->out, p, tool_id(w, p->tool.id));
        buf_add_byte(w->out, '}');
    }
    if (any) buf_add_byte(w->out, ']');
    return any;
}

static bool has_kind(const struct canon_part *parts, enum canon_part_kind kind)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if (p->kind == kind) return true;
    return false;
}

/* Earlier thoughts go only where the vendor documents that they are wanted: to DeepSeek, which
 * refuses calls of tools without the thoughts that led to them, be they empty, and ignores others;
 * and to OpenRouter, whose details carry the proof. */
static void write_reasoning(struct chat_writer *w, const struct canon_message *m)
{
    if (w->same) return; /* they stand among the extras */
    if (str_eq(w->target->vendor, S("deepseek"))) {
        bool any = chat_write_joined(w->out, S("reasoning_content"), m->parts, PART_REASONING, S(""));
        if (!any && has_kind(m->parts, PART_TOOL_CALL))
            canon_put_raw(w->out, S("reasoning_content"), (jraw){S("\"\"")});
        return;
    }
    if (!str_eq(w->target->vendor, S("openrouter"))) return;
    int64_t index = 0;
    for (const struct canon_part *p = m->parts; p; p = p->next) {
        if ((p->kind != PART_REASONING && p->kind != PART_REDACTED) || !p->signature.json.p) continue;
        if (!index) {
            canon_key(w->out, S("reasoning_details"));
            buf_add_byte(w->out, '[');
        }
        chat_write_reasoning_detail(w->out, p, w->call->from, index++);
    }
    if (index) buf_add_byte(w->out, ']');
}

/* Nothing but what only its own dialect knows. */
static bool is_foreign(const struct chat_writer *w, const struct canon_message *m)
{
    for (const struct canon_part *p = m->parts; p; p = p->next)
        if (p->kind != PART_OPAQUE) return false;
    return m->parts && !w->same;
}

static void write_assistant(struct chat_writer *w, const struct canon_message *m)
{
    if (is_foreign(w, m)) return;
    bool calls = has_kind(m->parts, PART_TOOL_CALL), text = has_kind(m->parts, PART_TEXT);
    bool list = !is_plain(w, m->parts) && (w->same || !has_media(m->parts));
    open_message(w->out, S("assistant"));
    if (list) {
        canon_key(w->out, S("content"));
        buf_add_byte(w->out, '[');
        for (const struct canon_part *p = m->parts; p; p = p->next)
            if (p->kind != PART_TOOL_CALL && (w->same || p->kind == PART_TEXT)) write_part(w, p);
        buf_add_byte(w->out, ']');
        if (!w->same) (void)chat_write_joined(w->out, S("refusal"), m->parts, PART_REFUSAL, S(""));
    } else {
        bool refused = chat_write_joined(w->out, S("refusal"), m->parts, PART_REFUSAL, S(""));
        if (!chat_write_joined(w->out, S("content"), m->parts, PART_TEXT, S("")) && !text)
            canon_put_raw(w->out, S("content"), (jraw){calls || refused ? S("null") : S("\"\"")});
    }
    write_reasoning(w, m);
    bool called = write_tool_calls(w, m->parts);
    /* Mistral refuses a last message of the model's that it is not told to go on with; its answer repeats it */
    if (w->mistral && !w->same && !m->next && !called) canon_put_bool(w->out, S("prefix"), true);
    write_name(w, m);
    canon_put_extras(w->out, &m->extras, DIALECT_CHAT);
    buf_add_byte(w->out, '}');
}

static void write_system(struct chat_writer *w, const struct canon_message *m)
{
    bool developer = m->role == ROLE_DEVELOPER && (w->openai || w->same); /* others do not know the role */
    open_message(w->out, developer ? S("developer") : S("system"));
    write_content(w, m->parts, S("\\n\\n"));
    write_name(w, m);
    canon_put_extras(w->out, &m->extras, DIALECT_CHAT);
    buf_add_byte(w->out, '}');
}

void chat_write_messages(struct chat_writer *w)
{
    canon_key(w->out, S("messages"));
    buf_add_byte(w->out, '[');
    for (const struct canon_message *m = w->call->messages; m;) {
        if (m->role == ROLE_USER) {
            m = write_run(w, m);
            continue;
        }
        if (m->role == ROLE_ASSISTANT)
            write_assistant(w, m);
        else
            write_system(w, m);
        m = m->next;
    }
    buf_add_byte(w->out, ']');
}
