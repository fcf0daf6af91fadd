/* Log probabilities: Google's logprobsResult and OpenAI's {"content":[...]}. */
#include "dialect/gemini.h"

enum { TOKENS_MAX = 64 * 1024 };

static void put_token(struct buf *out, const struct json *doc, json_ref at, bool top)
{
    json_ref token = json_find(doc, at, S("token"), NULL), p = json_find(doc, at, S("logProbability"), NULL);
    canon_comma(out);
    buf_add(out, S("{\"token\":"));
    buf_add(out, token && json_type(doc, token) == JSON_STRING ? json_raw(doc, token) : S("\"\""));
    buf_add(out, S(",\"logprob\":"));
    buf_add(out, p && json_type(doc, p) == JSON_NUMBER ? json_raw(doc, p) : S("0"));
    buf_add(out, top ? S(",\"bytes\":null}") : S(",\"bytes\":null,\"top_logprobs\":["));
}

jraw gemini_read_logprobs(struct arena *arena, const struct json *doc, json_ref at)
{
    struct buf out;
    int tokens = 0;
    json_ref chosen = json_find(doc, at, S("chosenCandidates"), NULL),
             tops = json_find(doc, at, S("topCandidates"), NULL);
    if (!chosen || json_type(doc, chosen) != JSON_ARRAY) return RAW_NONE;
    bool has_tops = tops && json_type(doc, tops) == JSON_ARRAY;
    json_ref top = has_tops ? json_first(doc, tops) : JSON_ABSENT;
    buf_init(&out, 0);
    buf_add(&out, S("{\"content\":["));
    for (json_ref c = json_first(doc, chosen); c && tokens < TOKENS_MAX; c = json_next(doc, chosen, c), tokens++) {
        put_token(&out, doc, c, false);
        json_ref list = top ? json_find(doc, top, S("candidates"), NULL) : JSON_ABSENT;
        bool is_list = list && json_type(doc, list) == JSON_ARRAY;
        for (json_ref t = is_list ? json_first(doc, list) : JSON_ABSENT; t; t = json_next(doc, list, t))
            put_token(&out, doc, t, true);
        buf_add(&out, S("]}"));
        if (top) top = json_next(doc, tops, top);
    }
    buf_add(&out, S("]}"));
    jraw raw = {arena_str(arena, buf_str(&out))};
    buf_free(&out);
    return raw;
}

static void put_candidate(struct buf *out, const struct json *doc, json_ref at)
{
    json_ref p = json_find(doc, at, S("logprob"), NULL);
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_raw(out, S("token"), canon_raw_string(doc, at, S("token")));
    if (p && json_type(doc, p) == JSON_NUMBER) canon_put_number(out, S("logProbability"), json_raw(doc, p));
    buf_add_byte(out, '}');
}

static void put_lists(struct buf *out, const struct json *doc, json_ref content)
{
    buf_add(out, S("{\"chosenCandidates\":["));
    for (json_ref t = json_first(doc, content); t; t = json_next(doc, content, t)) put_candidate(out, doc, t);
    buf_add(out, S("],\"topCandidates\":["));
    for (json_ref t = json_first(doc, content); t; t = json_next(doc, content, t)) {
        json_ref list = json_find(doc, t, S("top_logprobs"), NULL);
        bool is_list = list && json_type(doc, list) == JSON_ARRAY;
        canon_comma(out);
        buf_add(out, S("{\"candidates\":["));
        for (json_ref top = is_list ? json_first(doc, list) : JSON_ABSENT; top; top = json_next(doc, list, top))
            put_candidate(out, doc, top);
        buf_add(out, S("]}"));
    }
    buf_add(out, S("]}"));
}

void gemini_put_logprobs(struct buf *out, jraw logprobs)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (logprobs.json.p && json_parse(&doc, logprobs.json, &why)) {
        bool bare = json_type(&doc, JSON_ROOT) == JSON_ARRAY; /* responses' form */
        json_ref content = bare ? JSON_ROOT : json_find(&doc, JSON_ROOT, S("content"), NULL);
        if (bare || (content && json_type(&doc, content) == JSON_ARRAY)) {
            canon_key(out, S("logprobsResult"));
            put_lists(out, &doc, content);
        }
    }
    json_free(&doc);
}
