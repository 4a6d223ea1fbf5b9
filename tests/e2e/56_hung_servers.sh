#!/bin/bash
# Servers that are there and say nothing: the tool tells so within its limits, goes on when they
# come back, and ends when it is asked to.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE h; CREATE TABLE h.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))"
write_config '"tables": {"include": ["h.*"]}'
domicile load >/dev/null

signal() { # SIGNAL PID-FILE: to the server itself
    local pid
    read -r pid _ <"$2"
    kill -"$1" "$pid"
}
row() { source_sql -e "INSERT INTO h.t (v) VALUES ('x')"; }
told() { # HOW OFTEN TEXT
    [ "$(grep -c "$2" "$DIR/domicile.log")" -ge "$1" ]
}
paused=""
trap '[ -z "$paused" ] || signal CONT "$paused"; cleanup' EXIT

hang() { signal STOP "$1"; paused=$1; }
wake() { signal CONT "$paused"; paused=""; }

# The target hangs while the lane waits for an answer.
start_replicate
wait_caught_up h
hang "$TARGET_PID_FILE"
row
wait_for 90 "the lane tells of a hung target" told 1 "no answer of the target for"
wake
wait_caught_up h 90
assert_same h

# It hangs and the service is to end: a wait has a limit then too.
hang "$TARGET_PID_FILE"
row
kill -TERM "$REPLICATE_PID"
wait_end "$REPLICATE_PID" 90 || fail "replicate does not end while the target hangs"
status=0
wait "$REPLICATE_PID" || status=$?
forget_pid "$REPLICATE_PID"
assert_eq 0 "$status" "exit code of a service that was stopped while its target hung"
wake

# The source hangs under the stream.
start_replicate
wait_caught_up h 90
hang "$SOURCE_PID_FILE"
wait_for 60 "capture tells of a hung source" told 1 "not even a heartbeat"
wake
row
wait_caught_up h 90
assert_same h
stop_replicate

# A long statement is no hung server: it may take longer than the first question.
target_sql -e "SET GLOBAL innodb_lock_wait_timeout = 20"
start_replicate
wait_caught_up h 90
before=$(grep -c "no answer of the target" "$DIR/domicile.log")
mkfifo "$DIR/lock"
client "$TARGET_SOCKET" <"$DIR/lock" >/dev/null &
locker=$!
PIDS+=("$locker")
exec 8>"$DIR/lock"
echo "LOCK TABLES h.t READ;" >&8
source_sql -e "ALTER TABLE h.t ADD COLUMN w INT"
waits_long() {
    [ "$(target_sql -e "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER TABLE%'
        AND STATE LIKE '%metadata lock%' AND TIME > 35")" -ge 1 ]
}
wait_for 90 "an ALTER waits for longer than the first question" waits_long
exec 8>&-
wait "$locker" || true
forget_pid "$locker"
row
wait_caught_up h 90
assert_eq "$before" "$(grep -c "no answer of the target" "$DIR/domicile.log")" "long statements taken for a hung server"
assert_same h
stop_replicate
