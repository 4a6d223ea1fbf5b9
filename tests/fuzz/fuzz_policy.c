#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "targets/residency/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Whatever the document says, a candidate that is no subnet ARN is denied, and an answer of yes
 * comes with the reason "listed" only.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const arns[] = {
        "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08fc749671b2d4e05",
        "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-*",
    };
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    struct policy_decision d;

    if (policy_add(p, "fuzz", bytes_of(data, size), &err) && policy_ready(p, &err)) {
        policy_decide(p, arns, 1, &d);
        if (d.allowed != (d.reason[0] == 'l'))
            abort();
        policy_decide(p, arns, 2, &d);
        if (d.allowed)
            abort();
        policy_decide(p, arns, 0, &d);
        if (d.allowed)
            abort();
    } else if (err.kind != ERR_CONFIG || err.reason[0] == '\0') {
        abort();
    }
    policy_free(p);
    return 0;
}
