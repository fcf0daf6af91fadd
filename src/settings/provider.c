/* A provider, made whole: its vendor, its address, the form of its paths. */
#include "settings/load.h"

/* The vendor: by `kind`, by the provider's name, by its address. */
static const struct vendor *choose_vendor(const struct provider_draft *d)
{
    const struct vendor *any = vendor_find(S("openai-compatible"));
    const struct vendor *named = d->kind.p ? vendor_find(d->kind) : vendor_find(d->p.name);
    const struct vendor *by_url = d->base_url.p ? vendor_find_url(d->base_url) : NULL;
    if (!named) return by_url ? by_url : any;
    /* "kind: openai" means the protocol. At somebody else's address OpenAI's
     * prices would be a lie. */
    if (str_eq(named->kind, S("openai")) && d->base_url.p) return by_url ? by_url : any;
    return named;
}

/* The same for the other families: the protocol is the vendor's, prices and the key in the environment are not. */
static bool is_foreign(const struct provider_draft *d)
{
    enum provider_family family = d->p.vendor->paths;
    if (!d->base_url.p || family == FAMILY_OPENAI || family == FAMILY_AZURE) return false;
    return vendor_find_url(d->base_url) != d->p.vendor;
}

static str first_of(struct loader *l, const str *names, size_t count)
{
    str value = STR_NONE;
    for (size_t i = 0; i < count && !value.n; i++) value = l->env ? str_trim(l->env(names[i])) : STR_NONE;
    return arena_str(&l->s.arena, value);
}

/* What paths and addresses are made of, where the settings say nothing. */
static void find_place(struct loader *l, struct provider_draft *d)
{
    static const str projects[] = {STR_INIT("GOOGLE_CLOUD_PROJECT"), STR_INIT("GCLOUD_PROJECT")};
    static const str locations[] = {STR_INIT("GOOGLE_CLOUD_LOCATION"), STR_INIT("GOOGLE_CLOUD_REGION")};
    struct setting_provider *p = &d->p;
    if (p->vendor->paths == FAMILY_VERTEX) {
        if (!p->paths.project.n) p->paths.project = first_of(l, projects, COUNT_OF(projects));
        if (!p->paths.location.n) p->paths.location = first_of(l, locations, COUNT_OF(locations));
        if (!p->paths.location.n) p->paths.location = S("global");
    }
    if (p->vendor->paths != FAMILY_BEDROCK || p->region.n) return;
    struct setting_provider scratch = {0};
    if (d->base_url.p && !load_url(d->base_url, &scratch)) p->region = provider_region(scratch.host);
    if (!p->region.n) p->region = load_aws_region(l, d->profile);
}

static str made_url(struct loader *l, const struct setting_provider *p)
{
    str where = p->vendor->paths == FAMILY_VERTEX ? p->paths.location : p->region;
    struct buf url;
    buf_init(&url, 0);
    str made = provider_base_url(p->vendor->paths, where, &url) ? arena_str(&l->s.arena, buf_str(&url)) : STR_NONE;
    buf_free(&url);
    return made;
}

static const char *missing_place(const struct provider_draft *d)
{
    const struct setting_provider *p = &d->p;
    switch (p->vendor->paths) {
    case FAMILY_AZURE:
        return "needs its base_url: add 'base_url: https://RESOURCE.openai.azure.com/openai/v1'";
    case FAMILY_BEDROCK:
        return "needs its region: add 'region: us-east-1'";
    case FAMILY_VERTEX:
        return "needs its location: add 'location: global'";
    default:
        return "needs its base_url: add 'base_url: http://127.0.0.1:8000/v1'";
    }
}

static bool is_made_of(str s, const char *marks)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr(marks, c)) return false;
    }
    return true;
}

/* They become part of a host name and of paths. */
static bool check_place(struct loader *l, const struct setting_provider *p, str path, uint32_t line)
{
    enum { HOST_PART_MAX = 40 };
    const struct {
        const char *key, *marks, *expected;
        str value;
    } parts[] = {{"region", "-", "letters, digits and '-'", p->region},
                 {"location", "-", "letters, digits and '-'", p->paths.location},
                 {"project", "-_.:", "letters, digits, '-', '_', '.' and ':'", p->paths.project},
                 {"api_version", "-_.", "letters, digits, '-', '_' and '.'", p->api_version}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].value.n <= HOST_PART_MAX && is_made_of(parts[i].value, parts[i].marks)) continue;
        load_error(l, line, load_path_key(l, path, str_from(parts[i].key)), "must be at most %d bytes: %s",
                   HOST_PART_MAX, parts[i].expected);
        return false;
    }
    return true;
}

/* A protocol that the vendor's addresses have no path for would fail at every call. */
static bool check_protocols(struct loader *l, const struct setting_provider *p, str path, uint32_t line)
{
    struct buf unused;
    bool ok = true;
    buf_init(&unused, 0);
    for (size_t i = 0; i < p->protocols.count && ok; i++) {
        enum dialect_id id = p->protocols.at[i];
        ok = provider_path(&p->paths, endpoint_of_dialect(id), S("m"), false, STR_NONE, &unused);
        if (ok) continue;
        load_error(l, line, load_path_key(l, path, S("protocols")),
                   "'%" STR_FMT "' is not spoken by the kind '%" STR_FMT "'", STR_ARG(protocol_name(id)),
                   STR_ARG(p->vendor->kind));
    }
    buf_free(&unused);
    return ok;
}

bool load_provider(struct loader *l, struct provider_draft *d, str path, uint32_t line)
{
    struct setting_provider *p = &d->p;
    p->vendor = choose_vendor(d);
    bool foreign = is_foreign(d);
    find_place(l, d);
    if (!check_place(l, p, path, line)) return false;
    str url = d->base_url.p ? d->base_url : p->vendor->base_url.n ? p->vendor->base_url : made_url(l, p);
    if (!url.n || (p->vendor->paths == FAMILY_BEDROCK && !p->region.n)) {
        load_error(l, line, path, "%s", missing_place(d));
        return false;
    }
    if (load_url(url, p)) return false; /* said already */
    p->quirks = p->vendor->quirks | d->quirks.quirks;
    p->flags = p->vendor->flags | d->quirks.flags | (foreign ? PROVIDER_KEY_OPTIONAL : 0);
    p->auth = p->flags & PROVIDER_API_KEY_HEADER ? AUTH_API_KEY : p->vendor->auth;
    p->protocols = d->protocols.count ? d->protocols : p->vendor->protocols;
    p->lenient = (d->compat ? d->compat : l->s.compat) == COMPAT_LENIENT;
    p->headers = d->headers.items;
    p->header_count = d->headers.count;
    provider_paths_init(&p->paths, p->vendor->paths, p->path, p->api_version);
    if (!p->book.p && !foreign) p->book = p->vendor->book;
    if (!p->tls_verify) load_warn(l, line, path, "takes any certificate: tls_verify is false");
    return check_protocols(l, p, path, line) && load_provider_key(l, d, path, line, foreign);
}
