#!/bin/bash
# Capture and apply in processes of their own; stopping exactly where it was asked.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT); INSERT INTO s.t VALUES (0, 0)"
write_config '"tables": {"include": ["s.*"]}'
domicile load >/dev/null
for i in 1 2 3 4 5 6; do
    source_sql -e "INSERT INTO s.t VALUES ($i, $i)"
    if [ $i = 3 ]; then gtids=$(source_sql -e "SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')"); fi
    if [ $i = 4 ]; then
        place=$(source_sql -e "SHOW BINARY LOG STATUS" | awk '{print $1 ":" $2}')
    fi
done
count() { target_sql -e "SELECT COUNT(*) FROM s.t"; }

assert_eq 1 "$(count)" "nothing is applied yet"
domicile replicate --stage capture --until "$place" || fail "capture until a position"
assert_eq 1 "$(count)" "capture alone applies nothing"
domicile replicate --stage apply --until "$gtids" >/dev/null || fail "apply until a GTID set"
assert_eq 4 "$(count)" "exactly the GTID set"
domicile replicate --stage apply --until "$gtids" >/dev/null || fail "the same step again"
assert_eq 4 "$(count)" "the same step again is a no-op"
domicile replicate --until "$place" >/dev/null || fail "until a position"
assert_eq 5 "$(count)" "exactly the position"
domicile replicate --once >/dev/null || fail "once"
assert_eq 7 "$(count)" "once: all there is"
lsn=$(domicile status --json | json apply lsn)
source_sql -e "INSERT INTO s.t VALUES (7, 7); INSERT INTO s.t VALUES (8, 8)"
domicile replicate --until "lsn:$((lsn + 1))" >/dev/null || fail "until an lsn"
assert_eq 8 "$(count)" "exactly one transaction more"
assert_exit 2 domicile replicate --until nonsense
assert_exit 2 domicile replicate --once --until "lsn:3"

# Both stages as services beside each other.
start_replicate --stage capture
capture=$REPLICATE_PID
wait_for 20 "capture answers" test -S "$DIR/queue/capture.sock"
start_replicate --stage apply
wait_caught_up s
assert_same s
stop_replicate
REPLICATE_PID=$capture
stop_replicate

# A goal behind the lane does nothing, in each of its forms.
before=$(count)
source_sql -e "INSERT INTO s.t VALUES (100, 1)"
for goal in "$place" "$gtids" lsn:1; do
    domicile replicate --until "$goal" >/dev/null || fail "until $goal"
    assert_eq "$before" "$(count)" "until $goal, which has passed"
done

# A goal that the source has passed and a table that is to be loaded first: a load would end behind the
# goal. What is there stops exactly at it, and the table is told.
source_sql -e "CREATE DATABASE x; CREATE TABLE x.late (id INT PRIMARY KEY); INSERT INTO x.late VALUES (1)"
domicile replicate --once >/dev/null || fail "once, without the table"
before=$(count)
lsn=$(domicile status --json | json apply lsn)
write_config '"tables": {"include": ["s.*", "x.*"]}'
source_sql -e "INSERT INTO s.t VALUES (200, 1)"
place=$(source_sql -e "SHOW BINARY LOG STATUS" | awk '{print $1 ":" $2}')
source_sql -e "INSERT INTO s.t VALUES (201, 1); INSERT INTO s.t VALUES (202, 1)"
gtids=$(source_sql -e "SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')")
source_sql -e "INSERT INTO s.t VALUES (203, 1)"
at_goal() { # GOAL ROWS
    assert_exit 1 domicile replicate --until "$1"
    assert_eq "$((before + $2))" "$(count)" "rows at --until $1, which has passed"
    assert_contains "$(tail -n 3 "$DIR/domicile.log")" "x.late" "what --until $1 says"
}
at_goal "$place" 1
at_goal "lsn:$((lsn + 2))" 2
at_goal "$gtids" 3
at_goal "$gtids" 3
# Where the source is: a load ends exactly there.
gtids=$(source_sql -e "SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')")
domicile replicate --until "$gtids" >/dev/null || fail "until where the source is, with the table"
assert_same s x
