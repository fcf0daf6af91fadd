/* What showing and changing keys have in common. */
#ifndef ADMIN_KEYS_H
#define ADMIN_KEYS_H

#include "admin/api.h"

/* The key as it stands, or that there is none. */
void keys_answer(struct api_call *c, str name);
void keys_none(struct api_call *c, str name);

#endif
