#!/bin/bash
# Exit codes and status say what is, also about a table that is stopped and a service that is dead.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT); CREATE TABLE s.u LIKE s.t;
    INSERT INTO s.t VALUES (1, 1), (2, 2); INSERT INTO s.u SELECT * FROM s.t"
write_config '"tables": {"include": ["s.*"]}'
domicile load >/dev/null
domicile replicate --once >/dev/null || fail "once with all tables followed"

# How long a step with nothing to do takes: told, not judged.
started=$(date +%s%3N)
domicile replicate --once >/dev/null
say "replicate --once with nothing to do: $(($(date +%s%3N) - started)) ms"

# A row that is gone on the target stops its table; the answer of each command is no until it is loaded again.
target_sql -e "DELETE FROM s.t WHERE id = 1"
source_sql -e "UPDATE s.t SET v = 10 WHERE id = 1; INSERT INTO s.u VALUES (3, 3)"
assert_exit 1 "$DOMICILE" replicate --once --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "1 of 2 tables are not followed, as s.t (stopped: "
assert_eq 3 "$(target_sql -e "SELECT COUNT(*) FROM s.u")" "the other table went on"
assert_exit 1 "$DOMICILE" load --tables s.u --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "s.t (stopped: "
assert_exit 1 domicile validate
assert_contains "$(cat "$DIR/last.out")" "not compared: the table is stopped"
assert_contains "$(cat "$DIR/last.out")" "0 differences"
domicile load >/dev/null || fail "load puts it right"
domicile replicate --once >/dev/null || fail "once with all tables followed again"
assert_exit 0 domicile validate
assert_same s

# Nobody runs: the lag is not known, also where all that was captured is applied.
text=$(domicile status)
assert_contains "$text" "not running; last ran from "
assert_contains "$text" "unknown, nobody reads the source's position; 0 transactions of the queue are not applied"
assert_contains "$text" "waiting for the service; it does not run"
assert_eq "unknown" "$(domicile status --json | json lag source)" "the source's position"
case $(domicile status --json) in *'"transactions"'*) fail "a lag that nobody measured" ;; esac

# A service that stopped at an error is told with it; one that was killed, too.
start_replicate
wait_for 20 "status answers" eval '[ "$(domicile status --json | json lag transactions)" = 0 ]'
assert_contains "$(domicile status)" "waiting for the source's next transaction"
source_sql -e "XA START 'x'; UPDATE s.t SET v = v + 1; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'"
wait_end "$REPLICATE_PID" 30 || fail "replicate goes on behind an XA transaction"
text=$(domicile status)
assert_contains "$text" "and stopped at an error:"
assert_contains "$text" "XA"
assert_contains "$(domicile status --json | json last_run error)" "XA" "the error as JSON"
