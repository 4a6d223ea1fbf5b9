#!/bin/bash
# 57_renames - databases and tables under other names on the target: load and replicate under writers,
# foreign keys, views, DDL, validate and repair.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
source_sql <<'SQL'
CREATE DATABASE shop;
CREATE DATABASE crm;
USE shop;
CREATE TABLE customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL, CHECK (name <> ''));
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, n INT NOT NULL,
    FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE);
CREATE TABLE line (orders INT, no INT, what VARCHAR(20), PRIMARY KEY (orders, no),
    CONSTRAINT of_order FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE unkeyed (a INT, b TEXT);
CREATE TABLE crm.note (id INT PRIMARY KEY, customer INT, t TEXT, FOREIGN KEY (customer) REFERENCES shop.customer (id));
CREATE TABLE crm.secret (id INT PRIMARY KEY);
INSERT INTO customer (name) VALUES ('a'), ('b'), ('c');
INSERT INTO orders (customer, n) SELECT id, id * 10 FROM customer;
INSERT INTO line SELECT id, 1, 'x' FROM orders;
INSERT INTO unkeyed VALUES (1, 'one'), (1, 'one'), (2, 'two');
INSERT INTO crm.note VALUES (1, 1, 'hello');
CREATE VIEW totals AS SELECT c.name, SUM(o.n) AS n, EXTRACT(YEAR FROM '2020-01-01') AS y
    FROM customer c JOIN orders o ON o.customer = c.id GROUP BY c.name;
CREATE VIEW names AS SELECT customer.name, (SELECT COUNT(*) FROM crm.note WHERE note.customer = customer.id) AS notes
    FROM customer;
CREATE VIEW hidden AS SELECT id FROM crm.secret;
SQL
write_config '"tables": {"include": ["shop.*", "crm.*"], "exclude": ["crm.secret"],
    "rename": {"shop": "shop_zone", "shop.orders": "shop_zone.bestellung", "crm.note": "notes.remark"}}'

writer() { # until the file goes
    local i=0
    while [ -e "$DIR/write" ]; do
        i=$((i + 1))
        source_sql shop -e "INSERT INTO customer (name) VALUES ('w$i'); SET @c = LAST_INSERT_ID();
            INSERT INTO orders (customer, n) VALUES (@c, $i), (@c, -$i); SET @o = LAST_INSERT_ID();
            INSERT INTO line VALUES (@o, 1, 'p'), (@o, 2, 'q'); UPDATE orders SET n = n + 1 WHERE id = @o;
            UPDATE line SET no = no + 10 WHERE orders = @o; INSERT INTO unkeyed VALUES ($i, 'w');
            INSERT INTO crm.note VALUES ($i + 100, @c, 'w'); UPDATE crm.note SET customer = NULL WHERE id = $i + 99;
            DELETE FROM customer WHERE id = @c - 3 AND id > 3 AND id NOT IN (SELECT customer FROM crm.note WHERE customer IS NOT NULL)" || return 0
    done
}

assert_renamed_same() {
    assert_same shop:shop_zone crm:crm --skip=orders --skip=bestellung --skip=note --skip=secret
    for pair in shop.orders:shop_zone.bestellung crm.note:notes.remark; do
        assert_eq "$(source_sql -N -e "SELECT * FROM ${pair%:*} ORDER BY id")" \
            "$(target_sql -N -e "SELECT * FROM ${pair#*:} ORDER BY id")" "rows of $pair"
    done
}

touch "$DIR/write"
writer 2>>"$DIR/writer.log" &
writer_pid=$!
PIDS+=("$writer_pid")
domicile load >"$DIR/out" || { cat "$DIR/out" >&2; fail "load"; }
start_replicate
wait_for 60 "the service" domicile status
target_sql -e "SELECT COUNT(*) FROM shop_zone.bestellung" >/dev/null || fail "no renamed table"
assert_eq 0 "$(target_sql -N -e "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'shop'")" \
    "a database under its source name"

# Foreign keys point to the new names; MySQL's own names for them follow the table.
fks() { target_sql -N -e "SELECT constraint_name, table_name, unique_constraint_schema, referenced_table_name
    FROM information_schema.referential_constraints WHERE constraint_schema IN ('shop_zone', 'notes') ORDER BY 1, 2"; }
assert_eq $'bestellung_ibfk_1\tbestellung\tshop_zone\tcustomer
of_order\tline\tshop_zone\tbestellung
remark_ibfk_1\tremark\tshop_zone\tcustomer' "$(fks)" "foreign keys"
assert_eq "$(source_sql -N -e "SELECT name, y FROM shop.totals WHERE name < 'd' ORDER BY 1")" \
    "$(target_sql -N -e "SELECT name, y FROM shop_zone.totals WHERE name < 'd' ORDER BY 1")" "view totals"
assert_eq 1 "$(target_sql -N -e "SELECT notes FROM shop_zone.names WHERE name = 'a'")" "view names"
grep -q "view shop.hidden was not created: it refers to what is not copied, crm.secret" "$DIR/out" ||
    { cat "$DIR/out" >&2; fail "the view that cannot be carried is not told"; }

# Definitions change while writers write.
source_sql shop <<'SQL'
CREATE TABLE extra (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders (id) ON DELETE SET NULL);
INSERT INTO extra VALUES (1, 1), (2, NULL);
ALTER TABLE orders ADD COLUMN s VARCHAR(10) DEFAULT 'x', ADD KEY by_n (n);
ALTER TABLE extra DROP FOREIGN KEY extra_ibfk_1;
ALTER TABLE extra ADD COLUMN c INT, ADD FOREIGN KEY (c) REFERENCES customer (id), ADD CONSTRAINT mine FOREIGN KEY (o) REFERENCES orders (id);
RENAME TABLE extra TO extra2;
ALTER TABLE extra2 DROP FOREIGN KEY extra2_ibfk_1;
CREATE TABLE swap_a (id INT PRIMARY KEY, v INT);
CREATE TABLE swap_b (id INT PRIMARY KEY, w INT);
INSERT INTO swap_a VALUES (1, 1);
INSERT INTO swap_b VALUES (2, 2);
RENAME TABLE swap_a TO t, swap_b TO swap_a, t TO swap_b;
INSERT INTO swap_a VALUES (3, 3);
TRUNCATE TABLE unkeyed;
CREATE TABLE passing (id INT PRIMARY KEY);
DROP TABLE passing;
CREATE TABLE crm.note2 LIKE crm.note;
INSERT INTO crm.note2 VALUES (1, 1, 'kept');
ALTER TABLE crm.note ADD COLUMN extra INT;
ALTER TABLE crm.note DROP FOREIGN KEY note_ibfk_1;
SQL
sleep 1
rm "$DIR/write"
wait "$writer_pid" || true
source_sql -e "CREATE TABLE shop.e2e_marker (k INT PRIMARY KEY); INSERT INTO shop.e2e_marker VALUES (1)"
wait_for 60 "the target catches up" eval '[ "$(target_sql -N -e "SELECT COUNT(*) FROM shop_zone.e2e_marker")" = 1 ]'
assert_renamed_same
assert_eq "" "$(domicile status --json | python3 -c 'import json, sys
print(*[t["table"] for t in json.load(sys.stdin)["tables"] if t["state"] not in ("strict", "dropped")])')" "tables that are not strict"
assert_eq 0 "$(target_sql -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop_zone' AND table_name = 'passing'")"
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate"; }

# A damaged row and a lost one are found under the source's names and mended under the target's.
target_sql -e "UPDATE shop_zone.bestellung SET n = n + 1 WHERE id = 1; DELETE FROM notes.remark WHERE id = 1;
    INSERT INTO shop_zone.unkeyed VALUES (99, 'x')"
assert_exit 1 domicile validate --json
assert_contains "$(cat "$DIR/last.out")" '"table":"orders"' "the damaged table"
assert_contains "$(cat "$DIR/last.out")" '"table":"note"' "the table with a lost row"
domicile validate --repair >/dev/null || true
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate after repair"; }
assert_renamed_same

# Renamed to a name with a place of its own, and from it: also on the target.
source_sql -e "RENAME TABLE shop.orders TO shop.old_orders; CREATE TABLE shop.orders (id INT PRIMARY KEY); INSERT INTO shop.orders VALUES (7)"
wait_for 60 "the rename" eval '[ "$(target_sql -N -e "SELECT id FROM shop_zone.bestellung" 2>/dev/null)" = 7 ]'
assert_eq "$(source_sql -N -e "SELECT * FROM shop.old_orders ORDER BY id")" "$(target_sql -N -e "SELECT * FROM shop_zone.old_orders ORDER BY id")"
# On the target MariaDB has renamed the key in step, so that it can be dropped by MySQL's name.
source_sql -e "ALTER TABLE shop.old_orders DROP FOREIGN KEY old_orders_ibfk_1"
stop_replicate
domicile replicate --once >/dev/null || fail "replicate after renames"
domicile validate >"$DIR/v" || { cat "$DIR/v" >&2; fail "validate at the end"; }

# Two tables on one name are refused by name, before anything is written.
write_config '"tables": {"include": ["shop.*", "crm.*"], "rename": {"shop": "m", "crm": "m", "crm.note": "m.line"}}'
rm -rf "$DIR/queue"
mkdir -m 700 "$DIR/queue"
sed -i 's/"name": "zone"/"name": "other"/' "$DIR/domicile.json"
assert_exit 2 domicile load
assert_contains "$(tail -3 "$DIR/domicile.log")" "crm.note and shop.line would both land on m.line" "the conflict"
