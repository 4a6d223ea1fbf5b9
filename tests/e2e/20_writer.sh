#!/bin/bash
# 20_writer - the contract of targets/target.h on a real MariaDB (writer.c).
set -euo pipefail
cd "$(dirname "$0")/../.."
B=${BUILD:-build}
dir=$(mktemp -d /tmp/domicile-writer.XXXXXX)
trap 'scripts/servers kill --dir "$dir" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

scripts/servers start mariadb --dir "$dir" --name target
eval "$(scripts/servers env --dir "$dir" --name target)"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/wrong.key" -out "$dir/wrong.pem" \
    -days 2 -subj /CN=wrong 2>/dev/null

make -s lib
# shellcheck disable=SC2046
${CC:-gcc} -std=c17 -D_GNU_SOURCE -I. -g -Wall -Wextra -o "$dir/writer" tests/e2e/writer.c \
    "$B/libdomicile.a" $(pkg-config --cflags --libs libmariadb libpq libzstd libcjson libxxhash \
    openssl zlib cmocka) -lm -pthread

export WRITER_HOST=$TARGET_HOST WRITER_PORT=$TARGET_PORT WRITER_USER=$TARGET_APPLY_USER
WRITER_PASSWORD=$(cat "$TARGET_APPLY_PASSWORD_FILE")
export WRITER_PASSWORD WRITER_CA=$TARGET_CA WRITER_WRONG_CA=$dir/wrong.pem WRITER_AUDIT=$dir/audit
"$dir/writer"
if grep -q canary- "$dir/audit"; then
    echo "a row value is in the audit file" >&2
    exit 1
fi
