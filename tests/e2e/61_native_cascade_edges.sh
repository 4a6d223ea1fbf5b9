#!/bin/bash
# Cascades of the source's engine, told by nobody: they leave ON UPDATE CURRENT_TIMESTAMP alone, and
# the parent's table may lie outside the mapping.
. "$(dirname "$0")/../lib/e2e.sh"

start_source --native-fk
start_target
source_sql <<'SQL'
CREATE DATABASE f;
CREATE DATABASE other;
CREATE TABLE other.owner (id INT PRIMARY KEY, v INT);
CREATE TABLE other.plain (id INT PRIMARY KEY);
USE f;
CREATE TABLE p (id INT PRIMARY KEY, v INT);
CREATE TABLE k (id INT PRIMARY KEY, p_id INT, v INT,
    at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    dt DATETIME NULL ON UPDATE CURRENT_TIMESTAMP,
    FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE car (id INT PRIMARY KEY, owner_id INT,
    FOREIGN KEY (owner_id) REFERENCES other.owner (id) ON DELETE CASCADE ON UPDATE CASCADE);
SET timestamp = 1700000000;
INSERT INTO p VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO k (id, p_id, v) VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
INSERT INTO other.owner VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO car VALUES (1, 1), (2, 2), (3, 3);
SQL
write_config '"tables": {"include": ["f.*"]}'
domicile load >/dev/null
source_sql f <<'SQL'
INSERT INTO other.plain VALUES (1);
DELETE FROM p WHERE id = 1;
UPDATE p SET id = 20 WHERE id = 2;
DELETE FROM other.owner WHERE id = 1;
UPDATE other.owner SET id = 20 WHERE id = 2;
INSERT INTO other.owner VALUES (4, 4);
INSERT INTO car VALUES (4, 4);
UPDATE other.owner SET v = 5;
SQL
domicile replicate --once >/dev/null || fail "replicate"
assert_same f
domicile validate >/dev/null || fail "validate"
assert_eq 3 "$(target_sql -e "SELECT COUNT(*) FROM f.car")" "the cascade of a table outside the mapping"
