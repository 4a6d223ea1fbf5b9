#!/bin/bash
# The main job in small: load while writers write, follow, validate, damage, repair.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
"$ROOT/scripts/rental" schema | source_sql
"$ROOT/scripts/rental" data --seed 7 --rows-scale 0.02 | source_sql
write_config '"tables": {"include": ["rental.*"]}'

domicile check >"$DIR/check.out" || { cat "$DIR/check.out" >&2; fail "check says no"; }
"$ROOT/scripts/rental" writers --socket "$SOURCE_SOCKET" --seed 7 --rows-scale 0.02 --seconds 20 --threads 2 --ddl \
    >"$DIR/writers.log" 2>&1 &
PIDS+=($!)
writers=$!
domicile load >"$DIR/load.out" || fail "load"
assert_contains "$(cat "$DIR/load.out")" "all tables are at lsn" "load tells its position"
start_replicate
wait_for 30 "the service answers" domicile status
wait "$writers" || fail "writers: $(tail -n 3 "$DIR/writers.log")"
domicile validate >"$DIR/validate.out" || { cat "$DIR/validate.out" >&2; fail "validate finds differences"; }
wait_caught_up rental
assert_same rental
assert_contains "$(domicile status)" "waiting for" "status tells what is waited for"
stop_replicate

domicile load --json >"$DIR/again.json"
assert_eq 0 "$(json tables_loaded <"$DIR/again.json")" "a second load is a no-op"

target_sql -e "SET foreign_key_checks=0; UPDATE rental.country SET name = 'nowhere' LIMIT 1"
assert_exit 1 domicile validate
assert_contains "$(cat "$DIR/last.out")" "1 differences in 1 of" "the damage is found"
assert_exit 1 domicile validate --repair
domicile validate >/dev/null || fail "the repair did not help"
assert_same rental
domicile guard verify >/dev/null || fail "the audit chain"
