#!/bin/bash
# Unlogged cascades of several levels that come between the loads of their tables, and chains whose
# middle table is not copied or has stopped.
. "$(dirname "$0")/../lib/e2e.sh"

state() { target_sql -e "SELECT CONCAT(life, ' ', reason) FROM domicile.table_state WHERE name = '$1'"; }

start_source --native-fk
start_target
source_sql <<'SQL'
CREATE DATABASE f;
USE f;
CREATE TABLE p (id INT PRIMARY KEY, v INT);
CREATE TABLE c (id INT PRIMARY KEY, p_id INT, v INT,
                FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE g (id INT PRIMARY KEY, c_id INT,
                FOREIGN KEY (c_id) REFERENCES c (id) ON DELETE CASCADE);
CREATE TABLE n (id INT PRIMARY KEY, g_id INT,
                FOREIGN KEY (g_id) REFERENCES g (id) ON DELETE SET NULL);
CREATE TABLE tree (id INT PRIMARY KEY, up INT,
                FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b));
CREATE TABLE half (id INT PRIMARY KEY, a INT, b INT, KEY ab (a, b), KEY a (a),
                FOREIGN KEY (a, b) REFERENCES pair (a, b) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO p SELECT n, n FROM (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 40)
    SELECT n FROM r) x;
INSERT INTO c SELECT id, id, id FROM p;
INSERT INTO g SELECT id, id FROM c;
INSERT INTO n SELECT id, id FROM g;
INSERT INTO tree SELECT id, NULLIF(id DIV 2, 0) FROM p ORDER BY id;
INSERT INTO pair SELECT id, id FROM p;
INSERT INTO half SELECT id, id, id FROM p;
SQL
write_config '"tables": {"include": ["f.*"]}'

# The last levels are read first, the cascades come, then the levels above are read.
domicile load --tables f.n --tables f.g --tables f.tree --tables f.half >/dev/null
source_sql f <<'SQL'
DELETE FROM p WHERE id IN (1, 2, 3);
DELETE FROM tree WHERE id = 2;
UPDATE pair SET a = 101 WHERE a = 5;
UPDATE pair SET a = 5 WHERE a = 6;
UPDATE p SET id = 104 WHERE id = 4;
UPDATE p SET id = 4 WHERE id = 7;
SQL
domicile load >/dev/null || fail "load"
assert_same f --structure

# Chunks read before and after an update cascade that is not the same when it is done twice: the load
# dies between its tables, because DDL on the source waits for a reader and keeps the loader waiting.
target_sql -e "SET foreign_key_checks = 0; DROP DATABASE f; DROP DATABASE domicile"
rm -rf "$DIR/queue" && mkdir -m 700 "$DIR/queue"
client "$SOURCE_SOCKET" f -e "BEGIN; SELECT COUNT(*) FROM c; SELECT SLEEP(600)" >/dev/null 2>&1 &
PIDS+=($!)
wait_for 20 "the reader" sh -c "mariadb --no-defaults --user=root --socket='$SOURCE_SOCKET' -BN -e \
    \"SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)%' AND info NOT LIKE '%processlist%'\" | grep -qx 1"
client "$SOURCE_SOCKET" f -e "ALTER TABLE c COMMENT = 'waits'" >/dev/null 2>&1 &
PIDS+=($!)
wait_for 20 "the ALTER" sh -c "mariadb --no-defaults --user=root --socket='$SOURCE_SOCKET' -BN -e \
    \"SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata%'\" | grep -qx 1"
"$DOMICILE" load --config "$DIR/domicile.json" >/dev/null 2>>"$DIR/domicile.log" &
load_pid=$!
PIDS+=("$load_pid")
done_chunks() { [ "$(target_sql -e "SELECT COUNT(*) FROM domicile.chunk WHERE done AND name IN ('p', 'g', 'n', 'half')")" = 4 ]; }
wait_for 30 "the other tables' chunks" done_chunks
kill -KILL "$load_pid"
wait "$load_pid" 2>/dev/null || true
forget_pid "$load_pid"
for id in $(source_sql -e "SELECT id FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE c%' OR info LIKE '%SLEEP(600)%' AND info NOT LIKE '%processlist%'"); do
    source_sql -e "KILL $id" || true
done
source_sql f <<'SQL'
DELETE FROM p WHERE id IN (11, 12, 13);
UPDATE p SET id = 115 WHERE id = 15;
UPDATE p SET id = 15 WHERE id = 16;
UPDATE pair SET a = 109 WHERE a = 19;
UPDATE pair SET a = 19 WHERE a = 20;
SQL
domicile load >/dev/null || fail "load that goes on"
assert_same f --structure

# The middle table stops: what lies behind it stops too at the first cascade, the others go on.
target_sql -e "SET foreign_key_checks = 0; DROP TABLE f.c"
source_sql f -e "INSERT INTO c VALUES (900, 30, 1); DELETE FROM p WHERE id = 30; DELETE FROM tree WHERE id = 10"
domicile replicate --once >/dev/null || true
assert_contains "$(state c)" "5 " "c has stopped"
assert_contains "$(state g)" "through table f.c, which is not copied or stopped" "g has stopped"
assert_contains "$(state n)" "5 " "n has stopped"
assert_eq "4 " "$(state half)" "half is strict"
domicile load >/dev/null || fail "load after the stop"
assert_same f --structure

# The middle table is excluded: the load names what that makes impossible.
target_sql -e "SET foreign_key_checks = 0; DROP DATABASE f; DROP DATABASE domicile"
rm -rf "$DIR/queue" && mkdir -m 700 "$DIR/queue"
write_config '"tables": {"include": ["f.*"], "exclude": ["f.c"]}'
assert_exit 1 "$DOMICILE" check --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.out")" "f.g: foreign-key cascades reach it through table f.c, which is not copied" "check"
assert_exit 1 "$DOMICILE" load --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.out" "$DIR/last.err")" "through table f.c, which is not copied" "the load's refusal"
assert_contains "$(state g)" "5 " "g is not followed"
assert_same f --skip=c --skip=g --skip=n
