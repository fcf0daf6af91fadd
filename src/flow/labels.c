/* Who a call is for and what for: purser's headers, then other gateways', then the
 * body's own words. What is said first stays. */
#include "flow/request.h"

#include "flow/worker.h"

enum { LABEL_MAX = 256 };

/* One thing that can be said of a call, and the headers that say it: purser's own
 * first, then other gateways' (reference: Helicone, Portkey, LiteLLM, Langfuse). */
struct label_source {
    const char *what;
    str names[5];
};

static const struct label_source user_source = {
    "user",
    {STR_INIT("x-purser-user"), STR_INIT("helicone-user-id"), STR_INIT("x-litellm-end-user-id"),
     STR_INIT("x-litellm-customer-id")},
};
static const struct label_source feature_source = {"feature",
                                                   {STR_INIT("x-purser-feature"),
                                                    STR_INIT("helicone-property-feature")}};
static const struct label_source task_source = {"task",
                                                {STR_INIT("x-purser-task"), STR_INIT("helicone-property-task")}};
static const struct label_source session_source = {
    "session",
    {STR_INIT("x-purser-session"), STR_INIT("helicone-session-id"), STR_INIT("x-portkey-trace-id"),
     STR_INIT("x-litellm-session-id")},
};
static const struct label_source prompt_source = {"prompt",
                                                  {STR_INIT("x-purser-prompt"), STR_INIT("helicone-prompt-id")}};
static const struct label_source tags_source = {"tags", {STR_INIT("x-purser-tags"), STR_INIT("x-litellm-tags")}};

/* A label is short printable text: it goes into the ledger, metrics and budgets. */
static bool label_ok(str s)
{
    if (s.n > LABEL_MAX) return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    return true;
}

static bool read_label(struct request *r, const struct label_source *from, str *out)
{
    *out = STR_NONE;
    for (size_t i = 0; i < COUNT_OF(from->names) && from->names[i].n; i++) {
        str value = http_header_find(&r->x->request, from->names[i]);
        if (!value.p) continue;
        if (!label_ok(value)) {
            request_fail(r, ERR_BAD_HEADER,
                         arena_printf(&r->arena,
                                      "The header %" STR_FMT
                                      " must be at most %d bytes of text without control characters.",
                                      STR_ARG(from->names[i]), LABEL_MAX));
            return false;
        }
        if (value.n) *out = arena_str(&r->arena, value);
        return true;
    }
    return true;
}

/* One more tag, "name=value"; what does not fit is left out: it is told nowhere but in reports. */
static void add_tag(struct request *r, str name, str value)
{
    str *tags = &r->attribute.tags;
    if (!name.n || !label_ok(name) || !label_ok(value) || tags->n + name.n + value.n + 2 > LABEL_MAX) return;
    *tags = arena_printf(&r->arena, "%" STR_FMT "%s%" STR_FMT "=%" STR_FMT, STR_ARG(*tags), tags->n ? "," : "",
                         STR_ARG(name), STR_ARG(value));
}

/* Helicone's properties of any name: those that purser has no name for are tags. */
static void read_properties(struct request *r)
{
    const struct http_request *q = &r->x->request;
    const str prefix = S("helicone-property-");
    for (size_t i = 0; i < q->header_count; i++) {
        str name = q->headers[i].name;
        if (!str_eq_nocase(str_head(name, prefix.n), prefix)) continue;
        char *lower = arena_alloc(&r->arena, name.n); /* names of headers know no case: one spelling for one tag */
        for (size_t k = prefix.n; k < name.n; k++) {
            char c = name.p[k];
            lower[k - prefix.n] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
        name = (str){lower, name.n - prefix.n};
        if (!str_eq(name, S("feature")) && !str_eq(name, S("task"))) add_tag(r, name, q->headers[i].value);
    }
}

/* Where a member of Portkey's metadata goes; NULL: it is a tag. */
static str *portkey_label(struct request *r, str name)
{
    str *who = r->attribute.payer.is;
    if (str_eq(name, S("_user"))) return &who[SCOPE_USER];
    if (str_eq(name, S("_prompt"))) return &r->attribute.prompt;
    if (str_eq(name, S("feature"))) return &who[SCOPE_FEATURE];
    if (str_eq(name, S("task"))) return &r->attribute.task;
    if (str_eq(name, S("session_id"))) return &r->attribute.session;
    return NULL;
}

/* x-portkey-metadata: a JSON object of strings. What a header of its own has said stays. */
static bool read_portkey(struct request *r)
{
    str header = http_header_find(&r->x->request, S("x-portkey-metadata"));
    if (!header.n) return true;
    struct json *doc = &r->worker->json;
    struct json_fail fail = {.why = "an object is expected"};
    r->worker->json_of = 0; /* a body that was read before is gone */
    if (!json_parse(doc, header, &fail) || json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        request_fail(r, ERR_BAD_HEADER,
                     arena_printf(&r->arena, "The header x-portkey-metadata must be a JSON object: %s.", fail.why));
        return false;
    }
    for (json_ref key = json_first(doc, JSON_ROOT); key; key = json_next(doc, JSON_ROOT, key + 1)) {
        str name = STR_NONE, value = STR_NONE;
        if (!json_string(doc, key, &r->arena, &name) || !json_string(doc, key + 1, &r->arena, &value)) continue;
        str *label = portkey_label(r, name);
        if (!label)
            add_tag(r, name, value);
        else if (!label->n && label_ok(value))
            *label = arena_str(&r->arena, value);
    }
    return true;
}

bool labels_read(struct request *r)
{
    str *who = r->attribute.payer.is;
    const struct key *key = r->authenticate.key;
    who[SCOPE_KEY] = key->name; /* the lease keeps the snapshot, and that its keys */
    who[SCOPE_TEAM] = key->team;
    bool ok = read_label(r, &user_source, &who[SCOPE_USER]) && read_label(r, &feature_source, &who[SCOPE_FEATURE]) &&
              read_label(r, &task_source, &r->attribute.task) &&
              read_label(r, &session_source, &r->attribute.session) &&
              read_label(r, &prompt_source, &r->attribute.prompt) && read_label(r, &tags_source, &r->attribute.tags) &&
              read_portkey(r);
    if (!ok) return false;
    read_properties(r);
    uint64_t retries = 0;
    str count = http_header_find(&r->x->request, S("x-stainless-retry-count"));
    if (count.n && str_to_u64(count, &retries)) r->attribute.client_retries = retries > 255 ? 255 : (unsigned)retries;
    return true;
}

static void take(struct request *r, str *label, str *said)
{
    if (!label->n && said->n && label_ok(*said)) *label = arena_str(&r->arena, *said);
    *said = STR_NONE; /* it points into the body, which is freed when it is sent */
}

void labels_read_body(struct request *r)
{
    struct call *call = &r->attribute.call;
    take(r, &r->attribute.payer.is[SCOPE_USER], &call->user);
    take(r, &r->attribute.payer.is[SCOPE_FEATURE], &call->feature);
    take(r, &r->attribute.task, &call->task);
    take(r, &r->attribute.session, &call->session);
    take(r, &r->attribute.prompt, &call->prompt);
}
