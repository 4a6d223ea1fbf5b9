#!/bin/bash
# 24_contract - the contract of targets/target.h, tests/contract, on a real MariaDB.
. "$(dirname "$0")/../lib/e2e.sh"
start_target
WRITER_PASSWORD=$(cat "$TARGET_APPLY_PASSWORD_FILE")
export WRITER_HOST=$TARGET_HOST WRITER_PORT=$TARGET_PORT WRITER_USER=$TARGET_APPLY_USER
export WRITER_PASSWORD WRITER_CA=$TARGET_CA WRITER_AUDIT=$DIR/audit
"$BUILD/tests/contract/mariadb"
