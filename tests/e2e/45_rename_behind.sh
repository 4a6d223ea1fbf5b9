#!/bin/bash
# Definitions change between a load and the next start: the new names are loaded, the old ones go.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE b;
USE b;
CREATE TABLE one (id INT PRIMARY KEY, v INT);
CREATE TABLE two (id INT PRIMARY KEY, v INT);
CREATE TABLE swap_a (id INT PRIMARY KEY, v INT);
CREATE TABLE swap_b (id INT PRIMARY KEY, v INT, w INT);
CREATE TABLE gone (id INT PRIMARY KEY);
INSERT INTO one VALUES (1, 1), (2, 2);
INSERT INTO two VALUES (3, 3);
INSERT INTO swap_a VALUES (1, 10);
INSERT INTO swap_b VALUES (2, 20, 200);
INSERT INTO gone VALUES (1);
SQL
write_config '"tables": {"include": ["b.*"]}'
domicile load >/dev/null
source_sql b <<'SQL'
INSERT INTO one VALUES (5, 5);
RENAME TABLE one TO one_old;
INSERT INTO one_old VALUES (6, 6);
CREATE TABLE one (id INT PRIMARY KEY, x VARCHAR(10));
INSERT INTO one VALUES (1, 'new');
RENAME TABLE swap_a TO t, swap_b TO swap_a, t TO swap_b;
INSERT INTO swap_a VALUES (7, 7, 7);
ALTER TABLE two RENAME TO two_b, ADD COLUMN n INT DEFAULT 4;
UPDATE two_b SET v = 9;
DROP TABLE gone;
CREATE TABLE fresh SELECT id, v FROM one_old;
CREATE TABLE like_one LIKE one;
SQL
domicile replicate --once >/dev/null || fail "replicate"
assert_same b
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate"; }
