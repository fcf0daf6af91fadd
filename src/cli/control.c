#include "cli/control.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the folder */

static void print_errors(const struct settings_report *report)
{
    if (report->errors.n) fwrite(report->errors.p, 1, report->errors.n, stderr);
}

static bool any_settings(const char *config)
{
    struct arena arena;
    bool any = config && *config;
    str file;
    arena_init(&arena);
    for (size_t i = 0; !any && (file = settings_default_file(i, &arena)).n; i++) {
        char *path = str_dup(file);
        any = access(path, F_OK) == 0;
        free(path);
    }
    arena_free(&arena);
    return any;
}

bool data_folder_find(const struct options *o, const char *config, const char *dir, bool lenient,
                      struct data_folder *out)
{
    struct settings_report report = {0};
    bool any = any_settings(config);
    *out = (struct data_folder){0};
    if (any) out->settings = settings_load(config, &report);
    out->settings_wrong = any && !out->settings;
    if (out->settings_wrong) print_errors(&report);
    settings_report_free(&report);
    if (dir)
        out->dir = str_dup(str_from(dir));
    else if (out->settings)
        out->dir = str_dup(out->settings->data);
    else if (access("purser-data", F_OK) == 0 && (!any || lenient))
        out->dir = str_dup(S("./purser-data"));
    if (out->settings_wrong && (config || !lenient || !out->dir)) {
        options_complain(o, "the settings cannot be used ('purser check' tells more)%s",
                         dir ? "" : "; --data DIR names the data folder without them");
        if (config || !dir) {
            data_folder_free(out);
            return false;
        }
    } else if (out->settings_wrong) {
        options_complain(o, "warning: the settings cannot be used; this is of %s", out->dir);
    }
    if (out->dir) return true;
    options_complain(o,
                     "there are neither settings nor ./purser-data here: name them with --config FILE or --data DIR");
    data_folder_free(out);
    return false;
}

void data_folder_free(struct data_folder *f)
{
    settings_drop(f->settings);
    free(f->dir);
    *f = (struct data_folder){0};
}

/* ---- what is sent */

void control_add_member(struct buf *body, const char *name, str value)
{
    if (!value.p) return;
    buf_printf(body, "%s\"%s\":", body->n ? "," : "{", name);
    buf_add_json(body, value);
}

void control_add_name(struct buf *path, str name)
{
    size_t waves = 0;
    while (waves < name.n && name.p[waves] == '~') waves++;
    str rest = str_from_at(name, waves);
    if (str_eq(rest, S(".")) || str_eq(rest, S(".."))) buf_add_byte(path, '~');
    buf_add_percent(path, name);
}

void control_add_param(struct buf *path, const char *name, str value)
{
    bool first = str_find_byte(buf_str(path), '?', 0) == SIZE_MAX;
    buf_printf(path, "%c%s=", first ? '?' : '&', name);
    buf_add_percent(path, value);
}

str control_user(void)
{
    const char *sudo = getenv("SUDO_USER");
    if (sudo && *sudo && geteuid() == 0) return str_from(sudo);
    const struct passwd *p = getpwuid(getuid());
    return p ? str_from(p->pw_name) : S("unknown");
}
