#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "targets/residency/locate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void locate(const struct inventory *inv, const char *text)
{
    const char *vpcs[] = {"vpc-1"};
    struct locate_scope scope = {NULL, vpcs, 1, false};
    struct arena arena = {0};
    struct vpc own;
    struct address a;
    struct locate_result r;

    if (!address_parse(text, &a))
        abort();
    if (locate_peer(inv, &a, &scope, &r) != (r.reason == NULL && r.n > 0))
        abort();
    if (locate_vpc(inv, "vpc-1", &arena, &own))
        scope.own_vpc = &own;
    if (!locate_peer(inv, &a, &scope, &r) && (r.n > 0 || r.reason == NULL))
        abort();
    for (size_t i = 0; i < r.n; i++)
        if (r.items[i].subnet == NULL || r.items[i].interface == NULL)
            abort();
    arena_release(&arena);
}

/* What was located has an interface and a subnet; what was not has a reason and no candidate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inventory inv = {0};
    struct err err = ERR_INIT;

    if (!inventory_parse(&inv, bytes_of(data, size), &err)) {
        if (err.kind != ERR_CONFIG || err.reason[0] == '\0')
            abort();
        return 0;
    }
    locate(&inv, "10.0.8.10");
    locate(&inv, "2600:1f18:4a3b:1200::10");
    inventory_release(&inv);
    return 0;
}
