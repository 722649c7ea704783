/* What a Check test file defines. */
#ifndef GG_TESTS_CHECK_MAIN_H
#define GG_TESTS_CHECK_MAIN_H

#include <check.h>

Suite *suite(void);

#endif
