/* The parts of `purser keys`. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

/* The name under which the server keeps its token. */
#define KEYS_ADMIN_TOKEN "(admin token)"

int keys_list(int argc, char **argv);

#endif
