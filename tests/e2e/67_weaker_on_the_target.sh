#!/bin/bash
# 67_weaker_on_the_target - what the target cannot carry, or could not be made there, holds no row back: load
# ends good and lists it, and status and check tell it for as long as it is so.
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target
# The name of one foreign key is taken in this database of the target.
target_sql -e "CREATE DATABASE w; CREATE TABLE w.theirs (id INT PRIMARY KEY, up INT, KEY (up),
    CONSTRAINT clash FOREIGN KEY (up) REFERENCES w.theirs (id))"
source_sql <<'SQL'
CREATE DATABASE w;
USE w;
CREATE TABLE parent (id INT PRIMARY KEY);
CREATE TABLE child (id INT PRIMARY KEY, a INT, b INT,
    CONSTRAINT clash FOREIGN KEY (a) REFERENCES parent (id),
    CONSTRAINT fine FOREIGN KEY (b) REFERENCES parent (id));
CREATE TABLE expr (id INT PRIMARY KEY, v INT, KEY on_expression ((v + 1)));
CREATE VIEW plain AS SELECT id FROM parent;
CREATE VIEW other AS SELECT BIN_TO_UUID(UUID_TO_BIN(UUID())) AS u FROM parent;
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1, 1);
INSERT INTO expr VALUES (1, 1);
SQL
write_config '"tables": {"include": ["w.*"]}'

weaker() { domicile status --json | python3 -c 'import json, sys; print(*json.load(sys.stdin)["weaker"], sep="\n")'; }
fks() { target_sql -e "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS
    WHERE TABLE_SCHEMA = 'w' AND TABLE_NAME = 'child' AND CONSTRAINT_TYPE = 'FOREIGN KEY' ORDER BY 1"; }
missing_fk="w.child: foreign key clash to w.parent is missing"
missing_key="w.expr: key on_expression is left out"

assert_exit 0 domicile load
loaded=$(cat "$DIR/last.out")
assert_contains "$loaded" "foreign keys of w.child are missing: table w.child: foreign key clash" "the load's result"
assert_contains "$loaded" "$missing_key" "the load's result"
assert_contains "$loaded" "view w.other was not created" "the load's result"
assert_eq fine "$(fks)" "the foreign key that could be made"
assert_same w --skip=theirs

# Not what a process remembers: each of these is another one.
assert_contains "$(weaker)" "$missing_fk" "status without a service"
assert_contains "$(weaker)" "$missing_key" "status without a service"
assert_contains "$(domicile status)" "weaker     $missing_fk" "status as text"
start_replicate
wait_caught_up w
assert_contains "$(weaker)" "$missing_fk" "status of a service"
stop_replicate
assert_exit 0 domicile check
assert_contains "$(cat "$DIR/last.out")" "weaker on the target: $missing_fk" "check"
assert_contains "$(cat "$DIR/last.out")" "view w.other is not on the target" "check"
case $(cat "$DIR/last.out") in *"view w.plain"*) fail "check misses a view that is there" ;; esac

# The obstacle goes, and so does the line, once the key is there.
target_sql -e "ALTER TABLE w.theirs DROP FOREIGN KEY clash"
assert_contains "$(weaker)" "$missing_fk" "status before somebody makes it"
domicile load >/dev/null
assert_eq "clash fine" "$(fks | xargs)" "the foreign keys behind another load"
case $(weaker) in *clash*) fail "status tells of what is there" ;; esac
