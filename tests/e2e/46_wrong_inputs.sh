#!/bin/bash
# Wrong inputs and hands: each error names the object, the place and what to do, with the documented exit
# code and without a row's value; nothing is done by half.
. "$(dirname "$0")/../lib/e2e.sh"

CANARY=canary-6f1ed002ab
start_source
start_target
source_sql -e "CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY, v VARCHAR(60));
    CREATE TABLE shop.hidden LIKE shop.item; CREATE TABLE shop.late LIKE shop.item;
    SET SESSION cte_max_recursion_depth = 1000000;
    INSERT INTO shop.item WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 120000)
        SELECT n, CONCAT('$CANARY', n) FROM s;
    INSERT INTO shop.late VALUES (1, '$CANARY')"
write_config '"tables": {"include": ["shop.*"], "exclude": ["shop.hidden"]}'
cp "$DIR/domicile.json" "$DIR/good.json"

says() { # CODE PART CONFIG COMMAND [options]: the exit code, and the part in one of the outputs
    local code=$1 part=$2 config=$3 command=$4 status=0
    shift 4
    timeout 60 "$DOMICILE" "$command" --config "$config" "$@" >"$DIR/said.out" 2>"$DIR/said.err" || status=$?
    cat "$DIR/said.out" "$DIR/said.err" >>"$DIR/all.said"
    [ "$status" = "$code" ] || { cat "$DIR/said.out" "$DIR/said.err" >&2; fail "$command $*: exit $status, expected $code"; }
    assert_contains "$(cat "$DIR/said.out" "$DIR/said.err")" "$part" "$command $*"
}
edited() { # NAME SED-EXPRESSION: a configuration that is wrong in one place
    sed "$2" "$DIR/good.json" >"$DIR/$1.json"
    if cmp -s "$DIR/good.json" "$DIR/$1.json"; then fail "$1: nothing was edited"; fi
    echo "$DIR/$1.json"
}
target_databases() { target_sql -e "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'shop'"; }

# ---- before anything ran --------------------------------------------------------------------------

says 2 "--config" "$DIR/none.json" load
says 2 "$DIR/none.json" "$DIR/none.json" status
says 0 "no queue in" "$DIR/good.json" status
says 2 "no queue" "$DIR/good.json" queue ls
rm -r "$DIR/queue"
says 0 "no queue in" "$DIR/good.json" status
[ ! -e "$DIR/queue" ] || fail "status made the queue's directory"

# ---- wrong places and secrets ---------------------------------------------------------------------

echo wrong >"$DIR/wrong.pw"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$DIR/other.key" \
    -out "$DIR/other.pem" -days 2 -subj /CN=other 2>/dev/null
source_password=$(edited source-password "s|$SOURCE_REPL_PASSWORD_FILE|$DIR/wrong.pw|")
target_password=$(edited target-password "s|$TARGET_APPLY_PASSWORD_FILE|$DIR/wrong.pw|")
says 3 "source.user" "$source_password" load
says 1 "source.user" "$source_password" check
says 4 "the target's user" "$target_password" load
says 2 "$DIR/gone.pw" "$(edited no-password "s|$SOURCE_REPL_PASSWORD_FILE|$DIR/gone.pw|")" load
says 3 "source.tls.ca" "$(edited source-ca "/\"source\"/,/\"targets\"/s|$SOURCE_CA|$DIR/other.pem|")" load
says 4 "the target's tls.ca" "$(edited target-ca "/\"targets\"/,/\"queue\"/s|$TARGET_CA|$DIR/other.pem|")" load
rm -r "$DIR/queue" # a queue that is there makes load wait for its source for five minutes
says 3 "port 1 as" "$(edited source-port "s/\"port\": $SOURCE_PORT/\"port\": 1/")" load
says 4 "port 1)" "$(edited target-port "s/\"port\": $TARGET_PORT/\"port\": 1/")" load
says 1 "[inventory_unreadable]" "$(edited inventory 's|"evidence": "unproven-loopback"|"allowed_subnets": ["arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08fc749671b2d4e05"], "evidence": {"inventory": "gone.json"}|')" load
says 2 "server_id" "$(edited key 's/"server_id"/"server_idd"/')" check
says 5 "queue" "$(edited queue "s|$DIR/queue|$DIR/no/such|")" load
assert_eq 0 "$(target_databases)" "databases on the target after refused loads"

# ---- settings of the source -----------------------------------------------------------------------

setting() { # REASON VALUE-NOW VALUE-THEN NAME
    source_sql -e "SET GLOBAL $4 = $2"
    rm -rf "$DIR/queue"
    says 3 "[$1]" "$DIR/good.json" load
    source_sql -e "SET GLOBAL $4 = $3"
}
setting row_metadata MINIMAL FULL binlog_row_metadata
setting row_image MINIMAL FULL binlog_row_image
setting partial_json PARTIAL_JSON "''" binlog_row_value_options
source_sql -e "SET GLOBAL gtid_mode = ON_PERMISSIVE"
says 3 "[no_gtid]" "$DIR/good.json" load
source_sql -e "SET GLOBAL gtid_mode = ON"
assert_eq 0 "$(target_databases)" "databases on the target after refused settings"

# ---- names ----------------------------------------------------------------------------------------

says 2 "no table shop.itm" "$DIR/good.json" load --tables shop.itm
says 2 "does not copy table shop.hidden" "$DIR/good.json" load --tables shop.hidden
says 2 "database.table" "$DIR/good.json" load --tables item
says 2 "unknown option" "$DIR/good.json" load --table shop.item
says 2 "noise" "$DIR/good.json" load --log-level noise
assert_eq 0 "$(target_databases)" "databases on the target after wrong names"

says 5 "[other_queue]" "$DIR/good.json" load
target_sql -e "DROP DATABASE domicile"

# ---- a load that is stopped -----------------------------------------------------------------------

# The table's rows are locked on the source, so that the load cannot come to its end before.
mkfifo "$DIR/lock"
client "$SOURCE_SOCKET" <"$DIR/lock" >/dev/null &
locker=$!
PIDS+=("$locker")
exec 8>"$DIR/lock"
echo "LOCK TABLES shop.item WRITE;" >&8
is_locked() { ! source_sql -e "SET SESSION lock_wait_timeout = 1; SELECT 1 FROM shop.item LIMIT 1"; }
wait_for 20 "the table is locked" is_locked
"$DOMICILE" load --config "$DIR/good.json" --tables shop.item >"$DIR/load.out" 2>"$DIR/load.err" 8>&- &
load=$!
PIDS+=("$load")
load_waits() {
    [ "$(source_sql -e "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '$SOURCE_REPL_USER'
        AND STATE LIKE '%metadata lock%'")" -ge 1 ]
}
wait_for 20 "the load reads rows" load_waits
kill -INT "$load"
exec 8>&-
wait "$locker" || true
forget_pid "$locker"
status=0
wait "$load" || status=$?
forget_pid "$load"
assert_eq 1 "$status" "exit code of a stopped load"
assert_contains "$(cat "$DIR/load.err")" "run it again" "a stopped load tells what to do"
assert_eq 1 "$(grep -c UNPROVEN "$DIR/load.err")" "the warning about missing proof, in one process"
says 0 "residency unproven" "$DIR/good.json" load --tables shop.item
assert_eq 0 "$(grep -c '"audit head' "$DIR/said.err")" "audit heads of a load"

# ---- tables that were never loaded, and that are nowhere --------------------------------------------

says 1 "no copy of the table" "$DIR/good.json" validate
says 2 "[no_table]" "$DIR/good.json" validate --tables shop.itm
says 0 "0 differences" "$DIR/good.json" validate --tables shop.item
source_sql -e "CREATE TABLE shop.other (id INT PRIMARY KEY, v INT) ENGINE=MyISAM"
says 1 "engine MyISAM is not supported" "$DIR/good.json" load
source_sql -e "DROP TABLE shop.other"

# ---- beside a running service ---------------------------------------------------------------------

start_replicate
wait_for 20 "the service answers" test -S "$DIR/queue/control.sock"
says 2 "[service_running]" "$DIR/good.json" replicate
says 2 "[service_running]" "$DIR/good.json" replicate --stage apply
says 2 "[queue_locked]" "$DIR/good.json" replicate --stage capture
says 2 "[service_running]" "$DIR/good.json" load
says 2 "[no_table]" "$DIR/good.json" validate --tables shop.itm
says 0 "running" "$DIR/good.json" status
source_sql -e "CREATE TABLE shop.made (id INT PRIMARY KEY, v VARCHAR(60)); INSERT INTO shop.made VALUES (1, '$CANARY')"
says 0 "0 differences" "$DIR/good.json" validate
kill_replicate
[ -S "$DIR/queue/control.sock" ] || fail "a killed service took its socket with it"
says 0 "not running" "$DIR/good.json" status
says 0 "0 differences" "$DIR/good.json" validate --tables shop.item

# ---- one JSON value each --------------------------------------------------------------------------

one_value() { # CODE COMMAND [options]
    says "$1" "" "$DIR/good.json" "${@:2}" --json
    json <"$DIR/said.out" >/dev/null || fail "$2 --json is not one JSON value"
}
json_lines() { python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$DIR/said.out" || fail "$1 is not JSON lines"; }
one_value 0 check
one_value 0 config
one_value 0 load
one_value 0 replicate --once
assert_eq True "$(json unproven <"$DIR/said.out")" "the end of replicate says that residency is not proven"
one_value 0 status
one_value 0 guard explain
one_value 0 guard evidence
one_value 0 guard verify
says 2 "residency.allowed_subnets" "$DIR/good.json" guard scp
says 0 '"unproven":true' "$DIR/good.json" validate --json
json_lines "validate --json"
says 0 '"first_lsn"' "$DIR/good.json" queue ls --json
json_lines "queue ls --json"
start_replicate --stage capture
capture=$REPLICATE_PID
wait_for 20 "capture answers" test -S "$DIR/queue/capture.sock"
start_replicate --stage apply
wait_for 20 "apply answers" test -S "$DIR/queue/control.sock"
one_value 0 status
json capture_service pid <"$DIR/said.out" >/dev/null || fail "status of two processes lacks one"
stop_replicate
REPLICATE_PID=$capture
stop_replicate

# ---- servers that are down ------------------------------------------------------------------------

server stop target
says 4 "check the target's host and port" "$DIR/good.json" load
says 1 "check the target's host and port" "$DIR/good.json" check
says 0 "check the target's host and port" "$DIR/good.json" status
server stop source
says 3 "check source.host" "$DIR/good.json" replicate --once

if grep -q "$CANARY" "$DIR/all.said" "$DIR/domicile.log"; then fail "a row's value was told"; fi
