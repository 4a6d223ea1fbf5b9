#!/bin/bash
# 10_servers - scripts/servers starts what it says, over TLS only, and ends it by its own pid.
. "$(dirname "$0")/../lib/e2e.sh"

over_tls() { # USER PASSWORD_FILE PORT SQL [CA]
    MYSQL_PWD=$(cat "$2") mariadb --no-defaults --host=127.0.0.1 --port="$3" --user="$1" --batch --skip-column-names \
        --ssl-ca="${5:-$SOURCE_CA}" --ssl-verify-server-cert -e "$4"
}

start_source --checksum none --row-metadata minimal --binlog-compression -- --max-connections=33
start_target --port auto

assert_eq "ON NONE MINIMAL 1 33" "$(source_sql -e 'SELECT @@gtid_mode, @@binlog_checksum, @@binlog_row_metadata,
    @@binlog_transaction_compression, @@max_connections' | tr '\t' ' ')" "settings of the source"
assert_eq 9 "$(source_sql -e 'SELECT VERSION()' | cut -d. -f1)" "version of the source"
assert_contains "$(target_sql -e 'SELECT VERSION()')" MariaDB "version of the target"
assert_eq 600 "$(stat -c %a "$SOURCE_REPL_PASSWORD_FILE")" "mode of a password file"

# Over verified TLS the users come in and may do what the tool needs; without TLS nobody does.
assert_contains "$(over_tls repl "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_PORT" "SHOW STATUS LIKE 'Ssl_cipher'")" TLS cipher
over_tls repl "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_PORT" 'SHOW BINARY LOG STATUS' >/dev/null
assert_exit 1 over_tls repl "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_PORT" 'CREATE DATABASE not_mine'
over_tls apply "$TARGET_APPLY_PASSWORD_FILE" "$TARGET_PORT" 'CREATE DATABASE mine' "$TARGET_CA"
assert_exit 1 over_tls repl "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_PORT" 'SELECT 1' "$DIR/source/cert.pem"
assert_exit 1 env MYSQL_PWD="$(cat "$SOURCE_REPL_PASSWORD_FILE")" mariadb --no-defaults --host=127.0.0.1 \
    --port="$SOURCE_PORT" --user=repl --skip-ssl -e 'SELECT 1'

# After a kill it comes back on the same port with what was committed.
source_sql -e 'CREATE DATABASE kept; CREATE TABLE kept.t (i INT PRIMARY KEY); INSERT INTO kept.t VALUES (7)'
read -r pid _ <"$SOURCE_PID_FILE"
server kill source
assert_exit 1 source_sql -e 'SELECT 1'
server restart source
assert_eq 7 "$(source_sql -e 'SELECT i FROM kept.t')" "a row after the restart"
over_tls repl "$SOURCE_REPL_PASSWORD_FILE" "$SOURCE_PORT" 'SELECT 1' >/dev/null
read -r new_pid _ <"$SOURCE_PID_FILE"
[ "$pid" != "$new_pid" ] || fail "the server was not killed"
server stop source
assert_exit 1 source_sql -e 'SELECT 1'
server stop source # a second stop is no error
server restart source

# A name is taken once; an unknown option of the server shows the server's own words.
assert_exit 1 "$ROOT/scripts/servers" start mariadb --dir "$DIR" --name target
assert_exit 1 "$ROOT/scripts/servers" start mariadb --dir "$DIR" --name bad -- --no-such-option=1
assert_contains "$(cat "$DIR/last.err")" no-such-option "the log of a server that did not start"

start_server postgres pg
psql=(psql -At -v ON_ERROR_STOP=1 "host=127.0.0.1 port=$PG_PORT user=apply dbname=domicile sslmode=verify-full sslrootcert=$PG_CA")
assert_eq 3 "$(PGPASSWORD=$(cat "$PG_APPLY_PASSWORD_FILE") "${psql[@]}" -c 'SELECT 1 + 2')" "PostgreSQL over TLS"
server kill pg
server restart pg
