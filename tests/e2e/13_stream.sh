#!/bin/bash
# The stream of a real MySQL: file changes, savepoints, CREATE ... SELECT, tagged GTIDs, events over
# 16 MiB, heartbeats; and what ends it is told by name: purged and diverged GTIDs, a second reader
# with the same identity, missing rights, a wrong authority, a source that dies.
. "$(dirname "$0")/../lib/e2e.sh"
start_source

CA=$SOURCE_CA
USER_NAME=$SOURCE_REPL_USER
PASSWORD=$SOURCE_REPL_PASSWORD_FILE

# stream GTIDS [SERVER_ID [IDLE_MS]]
stream() {
    timeout 60 "$BUILD/tests/e2e/stream" "$SOURCE_HOST" "$SOURCE_PORT" "$USER_NAME" "$PASSWORD" \
        "$CA" "$1" "${2:-77}" "${3:-700}"
}
# refused WHAT PART GTIDS...: the stream ends with an error that holds PART
refused() {
    local what=$1 part=$2 out
    shift 2
    if out=$(stream "$@" 2>&1); then fail "$what: the stream went on"; fi
    assert_contains "$out" "$part" "$what"
}
executed() { source_sql -e "SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')"; }
uuid=$(source_sql -e 'SELECT @@server_uuid')

source_sql <<'SQL'
CREATE DATABASE st;
USE st;
CREATE TABLE a (id INT PRIMARY KEY, b LONGBLOB);
CREATE TABLE c (id INT NOT NULL, b LONGBLOB);
SQL
from=$(executed)
source_sql st <<'SQL'
INSERT INTO a VALUES (1, 'x');
FLUSH BINARY LOGS;
BEGIN; SAVEPOINT s; INSERT INTO a VALUES (2, 'y'); SAVEPOINT t; INSERT INTO a VALUES (3, 'z');
ROLLBACK TO t; RELEASE SAVEPOINT s; COMMIT;
DROP TABLE c;
CREATE TABLE c AS SELECT * FROM a;
SET gtid_next = 'AUTOMATIC:tag_one';
UPDATE a SET b = 'new' WHERE id = 1;
SET gtid_next = 'AUTOMATIC';
INSERT INTO a SELECT 100, REPEAT('b', 17000000);
FLUSH BINARY LOGS;
DELETE FROM a WHERE id = 2;
SQL
stream "$from" | cut -c1-200 >"$DIR/out"
out=$(cat "$DIR/out")
assert_contains "$out" '{"insert":"st.a","flags":17,"after":["i:1","b:78"]}' "a plain insert"
assert_contains "$out" '"after":["i:2","b:79"]}' "an insert behind a savepoint"
assert_contains "$out" '"after":["i:100","b:62626262' "an event over 16 MiB"
assert_contains "$out" 'in_transaction":true' "CREATE TABLE ... SELECT"
assert_contains "$out" '{"insert":"st.c","flags":17,"after":["i:2","b:79"]}' "its rows"
assert_contains "$out" "$uuid:tag_one:1" "a tagged GTID"
assert_contains "$out" '"after":["i:1","b:6e6577"]}' "an update"
assert_contains "$out" '{"delete":"st.a"' "a delete behind the last file change"
assert_contains "$out" 'heartbeats: yes' "heartbeats"
if grep -q '"i:3"' "$DIR/out"; then fail "a row that was rolled back came out"; fi
assert_eq 1 "$(grep -c '"before":\["i:1","b:78"\]' "$DIR/out")" "before images"

refused "GTIDs of the future" "error 2 diverged" "$uuid:1-999999"
refused "server id 0" "error 3 server_id" "$from" 0
USER_NAME=$SOURCE_APPLY_USER PASSWORD=$SOURCE_APPLY_PASSWORD_FILE \
    refused "a user without rights" "privilege" "$from"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/wrong.key" -out "$DIR/wrong.pem" -days 2 \
    -subj /CN=wrong 2>/dev/null
CA=$DIR/wrong.pem refused "a wrong authority" "error 2 tls" "$from"
echo wrong >"$DIR/wrong.pw"
PASSWORD=$DIR/wrong.pw refused "a wrong password" "error 2 access" "$from"

stream "$(executed)" 78 20000 >"$DIR/first" 2>&1 &
first=$!
PIDS+=("$first")
wait_for 10 "the first reader" grep -q idle "$DIR/first"
stream "$(executed)" 78 500 >/dev/null
wait_end "$first" 10 || fail "the first reader goes on beside the second"
assert_contains "$(cat "$DIR/first")" "error 2 duplicate_id" "two readers with one server id"

# A session that logs what cannot be carried stops the stream by name.
case_of() { # WHAT REASON SQL
    local start
    start=$(executed)
    source_sql st -e "$3"
    refused "$1" "error 5 $2" "$start"
}
case_of "a MINIMAL image" row_image "SET binlog_row_image = MINIMAL; UPDATE a SET b = 'q' WHERE id = 1"
case_of "an XA transaction" xa_transaction \
    "XA START 'x'; INSERT INTO a VALUES (8, 'q'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'"
source_sql st -e "CREATE TABLE j (id INT PRIMARY KEY, d JSON); INSERT INTO j VALUES (1, '{\"a\": 1}')"
case_of "partial JSON" partial_json \
    "SET binlog_row_value_options = PARTIAL_JSON; UPDATE j SET d = JSON_SET(d, '\$.a', 2)"

stream "$(executed)" 79 20000 >"$DIR/killed" 2>&1 &
killed=$!
PIDS+=("$killed")
wait_for 10 "the reader" grep -q idle "$DIR/killed"
server kill source
wait_end "$killed" 10 || fail "the reader does not see that the source died"
assert_contains "$(cat "$DIR/killed")" "error 1 " "a source that dies is to be tried again"
server restart source
refused_after=$(executed)
source_sql -e "FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY"
refused "purged GTIDs" "error 2 purged" "$from"
stream "$refused_after" >"$DIR/out"
assert_contains "$(cat "$DIR/out")" "idle" "a stream behind the purge"
