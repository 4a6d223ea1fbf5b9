#!/bin/bash
# A source without writers for longer than capture would wait for a lost one, then restarted.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
source_sql -e "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY)"
mkdir -p -m 700 "$DIR/queue"
"$BUILD/tests/e2e/capture_idle" "$SOURCE_HOST" "$SOURCE_PORT" "$SOURCE_REPL_USER" \
    "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_CA" "$DIR/queue" >"$DIR/capture.out" 2>"$DIR/domicile.log" &
pid=$!
PIDS+=("$pid")
wait_for 20 "capture connects" grep -q connected "$DIR/capture.out"
wait_for 60 "capture was idle for longer than it waits for a lost source" grep -q idle "$DIR/capture.out"
server kill source
server restart source
source_sql -e "INSERT INTO s.t VALUES (1); INSERT INTO s.t VALUES (2); INSERT INTO s.t VALUES (3)"
wait_end "$pid" 20 || fail "capture does not go on"
wait "$pid" || fail "capture gave up"
forget_pid "$pid"
