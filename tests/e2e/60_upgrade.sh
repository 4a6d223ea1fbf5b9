#!/bin/bash
# What version 0.1 left when it was killed, in the middle of a load and in the middle of applying, goes on
# (tests/fixtures/upgrade): nothing that was loaded is loaded again, and the end is equal.
. "$(dirname "$0")/../lib/e2e.sh"
FIXTURE=$ROOT/tests/fixtures/upgrade

start_source
start_target
write_config '"tables": {"include": ["up.*"]}'
sed -i 's|"dir": "\([^"]*\)"|"dir": "\1", "max_bytes": "2MiB"|' "$DIR/domicile.json"

# The source at the queue's end, with the history that the queue knows; its binlog goes on in a later file,
# as that server's own would, and has nothing from before.
restore() { # NAME [SQL files behind base.sql]
    local name=$1 file
    shift
    source_sql -e "DROP DATABASE IF EXISTS up"
    target_sql -e "DROP DATABASE IF EXISTS up; DROP DATABASE IF EXISTS domicile"
    rm -rf "$DIR/queue" "$DIR/$name"
    mkdir "$DIR/$name"
    tar -C "$DIR/$name" -xJf "$FIXTURE/$name.tar.xz"
    mv "$DIR/$name/queue" "$DIR/queue"
    for file in base.sql "$@"; do source_sql <"$FIXTURE/$file"; done
    source_sql -e "RESET BINARY LOGS AND GTIDS; SET GLOBAL gtid_purged = '$(cat "$DIR/$name/gtids")'"
    target_sql <"$DIR/$name/target.sql"
    assert_eq 1 "$(target_sql -e "SELECT version FROM domicile.meta")" "the fixture's version"
}

loaded() { target_sql -e "SELECT name, lo, hi, row_count FROM domicile.table_state WHERE life = 4 AND name IN ($1) ORDER BY name"; }
lane() { target_sql -e "SELECT lsn FROM domicile.lane"; }

assert_upgraded() {
    assert_eq "2 0" "$(target_sql -e "SELECT CONCAT(version, ' ', (SELECT COUNT(*) FROM domicile.table_state
        WHERE target_db <> db OR target_name <> name)) FROM domicile.meta")" "the state's version, names that differ"
    assert_eq 2 "$(od -An -tu2 -j8 -N2 "$DIR/queue/QUEUE" | tr -d ' ')" "the queue's version"
    assert_eq 4 "$(target_sql -e "SELECT MIN(life) FROM domicile.table_state")" "all are followed"
}

# ---- in the middle of applying
restore stream stream.sql
before=$(loaded "'item', 'zbig'")
[ -n "$before" ] || fail "the fixture has no loaded table"
at=$(lane)
last=$("$DOMICILE" queue ls --dir "$DIR/queue" | tail -n 1)
assert_contains "$last" "transactions" "the old queue is read"
source_sql <"$FIXTURE/further.sql"
domicile replicate --once >/dev/null || fail "replicate on what version 0.1 left"
assert_same up
assert_eq "$before" "$(loaded "'item', 'zbig'")" "what was loaded"
[ "$(lane)" -gt "$at" ] || fail "the lane did not go on from $at"
assert_upgraded
domicile replicate --once >/dev/null || fail "replicate again"
domicile validate >/dev/null || fail "validate behind the upgrade"

# The upgrade of the state was cut off before its last step: it is done again.
target_sql -e "UPDATE domicile.meta SET version = 1; UPDATE domicile.table_state SET target_db = '', target_name = ''
               WHERE name = 'item'; ALTER TABLE domicile.table_state DROP COLUMN target_db"
domicile replicate --once >/dev/null || fail "an upgrade that was cut off"
assert_upgraded

# A version that is not known yet is refused by name, and nothing is touched.
target_sql -e "UPDATE domicile.meta SET version = 3"
assert_exit 2 domicile replicate --once
assert_contains "$(tail -n 3 "$DIR/domicile.log")" "has version 3" "a newer state"

# ---- in the middle of a load
restore load
before=$(target_sql -e "SELECT COUNT(*) FROM domicile.table_state WHERE life < 4")
[ "$before" -gt 0 ] || fail "the fixture's load was over"
[ "$(target_sql -e "SELECT COUNT(*) FROM domicile.chunk WHERE done")" -gt 0 ] || fail "the fixture has no chunk done"
source_sql <"$FIXTURE/further.sql"
domicile load >/dev/null || fail "load behind version 0.1"
domicile replicate --once >/dev/null || fail "replicate behind it"
assert_same up
assert_upgraded
