/* Budgets, limits, features' settings and prices are entries of the settings: one way to show and to change them all.
 * Each fails after api_fail(). */
#ifndef ADMIN_SETTINGS_H
#define ADMIN_SETTINGS_H

#include "admin/api.h"

/* `kind`: "budget". */
void setting_get(struct api_call *c, const char *kind, str name);
/* The body becomes the entry; If-Match is held to. Answers with the entry as it then stands. */
void setting_put(struct api_call *c, const char *kind, str name);
/* The same with a body that was made of what was asked. */
void setting_put_body(struct api_call *c, const char *kind, str name, str body);
void setting_delete(struct api_call *c, const char *kind, str name);

/* Who asks, with the person's name that `who` of the query may add; `why` of the query. Fails: false after api_fail(). */
bool setting_asker(struct api_call *c, str *who, str *why) MUST_CHECK;
/* What is in force now, counted. */
struct snapshot *setting_snapshot(struct api_call *c);

#endif
