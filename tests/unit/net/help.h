/* What every test of net/ includes. */
#ifndef TEST_NET_HELP_H
#define TEST_NET_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
