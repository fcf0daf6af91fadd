/* A YAML text as a tree whose every node knows its line.
 *
 * Only what settings need: maps with plain keys, lists, scalars. Anchors,
 * aliases, tags and further documents are refused, size and depth have ceilings.
 * `${NAME}` may stand anywhere in a scalar, also between the braces of `{a: b}`,
 * where YAML itself would stumble over it. */
#ifndef SETTINGS_TREE_H
#define SETTINGS_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { TREE_TEXT_MAX = 1024 * 1024, TREE_DEPTH_MAX = 32 };

/* Lines from here on are none of the file's: each is an entry made at run time (entries.c). */
#define TREE_LINE_ENTRIES UINT32_C(0x80000000)

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    bool plain;    /* a scalar without quotes */
    uint32_t line; /* from 1 */
    uint32_t key_line;
    uint32_t twice; /* the line where the same key stood before; 0: nowhere */
    uint32_t count; /* of children */
    str key;        /* in a map */
    str text;       /* a scalar's, with marks: see tree_fill() */
    struct tree_node *first, *last, *next;
};

struct tree_fail {
    uint32_t line;
    str why;
};

/* Owns: nodes and texts live in `arena`. An empty text is an empty map.
 * Fails: NULL with `fail` filled in. */
struct tree_node *tree_parse(str yaml, struct arena *arena, struct tree_fail *fail);

/* The same from JSON, where `${` stands for itself alone: every node is at `line`.
 * Fails: NULL, with `why`. */
struct tree_node *tree_from_json(str json, uint32_t line, struct arena *arena, str *why);
/* As JSON on one line; variables as they stand in the file. */
void tree_to_json(const struct tree_node *n, struct arena *arena, struct buf *out);
/* A scalar without quotes that JSON has as it is: true, null, 1.5. */
bool tree_is_json_word(str s);
/* A child at the end; `key` where it is a map. */
void tree_append(struct tree_node *up, struct tree_node *node, str key);
/* One of the characters that stand for the braces of variables. */
bool tree_has_mark(str text);

/* Nothing stands there: `keys:`, `keys: ~`, `keys: null`. */
bool tree_is_null(const struct tree_node *n);
/* NULL where the map has no such key. */
const struct tree_node *tree_find(const struct tree_node *map, str key);
const char *tree_kind_name(enum tree_kind k);

/* A scalar with the variables put in; `$${` stands for `${` itself. */
struct tree_filled {
    str text;
    str missing;    /* the first variable that is not set or empty */
    bool variable;  /* there was one */
    bool malformed; /* "${" without a name and "}" */
};
struct tree_filled tree_fill(str text, str (*env)(str name), struct arena *arena);
/* As it stands in the file: "${NAME}". */
str tree_restore(str text, struct arena *arena);

#endif
