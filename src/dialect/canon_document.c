/* Documents: which a target takes, what they are called, and the text of those that are plain text. */
#include "dialect/canon_check.h"

#include "base/utf8.h"

/* What names of files end in, by type; the formats that Converse knows are among them. */
static const struct {
    str type, ending;
    bool converse;
} types[] = {
    {STR_INIT("application/pdf"), STR_INIT("pdf"), true},
    {STR_INIT("text/plain"), STR_INIT("txt"), true},
    {STR_INIT("text/markdown"), STR_INIT("md"), true},
    {STR_INIT("text/html"), STR_INIT("html"), true},
    {STR_INIT("text/csv"), STR_INIT("csv"), true},
    {STR_INIT("application/json"), STR_INIT("json"), false},
    {STR_INIT("application/msword"), STR_INIT("doc"), true},
    {STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"), STR_INIT("docx"), true},
    {STR_INIT("application/vnd.ms-excel"), STR_INIT("xls"), true},
    {STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), STR_INIT("xlsx"), true},
    {STR_INIT("application/vnd.openxmlformats-officedocument.presentationml.presentation"), STR_INIT("pptx"), false},
    {STR_INIT("application/rtf"), STR_INIT("rtf"), false},
};

static bool is_text(str type)
{
    return str_starts(type, S("text/"));
}

/* A PDF, where nobody told. */
bool canon_document_fits(str type, enum dialect_id to)
{
    bool common = !type.n || is_text(type) || str_eq(type, S("application/pdf"));
    if (to == DIALECT_MESSAGES || to == DIALECT_GEMINI) return common;
    if (to != DIALECT_CONVERSE) return true; /* OpenAI takes many; Cohere none, which is another feature */
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].converse && str_eq(types[i].type, type)) return true;
    return !type.n;
}

static bool fit(const struct canon_part *parts, enum dialect_id to)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_DOCUMENT && p->media.data.p && !canon_document_fits(p->media.type, to)) return false;
        if (p->kind == PART_TOOL_RESULT && !fit(p->tool.content, to)) return false;
    }
    return true;
}

bool canon_documents_fit(const struct canon_call *call, enum dialect_id to)
{
    for (const struct canon_message *m = call->messages; m; m = m->next)
        if (!fit(m->parts, to)) return false;
    return true;
}

bool canon_documents_are_text(const struct canon_call *call)
{
    for (const struct canon_message *m = call->messages; m; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_DOCUMENT && !canon_document_text(call->arena, p).json.p) return false;
    return true;
}

/* ---- base64 */

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Fails: STR_NONE for what is no base64. */
static str decoded(struct arena *arena, str data)
{
    char *out = arena_alloc(arena, data.n / 4 * 3 + 3);
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    while (data.n && data.p[data.n - 1] == '=') data.n--;
    for (size_t i = 0; i < data.n; i++) {
        int digit = digit_of(data.p[i]);
        if (digit < 0) return STR_NONE;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (char)(bits >> have & 0xff);
    }
    return str_of(out, n);
}

jraw canon_document_text(struct arena *arena, const struct canon_part *part)
{
    if (!part->media.data.p) return part->text;
    str text = is_text(part->media.type) ? decoded(arena, part->media.data) : STR_NONE;
    return text.p && utf8_valid(text) ? canon_quote(arena, text) : RAW_NONE;
}

str canon_file_name(struct arena *arena, const struct canon_media *m)
{
    str ending = S("pdf"), name = m->name.n ? m->name : S("document");
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(types[i].type, m->type)) ending = types[i].ending;
    if (str_find_byte(name, '.', 0) != SIZE_MAX) return name;
    return arena_printf(arena, "%" STR_FMT ".%" STR_FMT, STR_ARG(name), STR_ARG(ending));
}
