/* What a target takes of a call, by its dialect (features.def, ranges.def). */
#ifndef DIALECT_CANON_CHECK_H
#define DIALECT_CANON_CHECK_H

#include "dialect/canon.h"

/* What had to be left out of a call for its target. */
struct canon_dropped {
    str fields; /* "seed, logit_bias": for the warning header; empty: nothing */
};

/* Does the target's dialect take what the call uses? What it cannot say is refused, or dropped where
 * `lenient`; what is a mere hint is dropped in any case. Both are told in `dropped`.
 * Fails: false with `problem` naming the client's field. */
bool canon_check(const struct canon_call *call, enum dialect_id to, bool lenient, struct canon_dropped *dropped,
                 struct call_problem *problem) MUST_CHECK;
/* ... of a vendor (its kind: "voyage") whose words are not quite its dialect's, and of a model; empty: any. */
bool canon_check_at(const struct canon_call *call, enum dialect_id to, const struct canon_target *target, bool lenient,
                    struct canon_dropped *dropped, struct call_problem *problem) MUST_CHECK;
/* canon_shape.c: what no field asks for by itself. What the dialect `to` has no words for, as notes, for a model. */
struct canon_note *canon_shape_notes(const struct canon_call *call, enum dialect_id to, str model);
/* Calls that no target could answer: they choose a tool that is not there, or say nothing.
 * Fails: false with `problem`. */
bool canon_check_shape(const struct canon_call *call, enum dialect_id to, struct call_problem *problem) MUST_CHECK;
/* It does not begin with the user. */
bool canon_lacks_user(const struct canon_call *call);
/* The choice as far as a target of that dialect has the tools that it is among. */
struct canon_tool_choice canon_choice(const struct canon_call *call, enum dialect_id to);

/* ---- documents (canon_document.c) */

/* Whether a document in the body, of that type, is one that the dialect takes. */
bool canon_document_fits(str type, enum dialect_id to);
bool canon_documents_fit(const struct canon_call *call, enum dialect_id to);
/* A document that is plain text, as a string: as it came, or decoded. None: it is no text. Lives in `arena`. */
jraw canon_document_text(struct arena *arena, const struct canon_part *part);
bool canon_documents_are_text(const struct canon_call *call);
/* What it is called, with the ending of its type. */
str canon_file_name(struct arena *arena, const struct canon_media *m);
/* canon_range.c, for what the dialect has words for, but not for all that they may say (ranges.def): a number within
 * the target's range, told where it is another one; how many of the stop sequences may be written. */
str canon_ranged(const struct canon_call *call, const struct canon_target *target, enum dialect_id to,
                 enum canon_feature f, str number);
size_t canon_stops(const struct canon_call *call, enum dialect_id to, str vendor);
/* Fails: false with `problem`. */
bool canon_check_names(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
bool canon_check_stops(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
/* For encoders: what the call says of `f` was left out. */
void canon_leave_out(const struct canon_call *call, const struct canon_target *target, enum canon_feature f);
str canon_feature_text(enum canon_feature f);

#endif
