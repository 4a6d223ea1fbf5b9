#include "schema/change.h"

#include <stdlib.h>
#include <string.h>

/* Length of the name before its last dot, and the number after it. */
static size_t split_file(const char *file, unsigned long long *number)
{
    const char *dot = strrchr(file, '.');
    char *end;

    *number = 0;
    if (dot == NULL || dot[1] < '0' || dot[1] > '9')
        return strlen(file);
    *number = strtoull(dot + 1, &end, 10);
    if (*end != '\0') {
        *number = 0;
        return strlen(file);
    }
    return (size_t)(dot - file);
}

int position_compare(const struct position *a, const struct position *b)
{
    unsigned long long na, nb;
    size_t la = split_file(a->file, &na), lb = split_file(b->file, &nb);

    if (la != lb || memcmp(a->file, b->file, la) != 0)
        return strcmp(a->file, b->file);
    if (na != nb)
        return na < nb ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}
