/* Proofs of reasoning: they go through a chat client untouched, and back to whom they are of.
 *
 * OpenRouter's `reasoning_details` carry them for thoughts, Google's `extra_content` for calls of
 * tools. A format names whose a proof is, as OpenRouter writes it; what has no such name travels
 * in a string of purser's own (canon_carry). */
#include "dialect/chat.h"

static const struct {
    str format;
    enum dialect_id of;
} formats[] = {
    {STR_INIT("anthropic-claude-v1"), DIALECT_MESSAGES},
    {STR_INIT("google-gemini-v1"), DIALECT_GEMINI},
    {STR_INIT("openai-responses-v1"), DIALECT_RESPONSES},
};

static enum dialect_id signer_of(const struct canon_part *part, enum dialect_id from)
{
    return part->signer ? (enum dialect_id)(part->signer - 1) : from;
}

void chat_read_proof(const struct json *doc, json_ref detail, struct arena *arena, struct canon_part *part)
{
    enum dialect_id of;
    enum canon_carry use;
    json_ref format = openai_find(doc, detail, S("format"));
    jraw proof = chat_full_string(doc, detail, part->kind == PART_REDACTED ? S("data") : S("signature"));
    part->signature = proof;
    part->signer = 0;
    if (!proof.json.p) return;
    if (canon_carried(arena, proof, &of, &use, &part->signature)) {
        part->signer = (uint8_t)(1 + of);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(formats) && format; i++)
        if (json_string_is(doc, format, formats[i].format)) part->signer = (uint8_t)(1 + formats[i].of);
}

static str format_of(enum dialect_id of)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (formats[i].of == of) return formats[i].format;
    return S("unknown");
}

static jraw proof_of(struct arena *arena, const struct canon_part *part, enum dialect_id of, str format)
{
    if (!part->signature.json.p || of == DIALECT_CHAT || !str_eq(format, S("unknown"))) return part->signature;
    return canon_carry(arena, of, part->kind == PART_REDACTED ? CARRY_REDACTED : CARRY_REASONING, part->signature);
}

void chat_write_reasoning_detail(struct buf *out, const struct canon_part *part, enum dialect_id from, int64_t index)
{
    enum dialect_id of = signer_of(part, from);
    bool hidden = part->kind == PART_REDACTED;
    str format = format_of(of);
    struct arena carried;
    arena_init(&carried);
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_text(out, S("type"), hidden ? S("reasoning.encrypted") : S("reasoning.text"));
    if (!hidden) canon_put_raw(out, S("text"), part->text.json.p ? part->text : (jraw){S("\"\"")});
    canon_put_raw(out, hidden ? S("data") : S("signature"), proof_of(&carried, part, of, format));
    canon_put_text(out, S("id"), part->id);
    canon_put_text(out, S("format"), format);
    canon_put_i64(out, S("index"), index);
    buf_add_byte(out, '}');
    arena_free(&carried);
}

void chat_read_thought_signature(const struct json *doc, json_ref call, struct canon_part *part)
{
    json_ref extra = openai_find_in(doc, call, S("extra_content"), S("google"));
    if (extra) part->signature = chat_full_string(doc, extra, S("thought_signature"));
    if (part->signature.json.p) part->signer = 1 + DIALECT_GEMINI;
}

void chat_write_thought_signature(struct buf *out, const struct canon_part *part, enum dialect_id from)
{
    if (!part->signature.json.p || signer_of(part, from) != DIALECT_GEMINI) return;
    canon_key(out, S("extra_content"));
    buf_add(out, S("{\"google\":{\"thought_signature\":"));
    buf_add(out, part->signature.json);
    buf_add(out, S("}}"));
}
