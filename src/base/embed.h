/* A file's bytes in the program: EMBED(name, "path from the project's root, where make runs"); they begin at `name`
 * and end at `name_end`, with a zero behind them.
 *
 * In pages of their own, where the compiler's assembler can: the kernel maps what lies around a page that is touched,
 * and much that nobody reads would lie around the constants that everybody does. */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#if defined(__x86_64__) && !defined(__clang__)
#define EMBED_SECTION ".section .lrodata,\"al\",@progbits\n"
#else
#define EMBED_SECTION ".section .rodata\n"
#endif

/* clang-format off */
#define EMBED(name, path)                                                                                              \
    __asm__(EMBED_SECTION                                                                                              \
            ".balign 4096\n"                                                                                           \
            ".global " #name "\n"                                                                                      \
            ".global " #name "_end\n"                                                                                  \
            #name ":\n"                                                                                                \
            ".incbin \"" path "\"\n"                                                                                   \
            #name "_end:\n"                                                                                            \
            ".byte 0\n"                                                                                                \
            ".balign 4096\n"                                                                                           \
            ".previous\n")
/* clang-format on */

#endif
