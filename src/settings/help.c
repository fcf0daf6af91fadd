/* The reference of all settings, from the table. */
#include "settings/load.h"

static str full_path(struct arena *arena, const struct setting_row *row)
{
    const char *group = setting_groups[row->group].path;
    return arena_printf(arena, "%s%s%" STR_FMT, group, *group ? "." : "", STR_ARG(row->key));
}

static const char *standard(const struct setting_row *row)
{
    if (!row->standard) return "required";
    return *row->standard ? row->standard : "not set";
}

static void plain_group(struct buf *out, enum setting_group group, struct arena *arena)
{
    const struct group_row *g = &setting_groups[group];
    buf_printf(out, "%s\n", *g->path ? g->path : "purser.yaml");
    if (*g->meaning) buf_printf(out, "  %s\n", g->meaning);
    for (size_t i = 0; setting_row_at(i); i++) {
        const struct setting_row *row = setting_row_at(i);
        if (row->group != group) continue;
        str path = full_path(arena, row);
        buf_printf(out, "\n  %" STR_FMT "  (%s; %s%s)\n", STR_ARG(path), setting_type_name(row->type),
                   row->standard && *row->standard ? "default " : "", standard(row));
        buf_printf(out, "      %s\n", row->meaning);
        buf_printf(out, "      %" STR_FMT ": %s\n", STR_ARG(row->key), row->example);
    }
    buf_add_byte(out, '\n');
}

static void markdown_cell(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

static void markdown_group(struct buf *out, enum setting_group group)
{
    const struct group_row *g = &setting_groups[group];
    if (*g->path) buf_printf(out, "## `%s`\n\n", g->path);
    if (*g->meaning) buf_printf(out, "%s\n\n", g->meaning);
    if (*g->example) buf_printf(out, "```yaml\n%s```\n\n", g->example);
    buf_add(out, S("| setting | type | default | meaning | example |\n|---|---|---|---|---|\n"));
    for (size_t i = 0; setting_row_at(i); i++) {
        const struct setting_row *row = setting_row_at(i);
        if (row->group != group) continue;
        bool value = row->standard && *row->standard && *row->standard != '(';
        buf_printf(out, "| `%" STR_FMT "` | %s | %s%s%s | ", STR_ARG(row->key), setting_type_name(row->type),
                   value ? "`" : "", standard(row), value ? "`" : "");
        markdown_cell(out, row->meaning);
        buf_add(out, S(" | `"));
        markdown_cell(out, row->example);
        buf_add(out, S("` |\n"));
    }
    buf_add_byte(out, '\n');
}

/* "chat, responses"; "GEMINI_API_KEY, GOOGLE_API_KEY". */
static str join(struct arena *arena, const struct vendor *v, bool protocols)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t i = 0; protocols ? i < v->protocols.count : vendor_key_env(v, i).p != NULL; i++) {
        buf_add(&text, i ? S(", ") : S(""));
        buf_add(&text, protocols ? protocol_name(v->protocols.at[i]) : vendor_key_env(v, i));
    }
    str out = text.n ? arena_str(arena, buf_str(&text)) : S("-");
    buf_free(&text);
    return out;
}

static str address_of(const struct vendor *v)
{
    if (v->base_url.n) return v->base_url;
    return v->paths == FAMILY_VERTEX    ? S("by location")
           : v->paths == FAMILY_BEDROCK ? S("by region")
                                        : S("must be set");
}

static void vendors(bool markdown, struct buf *out, struct arena *arena)
{
    buf_add(out, markdown
                     ? S("## Kinds of provider\n\n| kind | protocols | address | key from | prices "
                         "|\n|---|---|---|---|---|\n")
                     : S("Kinds of provider (kind, protocols, address, variable of the key, prices in the book)\n"));
    for (size_t i = 0; vendor_at(i); i++) {
        const struct vendor *v = vendor_at(i);
        buf_printf(out,
                   markdown ? "| `%" STR_FMT "` | %" STR_FMT " | %" STR_FMT " | %" STR_FMT " | %" STR_FMT " |\n"
                            : "  %-18" STR_FMT "  %-22" STR_FMT "  %-42" STR_FMT "  %-30" STR_FMT "  %" STR_FMT "\n",
                   STR_ARG(v->kind), STR_ARG(join(arena, v, true)), STR_ARG(address_of(v)),
                   STR_ARG(join(arena, v, false)), STR_ARG(v->book.n ? v->book : S("own alone")));
    }
}

static void quirks(bool markdown, struct buf *out)
{
    buf_add(out, markdown ? S("\n## Quirks\n\n| quirk | meaning |\n|---|---|\n") : S("\nQuirks\n"));
    for (size_t i = 0; quirk_at(i); i++) {
        const struct quirk *q = quirk_at(i);
        if (markdown)
            buf_printf(out, "| `%" STR_FMT "` | %" STR_FMT " |\n", STR_ARG(q->name), STR_ARG(q->text));
        else
            buf_printf(out, "  %-18" STR_FMT "  %" STR_FMT "\n", STR_ARG(q->name), STR_ARG(q->text));
    }
}

static const char at_run_time[] =
    "\n## Settings made at run time\n\n"
    "Budgets, limits, features and prices can also be set while purser runs: by `purser budgets set`, the admin API\n"
    "(`PUT /api/v1/budgets/NAME`, `/limits/NAME`, `/features/NAME/settings`, `/prices/NAME`) or the dashboard. The "
    "body\n"
    "is JSON with the very keys above, and every check, default and hint of this file holds for it. They are kept in "
    "the\n"
    "data folder, hold at once and over restarts and reloads, and each change is in the audit.\n\n"
    "- **The file wins.** An entry of the same kind and name that stands in the file, too, is shadowed; of prices, "
    "one\n"
    "  for the same model, tier, context and beginning.\n"
    "- What the file has made invalid (a budget hands its calls on to a provider that is gone) is left out with a\n"
    "  warning; all else holds, and it is back once the file allows it.\n"
    "- `${NAME}` is refused there: the file alone reads the environment.\n\n"
    "`purser settings` lists all of them with their origin, `purser check` warns of what is shadowed or left out, and\n"
    "`purser settings export` prints those made at run time as YAML for the file.\n";

void settings_help(bool markdown, struct buf *out)
{
    struct arena arena;
    arena_init(&arena);
    if (markdown) {
        buf_add(
            out,
            S("# Settings\n\n"
              "<!-- Written by `purser check --help-settings --markdown` from src/settings/settings.def. -->\n\n"
              "`purser check` reads a file, names every problem with its line, and prints what it understood.\n"
              "Durations carry a unit (`250ms`, `5s`, `10m`, `24h`, `7d`), sizes too (`32kB`, `64MB`; a kB is 1024\n"
              "bytes). Truth is `true` or `false`. Anchors, aliases, tags and keys that stand twice are refused.\n"
              "Put values that begin with `*`, `&`, `[` or `{` in quotes.\n\n"));
    }
    for (enum setting_group g = 0; g < GROUP_COUNT; g++) {
        if (markdown)
            markdown_group(out, g);
        else
            plain_group(out, g, &arena);
    }
    vendors(markdown, out, &arena);
    quirks(markdown, out);
    if (markdown) buf_add(out, str_from(at_run_time));
    arena_free(&arena);
}
