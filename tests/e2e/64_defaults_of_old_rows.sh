#!/bin/bash
# What the source puts into rows that are there when a column comes, on a target with other defaults.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target -- --explicit-defaults-for-timestamp=0
source_sql -e "CREATE DATABASE o; CREATE TABLE o.t (id INT PRIMARY KEY); CREATE TABLE o.j (id INT PRIMARY KEY);
    INSERT INTO o.t VALUES (1), (2); INSERT INTO o.j VALUES (1), (2)"
write_config '"tables": {"include": ["o.*"]}'
domicile load >/dev/null
source_sql -e "SET SESSION sql_mode = ''; ALTER TABLE o.t ADD COLUMN at TIMESTAMP NOT NULL;
    INSERT INTO o.t (id, at) VALUES (3, '2020-01-01 00:00:00'); UPDATE o.t SET id = 4 WHERE id = 3"
domicile replicate --once >/dev/null || true
assert_eq "" "$(target_sql -e "SHOW CREATE TABLE o.t" | grep -i current_timestamp || true)" "the column has no default of its own"
source_sql -e "ALTER TABLE o.j ADD COLUMN doc JSON NOT NULL"
domicile replicate --once >/dev/null || true
domicile load >/dev/null || true
assert_exit 0 domicile replicate --once
assert_same o
assert_eq "null null" "$(target_sql -e "SELECT doc FROM o.j" | xargs)" "old rows hold JSON null"
