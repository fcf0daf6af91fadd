#include "past.h"

#include "ledger/audit.h"
#include "ledger/sql.h"

#include <math.h>
#include <stdio.h>

/* ---- outcomes and feedback, as they are told later */

bool after_prepare(struct past *p)
{
    sqlite3 *db = store_db(p->store);
    return sqlite3_prepare_v2(
               db,
               "INSERT OR IGNORE INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd,"
               " feature, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'token outcomes')",
               -1, &p->outcome, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(db,
                              "INSERT INTO feedback (at_us, call_id, score_ppm, scored, label, comment, feature, who)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, 'token feedback')",
                              -1, &p->feedback, NULL) == SQLITE_OK;
}

void after_free(struct past *p)
{
    sqlite3_finalize(p->outcome);
    sqlite3_finalize(p->feedback);
}

static bool put_outcome(struct past *p, const struct past_task *t, int64_t at_us, bool success)
{
    char task[48];
    const struct past_feature *f = t->feature;
    bool by_task = f->task && t->hostile < 0;
    double value = success ? f->value_usd * exp(0.3 * past_normal(&p->rng)) : 0;
    sqlite3_bind_int64(p->outcome, 1, at_us);
    sqlite3_bind_int64(p->outcome, 2, at_us + (int64_t)rng_below(&p->rng, 90 * US_PER_SECOND));
    sql_bind(p->outcome, 3, by_task ? task_name(t, task, sizeof(task)) : STR_NONE);
    sqlite3_bind_int64(p->outcome, 4, by_task ? 0 : (int64_t)t->last_call);
    sql_bind(p->outcome, 5, t->hostile >= 0 ? hostile_text(t->hostile + 1) : str_from(f->outcome));
    sqlite3_bind_int(p->outcome, 6, success);
    sqlite3_bind_int64(p->outcome, 7, (int64_t)(value * 100) * (PICOUSD_PER_USD / 100));
    sql_bind(p->outcome, 8, str_from(f->name));
    bool ok = sqlite3_step(p->outcome) == SQLITE_DONE;
    return sqlite3_reset(p->outcome) == SQLITE_OK && ok;
}

/* Known hours later, of some never; newer prompts do a little better, long conversations worse. */
bool after_task(struct past *p, const struct past_task *t)
{
    const struct past_feature *f = t->feature;
    if (!f->outcome || t->loop || !past_chance(&p->rng, 0.87)) return true;
    int64_t at_us = p->now_us + (int64_t)(5400e6 * exp(1.1 * past_normal(&p->rng)));
    if (at_us > p->ask.until_us) return true;
    double success =
        f->success + 0.012 * (t->version - 1) - 0.03 * (t->made > f->calls_max / 2) - (t->unanswered ? 0.5 : 0);
    return put_outcome(p, t, at_us, past_chance(&p->rng, success));
}

bool after_call(struct past *p, const struct past_task *t, uint64_t call_id, int64_t at_us)
{
    static const char *const good[] = {"helpful", "clear", ""}, *const bad[] = {"wrong", "too long", "made up", "slow"};
    static const char *const said[] = {
        "", "", "", "Did not answer what I asked.", "Saved me ten minutes.", "The number is from last year."};
    const struct past_feature *f = t->feature;
    at_us += (int64_t)(40e6 * exp(past_normal(&p->rng)));
    if (!f->of_users || t->unanswered || !past_chance(&p->rng, 0.02) || at_us > p->ask.until_us) return true;
    bool up = past_chance(&p->rng, 0.74), hostile = t->hostile >= 0;
    sqlite3_stmt *q = p->feedback;
    sqlite3_bind_int64(q, 1, at_us);
    sqlite3_bind_int64(q, 2, (int64_t)call_id);
    sqlite3_bind_int64(q, 3, up ? 1000000 : 250000 * (int64_t)rng_below(&p->rng, 3));
    sqlite3_bind_int(q, 4, 1);
    sql_bind(q, 5,
             hostile ? hostile_text(t->hostile + 2)
                     : str_from(up ? good[rng_below(&p->rng, 3)] : bad[rng_below(&p->rng, 4)]));
    sql_bind(q, 6, hostile ? hostile_text(t->hostile + 3) : str_from(said[rng_below(&p->rng, 6)]));
    sql_bind(q, 7, str_from(f->name));
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    return sqlite3_reset(q) == SQLITE_OK && ok;
}

/* ---- who changed what */

struct change {
    double at; /* share of the time */
    const char *who, *what, *object, *before, *after, *why, *origin;
};

static const struct change changes[] = {
    {.01, "local user ines", "key add", "key mobile-beta", "", "{\"name\":\"mobile-beta\",\"team\":\"mobile\"}",
     "testers of the new app", "control socket"},
    {.06, "admin token jonas", "budget set", "budget each-team", "{\"limit_usd\":\"900\"}", "{\"limit_usd\":\"1200\"}",
     "new quarter", "10.20.0.14"},
    {.12, "local user ines", "key add", "key contractor", "", "{\"name\":\"contractor\",\"team\":\"research\"}",
     "until the end of the study", "control socket"},
    {.21, "admin token jonas", "limit set", "limit shop-search", "{\"requests_per_minute\":900}",
     "{\"requests_per_minute\":2400}", "autumn sale", "10.20.0.14"},
    {.33, "admin token ana", "feature set", "feature support-bot", "{\"max_output_tokens\":600}",
     "{\"max_output_tokens\":800}", "answers were cut", "10.20.0.31"},
    {.42, "local user ines", "ai off", "feature research-agent", "on", "off",
     "the provider is down, save it for the shop", "control socket"},
    {.421, "local user ines", "ai on", "feature research-agent", "off", "on", "it is back", "control socket"},
    {.55, "admin token jonas", "price set", "price openai/gpt-5", "", "{\"input\":\"1.00\",\"output\":\"8.00\"}",
     "the new contract", "10.20.0.14"},
    {.60, "local user ines", "key revoke", "key mobile-beta", "active", "revoked", "found in a public repository",
     "control socket"},
    {.695, "local user emil", "runaway lift", "session nightly-build of key platform-ci", "blocked", "lifted",
     "it was the weekend's loop, mended", "control socket"},
    {.70, "admin token jonas", "budget set", "budget company", "{\"limit_usd\":\"4000\"}", "{\"limit_usd\":\"5000\"}",
     "after the loop", "10.20.0.14"},
    {.83, "admin token ana", "token add", "token dashboards", "", "{\"name\":\"dashboards\",\"role\":\"viewer\"}",
     "the screen in the hall", "10.20.0.31"},
    {.92, "local user ines", "ai off", "feature legacy-summary", "on", "off",
     "replaced by the weekly digest; nobody owns it", "control socket"},
    {.97, "admin token jonas", "feature set", "feature weekly-digest", "{\"owner\":\"kim@example.com\"}",
     "{\"owner\":\"cleo@example.com\"}", "kim has left", "10.20.0.14"},
};

static int64_t at_share(const struct past *p, double share)
{
    return p->rhythm.from_us + (int64_t)((double)(p->rhythm.until_us - p->rhythm.from_us) * share);
}

static bool write_audit(struct past *p)
{
    sqlite3 *db = store_db(p->store);
    bool ok = true;
    for (size_t i = 0; i < COUNT_OF(changes) && ok; i++) {
        const struct change *c = &changes[i];
        const struct audit_entry e = {at_share(p, c->at),  str_from(c->who),   str_from(c->what), str_from(c->object),
                                      str_from(c->before), str_from(c->after), str_from(c->why),  str_from(c->origin)};
        ok = audit_append(db, &e);
    }
    for (size_t i = 0; p->ask.hostile && ok && i < hostile_count(); i++) {
        str text = hostile_text((int64_t)i);
        const struct audit_entry e = {at_share(p, .98), text, S("ai off"), text, text, text, text, text};
        ok = audit_append(db, &e);
    }
    return ok;
}

/* ---- keys made while it ran, what is switched off, what was worth knowing */

static bool run(struct past *p, const char *sql, int64_t one, int64_t two)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(store_db(p->store), sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, one);
        if (sqlite3_bind_parameter_count(q) > 1) sqlite3_bind_int64(q, 2, two);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool write_rest(struct past *p)
{
    const struct window month = {.kind = WINDOW_MONTH};
    return run(p, "INSERT INTO keys VALUES ('mobile-beta', 'mobile', '*', randomblob(32), ?, ?, 0)", at_share(p, .01),
               at_share(p, .60)) &&
           run(p, "INSERT INTO keys VALUES ('contractor', 'research', 'openai/*', randomblob(32), ?, 0, ?)",
               at_share(p, .12), at_share(p, .50)) &&
           run(p,
               "INSERT INTO switches VALUES ('legacy-summary', ?, 0, 'local user ines', 'replaced by the weekly "
               "digest; nobody owns it')",
               at_share(p, .92), 0) &&
           run(p,
               "INSERT INTO events (at_us, kind, object, level, window_us, text) VALUES (?, 'burn_rate', 'each-team of "
               "platform', 600, ?,"
               " 'The budget ''each-team'' of platform burned at 6 times an even pace.')",
               at_share(p, .685), at_share(p, .684)) &&
           run(p,
               "INSERT INTO events (at_us, kind, object, level, window_us, text) VALUES (?, 'budget', 'company', 50, ?,"
               " 'The budget ''company'' has spent 50% of its limit.')",
               at_share(p, .8), window_start(&month, at_share(p, .8)));
}

bool after_all(struct past *p)
{
    return store_begin(p->store) && write_audit(p) && write_rest(p) && store_commit(p->store);
}
