#!/bin/bash
# 51_validate_while_ddl_runs - DDL on the source waits for a reader's view to end, and further readers
# wait behind the DDL; the comparison must come to its end and invent nothing.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE shop; CREATE TABLE shop.a (id INT PRIMARY KEY, v INT); CREATE TABLE shop.b LIKE shop.a;
    SET cte_max_recursion_depth = 1000000;
    INSERT INTO shop.a WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 60000) SELECT n, n FROM s;
    INSERT INTO shop.b SELECT * FROM shop.a"
write_config '"tables": {"include": ["shop.*"]}'
domicile load >/dev/null || fail "load: exit $?"

ddl() {
    local i
    for i in $(seq 1000); do
        source_sql -e "ALTER TABLE shop.a ADD COLUMN c$i INT; ALTER TABLE shop.b ADD KEY k$i (v);
                       ALTER TABLE shop.a DROP COLUMN c$i; ALTER TABLE shop.b DROP KEY k$i" || return 0
    done
}
ddl 2>/dev/null &
PIDS+=($!)
for _ in 1 2 3 4 5; do
    status=0
    timeout 100 "$DOMICILE" validate --config "$DIR/domicile.json" --json >"$DIR/out" 2>>"$DIR/domicile.log" || status=$?
    [ "$status" = 0 ] || { cat "$DIR/out" >&2; fail "validate while DDL runs: exit $status"; }
done
