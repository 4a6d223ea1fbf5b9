#!/bin/bash
# A source whose engine cascades without logging it: the tool performs the cascades itself.
. "$(dirname "$0")/../lib/e2e.sh"

start_source --native-fk
start_target
source_sql <<'SQL'
CREATE DATABASE f;
USE f;
CREATE TABLE a (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20));
CREATE TABLE b (id INT PRIMARY KEY, a_id INT, v INT,
                FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE c (id INT PRIMARY KEY, b_id INT, v INT,
                FOREIGN KEY (b_id) REFERENCES b (id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE d (id INT PRIMARY KEY, a_u INT,
                FOREIGN KEY (a_u) REFERENCES a (u) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE tree (id INT PRIMARY KEY, parent INT,
                FOREIGN KEY (parent) REFERENCES tree (id) ON DELETE CASCADE);
INSERT INTO a SELECT n, n + 100, 'x' FROM (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 60)
    SELECT n FROM r) x;
INSERT INTO b SELECT id * 10, id, id FROM a;
INSERT INTO b SELECT id * 10 + 1, id, id FROM a;
INSERT INTO c SELECT id, id, 1 FROM b;
INSERT INTO d SELECT id, u FROM a;
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 2), (5, NULL), (6, 5);
SQL
write_config '"tables": {"include": ["f.*"]}'
assert_contains "$(domicile check)" "the tool performs them" "check tells about the cascades"
domicile load >/dev/null
assert_same f
source_sql f <<'SQL'
DELETE FROM a WHERE id = 1;
UPDATE a SET id = 1002 WHERE id = 2;
UPDATE a SET u = 9003 WHERE id = 3;
DELETE FROM b WHERE id = 40;
DELETE FROM tree WHERE id = 2;
BEGIN;
INSERT INTO a VALUES (500, 5000, 'new');
INSERT INTO b VALUES (5000, 500, 1), (5001, 500, 1);
INSERT INTO c VALUES (90000, 5000, 1);
UPDATE b SET v = 77 WHERE id = 5001;
DELETE FROM a WHERE id = 500;
INSERT INTO a VALUES (500, 5000, 'again');
COMMIT;
BEGIN;
UPDATE a SET id = id + 2000 WHERE id BETWEEN 10 AND 20;
UPDATE b SET v = v + 1 WHERE a_id BETWEEN 2010 AND 2020;
DELETE FROM a WHERE id BETWEEN 2015 AND 2020;
COMMIT;
UPDATE b SET id = id + 100000 WHERE a_id = 2010;
DELETE FROM a WHERE id IN (30, 31, 32);
DELETE FROM a WHERE u BETWEEN 140 AND 150;
SQL
domicile replicate --once >/dev/null || fail "replicate"
assert_same f
domicile validate >/dev/null || fail "validate"
