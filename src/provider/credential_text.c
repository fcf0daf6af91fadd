/* Secrets as commands print them and files hold them. */
#include "base/json.h"
#include "base/time.h"
#include "provider/credential.h"

enum { TOKEN_MAX = 16 * 1024 };

/* It becomes a header: nothing that could end one. */
static bool is_token(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f) return false;
    }
    return s.n > 0 && s.n <= TOKEN_MAX;
}

static str text_of(const struct json *doc, str key, struct arena *arena)
{
    str out = STR_NONE;
    json_ref at = json_find(doc, JSON_ROOT, key, NULL);
    if (!at || !json_string(doc, at, arena, &out)) return STR_NONE;
    return arena_str(arena, str_trim(out)); /* `doc` goes */
}

/* In seconds from now, as a moment, or as seconds since 1970. */
static int64_t expiry_of(const struct json *doc, int64_t now_us, struct arena *arena)
{
    static const str moments[] = {STR_INIT("expiry"),     STR_INIT("expires_at"),   STR_INIT("expiration"),
                                  STR_INIT("Expiration"), STR_INIT("token_expiry"), STR_INIT("expire_time")};
    int64_t n;
    json_ref in = json_find(doc, JSON_ROOT, S("expires_in"), NULL);
    if (in && json_i64(doc, in, &n) && n >= 0 && n < INT32_MAX) return now_us + n * US_PER_SECOND;
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        json_ref at = json_find(doc, JSON_ROOT, moments[i], NULL);
        if (!at) continue;
        if (json_i64(doc, at, &n) && n > 0 && n < INT64_C(100000000000)) return n * US_PER_SECOND;
        str text = text_of(doc, moments[i], arena);
        if (text.n && time_parse(text, &n)) return n;
    }
    return 0;
}

static const char *read_json(const struct json *doc, struct arena *arena, struct provider_secret *out)
{
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return "it is JSON, but no object";
    str id = text_of(doc, S("AccessKeyId"), arena);
    if (id.n) {
        out->aws =
            (struct sigv4_key){id, text_of(doc, S("SecretAccessKey"), arena), text_of(doc, S("SessionToken"), arena)};
        bool well = is_token(id) && is_token(out->aws.secret) && (!out->aws.session.n || is_token(out->aws.session));
        return well ? NULL : "AccessKeyId, SecretAccessKey or SessionToken is no key";
    }
    out->key = text_of(doc, S("access_token"), arena);
    if (!out->key.n) out->key = text_of(doc, S("token"), arena);
    out->token = true;
    if (!out->key.n) return "it is JSON without access_token, token or AccessKeyId";
    return is_token(out->key) ? NULL : "its token is none";
}

const char *credential_parse(str text, int64_t now_us, struct arena *arena, struct provider_secret *out,
                             int64_t *expires_us)
{
    *out = (struct provider_secret){0};
    *expires_us = 0;
    text = str_trim(text);
    if (!text.n) return "it is empty";
    if (text.p[0] != '{') {
        if (!is_token(text)) return "it is no token: one word, without blanks";
        out->key = arena_str(arena, text);
        out->token = true;
        return NULL;
    }
    struct json doc;
    struct json_fail fail;
    json_init(&doc);
    const char *why = json_parse(&doc, text, &fail) ? read_json(&doc, arena, out) : "it is no valid JSON";
    if (!why) *expires_us = expiry_of(&doc, now_us, arena);
    json_free(&doc);
    return why;
}

/* ---- AWS's files */

/* "[profile lab]" -> "profile lab"; p == NULL for another line. */
static str section_of(str line)
{
    line = str_trim(line);
    if (line.n < 2 || line.p[0] != '[') return STR_NONE;
    size_t end = str_find_byte(line, ']', 0);
    return end == SIZE_MAX ? STR_NONE : str_trim(str_of(line.p + 1, end - 1));
}

str ini_find(str text, str section, str key)
{
    bool inside = false;
    str found = STR_NONE;
    while (text.p) {
        str line = str_cut(&text, '\n');
        str head = section_of(line);
        if (head.p) inside = str_eq(head, section);
        bool sub = line.n && strchr(" \t#;", line.p[0]); /* a comment, or a setting of the line above */
        if (head.p || !inside || sub) continue;
        str value = line, name = str_trim(str_cut(&value, '='));
        if (value.p && str_eq_nocase(name, key)) found = str_trim(value); /* the last one counts */
    }
    return found;
}

const char *credential_parse_profile(str text, str profile, struct arena *arena, struct provider_secret *out)
{
    *out = (struct provider_secret){0};
    str id = ini_find(text, profile, S("aws_access_key_id"));
    str secret = ini_find(text, profile, S("aws_secret_access_key"));
    str session = ini_find(text, profile, S("aws_session_token"));
    if (!id.n || !secret.n) return "the profile has no aws_access_key_id and aws_secret_access_key";
    if (!is_token(id) || !is_token(secret) || (session.n && !is_token(session))) return "the profile's keys are none";
    out->aws = (struct sigv4_key){arena_str(arena, id), arena_str(arena, secret), arena_str(arena, session)};
    return NULL;
}
