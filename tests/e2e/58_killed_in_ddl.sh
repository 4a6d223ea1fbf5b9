#!/bin/bash
# The tool dies between a statement on the target and what it notes of it: the next start goes on.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE k;
USE k;
CREATE TABLE a (id INT PRIMARY KEY, v INT);
CREATE TABLE left_one (id INT PRIMARY KEY, v INT);
CREATE TABLE right_one (id INT PRIMARY KEY, v INT);
CREATE TABLE e2e_marker (k CHAR(12) CHARACTER SET ascii PRIMARY KEY);
INSERT INTO a VALUES (1, 1), (2, 2);
INSERT INTO left_one VALUES (1, 100);
INSERT INTO right_one VALUES (2, 200);
SQL
write_config '"tables": {"include": ["k.*"]}'
domicile load >/dev/null

session() { # NAME: a session of the target that stays; its statements go to fd $NAME
    local fd
    mkfifo "$DIR/$1.in"
    target_sql <"$DIR/$1.in" >/dev/null &
    PIDS+=("$!")
    exec {fd}>"$DIR/$1.in"
    eval "$1=$fd"
}
is_locked() { # TABLE of the state: a write of nothing must wait
    local said
    said=$(target_sql -e "SET lock_wait_timeout = 1; DELETE FROM domicile.$1 WHERE channel = ''" 2>&1) || true
    case $said in *"Lock wait"*) ;; *) return 1 ;; esac
}
waits_on() { [ -n "$(target_sql -e "SELECT 1 FROM information_schema.processlist WHERE user = 'apply' AND info LIKE '%$1%' AND state LIKE 'Waiting%'")" ]; }

# What a connection has sent is done by the server even when its sender is gone: end it, too.
kill_in_the_middle() {
    local id
    kill_replicate
    for id in $(target_sql -e "SELECT id FROM information_schema.processlist WHERE user = 'apply'"); do
        target_sql -e "KILL $id" 2>/dev/null || true
    done
    wait_for 10 "its connections are gone" \
        eval '[ -z "$(target_sql -e "SELECT 1 FROM information_schema.processlist WHERE user = '"'apply'"'")" ]'
}

# Killed when the statement is done on the target, and noted in its journal, but no state is saved.
killed_before_states() { # SQL
    start_replicate
    wait_caught_up k
    echo "LOCK TABLES domicile.table_state READ;" >&"$held"
    wait_for 10 "the state table is locked" is_locked table_state
    source_sql k -e "$1"
    wait_for 60 "the lane waits to save states" waits_on 'table_state'
    kill_in_the_middle
    echo "UNLOCK TABLES;" >&"$held"
    domicile replicate --once >/dev/null || fail "start behind: $1"
    assert_same k
}

session held
killed_before_states "CREATE TABLE fresh (id INT PRIMARY KEY, v INT); INSERT INTO fresh VALUES (1, 1)"
killed_before_states "RENAME TABLE a TO a2; INSERT INTO a2 VALUES (3, 3)"
killed_before_states "ALTER TABLE a2 RENAME TO a3, ADD COLUMN w INT NOT NULL DEFAULT 7"
killed_before_states "RENAME TABLE a3 TO x, fresh TO a3, x TO fresh"
killed_before_states "DROP TABLE a3"
killed_before_states "CREATE TABLE a3 SELECT * FROM fresh"

# Killed when names of equal definitions are swapped on the target and the journal says only that
# it was begun: what proves that they are?
session reader
start_replicate
wait_caught_up k
echo "BEGIN; SELECT * FROM k.left_one;" >&"$reader"
wait_for 10 "a reader holds the table" eval \
    '[ -n "$(target_sql -e "SELECT 1 FROM information_schema.innodb_trx")" ]'
source_sql k -e "RENAME TABLE left_one TO x, right_one TO left_one, x TO right_one;
                 INSERT INTO left_one VALUES (3, 300)"
wait_for 60 "the swap waits for the reader" waits_on 'RENAME'
echo "LOCK TABLES domicile.ddl READ;" >&"$held"
wait_for 10 "the journal is locked" is_locked ddl
echo "COMMIT;" >&"$reader"
wait_for 60 "the journal waits" waits_on 'domicile%ddl'
kill_in_the_middle
echo "UNLOCK TABLES;" >&"$held"
domicile replicate --once >/dev/null || fail "start behind the swap"
assert_eq "2 3" "$(target_sql -e "SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR ' ') FROM k.left_one")" \
    "the swap is done once"
assert_same k
assert_eq "" "$(target_sql -e "SELECT table_name FROM information_schema.tables
                               WHERE table_schema = 'domicile' AND table_name LIKE 'mark%'")" "no mark stays"
