/* What a provider is shown: a key, a token that changes, or AWS's keys. */
#include "settings/load.h"

static bool is_loopback(str host)
{
    return str_eq(host, S("localhost")) || str_eq(host, S("::1")) || str_starts(host, S("127."));
}

static void turn_off(struct loader *l, struct provider_draft *d, str path, uint32_t line, str why)
{
    d->p.off = true;
    d->p.why_off = why;
    load_warn(l, line, path, "is off: %" STR_FMT, STR_ARG(why));
}

static str from_env(struct loader *l, str name)
{
    return l->env ? arena_str(&l->s.arena, str_trim(l->env(name))) : STR_NONE;
}

/* ---- tokens */

/* A word that a variable made, or that looks like a key, is a secret. */
static void show_words(struct loader *l, const struct texts *words, struct setting_provider *p)
{
    p->token_words = words->count;
    p->token_shown = arena_alloc(&l->s.arena, (words->count + 1) * sizeof(str));
    for (size_t i = 0; i < words->count; i++) {
        bool plain = str_eq(words->shown[i], words->items[i]);
        p->token_shown[i] = plain ? words->items[i] : settings_mask(words->items[i], &l->s.arena);
    }
}

static char *const *argv_of(struct loader *l, const struct texts *words)
{
    char **argv = arena_zalloc(&l->s.arena, (words->count + 1) * sizeof(*argv));
    for (size_t i = 0; i < words->count; i++) argv[i] = (char *)(uintptr_t)arena_str(&l->s.arena, words->items[i]).p;
    return argv;
}

static bool use_token(struct loader *l, struct provider_draft *d, str path, uint32_t line)
{
    bool both = d->token_command.count && d->token_file.n;
    if (both || d->api_key.set || d->access_key_id.set) {
        load_error(l, line, path, "has %s: one of the two",
                   both ? "both token_command and token_file" : "both a key and a token");
        return false;
    }
    struct credential_source source = {.ttl_us = d->token_ttl_us};
    if (d->token_file.n) {
        source.kind = CREDENTIAL_FILE;
        source.file = arena_str(&l->s.arena, d->token_file);
    } else {
        source.kind = CREDENTIAL_COMMAND;
        source.argv = argv_of(l, &d->token_command);
        show_words(l, &d->token_command, &d->p);
    }
    d->p.credential = credential_new(&source);
    return true;
}

/* ---- AWS */

static bool use_fixed(struct provider_draft *d, str id, str secret, str session)
{
    if (!id.n || !secret.n) return false;
    d->p.aws_key = (struct sigv4_key){id, secret, session};
    return true;
}

static bool use_profile(struct loader *l, struct provider_draft *d, str profile, const char **why)
{
    str file = load_aws_file(l, S("AWS_SHARED_CREDENTIALS_FILE"), "credentials");
    str text = file.n ? load_file(l, file) : STR_NONE;
    struct provider_secret unused;
    *why = text.p ? credential_parse_profile(text, profile, &l->scratch, &unused) : "there is no ~/.aws/credentials";
    if (*why) return false;
    struct credential_source source = {.kind = CREDENTIAL_PROFILE, .file = file, .profile = profile};
    d->p.credential = credential_new(&source);
    d->p.profile = profile;
    return true;
}

/* In the order of AWS's own tools, what the settings say first. */
static bool finish_aws(struct loader *l, struct provider_draft *d, str path, uint32_t line, bool foreign)
{
    struct setting_provider *p = &d->p;
    bool half = d->access_key_id.set != d->secret_access_key.set;
    if (half || (d->access_key_id.set && d->api_key.set)) {
        load_error(l, line, path, "%s",
                   half ? "needs access_key_id and secret_access_key both"
                        : "has both api_key and access_key_id: one of the two");
        return false;
    }
    if (d->access_key_id.set) {
        if (use_fixed(d, d->access_key_id.text, d->secret_access_key.text, d->session_token.text)) return true;
        str missing = d->access_key_id.missing.p ? d->access_key_id.missing : d->secret_access_key.missing;
        turn_off(l, d, path, d->access_key_id.line,
                 missing.p
                     ? arena_printf(&l->s.arena, "the environment variable %" STR_FMT " is not set", STR_ARG(missing))
                     : S("its access_key_id or secret_access_key is empty"));
        return true;
    }
    if (foreign && !d->profile.n) return true; /* unsigned */
    const char *why = "";
    if (!d->profile.n) {
        p->api_key = from_env(l, S("AWS_BEARER_TOKEN_BEDROCK"));
        if (p->api_key.n || use_fixed(d, from_env(l, S("AWS_ACCESS_KEY_ID")), from_env(l, S("AWS_SECRET_ACCESS_KEY")),
                                      from_env(l, S("AWS_SESSION_TOKEN")))) {
            return true;
        }
    }
    if (use_profile(l, d, load_aws_profile(l, d->profile), &why)) return true;
    turn_off(l, d, path, line,
             arena_printf(&l->s.arena, "no AWS_BEARER_TOKEN_BEDROCK, no AWS_ACCESS_KEY_ID, and %s%s", why,
                          str_find(str_from(why), S("no aws_"), 0) == SIZE_MAX
                              ? ""
                              : " (signed on by SSO: 'token_command: aws configure export-credentials --format "
                                "process')"));
    return true;
}

/* ---- keys */

static void finish_key(struct loader *l, struct provider_draft *d, str path, uint32_t line, bool foreign)
{
    struct setting_provider *p = &d->p;
    str variable = d->api_key.missing;
    if (d->api_key.set) {
        p->api_key = d->api_key.text;
    } else if (!foreign) {
        for (size_t i = 0; !p->api_key.n && vendor_key_env(p->vendor, i).p; i++) {
            p->api_key = from_env(l, vendor_key_env(p->vendor, i));
        }
        if (p->vendor->key_env.n) variable = vendor_key_env(p->vendor, 0);
    }
    if (p->api_key.n) return;
    bool own_machine = !p->tls || is_loopback(p->host);
    bool optional = (p->flags & PROVIDER_KEY_OPTIONAL) != 0;
    if (optional && (own_machine || !d->api_key.set)) return;
    str why = variable.p
                  ? arena_printf(&l->s.arena, "the environment variable %" STR_FMT " is not set", STR_ARG(variable))
                  : S("its api_key is empty");
    if (!d->api_key.set && p->vendor->paths == FAMILY_VERTEX) {
        why = S("it has no token: add 'token_command: gcloud auth print-access-token', or token_file, or api_key");
    }
    turn_off(l, d, path, d->api_key.set ? d->api_key.line : line, why);
}

bool load_provider_key(struct loader *l, struct provider_draft *d, str path, uint32_t line, bool foreign)
{
    struct setting_provider *p = &d->p;
    if (d->token_command.count || d->token_file.n) {
        if (!use_token(l, d, path, line)) return false;
    } else if (p->auth == AUTH_AWS && (!d->api_key.set || d->access_key_id.set)) {
        if (!finish_aws(l, d, path, line, foreign)) return false;
    } else {
        finish_key(l, d, path, line, foreign);
    }
    bool project = p->vendor->paths != FAMILY_VERTEX || p->paths.project.n || p->api_key.n;
    if (!project && !p->off) load_error(l, line, path, "needs its project: add 'project: my-project'");
    return project || p->off;
}

/* ---- while it runs */

bool settings_secret(const struct setting_provider *p, int64_t now_us, struct arena *arena, struct provider_secret *out,
                     str *why)
{
    if (p->credential) return credential_get(p->credential, now_us, arena, out, why);
    *out = (struct provider_secret){.key = p->api_key, .aws = p->aws_key};
    return true;
}

void settings_refresh(const struct settings *s, int64_t now_us, const bool *stop, struct buf *problems)
{
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        if (!p->credential || p->off || credential_refresh(p->credential, now_us, stop)) continue;
        struct arena arena;
        struct credential_state state;
        arena_init(&arena);
        credential_state(p->credential, now_us, &arena, &state);
        buf_printf(problems, "the provider '%" STR_FMT "' has no new token: %" STR_FMT "%s\n", STR_ARG(p->name),
                   STR_ARG(state.error), state.usable ? "; the old one still holds" : "");
        arena_free(&arena);
    }
}

void settings_adopt(struct settings *next, const struct settings *old)
{
    for (size_t i = 0; i < next->provider_count; i++) {
        const struct setting_provider *p = &next->providers[i];
        const struct setting_provider *before = settings_provider(old, p->name);
        if (p->credential && before && before->credential) credential_adopt(p->credential, before->credential);
    }
}
