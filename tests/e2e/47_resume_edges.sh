#!/bin/bash
# Where a crash or another hand left the two sides in an unlucky place.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE s;
USE s;
CREATE TABLE small (id INT PRIMARY KEY, v INT);
INSERT INTO small VALUES (1, 1), (2, 2);
SQL
write_config '"tables": {"include": ["s.*"]}'
domicile load >/dev/null
life() { target_sql -e "SELECT life FROM domicile.table_state WHERE db = 's' AND name = '$1'"; }

# A load that was killed before its first chunk, then DDL: nothing else makes the lane move.
target_sql -e "UPDATE domicile.table_state SET life = 2, lo = 0, hi = 0;
               UPDATE domicile.chunk SET done = 0; TRUNCATE s.small"
source_sql -e "ALTER TABLE s.small ADD COLUMN w INT NOT NULL DEFAULT 3"
domicile load >/dev/null || fail "load behind a definition change"
domicile replicate --once >/dev/null || fail "replicate behind it"
assert_same s

# The tool dies while the target works on a definition change, and that goes on without it.
source_sql s <<'SQL'
SET cte_max_recursion_depth = 1000000;
CREATE TABLE big (id INT PRIMARY KEY, a VARCHAR(60), b VARCHAR(60));
INSERT INTO big WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 250000)
    SELECT n, SHA2(n, 224), SHA2(-n, 224) FROM r;
SQL
start_replicate
wait_caught_up s 120
source_sql -e "ALTER TABLE s.big ADD KEY (a), ADD KEY (b)"
altering() { [ -n "$(target_sql -e "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'ALTER%'")" ]; }
deadline=$((SECONDS + 30))
until altering; do
    if [ $SECONDS -gt $deadline ]; then fail "the change does not come"; fi
done
kill_replicate
altering || fail "the change was over too soon for this test"
domicile replicate --once >/dev/null || fail "replicate behind the running change"
assert_eq 4 "$(life big)" "the table is followed on"
assert_same s

# A table that the copy did not make stays, whatever happens on the source.
target_sql -e "CREATE TABLE s.foreign_one (id INT PRIMARY KEY); INSERT INTO s.foreign_one VALUES (77)"
source_sql -e "CREATE TABLE s.foreign_one (id INT PRIMARY KEY, v INT)"
domicile replicate --once >/dev/null || true
assert_exit 5 domicile load
assert_eq 77 "$(target_sql -e "SELECT id FROM s.foreign_one")" "the foreign table"
target_sql -e "DROP TABLE s.foreign_one"
domicile load >/dev/null || fail "load when it is out of the way"
assert_same s

# A GTID set that names the last transaction only.
source_sql -e "INSERT INTO s.small (id) VALUES (10)"
one=$(source_sql -e "SELECT CONCAT(@@server_uuid, ':', GTID_SUBTRACT(@@GLOBAL.gtid_executed, '') )" | sed 's/.*[-:]//')
uuid=$(source_sql -e "SELECT @@server_uuid")
source_sql -e "INSERT INTO s.small (id) VALUES (11)"
domicile replicate --until "$uuid:$one" >/dev/null || fail "until one GTID"
assert_eq "10" "$(target_sql -e "SELECT MAX(id) FROM s.small")" "exactly that GTID"
domicile replicate --once >/dev/null

# A source that lost its history and went on until it had as many GTIDs as the queue.
source_sql -e "RESET BINARY LOGS AND GTIDS"
count=$(source_sql -e "SELECT $one + 20")
for i in $(seq "$count"); do echo "UPDATE s.small SET v = $i WHERE id = 1;"; done | source_sql
assert_exit 3 domicile replicate --once
tail -n 3 "$DIR/domicile.log" | grep -q "lost transactions or was reset" || fail "it is not named"
