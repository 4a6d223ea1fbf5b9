#!/bin/bash
# A table whose first row is refused stops once, alone, and stays so; the others go on.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql -e "CREATE DATABASE n; CREATE TABLE n.other (id INT PRIMARY KEY)"
write_config '"tables": {"include": ["n.*"]}'
domicile load >/dev/null
start_replicate
wait_caught_up n
life() { target_sql -e "SELECT life FROM domicile.table_state WHERE db = 'n' AND name = '$1'"; }
stops() { grep -c "table n.$1 stops" "$DIR/domicile.log" || true; }

source_sql n <<'SQL'
CREATE TABLE q (id INT PRIMARY KEY, qty INT, total DECIMAL(12,2), unit DECIMAL(20,8) AS (total/qty) VIRTUAL);
INSERT INTO q (id, qty, total) VALUES (1, 3, 10.00);
INSERT INTO other VALUES (1);
SQL
wait_caught_up n 30
assert_eq 5 "$(life q)" "the table with the refused row"
assert_eq 1 "$(stops q)" "it stops once"
kill_replicate
start_replicate
source_sql n -e "INSERT INTO q (id, qty, total) VALUES (2, 3, 10.00); INSERT INTO other VALUES (2)"
wait_caught_up n 30
assert_eq 1 "$(stops q)" "and not again behind a new start"
assert_eq 2 "$(target_sql -e "SELECT COUNT(*) FROM n.other")" "the rows of the others"
