#!/bin/bash
# A loader that stands still while another one loads: when it goes on it ends by itself, says that another
# owner took over, and has changed nothing. The same when its connections went meanwhile.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE f;
USE f;
CREATE TABLE keyed (id INT PRIMARY KEY, v VARCHAR(20), KEY (v));
CREATE TABLE heap (v BIGINT);
INSERT INTO keyed VALUES (1, 'a'), (2, 'b');
INSERT INTO heap VALUES (1), (1), (2);
SQL
write_config '"tables": {"include": ["f.*"]}'

state() { target_sql -e "SELECT * FROM domicile.table_state ORDER BY db, name; SELECT * FROM domicile.chunk ORDER BY db, name, number;
    SELECT * FROM domicile.lane; CHECKSUM TABLE f.keyed, f.heap; SHOW CREATE TABLE f.heap"; }

# The source keeps one table back: the load has copied the other and waits, with nothing locked.
freeze() {
    rm -f "$DIR/enough"
    { echo "LOCK TABLES f.heap WRITE;"; until [ -e "$DIR/enough" ]; do sleep 0.1; done; } | source_sql &
    HOLDER_PID=$!
    PIDS+=("$HOLDER_PID")
    "$DOMICILE" load --config "$DIR/domicile.json" >"$DIR/frozen.out" 2>"$DIR/frozen.log" &
    FROZEN_PID=$!
    PIDS+=("$FROZEN_PID")
    local deadline=$((SECONDS + 20))
    until [ "$(target_sql -e "SELECT done FROM domicile.chunk WHERE name = 'keyed'" 2>/dev/null)" = 1 ]; do
        kill -0 "$FROZEN_PID" 2>/dev/null || fail "the load ended before it could be stopped"
        if [ $SECONDS -gt $deadline ]; then fail "the load does not come to the table that is kept back"; fi
    done
    kill -STOP "$FROZEN_PID"
    touch "$DIR/enough"
    wait "$HOLDER_PID" || fail "the lock on the source"
    forget_pid "$HOLDER_PID"
}

# The second one goes on from the queue of the first, as on another machine.
load_beside() {
    rm -rf "$DIR/beside"
    cp -r "$DIR/queue" "$DIR/beside"
    sed "s|$DIR/queue|$DIR/beside|; s|4711|4712|" "$DIR/domicile.json" >"$DIR/beside.json"
    chmod 600 "$DIR/beside.json"
    "$DOMICILE" load --config "$DIR/beside.json" >"$DIR/beside.out" 2>"$DIR/beside.log" ||
        { cat "$DIR/beside.log" >&2; fail "the second load"; }
    assert_same f
}

wake() {
    local before status=0
    before=$(state)
    kill -CONT "$FROZEN_PID"
    wait "$FROZEN_PID" || status=$?
    forget_pid "$FROZEN_PID"
    assert_eq 5 "$status" "exit code of the load that stood still"
    assert_contains "$(tail -n 3 "$DIR/frozen.log")" "another owner took the lane over" "what it says"
    assert_eq "$before" "$(state)" "the target"
}

freeze
load_beside
wake

# Again, and the target has ended its connections: it comes back, and takes nothing over.
target_sql -e "DROP DATABASE f; DROP DATABASE domicile"
rm -rf "$DIR/queue"
mkdir -m 700 "$DIR/queue"
freeze
for id in $(target_sql -e "SELECT id FROM information_schema.processlist WHERE user = '$TARGET_APPLY_USER'"); do
    target_sql -e "KILL $id"
done
load_beside
wake
