#!/bin/bash
# 20_writer - what is special to a real MariaDB as a target (writer_*.c); the contract is 24_contract.
. "$(dirname "$0")/../lib/e2e.sh"
start_target
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/wrong.key" -out "$DIR/wrong.pem" \
    -days 2 -subj /CN=wrong 2>/dev/null
WRITER_PASSWORD=$(cat "$TARGET_APPLY_PASSWORD_FILE")
export WRITER_HOST=$TARGET_HOST WRITER_PORT=$TARGET_PORT WRITER_USER=$TARGET_APPLY_USER
export WRITER_PASSWORD WRITER_CA=$TARGET_CA WRITER_WRONG_CA=$DIR/wrong.pem WRITER_AUDIT=$DIR/audit
for part in units ddl; do
    "$BUILD/tests/e2e/writer_$part"
done
if grep -q canary- "$DIR/audit"; then
    fail "a row value is in the audit file"
fi
