/* Secrets that change while purser runs: tokens from a command or a file, AWS keys from a profile.
 *
 * Reading them may block, so a background thread does it and workers only copy the last one
 * out. What fails leaves the old one in force until it expires: a token server that is down
 * for a minute is nobody's outage. */
#ifndef PROVIDER_CREDENTIAL_H
#define PROVIDER_CREDENTIAL_H

#include "base/arena.h"
#include "provider/sign.h"

enum credential_kind {
    CREDENTIAL_COMMAND, /* what a program prints: a token, or JSON with one */
    CREDENTIAL_FILE,    /* the same, from a file */
    CREDENTIAL_PROFILE, /* AWS's credentials file */
};

struct credential_source {
    enum credential_kind kind;
    char *const *argv; /* COMMAND: NULL behind the last; no shell */
    str file;          /* FILE, PROFILE: with a NUL behind it */
    str profile;       /* PROFILE */
    int64_t ttl_us;    /* COMMAND: run again after this long, where no expiry says sooner */
};

struct credential;

/* Borrows what `source` points to. Owns: the caller drops it. */
struct credential *credential_new(const struct credential_source *source);
void credential_drop(struct credential *c);
const struct credential_source *credential_source(const struct credential *c);

/* A copy of the secret in force. Thread: any; never blocks for long.
 * Fails: false where there is none (yet), or it expired; `why` then says so, in `arena`. */
bool credential_get(struct credential *c, int64_t now_us, struct arena *arena, struct provider_secret *out,
                    str *why) MUST_CHECK;
/* The provider refused it (401, 403): the next refresh reads it anew, at most six times a minute. Thread: any. */
void credential_refuse(struct credential *c);

/* Reads anew where that is due; `now_us` is the wall clock. Blocks: up to ten seconds for a command, which ends
 * early when `*stop` becomes true (NULL: never). Thread: one at a time, no worker.
 * Fails: false where it was due and failed. */
bool credential_refresh(struct credential *c, int64_t now_us, const bool *stop);
/* Takes over what `old` holds, where both have the same source: a reload leaves no gap. */
void credential_adopt(struct credential *c, struct credential *old);

struct credential_state {
    bool usable;        /* credential_get() would succeed */
    int64_t expires_us; /* 0: unknown */
    int64_t failures;   /* refreshes that failed */
    str error;          /* of the last one, in `arena`; empty after a success */
};
void credential_state(struct credential *c, int64_t now_us, struct arena *arena, struct credential_state *out);

/* ---- parts, pure; also for tests */

/* A token that stands alone, JSON with access_token or token, or AWS's JSON of a credential process.
 * Fails: NULL when well, else what is wrong. Strings live in `arena`. */
const char *credential_parse(str text, int64_t now_us, struct arena *arena, struct provider_secret *out,
                             int64_t *expires_us);
/* The value of `key` in [section] of an INI file; p == NULL where there is none. */
str ini_find(str text, str section, str key);
/* The keys of a profile. Fails: as above. */
const char *credential_parse_profile(str text, str profile, struct arena *arena, struct provider_secret *out);
/* Runs a program without a shell and takes what it prints, at most 64 kB. Fails: as above. */
const char *command_run(char *const *argv, int64_t timeout_us, const bool *stop, struct buf *out);

#endif
