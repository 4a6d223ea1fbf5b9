#!/bin/bash
# Capture and apply in two processes and a queue that holds a quarter of what is written: it is trimmed
# behind the target, stays below its limit, and nothing is lost.
. "$(dirname "$0")/../lib/e2e.sh"

readonly MAX_BYTES=$((16 << 20)) TRANSACTIONS=120 BATCH=20

start_source
start_target
source_sql -e "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v MEDIUMBLOB)"
write_config '"tables": {"include": ["s.*"]}'
sed -i "s|\"dir\": \"$DIR/queue\"|&, \"max_bytes\": $MAX_BYTES|" "$DIR/domicile.json"

queue_bytes() { cat "$DIR"/queue/seg-* | wc -c; }

start_replicate --stage capture
capture=$REPLICATE_PID
wait_for 20 "capture answers" test -S "$DIR/queue/capture.sock"
assert_contains "$(domicile queue ls)" "target zone has not read it yet" "before apply has begun"
start_replicate --stage apply
wait_for 30 "the table is there" target_sql -e "SELECT 1 FROM s.t"

# Half a megabyte each that does not compress, 60 MB in all; each batch is awaited, so that the
# limit is met by trimming and not by an apply that happens to be slow.
write_batch() { # FIRST
    local i
    for ((i = $1; i < $1 + BATCH; i++)); do
        echo "INSERT INTO s.t VALUES ($i, CONCAT($(yes 'RANDOM_BYTES(1024)' | head -n 512 | paste -sd,)));"
    done | source_sql
}
arrived() { [ "$(target_sql -e "SELECT COUNT(*) FROM s.t")" = "$1" ]; }

for ((n = 0; n < TRANSACTIONS; n += BATCH)); do
    write_batch $((n + 1))
    wait_for 60 "transaction $((n + BATCH))" arrived $((n + BATCH))
    bytes=$(queue_bytes)
    [ "$bytes" -le "$MAX_BYTES" ] || fail "the queue has $bytes bytes, more than $MAX_BYTES"
done
wait_caught_up s
assert_same s
first=$(domicile queue ls --json | head -1 | json first_lsn)
[ "$first" -gt $((TRANSACTIONS / 4)) ] || fail "the queue still begins at lsn $first"

# The place in the queue is told, also by another process, and after the end.
stop_replicate
assert_contains "$(domicile queue ls)" ", 0 transactions before the end" "told by a process of its own"
REPLICATE_PID=$capture
stop_replicate
lsn=$(domicile status --json | json apply lsn)
assert_contains "$(domicile queue ls)" "target zone has read up to lsn $lsn, 0 transactions before the end"
assert_contains "$(domicile queue ls --json | tail -1)" '"configured":true'

# Taken out of the configuration it holds nothing back, and that is said.
sed -i 's/"name": "zone"/"name": "elsewhere"/' "$DIR/domicile.json"
assert_contains "$(domicile queue ls)" "target zone has read up to lsn $lsn, 0 transactions before the end"
assert_contains "$(domicile queue ls)" "not configured, the queue is not kept for it"
start_replicate --stage capture
wait_for 20 "it is told" grep -q "has served a target zone" "$DIR/domicile.log"
stop_replicate
