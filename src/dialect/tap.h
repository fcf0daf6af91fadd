/* What the dialects' taps share. Nobody outside src/dialect includes it. */
#ifndef DIALECT_TAP_H
#define DIALECT_TAP_H

#include "dialect/dialect.h"

/* Replaces a short text of the answer by a string of the document. */
void answer_keep(struct answer *a, str *slot, const struct json *doc, json_ref at);
/* ... the service tier; "auto" only repeats what was asked. */
void answer_keep_tier(struct answer *a, const struct json *doc, json_ref at);
/* Keeps the usage object as it came. */
void answer_keep_usage(struct answer *a, str raw);
/* Marks the answer as failed; the first message stays. */
void answer_fail(struct answer *a, str message);
/* ... with the status that the error in `root` stands for. */
void answer_fail_told(struct answer *a, const struct json *doc, json_ref root, str message);
/* The HTTP status of an error in band, from 400 to 599, by its numbers or names; 0: it says none. */
int answer_error_status(const struct json *doc, json_ref root);
int answer_status_of_name(str name);
/* What an event is: its data's `type` says so, else its name. */
str answer_event_type(const struct json *doc, str event);

/* What the answer says: a string's bytes (as openai_string_bytes()), a value's (as openai_value_bytes()). Folded
 * into `output_hash`, whose value is the same however a stream is cut. Thoughts are no part of it: the same
 * answer may come of others. */
int64_t answer_take_text(struct answer *a, const struct json *doc, json_ref at);
int64_t answer_take_value(struct answer *a, const struct json *doc, json_ref at);

/* The member's value; JSON_ABSENT where it is missing or null. */
static inline json_ref openai_find(const struct json *doc, json_ref object, str key)
{
    json_ref at = json_find(doc, object, key, NULL);
    return at && json_type(doc, at) == JSON_NULL ? JSON_ABSENT : at;
}
/* ... of an object in it: outer.inner. */
json_ref openai_find_in(const struct json *doc, json_ref object, str outer, str inner);
/* Bytes of a string once decoded, an unpaired surrogate as U+FFFD; 0 for other values. */
int64_t openai_string_bytes(const struct json *doc, json_ref at);
/* Bytes of a value written without white space, its strings decoded. */
int64_t openai_value_bytes(const struct json *doc, json_ref at);

/* Whether `root` is an error in one of the forms that providers send, in a body
 * or an event; `payload`: it also carries a result, so that a mere `message` or
 * `detail` proves nothing. `*message` lives in `arena`, at most a kilobyte. */
bool openai_error_find(const struct json *doc, json_ref root, bool payload, struct arena *arena, str *message);

/* The message inside an error object, else the object as text; at most a kilobyte, lives in `arena`. */
str openai_error_message(const struct json *doc, json_ref error, struct arena *arena);

/* Counts of usage objects: a whole number, also one written as "12.0" or "1e3"; -1 where
 * there is none, with USAGE_NOT_A_COUNT in `*flags` where something else stands. */
int64_t usage_count(const struct json *doc, json_ref at, uint32_t *flags);

#endif
