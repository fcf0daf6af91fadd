/* purser runaway: lift what blocks a session or task. */
#include "base/json.h"
#include "base/time.h"
#include "cli/change.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 500 };

struct wish {
    const char *session, *task, *key, *why, *dir, *config;
};

static const char *name_of(const struct wish *w)
{
    return w->session ? w->session : w->task;
}

static void write_body(const struct wish *w, struct buf *body)
{
    control_add_member(body, "session", str_from(w->session));
    control_add_member(body, "task", str_from(w->task));
    control_add_member(body, "key", str_from(w->key));
    control_add_member(body, "why", str_from(w->why));
    control_add_member(body, "who", control_user());
    buf_add_byte(body, '}');
}

/* How many were lifted; -1: that is not known. */
static int64_t read_answer(str answer)
{
    struct json doc;
    struct json_fail fail;
    int64_t lifted = -1;
    json_init(&doc);
    if (json_parse(&doc, answer, &fail) && !json_i64(&doc, json_find(&doc, JSON_ROOT, S("lifted"), NULL), &lifted))
        lifted = -1;
    json_free(&doc);
    return lifted;
}

static bool lift(const struct options *o, const struct data_folder *f, const struct wish *w)
{
    struct buf body, answer;
    buf_init(&body, 0);
    buf_init(&answer, 0);
    write_body(w, &body);
    struct control_call call = {.dir = f->dir,
                                .method = "POST",
                                .path = "/api/v1/runaway/lift",
                                .body = buf_str(&body)};
    enum control_result got = control_ask(o, &call, &answer);
    int64_t lifted = got == CONTROL_ANSWERED ? read_answer(buf_str(&answer)) : -1;
    if (got == CONTROL_NO_SERVER)
        options_complain(o, "no server runs in %s: it starts with nothing to lift", f->dir);
    else if (got == CONTROL_ANSWERED && lifted < 0)
        options_complain(o, "the server's answer is not what it should be");
    else if (!lifted)
        options_complain(o, "no %s '%s' is watched%s%s%s", w->session ? "session" : "task", name_of(w),
                         w->key ? " for the key '" : "", w->key ? w->key : "", w->key ? "'" : "");
    else if (lifted > 0)
        printf("Lifted: the %s '%s' starts anew.\n", w->session ? "session" : "task", name_of(w));
    buf_free(&body);
    buf_free(&answer);
    return lifted > 0;
}

int cmd_runaway(int argc, char **argv)
{
    enum { SESSION, TASK, KEY, WHY, DATA, CONFIG };
    static const struct option table[] = {
        {"session", "NAME", "the session, as its calls name it"},
        {"task", "NAME", "the task, likewise"},
        {"key", "NAME", "the key of purser whose it is (all)"},
        OPTION_WHY,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "runaway",
        .usage = "lift --session NAME | --task NAME [options]",
        .summary = "Forget what was seen of a session or task, so that its calls are no longer slowed down or\n"
                   "refused. What goes on looping is seen again. The audit keeps who, when and why.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser runaway lift --session agent-42 --why \"a load test\"",
    };
    struct wish w = {0};
    struct options o;
    const char *argument = NULL;
    const struct option_to to[] = {
        [SESSION] = {.text = &w.session}, [TASK] = {.text = &w.task}, [KEY] = {.text = &w.key},
        [WHY] = {.text = &w.why},         [DATA] = {.text = &w.dir},  [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &argument)) return o.exit_code;
    if (!argument || strcmp(argument, "lift") != 0 || !w.session == !w.task || !*name_of(&w)) {
        options_complain(&o, "say what to lift: lift --session NAME, or lift --task NAME");
        return EXIT_USAGE;
    }
    if (strlen(name_of(&w)) > TEXT_BYTES_MAX || (w.why && strlen(w.why) > TEXT_BYTES_MAX)) {
        options_complain(&o, "the name and --why take at most %d bytes", TEXT_BYTES_MAX);
        return EXIT_USAGE;
    }
    struct data_folder f;
    if (!data_folder_find(&o, w.config, w.dir, true, &f)) return EXIT_FAILED;
    bool ok = lift(&o, &f, &w);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}
