#!/bin/bash
# Permits of a connection to a real MariaDB: renewed, given anew, or nothing goes out
# (permit.c).
. "$(dirname "$0")/../lib/e2e.sh"
start_target
PERMIT_PASSWORD=$(cat "$TARGET_APPLY_PASSWORD_FILE")
export PERMIT_HOST=$TARGET_HOST PERMIT_PORT=$TARGET_PORT PERMIT_USER=$TARGET_APPLY_USER
export PERMIT_PASSWORD PERMIT_CA=$TARGET_CA PERMIT_DIR=$DIR
"$BUILD/tests/e2e/permit"
