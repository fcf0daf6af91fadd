/* multipart/form-data, read in place: fields and where they stand; files are not copied.
 * Strict: what two readers could take for different things is refused (RFC 7578, RFC 2046). */
#ifndef DIALECT_MULTIPART_H
#define DIALECT_MULTIPART_H

#include "base/str.h"

enum { MULTIPART_PARTS_MAX = 256, MULTIPART_BOUNDARY_MAX = 70, MULTIPART_HEAD_MAX = 8 * 1024 };

struct multipart {
    str body;
    size_t at;                                  /* behind the delimiter of the part that is next */
    char delimiter[MULTIPART_BOUNDARY_MAX + 4]; /* CR LF - - boundary */
    size_t delimiter_bytes;
    unsigned parts;
    bool over;
    const char *why; /* what is wrong; NULL: nothing */
};

struct multipart_part {
    str name;
    bool file; /* it has a filename */
    str content;
    size_t at; /* where the content begins in the body */
};

bool multipart_is(str content_type);
/* Fails: false with `why` filled in. */
bool multipart_init(struct multipart *m, str content_type, str body) MUST_CHECK;
/* Fails: false behind the last part, or with `why` filled in. */
bool multipart_next(struct multipart *m, struct multipart_part *out) MUST_CHECK;

#endif
