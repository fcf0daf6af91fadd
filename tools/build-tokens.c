/* Turns the public rank files and Unicode's categories into the tables that src/price/tokens*.c count
 * with (the layout is price/tokens_blob.h's). make runs it:
 *
 *   build-tokens OUT UNICODE_DATA O200K CL100K      "-" for a file that is not there
 *
 * For each encoding: a trie of the tokens (a double array), what each token was merged of, and a hash
 * of those pairs. It refuses ranks that do not merge to themselves: counting relies on it. */
#include "price/tokens_blob.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_POINTS = 0x110000, CLASS_BLOCK = 128, PAGE = 4096 };

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "build-tokens: %s: %s\n", where, what);
    exit(1);
}

static void *need(void *p)
{
    if (!p) fail("out of memory", "malloc");
    return p;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail("cannot be read", path);
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    if (n < 0) fail("cannot be read", path);
    rewind(f);
    char *text = need(malloc((size_t)n + 1));
    *size = fread(text, 1, (size_t)n, f);
    text[*size] = 0;
    fclose(f);
    return text;
}

/* ---- the blob under construction */

struct blob {
    char *p;
    size_t n, cap;
};

/* Room for `n` bytes that begin a page; gives their offset. */
static uint32_t blob_put(struct blob *b, const void *bytes, size_t n)
{
    size_t at = (b->n + PAGE - 1) / PAGE * PAGE;
    if (at + n > b->cap) b->p = need(realloc(b->p, b->cap = (at + n) * 2));
    memset(b->p + b->n, 0, at - b->n);
    memcpy(b->p + at, bytes, n);
    b->n = at + n;
    return (uint32_t)at;
}

/* ---- categories */

static uint8_t classes[CODE_POINTS];

static uint8_t class_of(const char *category)
{
    static const struct {
        const char *category;
        uint8_t is;
    } known[] = {{"Lu", CLASS_LETTER | CLASS_UPPER},
                 {"Lt", CLASS_LETTER | CLASS_UPPER},
                 {"Ll", CLASS_LETTER | CLASS_LOWER},
                 {"Lm", CLASS_LETTER | CLASS_UPPER | CLASS_LOWER},
                 {"Lo", CLASS_LETTER | CLASS_UPPER | CLASS_LOWER},
                 {"M", CLASS_UPPER | CLASS_LOWER},
                 {"N", CLASS_NUMBER},
                 {"Zs", CLASS_SPACE},
                 {"Zl", CLASS_SPACE},
                 {"Zp", CLASS_SPACE}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!strncmp(category, known[i].category, strlen(known[i].category))) return known[i].is;
    }
    return 0;
}

static void set_classes(long from, long to, uint8_t is)
{
    if (from < 0 || to >= CODE_POINTS) fail("no such code point", "UnicodeData.txt");
    for (long c = from; c <= to; c++) classes[c] = is;
}

static void read_classes(const char *path)
{
    size_t size;
    char *text = read_file(path, &size);
    long first = 0;
    for (char *line = text; *line;) {
        char *name = strchr(line, ';'), *category = name ? strchr(name + 1, ';') : NULL;
        char *end = strchr(line, '\n');
        if (!category || !end || category > end) fail("is not in the form of UnicodeData.txt", path);
        long c = strtol(line, NULL, 16);
        bool closes = category - name > 5 && !strncmp(category - 5, "Last>", 5);
        if (!closes) first = c;
        set_classes(first, c, class_of(category + 1));
        line = end + 1;
    }
    free(text);
#define LATER(from, to, category) set_classes(from, to, class_of(#category));
#include "price/tokens_later.def"
#undef LATER
    /* JavaScript's \s: these beside the separators. NEL is none. */
    set_classes('\t', '\r', CLASS_SPACE);
    classes['\n'] |= CLASS_NEWLINE;
    classes['\r'] |= CLASS_NEWLINE;
    classes[0xfeff] = CLASS_SPACE;
}

static void put_classes(struct blob *b, struct tokens_blob *head)
{
    static uint16_t index[CODE_POINTS / CLASS_BLOCK];
    static uint8_t blocks[CODE_POINTS];
    size_t count = 0;
    for (size_t i = 0; i < CODE_POINTS / CLASS_BLOCK; i++) {
        size_t k = 0;
        while (k < count && memcmp(blocks + k * CLASS_BLOCK, classes + i * CLASS_BLOCK, CLASS_BLOCK) != 0) k++;
        if (k == count) memcpy(blocks + count++ * CLASS_BLOCK, classes + i * CLASS_BLOCK, CLASS_BLOCK);
        index[i] = (uint16_t)k;
    }
    head->class_index = blob_put(b, index, sizeof(index));
    head->classes = blob_put(b, blocks, count * CLASS_BLOCK);
}

/* ---- ranks */

struct token {
    uint32_t at, length;
};

struct vocabulary {
    uint8_t *bytes; /* of all tokens, one behind the other */
    struct token *tokens;
    uint32_t count;
    uint32_t *sorted; /* ids by bytes */
    uint32_t *by_hash, hash_bits;
    struct tokens_split *splits;
};

static uint64_t hash_bytes(const uint8_t *p, uint32_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h * 0x9e3779b97f4a7c15u;
}

static uint32_t find(const struct vocabulary *v, const uint8_t *p, uint32_t n)
{
    uint32_t mask = (1u << v->hash_bits) - 1;
    for (uint32_t slot = (uint32_t)(hash_bytes(p, n) >> (64 - v->hash_bits));; slot = (slot + 1) & mask) {
        uint32_t id = v->by_hash[slot];
        if (id == TOKENS_NONE) return TOKENS_NONE;
        if (v->tokens[id].length == n && !memcmp(v->bytes + v->tokens[id].at, p, n)) return id;
    }
}

static void index_tokens(struct vocabulary *v)
{
    v->hash_bits = 20;
    v->by_hash = need(malloc(sizeof(uint32_t) << v->hash_bits));
    uint32_t mask = (1u << v->hash_bits) - 1;
    for (uint32_t i = 0; i <= mask; i++) v->by_hash[i] = TOKENS_NONE;
    for (uint32_t id = 0; id < v->count; id++) {
        uint64_t h = hash_bytes(v->bytes + v->tokens[id].at, v->tokens[id].length);
        uint32_t slot = (uint32_t)(h >> (64 - v->hash_bits));
        while (v->by_hash[slot] != TOKENS_NONE) slot = (slot + 1) & mask;
        v->by_hash[slot] = id;
    }
}

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "base64 rank\n", ranks from 0 without a gap. */
static void read_ranks(struct vocabulary *v, const char *path)
{
    size_t size;
    char *text = read_file(path, &size), *line = text;
    v->bytes = need(malloc(size));
    v->tokens = need(calloc(TOKENS_NONE, sizeof(struct token)));
    uint32_t used = 0;
    while (*line) {
        struct token t = {.at = used};
        uint32_t bits = 0, have = 0;
        int d;
        for (; (d = digit(*line)) >= 0; line++) {
            bits = bits << 6 | (uint32_t)d;
            have += 6;
            if (have >= 8) v->bytes[used++] = (uint8_t)(bits >> (have -= 8));
        }
        while (*line == '=') line++;
        t.length = used - t.at;
        char *end;
        bool fits = *line == ' ' && strtoul(line, &end, 10) == v->count && *end == '\n' && v->count < TOKENS_NONE;
        if (!fits || !t.length || t.length > TOKENS_LENGTH_MAX) fail("is no rank file that we can read", path);
        v->tokens[v->count++] = t;
        line = end + 1;
    }
    free(text);
    if (v->count < 256) fail("has too few ranks", path);
    index_tokens(v);
}

/* Merges a token's bytes, lowest rank first, until two parts are left: its halves. */
static struct tokens_split split_of(const struct vocabulary *v, uint32_t id, const char *path)
{
    const struct token *t = &v->tokens[id];
    const uint8_t *p = v->bytes + t->at;
    uint32_t start[TOKENS_LENGTH_MAX + 1] = {0}, parts = t->length;
    if (parts == 1) return (struct tokens_split){id, id};
    for (uint32_t i = 0; i <= parts; i++) start[i] = i;
    while (parts > 2) {
        uint32_t best = TOKENS_NONE, at = 0;
        for (uint32_t i = 0; i + 2 <= parts; i++) {
            uint32_t rank = find(v, p + start[i], start[i + 2] - start[i]);
            if (rank < best) best = rank, at = i;
        }
        if (best >= id) fail("has a token that does not merge to itself", path);
        memmove(&start[at + 1], &start[at + 2], (parts - at - 1) * sizeof(start[0]));
        parts--;
    }
    return (struct tokens_split){find(v, p, start[1]), find(v, p + start[1], t->length - start[1])};
}

static void put_pairs(struct blob *b, struct tokens_blob_encoding *e, struct vocabulary *v, const char *path)
{
    v->splits = need(calloc(v->count, sizeof(*v->splits)));
    while ((1u << e->pair_bits) < v->count * 2) e->pair_bits++;
    uint32_t slots = 1u << e->pair_bits, *pairs = need(malloc(slots * sizeof(*pairs)));
    for (uint32_t i = 0; i < slots; i++) pairs[i] = TOKENS_NONE;
    for (uint32_t id = 0; id < v->count; id++) {
        struct tokens_split s = v->splits[id] = split_of(v, id, path);
        if (s.left == TOKENS_NONE || s.right == TOKENS_NONE) fail("has a token without halves", path);
        if (s.left == id) continue;
        uint32_t slot = tokens_pair_hash(s.left, s.right, e->pair_bits);
        while (pairs[slot] != TOKENS_NONE) slot = (slot + 1) & (slots - 1);
        pairs[slot] = id;
    }
    e->pairs = blob_put(b, pairs, slots * sizeof(*pairs));
    e->splits = blob_put(b, v->splits, v->count * sizeof(*v->splits));
    free(pairs);
}

/* ---- the trie */

static const struct vocabulary *sorting;

static int by_bytes(const void *a, const void *b)
{
    const struct token *x = &sorting->tokens[*(const uint32_t *)a], *y = &sorting->tokens[*(const uint32_t *)b];
    uint32_t n = x->length < y->length ? x->length : y->length;
    int c = memcmp(sorting->bytes + x->at, sorting->bytes + y->at, n);
    return c ? c : x->length < y->length ? -1 : 1;
}

struct trie {
    const struct vocabulary *v;
    uint64_t *cells;
    bool *base_used;
    uint32_t size, top; /* cells there are; one behind the last used */
    uint32_t free_from; /* no cell below is free */
    uint32_t *next_free;
};

enum { TRIE_CELLS = 1 << 22 };

static bool is_free(const struct trie *t, uint32_t cell)
{
    return tokens_cell_label(t->cells[cell]) == TOKENS_NO_LABEL;
}

/* The next free cell at or after `cell`; paths are shortened as they are walked. */
static uint32_t free_at(struct trie *t, uint32_t cell)
{
    uint32_t end = cell;
    while (!is_free(t, end)) end = t->next_free[end];
    while (cell != end) {
        uint32_t next = t->next_free[cell];
        t->next_free[cell] = end;
        cell = next;
    }
    return end;
}

static uint32_t find_base(struct trie *t, const uint8_t *labels, uint32_t count)
{
    for (uint32_t first = free_at(t, 257);; first = free_at(t, first + 1)) {
        if (first + 512 > t->size) fail("does not fit its trie", "ranks");
        uint32_t base = first - labels[0];
        if (t->base_used[base]) continue;
        uint32_t i = 1;
        while (i < count && is_free(t, base + labels[i])) i++;
        if (i == count) return base;
    }
}

/* Places the children of the state whose tokens are sorted[from..to), all alike in `depth` bytes. */
static void place(struct trie *t, uint32_t state, uint32_t from, uint32_t to, uint32_t depth)
{
    const struct vocabulary *v = t->v;
    uint32_t token = TOKENS_NONE, count = 0, starts[257];
    uint8_t labels[256];
    if (from < to && v->tokens[v->sorted[from]].length == depth) token = v->sorted[from++];
    for (uint32_t i = from; i < to; i++) {
        uint8_t c = v->bytes[v->tokens[v->sorted[i]].at + depth];
        if (count && labels[count - 1] == c) continue;
        starts[count] = i;
        labels[count++] = c;
    }
    starts[count] = to;
    uint32_t label = tokens_cell_label(t->cells[state]);
    uint32_t base = count ? find_base(t, labels, count) : 0; /* 0: set to the dead end at last */
    t->cells[state] = TOKENS_CELL(base, label, token);
    if (!count) return;
    t->base_used[base] = true;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell = base + labels[i];
        t->cells[cell] = TOKENS_CELL(0, labels[i], TOKENS_NONE);
        if (cell >= t->top) t->top = cell + 1;
    }
    for (uint32_t i = 0; i < count; i++) place(t, base + labels[i], starts[i], starts[i + 1], depth + 1);
}

static void put_trie(struct blob *b, struct tokens_blob_encoding *e, struct vocabulary *v)
{
    v->sorted = need(malloc(v->count * sizeof(uint32_t)));
    for (uint32_t i = 0; i < v->count; i++) v->sorted[i] = i;
    sorting = v;
    qsort(v->sorted, v->count, sizeof(uint32_t), by_bytes);
    struct trie t = {.v = v, .size = TRIE_CELLS, .top = 1};
    t.cells = need(malloc(TRIE_CELLS * sizeof(uint64_t)));
    t.base_used = need(calloc(TRIE_CELLS, sizeof(bool)));
    t.next_free = need(malloc(TRIE_CELLS * sizeof(uint32_t)));
    for (uint32_t i = 0; i < TRIE_CELLS; i++) {
        t.cells[i] = TOKENS_CELL(0, TOKENS_NO_LABEL, TOKENS_NONE);
        t.next_free[i] = i + 1;
    }
    /* Nothing leads to the root, but its cell is taken: it bears a label that no byte is. */
    t.cells[0] = TOKENS_CELL(0, TOKENS_NO_LABEL + 1, TOKENS_NONE);
    place(&t, 0, 0, v->count, 0);
    /* Behind the last cell 256 that nothing leads to: where leaves point. */
    uint32_t dead = t.top + 1;
    while (t.base_used[dead]) dead++;
    for (uint32_t i = 0; i < t.top; i++) {
        if (!tokens_cell_base(t.cells[i])) t.cells[i] |= TOKENS_CELL(dead, 0, 0);
    }
    e->trie = blob_put(b, t.cells, (size_t)(dead + 256) * sizeof(uint64_t));
    fprintf(stderr, "  tokens    %u, trie of %u cells\n", v->count, dead + 256);
    free(t.cells);
    free(t.base_used);
    free(t.next_free);
}

static void put_encoding(struct blob *b, struct tokens_blob_encoding *e, const char *path)
{
    struct vocabulary v = {0};
    read_ranks(&v, path);
    put_pairs(b, e, &v, path);
    put_trie(b, e, &v);
    e->count = v.count;
    free(v.bytes);
    free(v.tokens);
    free(v.sorted);
    free(v.by_hash);
    free(v.splits);
}

int main(int argc, char **argv)
{
    if (argc != 5) fail("usage: build-tokens OUT UNICODE_DATA O200K CL100K", "arguments");
    struct blob b = {0};
    struct tokens_blob head = {.magic = TOKENS_MAGIC};
    blob_put(&b, &head, sizeof(head));
    if (strcmp(argv[2], "-") != 0) {
        read_classes(argv[2]);
        put_classes(&b, &head);
        for (int i = 0; i < 2; i++) {
            if (strcmp(argv[3 + i], "-") != 0) put_encoding(&b, &head.encoding[i], argv[3 + i]);
        }
    }
    memcpy(b.p, &head, sizeof(head));
    FILE *f = fopen(argv[1], "wb");
    if (!f || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0) fail("cannot be written", argv[1]);
    free(b.p);
    return 0;
}
