/* Where at a provider a call goes: path and query, in each family's form. Pure functions. */
#ifndef PROVIDER_ENDPOINT_H
#define PROVIDER_ENDPOINT_H

#include "base/buf.h"
#include "dialect/call.h"

enum endpoint {
#define ENDPOINT(constant, ...) ENDPOINT_##constant,
#include "provider/endpoint.def"
#undef ENDPOINT
    ENDPOINT_COUNT,
    ENDPOINT_NONE = ENDPOINT_COUNT,
};

#define SERVES(constant) (UINT32_C(1) << ENDPOINT_##constant)

str endpoint_name(enum endpoint e);
/* What a call of that kind asks for; ENDPOINT_NONE where it is no call to a model. */
enum endpoint endpoint_of(enum call_kind kind);
/* The generating endpoint of a protocol. */
enum endpoint endpoint_of_dialect(enum dialect_id id);

/* How paths look. */
enum provider_family {
    FAMILY_OPENAI,
    FAMILY_AZURE, /* by deployment; Azure's /openai/v1 is FAMILY_OPENAI */
    FAMILY_ANTHROPIC,
    FAMILY_GEMINI,
    FAMILY_VERTEX,
    FAMILY_BEDROCK,
    FAMILY_COHERE,
    FAMILY_COUNT,
};

/* What of a provider's settings its paths are made of. */
struct provider_paths {
    enum provider_family family;
    str root;              /* in front of every path: the base URL's, without a version where the family writes one */
    str version;           /* {v}; Azure's api-version, empty where none is sent */
    str project, location; /* Vertex */
};

/* `path` is the base URL's ("/v1", without a slash at its end), `api_version` may be empty:
 * a version at the end of `path` and the setting both replace the family's own, the setting first.
 * Azure: `/openai/v1` is the OpenAI form, unless `api_version` is a date; anything else addresses deployments.
 * Borrows all of them. */
void provider_paths_init(struct provider_paths *p, enum provider_family family, str path, str api_version);
/* The base URL of a region or location, where the family has one for each; false: it has not. */
bool provider_base_url(enum provider_family family, str where, struct buf *out) MUST_CHECK;

/* The region in a host such as "bedrock-runtime.us-east-1.amazonaws.com"; empty where there is none. */
str provider_region(str host);

/* Appends path and query. `query` is the client's own, may be empty: what the family sets itself, and keys in it,
 * are left out.
 * Fails: false, with nothing appended, where the family has no such endpoint. */
bool provider_path(const struct provider_paths *p, enum endpoint e, str model, bool stream, str query,
                   struct buf *out) MUST_CHECK;
/* What stands as anthropic_version in the body of such a call; p == NULL: nothing, there is a header. */
str provider_body_version(const struct provider_paths *p, enum endpoint e);
/* Appends another path of the provider, as the client wrote it ("/v1/files"): its version is the base URL's affair
 * where that has one. */
void provider_passthrough(const struct provider_paths *p, str path, str query, struct buf *out);

/* Everything but letters, digits and -._~ becomes %XX. */
void buf_add_percent(struct buf *out, str s);

#endif
