#!/bin/bash
# What is outside today's scope is refused by name, with the remedy, and nothing is half-done.
. "$(dirname "$0")/../lib/e2e.sh"

start_source --row-metadata minimal
start_target
source_sql -e "CREATE DATABASE r; CREATE TABLE r.t (id INT PRIMARY KEY, v INT); INSERT INTO r.t VALUES (1, 1)"
write_config '"tables": {"include": ["r.*"]}'

assert_exit 1 domicile check
assert_contains "$(cat "$DIR/last.out")" "SET GLOBAL binlog_row_metadata = FULL" "check prints the statement"
source_sql -e "SET GLOBAL binlog_row_metadata = FULL"
assert_exit 0 domicile check
domicile load >/dev/null

refused() { # WHAT SQL PART: replicate stops with exit 5 and names the kind
    source_sql -e "$2"
    assert_exit 5 "$DOMICILE" replicate --once --config "$DIR/domicile.json"
    assert_contains "$(cat "$DIR/last.err")" "$3" "$1"
    # Go on behind it: a new queue and a new copy.
    target_sql -e "DROP DATABASE IF EXISTS r; DROP DATABASE IF EXISTS domicile"
    rm -rf "$DIR/queue"
    mkdir -m 700 "$DIR/queue"
    domicile load >/dev/null || fail "load after $1"
}
refused "partition DDL" "CREATE TABLE r.p (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10),
    PARTITION p1 VALUES LESS THAN (20)); ALTER TABLE r.p DROP PARTITION p0" "PARTITION"
refused "statement format" "SET SESSION binlog_format = STATEMENT; UPDATE r.t SET v = v + 1" "statement"
refused "XA" "XA START 'x'; UPDATE r.t SET v = v + 1; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'" "XA"

sed -i 's/"evidence"/"evidense"/' "$DIR/domicile.json"
assert_exit 2 domicile status
sed -i 's/"evidense"/"evidence"/' "$DIR/domicile.json"
assert_exit 2 domicile validate --mode live
assert_exit 2 domicile nonsense
stopped=$(sed 's/"port": '"$SOURCE_PORT"'/"port": 1/' "$DIR/domicile.json")
echo "$stopped" >"$DIR/wrong.json"
assert_exit 3 "$DOMICILE" replicate --once --config "$DIR/wrong.json"
assert_same r
