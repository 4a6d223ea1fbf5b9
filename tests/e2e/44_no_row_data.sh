#!/bin/bash
# Canary values go through success and failure; none of them appears in any output.
. "$(dirname "$0")/../lib/e2e.sh"

canary=ZcAnArY7319
start_source
start_target
source_sql <<SQL
CREATE DATABASE n;
USE n;
CREATE TABLE t (k VARCHAR(40) PRIMARY KEY, u VARCHAR(40) UNIQUE, v TEXT, j JSON, b VARBINARY(60), e ENUM('${canary}e', 'x'));
INSERT INTO t VALUES ('${canary}1', '${canary}u1', '${canary}v', '{"k": "${canary}j"}', '${canary}b', 1),
                     ('${canary}2', '${canary}u2', '${canary}v', NULL, NULL, 2);
CREATE TABLE nokey (v VARCHAR(60));
INSERT INTO nokey VALUES ('${canary}nk');
SQL
write_config '"tables": {"include": ["n.*"]}'
run() { # COMMAND...: any exit code; all output is kept
    "$DOMICILE" "$@" --config "$DIR/domicile.json" --log-level debug >>"$DIR/out.all" 2>>"$DIR/err.all" || true
}
run check
run load
source_sql n -e "UPDATE t SET v = CONCAT(v, '${canary}w') WHERE k = '${canary}1'"
run replicate --once
run validate

# Failures: a duplicate on the target, a row that is missing there, a value that does not fit, DDL refused.
target_sql n -e "INSERT INTO t (k, u) VALUES ('${canary}3', '${canary}u3')"
source_sql n -e "INSERT INTO t (k, u) VALUES ('${canary}3', '${canary}u9')"
run replicate --once
target_sql n -e "DELETE FROM t WHERE k = '${canary}3'"
run replicate --once
target_sql n -e "DELETE FROM t WHERE k = '${canary}2'"
source_sql n -e "UPDATE t SET v = '${canary}gone' WHERE k = '${canary}2'"
run replicate --once
run validate
run validate --repair
run status
run status --json
run queue dump
run queue ls
run guard verify
target_sql n -e "ALTER TABLE t MODIFY v VARCHAR(3)" 2>/dev/null || true
source_sql n -e "INSERT INTO t (k, u, v) VALUES ('${canary}5', '${canary}u5', '${canary}long')"
run replicate --once
source_sql n -e "SET SESSION binlog_format = STATEMENT; UPDATE t SET v = '${canary}stmt'"
run replicate --once
source_sql n -e "ALTER TABLE t ADD COLUMN w VARCHAR(30) DEFAULT '${canary}dflt', ADD PARTITION PARTITIONS 2" 2>/dev/null || true
run replicate --once

[ -s "$DIR/out.all" ] && [ -s "$DIR/err.all" ] || fail "nothing was printed"
hex=$(printf %s "$canary" | od -An -tx1 | tr -d ' \n')
for f in "$DIR/out.all" "$DIR/err.all" "$DIR/queue/audit.jsonl"; do
    ! grep -qi -e "$canary" -e "$hex" "$f" || fail "row data in $(basename "$f"): line $(grep -nim1 -e "$canary" -e "$hex" "$f" | cut -d: -f1)"
done
# The canary is really there to be found: the option that shows rows shows it.
"$DOMICILE" queue dump --show-values --config "$DIR/domicile.json" >"$DIR/shown" 2>/dev/null || true
grep -q "$canary" "$DIR/shown" || fail "queue dump --show-values shows no rows"
