#!/bin/bash
# A source with lower_case_table_names=1: rows name tables lowered, statements as they were typed.
. "$(dirname "$0")/../lib/e2e.sh"

start_source --lower-names
start_target -- --lower-case-table-names=1
source_sql -e "CREATE DATABASE Shop; CREATE TABLE Shop.Item (id INT PRIMARY KEY, v INT);
    INSERT INTO Shop.ITEM VALUES (1, 1)"
write_config '"tables": {"include": ["shop.*"]}'
domicile load >/dev/null
source_sql -e "USE Shop; ALTER TABLE ITEM ADD COLUMN w INT DEFAULT 5; INSERT INTO Item VALUES (2, 2, 2);
    CREATE TABLE Line (id INT PRIMARY KEY, item INT, CONSTRAINT F FOREIGN KEY (item) REFERENCES SHOP.Item (id) ON DELETE CASCADE);
    INSERT INTO LINE VALUES (1, 1), (2, 2); DELETE FROM iTEM WHERE id = 1;
    RENAME TABLE Line TO Order_Line; INSERT INTO ORDER_LINE VALUES (3, 2);
    CREATE DATABASE Gone; CREATE TABLE Gone.T (id INT PRIMARY KEY); DROP DATABASE GONE"
assert_exit 0 domicile replicate --once
assert_same shop --structure
