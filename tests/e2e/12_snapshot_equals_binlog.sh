#!/bin/bash
# Rows read by SELECT are equal, value by value, to the same rows in the binlog: every type
# with its boundary values, plain and in compressed transactions.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$here/${BUILD:-build}
dir=$(mktemp -d)

end() {
    "$here/scripts/servers" stop --dir "$dir" >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap end EXIT

status=0
"$here/scripts/servers" start mysql --dir "$dir" || status=$?
if [ $status = 77 ]; then
    echo "skipped: no MySQL server can be had here"
    exit 77
fi
[ $status = 0 ]
eval "$("$here/scripts/servers" env --dir "$dir")"
sql() { mariadb --no-defaults -S "$MYSQL_SOCKET" -u "$MYSQL_ADMIN_USER" --skip-ssl -N "$@"; }
compare() {
    "$build/tests/e2e/snapshot_binlog" "$MYSQL_HOST" "$MYSQL_PORT" "$MYSQL_REPL_USER" \
        "$MYSQL_REPL_PASSWORD_FILE" "$MYSQL_CA" types "$1"
}

from=$(sql -e 'SELECT @@GLOBAL.gtid_executed' | tr -d '\n')
sql <"$here/tests/e2e/snapshot_types.sql"
compare "$from"

echo "with binlog_transaction_compression"
sql -e 'DROP DATABASE types'
from=$(sql -e 'SELECT @@GLOBAL.gtid_executed' | tr -d '\n')
(echo 'SET binlog_transaction_compression = ON;'; cat "$here/tests/e2e/snapshot_types.sql") | sql
compare "$from"

echo "without checksums"
sql -e 'DROP DATABASE types; SET GLOBAL binlog_checksum = NONE'
from=$(sql -e 'SELECT @@GLOBAL.gtid_executed' | tr -d '\n')
sql <"$here/tests/e2e/snapshot_types.sql"
compare "$from"
