#!/bin/bash
# Rows read by SELECT are equal, value by value, to the same rows in the binlog: every type
# with its boundary values, plain, in compressed transactions, and without checksums.
. "$(dirname "$0")/../lib/e2e.sh"
start_source

executed() { source_sql -e 'SELECT @@GLOBAL.gtid_executed' | tr -d '\n'; }

# compare [STATEMENT before the tables are made, in their session]
compare() {
    local from
    source_sql -e 'DROP DATABASE IF EXISTS types'
    from=$(executed)
    (echo "${1:-}"; cat "$ROOT/tests/e2e/snapshot_types.sql") | source_sql
    "$BUILD/tests/e2e/snapshot_binlog" "$SOURCE_HOST" "$SOURCE_PORT" "$SOURCE_REPL_USER" \
        "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_CA" types "$from" | tee "$DIR/out"
    assert_contains "$(cat "$DIR/out")" " 0 differ" "rows and binlog"
}

compare
compare 'SET binlog_transaction_compression = ON;'
source_sql -e 'SET GLOBAL binlog_checksum = NONE'
compare

# What sessions are committing, or may be, is part of a view's upper bound.
other=11111111-2222-3333-4444-555555555555
for gtid in $other:17 $other:19 99999999-2222-3333-4444-555555555555:3; do
    source_sql -e "SET GTID_NEXT = '$gtid'; SELECT SLEEP(600)" >/dev/null 2>&1 &
    PIDS+=($!)
done
held() { source_sql -e 'SELECT @@GLOBAL.gtid_owned' | tr -cd '#' | grep -qx '###'; }
wait_for 20 "three sessions with a GTID" held
compare
assert_contains "$(cat "$DIR/out")" "committing: $other:17:19,99999999-2222-3333-4444-555555555555:3" "GTIDs in hand"
