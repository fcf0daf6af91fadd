#include "cli/probe_read.h"

#include <stdio.h>

#include "base/json.h"

/* Under each vendor's own name, or bare. */
static json_ref find_list(const struct json *doc, bool *there)
{
    static const str names[] = {STR_INIT("data"), STR_INIT("models"), STR_INIT("modelSummaries"),
                                STR_INIT("publisherModels")};
    *there = json_type(doc, JSON_ROOT) == JSON_ARRAY;
    for (size_t i = 0; !*there && i < COUNT_OF(names); i++) {
        json_ref at = json_find(doc, JSON_ROOT, names[i], NULL);
        *there = at && json_type(doc, at) == JSON_ARRAY;
        if (*there) return at;
    }
    return JSON_ROOT;
}

static bool has_more(const struct json *doc)
{
    static const str tokens[] = {STR_INIT("nextPageToken"), STR_INIT("next_page_token"), STR_INIT("nextToken")};
    json_ref more = json_find(doc, JSON_ROOT, S("has_more"), NULL);
    if (more) return json_is_true(doc, more);
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        json_ref at = json_find(doc, JSON_ROOT, tokens[i], NULL);
        if (at && json_type(doc, at) == JSON_STRING && !json_string_is(doc, at, S(""))) return true;
    }
    return false;
}

static void count_models(struct probe *p, const struct json *doc)
{
    bool there;
    json_ref list = find_list(doc, &there);
    if (!there) return;
    p->models = 0;
    for (json_ref at = json_first(doc, list); at != JSON_ABSENT; at = json_next(doc, list, at)) p->models++;
    p->more_models = has_more(doc);
}

/* {"error":{"message":...}}, {"error":"..."}, {"message":...}, {"detail":...}; in an array, too. */
static str message_of(const struct json *doc, struct arena *arena)
{
    str out = STR_NONE;
    json_ref at = JSON_ROOT, inner;
    if (json_type(doc, at) == JSON_ARRAY && json_first(doc, at)) at = json_first(doc, at);
    json_ref error = json_find(doc, at, S("error"), NULL);
    if (error) at = error;
    if (error && json_type(doc, error) == JSON_STRING)
        inner = error;
    else if (!(inner = json_find(doc, at, S("message"), NULL)))
        inner = json_find(doc, at, S("detail"), NULL);
    return inner && json_string(doc, inner, arena, &out) ? out : STR_NONE;
}

static bool tells(str text, const struct provider_secret *secret)
{
    const str parts[] = {secret->key, secret->aws.id, secret->aws.secret, secret->aws.session};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].n && str_find(text, parts[i], 0) != SIZE_MAX) return true;
    }
    return false;
}

/* A bad key is 400 at Google and xAI. */
static bool blames_key(str message)
{
    static const str words[] = {STR_INIT("API key"), STR_INIT("api key"), STR_INIT("API Key")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_find(message, words[i], 0) != SIZE_MAX) return true;
    }
    return false;
}

void probe_read(struct probe *p, str body, const struct provider_secret *secret)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    json_init(&doc);
    arena_init(&arena);
    bool json = json_parse(&doc, body, &fail);
    str message = json && p->status >= 400 ? message_of(&doc, &arena) : STR_NONE;
    bool refused = p->status == 401 || p->status == 403 || (p->status == 400 && blames_key(message));
    bool let_in = p->status < 300 || p->status == 429;
    p->authorised = refused ? PROBE_NO : let_in ? PROBE_YES : PROBE_UNKNOWN;
    if (json && p->status < 300) count_models(p, &doc);
    if (p->status == 404 || p->status == 405) {
        snprintf(p->why, sizeof(p->why), "has no list of models at that address (HTTP %d)", p->status);
    } else if (p->status >= 300) {
        if (tells(message, secret)) message = STR_NONE;
        snprintf(p->why, sizeof(p->why), "HTTP %d%s%" STR_FMT, p->status, message.n ? ": " : "",
                 STR_ARG(str_head(message, 200)));
    } else if (!json) {
        snprintf(p->why, sizeof(p->why), "its answer is no JSON: is that its address?");
    }
    arena_free(&arena);
    json_free(&doc);
}
