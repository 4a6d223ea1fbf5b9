# e2e.sh - what every test on real servers needs; sourced by tests/e2e/NN_topic.sh.
#
#     #!/bin/bash
#     . "$(dirname "$0")/../lib/e2e.sh"
#     start_source                       # MySQL 9, name source; options of scripts/servers follow
#     start_target                       # MariaDB, name target
#     source_sql -e "CREATE DATABASE shop; ..."
#     write_config '"tables": {"include": ["shop.*"]}'
#     domicile load
#     assert_same shop
#
# Gives: DIR (temporary, removed at the end), the shell variables of `scripts/servers env` (SOURCE_PORT,
# TARGET_SOCKET, ...), DOMICILE (the program). Everything started here is ended by its own pid at exit.
# A failing command or assertion ends the test (exit 1); a server that cannot be had skips it (exit 77).
# KEEP=1 keeps DIR and prints where it is.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
DOMICILE=${DOMICILE:-$BUILD/domicile}
DIR=$(mktemp -d "${TMPDIR:-/tmp}/domicile-e2e.XXXXXX")
PIDS=()  # of what the test itself has put into the background
NAMES=() # of its servers

say() { printf '%s\n' "$*" >&2; }

fail() { say "FAIL: $*"; exit 1; }

# Ends the test as not run; the reason is the last line of its output.
skip() { say "skipped: $*"; exit 77; }

cleanup() {
    local status=$? pid name
    trap - EXIT INT TERM
    for pid in "${PIDS[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${PIDS[@]}"; do
        wait_end "$pid" 20 || kill -KILL "$pid" 2>/dev/null || true
    done
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        if [ -e "$DIR/domicile.log" ]; then
            say "--- end of domicile.log"
            tail -n 15 "$DIR/domicile.log" >&2
        fi
    fi
    for name in "${NAMES[@]}"; do
        "$ROOT/scripts/servers" stop --dir "$DIR" --name "$name" || true
    done
    if [ "${KEEP:-}" = 1 ]; then say "kept: $DIR"; else rm -rf "$DIR"; fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- servers ------------------------------------------------------------------------------------

start_server() { # KIND NAME [options of scripts/servers start]
    local kind=$1 name=$2 status=0 vars
    shift 2
    "$ROOT/scripts/servers" start "$kind" --dir "$DIR" --name "$name" "$@" || status=$?
    if [ "$status" = 77 ]; then exit 77; fi # scripts/servers has said why in its last line
    [ "$status" = 0 ] || fail "server $name did not start"
    NAMES+=("$name")
    vars=$("$ROOT/scripts/servers" env --dir "$DIR" --name "$name")
    eval "$vars"
}

start_source() { start_server mysql source "$@"; }
start_target() { start_server mariadb target "$@"; }

server() { # stop|kill|restart NAME
    "$ROOT/scripts/servers" "$1" --dir "$DIR" --name "$2"
}

client() { # SOCKET [options of mariadb]: as root
    local socket=$1
    shift
    mariadb --no-defaults --user=root --socket="$socket" --batch --skip-column-names --raw \
        --default-character-set=utf8mb4 --max-allowed-packet=1G "$@"
}

source_sql() { client "$SOURCE_SOCKET" "$@"; }
target_sql() { client "$TARGET_SOCKET" "$@"; }

# ---- domicile -----------------------------------------------------------------------------------

# Writes $DIR/domicile.json for source and target on loopback. Further members of the top object, or
# of "source", may be given as JSON text: write_config '"on_stop": "all"' '"server_id": 5'.
write_config() {
    local more=${1:-} source_more=${2:-}
    cat >"$DIR/domicile.json" <<JSON
{
  "source": { "host": "$SOURCE_HOST", "port": $SOURCE_PORT, "user": "$SOURCE_REPL_USER",
              "password_file": "$SOURCE_REPL_PASSWORD_FILE", "tls": { "ca": "$SOURCE_CA" },
              ${source_more:-"\"server_id\": 4711"} },
  "targets": [ { "name": "zone", "engine": "mariadb", "host": "$TARGET_HOST", "port": $TARGET_PORT,
                 "user": "$TARGET_APPLY_USER", "password_file": "$TARGET_APPLY_PASSWORD_FILE",
                 "tls": { "ca": "$TARGET_CA" } } ],
  "queue": { "dir": "$DIR/queue" },
  "residency": { "evidence": "unproven-loopback" }${more:+,
  $more}
}
JSON
    chmod 600 "$DIR/domicile.json"
    mkdir -p -m 700 "$DIR/queue"
}

domicile() { # COMMAND [options]: with this test's configuration; log lines go to $DIR/domicile.log
    local command=$1
    shift
    "$DOMICILE" "$command" --config "$DIR/domicile.json" "$@" 2>>"$DIR/domicile.log"
}

# Starts `domicile replicate` in the background; its pid is in REPLICATE_PID.
start_replicate() {
    "$DOMICILE" replicate --config "$DIR/domicile.json" "$@" >>"$DIR/replicate.out" 2>>"$DIR/domicile.log" &
    REPLICATE_PID=$!
    PIDS+=("$REPLICATE_PID")
}

# Ends it as a service manager would, and checks that it says good.
stop_replicate() {
    local status=0
    kill -TERM "$REPLICATE_PID"
    wait "$REPLICATE_PID" || status=$?
    forget_pid "$REPLICATE_PID"
    [ "$status" = 0 ] || fail "replicate ended with exit code $status"
}

kill_replicate() {
    kill -KILL "$REPLICATE_PID"
    wait "$REPLICATE_PID" 2>/dev/null || true
    forget_pid "$REPLICATE_PID"
}

forget_pid() {
    local pid kept=()
    for pid in "${PIDS[@]}"; do
        if [ "$pid" != "$1" ]; then kept+=("$pid"); fi
    done
    PIDS=("${kept[@]}")
}

# ---- waiting and asserting ------------------------------------------------------------------------

wait_end() { # PID SECONDS
    local deadline=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

wait_for() { # SECONDS WHAT COMMAND...: until the command succeeds
    local seconds=$1 what=$2
    local deadline=$((SECONDS + seconds))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within $seconds s"
        sleep 0.2
    done
}

# Waits until the target has applied all that the source has committed by now: a marker row goes
# through table e2e_marker of a database that is replicated under its own name.
wait_caught_up() { # DATABASE [SECONDS]
    local marker
    marker=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
    source_sql -e "CREATE TABLE IF NOT EXISTS $1.e2e_marker (k CHAR(12) CHARACTER SET ascii PRIMARY KEY);
                   INSERT INTO $1.e2e_marker VALUES ('$marker')"
    wait_for "${2:-60}" "the target catches up" marker_arrived "$1" "$marker"
}

marker_arrived() { [ "$(target_sql -e "SELECT COUNT(*) FROM $1.e2e_marker WHERE k = '$2'")" = 1 ]; }

assert_eq() { # EXPECTED ACTUAL WHAT
    [ "$1" = "$2" ] || fail "${3:-values differ}: expected '$1', got '$2'"
}

assert_contains() { # TEXT PART WHAT
    case $1 in *"$2"*) ;; *) fail "${3:-text}: '$2' is not in: $1" ;; esac
}

# The number or string at a path of a JSON value on standard input: json apply lsn
json() {
    python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1:]: value = value[name]
print(value)' "$@"
}

assert_exit() { # CODE COMMAND...
    local want=$1 status=0
    shift
    "$@" >"$DIR/last.out" 2>"$DIR/last.err" || status=$?
    [ "$status" = "$want" ] || { cat "$DIR/last.out" "$DIR/last.err" >&2; fail "$*: exit $status, expected $want"; }
}

# The independent comparison; options of tests/lib/compare.py may follow.
assert_same() { # DATABASE[:NAME ON THE TARGET]...
    local args=() name
    for name in "$@"; do
        case $name in --*) args+=("$name") ;; *) args+=(--database "$name") ;; esac
    done
    python3 "$ROOT/tests/lib/compare.py" --source "$SOURCE_SOCKET" --target "$TARGET_SOCKET" "${args[@]}" ||
        fail "source and target are not equal"
}
