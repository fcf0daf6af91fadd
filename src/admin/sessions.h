/* Sessions of browsers that signed in, in memory, by a hash of their cookie.
 * Thread: the admin thread's. Times are microseconds since 1970. */
#ifndef ADMIN_SESSIONS_H
#define ADMIN_SESSIONS_H

#include "policy/keys.h"

#include <stdint.h>

#define SESSION_COOKIE "purser_session"
enum { SESSION_ID_MAX = 64 };

struct session;
struct sessions;

struct sessions *sessions_new(void);
void sessions_drop(struct sessions *s);
/* Writes the cookie's value into `id`. Where there are too many, of the token or of all, the one of them that was unused
 * longest ends. */
const struct session *sessions_begin(struct sessions *s, const unsigned char token_hash[KEY_HASH_BYTES], int64_t now_us,
                                     char id[SESSION_ID_MAX]);
/* NULL: there is none, or it is over. Finding it keeps it alive. */
const struct session *sessions_find(struct sessions *s, str id, int64_t now_us);
void sessions_end(struct sessions *s, str id);
const unsigned char *session_token_hash(const struct session *s); /* of the token that it stands for */
str session_proof(const struct session *s);                       /* what changes must bring */
int64_t session_expires_us(const struct session *s);

#endif
