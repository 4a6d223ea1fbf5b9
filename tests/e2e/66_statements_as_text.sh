#!/bin/bash
# Statements as text in a log of rows: what a managed service and a checksum tool write to databases that are
# not copied is read past; one that changes a copied database stops by name. DDL from a latin1 session
# (which is cp1252 in MySQL) fills old rows as on the source.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, b VARCHAR(20));
    INSERT INTO shop.t VALUES (1, 'a'), (2, 'b');
    CREATE DATABASE tools; CREATE TABLE tools.sums (id INT PRIMARY KEY, n BIGINT);
    CREATE TABLE mysql.beat (id INT PRIMARY KEY, value BIGINT)"
write_config '"tables": {"include": ["shop.*"]}'
start_replicate
wait_for 60 "the service answers" domicile status
wait_caught_up shop

source_sql -e "SET SESSION binlog_format = 'STATEMENT';
    INSERT INTO mysql.beat (id, value) VALUES (1, 17) ON DUPLICATE KEY UPDATE value = 17;
    USE mysql; insert into beat (id, value) values (1, 18) on duplicate key update value = 18;
    USE shop; REPLACE INTO tools.sums SELECT 1, COUNT(*) FROM shop.t;
    DELETE FROM tools.sums WHERE id = 77;
    SET @n = 5, insert_id = 9; UPDATE tools.sums SET n = @n"
source_sql -e "INSERT INTO shop.t VALUES (3, 'c')"
wait_caught_up shop
assert_same shop

source_sql --default-character-set=latin1 shop -e \
    "ALTER TABLE t ADD COLUMN price VARCHAR(9) CHARACTER SET utf8mb4 NOT NULL DEFAULT '$(printf '\x80\x9a\xe9')'"
source_sql -e "INSERT INTO shop.t (id, b) VALUES (4, 'd')"
wait_caught_up shop
assert_eq E282ACC5A1C3A9 "$(target_sql -e 'SELECT HEX(price) FROM shop.t WHERE id = 1')" "cp1252 in a default"
assert_same shop

source_sql shop -e "SET SESSION binlog_format = 'STATEMENT'; UPDATE t SET b = 'z' WHERE id = 1"
wait_for 60 "the service stops" sh -c "! kill -0 $REPLICATE_PID 2>/dev/null"
status=0
wait "$REPLICATE_PID" || status=$?
forget_pid "$REPLICATE_PID"
assert_eq 5 "$status" "a statement as text on a copied table"
assert_contains "$(cat "$DIR/domicile.log")" "binlog_format=ROW" "the remedy is named"
