#include "settings/load.h"

/* Each row's field has the type that its reader writes. */
#define STRUCT_OF(constant, path, ctype, ...) typedef ctype group_##constant;
#define GROUP                                 STRUCT_OF
#define SETTING(...)
#include "settings/settings.def"
#undef GROUP
#undef SETTING

#define TYPE(constant, name, ctype, reader) typedef ctype type_##constant;
#include "settings/types.def"
#undef TYPE

#define FIELD(group, field) (((group_##group *)NULL)->field)
#define GROUP(...)
#define SETTING(group, key, type, field, ...)                                                                          \
    _Static_assert(__builtin_types_compatible_p(type_##type, void) ||                                                  \
                       __builtin_types_compatible_p(type_##type, __typeof__(FIELD(group, field))),                     \
                   key ": the field is not of the type that its reader writes");
#include "settings/settings.def"
#undef GROUP
#undef SETTING

const struct group_row setting_groups[GROUP_COUNT] = {
#define GROUP(constant, path, ctype, meaning, example) [GROUP_##constant] = {path, meaning, example},
#define SETTING(...)
#include "settings/settings.def"
#undef GROUP
#undef SETTING
};

static const struct setting_row rows[] = {
#define GROUP(...)
#define SETTING(group, key, type, field, standard, meaning, example)                                                   \
    {GROUP_##group, TYPE_##type, STR_INIT(key), offsetof(group_##group, field), standard, meaning, example},
#include "settings/settings.def"
#undef GROUP
#undef SETTING
};

static const struct {
    const char *name;
    setting_reader *read;
} types[] = {
#define TYPE(constant, name, ctype, reader) [TYPE_##constant] = {name, reader},
#include "settings/types.def"
#undef TYPE
};

const struct setting_row *setting_row_at(size_t i)
{
    return i < COUNT_OF(rows) ? &rows[i] : NULL;
}

const char *setting_type_name(enum setting_type t)
{
    return types[t].name;
}

static bool is_container(enum setting_type t)
{
    return t >= TYPE_TEXTS;
}

static void unknown_key(struct loader *l, const struct tree_node *it, str path, enum setting_group group)
{
    struct suggest near;
    suggest_init(&near, it->key);
    struct buf known;
    buf_init(&known, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].group != group) continue;
        suggest_offer(&near, rows[i].key);
        buf_printf(&known, "%s%" STR_FMT, known.n ? ", " : "", STR_ARG(rows[i].key));
    }
    str at = load_path_key(l, path, load_show(l, it->key));
    if (near.best.p) {
        load_error(l, it->key_line, at, "no such setting; did you mean '%" STR_FMT "'?", STR_ARG(near.best));
    } else {
        load_error(l, it->key_line, at, "no such setting; here stand %" STR_FMT, STR_ARG(buf_str(&known)));
    }
    buf_free(&known);
}

/* Keys that stand twice, or that no row has. */
static bool check_keys(struct loader *l, const struct tree_node *map, str path, enum setting_group group)
{
    size_t before = l->report->error_count;
    for (const struct tree_node *it = map->first; it; it = it->next) {
        bool known = false;
        for (size_t i = 0; i < COUNT_OF(rows) && !known; i++) {
            known = rows[i].group == group && str_eq(rows[i].key, it->key);
        }
        if (!known)
            unknown_key(l, it, path, group);
        else if (it->twice) {
            load_twice(l, it, load_path_key(l, path, it->key));
        }
    }
    return l->report->error_count == before;
}

static bool read_row(struct loader *l, const struct setting_row *row, const struct tree_node *node, str at, void *into)
{
    struct value v;
    if (!load_value(l, node, at, row->type == TYPE_SECRET, &v)) return false;
    if (!is_container(row->type) && !load_want(l, &v, TREE_SCALAR, types[row->type].name)) return false;
    return types[row->type].read(l, &v, (char *)into + row->offset);
}

static bool read_default(struct loader *l, const struct setting_row *row, str at, void *into)
{
    struct value v = {.path = at, .text = str_from(row->standard), .shown = str_from(row->standard)};
    /* A container without a node reads the defaults of its own rows. */
    if (!is_container(row->type) && (!v.text.n || v.text.p[0] == '(')) return true;
    return types[row->type].read(l, &v, (char *)into + row->offset);
}

bool load_group(struct loader *l, const struct tree_node *node, str path, enum setting_group group, void *into)
{
    bool ok = true;
    if (node && tree_is_null(node)) node = NULL;
    uint32_t line = node ? node->key_line ? node->key_line : node->line : 0;
    if (node && node->kind != TREE_MAP) {
        load_error(l, line, path, "must be a map, not %s: key: value", tree_kind_name(node->kind));
        return false;
    }
    if (node) ok = check_keys(l, node, path, group);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct setting_row *row = &rows[i];
        if (row->group != group) continue;
        const struct tree_node *it = node ? tree_find(node, row->key) : NULL;
        str at = load_path_key(l, path, row->key);
        if (it && !tree_is_null(it)) {
            ok = read_row(l, row, it, at, into) && ok;
        } else if (row->standard) {
            ok = read_default(l, row, at, into) && ok;
        } else {
            load_error(l, it ? it->line : line, at, "is missing: add '%" STR_FMT ": %s'", STR_ARG(row->key),
                       row->example);
            ok = false;
        }
    }
    return ok;
}
