/* The commands of `purser`, one file each.
 *
 * argv[0] is the command's own name, as main.c passes it on. The result is the
 * exit code: 0 ok, 1 failed, 2 wrong usage (see options.h). */
#ifndef CLI_CLI_H
#define CLI_CLI_H

int cmd_init(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_access(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_budgets(int argc, char **argv);
int cmd_settings(int argc, char **argv);
int cmd_ai(int argc, char **argv);
int cmd_runaway(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_prices(int argc, char **argv);
int cmd_providers(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_tokens(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
