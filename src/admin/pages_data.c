/* The dashboard's bytes, put into the binary as ui/build.mjs packed them. */
#include "admin/pages.h"

#include "base/embed.h"

EMBED(pages_blob, "build/ui/ui.bin");

extern const char pages_blob[], pages_blob_end[];

str pages_data(void)
{
    /* cppcheck-suppress comparePointers ; two labels of one object */
    return str_of(pages_blob, (size_t)(pages_blob_end - pages_blob));
}
