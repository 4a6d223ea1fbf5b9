/*
 * mariadb.c - the contract suite on a real MariaDB; see tests/e2e/24_contract.sh.
 */
#include "tests/contract/suite.h"
#include "tests/lib/writer.h"

static struct target *open_mariadb(void)
{
    struct target *made;

    must(target_connect(&config, guard, &made, &err));
    return made;
}

int main(void)
{
    int failed;

    if (!writer_begin())
        return 2;
    contract_open = open_mariadb;
    failed = contract_run("contract on MariaDB");
    guard_close(guard);
    return failed ? 1 : 0;
}
