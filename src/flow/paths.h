/* Which path of the data port asks for what. */
#ifndef FLOW_PATHS_H
#define FLOW_PATHS_H

#include "flow/frames.h"

struct call_path_found {
    enum call_kind kind;
    str model;            /* where the path alone names it, percent-encoded as it came; else p == NULL */
    str deployment;       /* the same where the body is one that names it, too (Azure, Vertex's Claude) */
    bool body_version;    /* the body says `anthropic_version` (Vertex's Claude) */
    bool stream;          /* where the path says so */
    enum framing framing; /* of a stream towards the client */
};

/* False: none of purser's own paths. `query` decides how Gemini streams. */
bool paths_find(str path, str query, struct call_path_found *out) MUST_CHECK;
/* Whether some server may take `path` for one of ours: then it is not carried past its meter. */
bool paths_resemble(str path);
/* What to do instead, for paths that clients ask for by mistake: a sentence; empty: nothing is known. */
str paths_hint(str path);
/* In whose shape an error for this path is best told: DIALECT_CHAT where nothing is known. */
enum dialect_id paths_dialect(str path);
/* The value of `name` in a query, percent-decoded into `arena`; p == NULL where there is none. */
str paths_query(str query, str name, struct arena *arena);
/* "a%2Fb" -> "a/b". Fails: STR_NONE where it is malformed or holds a control character. */
str paths_decode(str text, struct arena *arena);

#endif
