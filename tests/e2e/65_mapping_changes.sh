#!/bin/bash
# 65_mapping_changes - a table leaves the mapping and comes back: what came meanwhile is not in the queue,
# so it is loaded anew, and never shown as if it were followed.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE shop;
USE shop;
CREATE TABLE a (id INT PRIMARY KEY, v INT);
CREATE TABLE b (id INT PRIMARY KEY, v INT);
CREATE TABLE u (v INT);
INSERT INTO a VALUES (1, 1);
INSERT INTO b VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO u VALUES (1), (1);
SQL
all='"tables": {"include": ["shop.*"]}'
less='"tables": {"include": ["shop.*"], "exclude": ["shop.b", "shop.u"]}'

state_of() { domicile status --json | python3 -c 'import json, sys
print(*[t["state"] + " " + t.get("reason", "") for t in json.load(sys.stdin)["tables"] if t["table"] == sys.argv[1]])' "$1"; }

# ---- one process ----
write_config "$all"
domicile replicate --once >/dev/null || fail "replicate"
assert_same shop
write_config "$less"
source_sql shop -e "INSERT INTO a VALUES (2, 2); INSERT INTO b VALUES (4, 4); UPDATE b SET v = 10 WHERE id = 1;
    DELETE FROM b WHERE id = 2; INSERT INTO u VALUES (2)"
domicile replicate --once >/dev/null || fail "replicate without b"
assert_contains "$(state_of b)" "out " "the state of a table that is left out"
assert_contains "$(state_of b)" "mapping" "its reason"
assert_contains "$(state_of a)" "strict" "the state of the other"
source_sql shop -e "ALTER TABLE b ADD COLUMN w INT; UPDATE b SET w = 7"
domicile replicate --once >/dev/null || fail "replicate behind an ALTER of b"
assert_eq 2 "$(target_sql -N -e "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'b'")" \
    "columns of a table that is not followed"
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate without b"; }
write_config "$all"
domicile replicate --once >/dev/null || fail "replicate with b again"
assert_same shop
assert_contains "$(state_of b)" "strict" "the state after it came back"
source_sql shop -e "INSERT INTO b VALUES (5, 5, 5); INSERT INTO u VALUES (3)"
domicile replicate --once >/dev/null || fail "replicate on"
assert_same shop
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate at the end"; }

# ---- the capturing process alone leaves it out and takes it back; the applying one has both always ----
write_config "$less"
source_sql shop -e "INSERT INTO b VALUES (6, 6, 6)"
domicile replicate --once --stage capture >/dev/null || fail "capture without b"
write_config "$all"
source_sql shop -e "INSERT INTO b VALUES (7, 7, 7); INSERT INTO a VALUES (7, 7)"
domicile replicate --once --stage capture >/dev/null || fail "capture with b"
domicile replicate --once >/dev/null || fail "apply with b"
assert_same shop
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate after stages"; }

# ---- both while the applying process runs and looks away, around a transaction of more than one part ----
start_replicate --stage apply
applied() { [ "$(target_sql -e "SELECT COUNT(*) FROM shop.a WHERE id = $1")" = 1 ]; }
source_sql shop -e "INSERT INTO a VALUES (20, 20)"
domicile replicate --once --stage capture >/dev/null || fail "capture beside apply"
wait_for 30 "the applying process follows" applied 20
kill -STOP "$REPLICATE_PID"
write_config "$less"
source_sql shop -e "SET cte_max_recursion_depth = 10000; BEGIN; INSERT INTO b VALUES (9, 9, 9);
    INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) SELECT i, i FROM n; COMMIT"
domicile replicate --once --stage capture >/dev/null || fail "capture without b, beside apply"
write_config "$all"
source_sql shop -e "INSERT INTO a VALUES (21, 21)"
domicile replicate --once --stage capture >/dev/null || fail "capture with b, beside apply"
kill -CONT "$REPLICATE_PID"
wait_for 30 "the applying process goes on" applied 21
stop_replicate
domicile replicate --once >/dev/null || fail "load b anew"
assert_same shop

# ---- a table changes its name on the target: it is loaded anew under the new one ----
write_config '"tables": {"include": ["shop.*"], "rename": {"shop.b": "shop.c"}}'
source_sql shop -e "INSERT INTO b VALUES (8, 8, 8)"
domicile replicate --once >/dev/null || fail "replicate under a new name"
assert_eq "$(source_sql -N -e "SELECT * FROM shop.b ORDER BY id")" "$(target_sql -N -e "SELECT * FROM shop.c ORDER BY id")" "rows under the new name"
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate under the new name"; }
