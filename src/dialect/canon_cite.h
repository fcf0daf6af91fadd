/* Citations between dialects that place them differently: by characters of the answer (chat,
 * responses, Cohere), by bytes (Gemini), or by standing at a block of text (messages, Converse). */
#ifndef DIALECT_CANON_CITE_H
#define DIALECT_CANON_CITE_H

#include "dialect/canon_stream.h"

/* Where in its source a citation points to: counted from 0, pages from 1; `to` is the first one beyond. */
enum canon_place { PLACE_NONE, PLACE_CHARS, PLACE_PAGES, PLACE_BLOCKS, PLACE_RESULT };

/* Some words of the answer lean on some words of a source. Of the web where it has a url, of a document otherwise. */
struct canon_citation {
    struct canon_citation *next;
    jraw url, title, id;    /* strings: the source's */
    jraw quote;             /* string: words of the source */
    jraw said;              /* string: words of the answer, those from start to end */
    int64_t start, end;     /* characters of the part's text; -1: of the whole part */
    enum canon_place place; /* PLACE_RESULT: blocks of a search result that the client gave */
    int64_t source;         /* which of the call's documents (or results) it is, from 0; -1: not told */
    int64_t from, to;       /* within the source; -1: not told */
    jraw value;             /* as it stands in dialect `of`, whole */
    enum dialect_id of;
};

/* A citation that tells nothing yet: no place in the answer, none in the source. */
struct canon_citation *canon_cite_new(struct arena *arena, enum dialect_id of);
/* A copy that borrows nothing; behind it none stands. */
struct canon_citation *canon_cite_keep(struct arena *arena, const struct canon_citation *c);
/* A place or a number of a source; -1 where none is told that a text or a list of sources can have. */
int64_t canon_cite_count(const struct json *doc, json_ref object, str key);
/* The words of the answer that it is of: both places, or none. */
void canon_cite_span(struct canon_citation *c, const struct json *doc, json_ref object, str start, str end);
/* The source that a citation has no url for: its id, else its title, else a made-up id. Lives in `arena`. */
jraw canon_cite_id(struct arena *arena, const struct canon_citation *c);
/* With its place in a text in which `before` characters stand before its own part, of `length` characters. One that
 * tells no place is of the whole part. */
struct canon_citation canon_placed(const struct canon_citation *c, int64_t length, int64_t before);

/* How far places in a text have been looked for: they mostly come in order, and none of a long text is to be counted
 * from its beginning. Zeroed: the beginning. */
struct canon_cursor {
    size_t bytes;
    int64_t chars; /* in those */
};
/* Bytes that the first `chars` characters of a JSON string's inside take; all where it has less. */
size_t canon_seek(struct canon_cursor *at, str inside, int64_t chars);
/* What stands inside a JSON string from character `start` to `end`. */
str canon_span(struct canon_cursor *at, str inside, int64_t start, int64_t end);

/* The parts for a dialect that has no places but blocks: each text that is cited in pieces, cut at their borders, its
 * citations at their pieces. What overlaps is one piece. Returns `parts` where nothing is to be cut. */
struct canon_part *canon_cut_cited(struct arena *arena, struct canon_part *parts);

/* Text under construction, in an arena; beyond its ceiling nothing is kept, and it is `full`. */
struct canon_words {
    char *p;
    size_t n, cap;
    bool full;
};
void canon_words_add(struct canon_words *w, struct arena *arena, str more);

enum canon_placing_how {
    PLACING_BLOCK = 0, /* places count in the block */
    PLACING_ALL = 1,   /* ... from the beginning of all text of the choice */
    PLACING_WORDS = 2, /* the text is kept, and citations say which words of it they are of */
};

/* For encoders of streams: gives `encode` each delta, and each citation with its place. One of a whole block waits for
 * the block's end, since its length is not known before. */
void canon_encode_placed(struct canon_encoder *e, const struct canon_delta *delta, enum canon_placing_how how,
                         void (*encode)(struct canon_encoder *e, const struct canon_delta *delta));
/* With PLACING_ALL and PLACING_WORDS: all text of a choice, as inside a JSON string; p == NULL: not kept. */
str canon_placing_words(const struct canon_encoder *e, int64_t choice);

#endif
