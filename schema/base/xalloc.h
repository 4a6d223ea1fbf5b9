/*
 * xalloc.h - the one place where out of memory ends the program.
 *
 * All return zeroed or copied memory and never NULL; they abort with a message on stderr.
 * A length read from outside must have met a named limit before it comes here.
 */
#ifndef SCHEMA_BASE_XALLOC_H
#define SCHEMA_BASE_XALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size); /* free() it */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
