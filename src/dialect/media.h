/* OpenAI's images and sound: generations, edits, variations; speech, transcriptions,
 * translations. They go on as they came, metered. */
#ifndef DIALECT_MEDIA_H
#define DIALECT_MEDIA_H

#include "dialect/dialect.h"

bool media_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                struct call_problem *problem);
/* The model's name in a form, where it must be another. */
size_t media_edit_form(const struct call *call, const struct call_changes *changes,
                       struct json_edit edits[CALL_EDITS_MAX]);
enum tap_verdict media_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                 str event);
void media_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

/* What is known of a call before its bound is made of it. */
struct media_ask {
    int64_t text_bytes, file_bytes, files;
    int64_t count, partial; /* images; previews of each */
    str size, quality;
    str text; /* to be spoken, decoded */
};
void media_bound(struct call *call, const struct media_ask *ask);

#endif
