#!/bin/bash
# 21_applier - the apply engine from a queue to a real MariaDB (applier.c).
. "$(dirname "$0")/../lib/e2e.sh"
start_target
WRITER_PASSWORD=$(cat "$TARGET_APPLY_PASSWORD_FILE")
export WRITER_HOST=$TARGET_HOST WRITER_PORT=$TARGET_PORT WRITER_USER=$TARGET_APPLY_USER
export WRITER_PASSWORD WRITER_CA=$TARGET_CA WRITER_AUDIT=$DIR/audit APPLIER_DIR=$DIR
"$BUILD/tests/e2e/applier"
if grep -q canary- "$DIR/audit"; then
    fail "a row value is in the audit file"
fi
