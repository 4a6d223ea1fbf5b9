#!/bin/bash
# 50_validate_finds_seeded_differences - damages behind the tool's back: all found, none
# invented, all repaired, while writers write elsewhere. SEED=N repeats a run.
. "$(dirname "$0")/../lib/e2e.sh"

SEED=${SEED:-$RANDOM}
say "SEED=$SEED"
start_source -- --max-allowed-packet=256M
start_target -- --max-allowed-packet=256M

source_sql <<'SQL'
CREATE DATABASE shop;
USE shop;
CREATE TABLE account (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci,
  code CHAR(12) CHARACTER SET latin1,
  note TEXT,
  balance DECIMAL(14,2) NOT NULL,
  rate DOUBLE,
  weight FLOAT,
  seen DATETIME(6),
  at_day TIME(3),
  flags SET('a','b','c','d'),
  level ENUM('low','middle','high'),
  bits BIT(40),
  doc JSON,
  raw VARBINARY(40),
  place POINT,
  picture LONGBLOB,
  doubled INT UNSIGNED GENERATED ALWAYS AS (id * 2) STORED,
  KEY (name), KEY (seen)
);
CREATE TABLE line (
  a INT NOT NULL, b VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL,
  amount BIGINT NOT NULL, other BIGINT NOT NULL, PRIMARY KEY (a, b)
);
CREATE TABLE word (w VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY, n INT);
CREATE TABLE journal (who INT, what VARCHAR(20), v DOUBLE);
CREATE TABLE busy (id INT PRIMARY KEY AUTO_INCREMENT, v INT NOT NULL);
SET SESSION cte_max_recursion_depth = 1000000;
INSERT INTO account (id, name, code, note, balance, rate, weight, seen, at_day, flags, level, bits, doc, raw, place, picture)
WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 25000)
SELECT n, IF(n % 97 = 0, '', CONCAT('näme ', n)), CONCAT('c', n), IF(n % 89 = 0, NULL, REPEAT('tëxt ', n % 7)),
       n * 1.25, n / 7, n / 3, '2020-01-01' + INTERVAL n MINUTE, SEC_TO_TIME(n % 3000000), n % 16, 1 + n % 3, n,
       JSON_OBJECT('n', n, 'k', JSON_ARRAY(n, n / 4, 'x')), UNHEX(SHA2(n, 224)), POINT(n, -n), UNHEX(REPEAT(SHA2(n, 256), 3))
FROM s;
INSERT INTO line WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
SELECT n DIV 10, CONCAT('k', n % 10), n, 20001 - n FROM s;
INSERT INTO word WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 12000)
SELECT CONCAT(ELT(1 + n % 4, 'straße', 'Äpfel', 'zebra', 'ñandú'), ' ', n), n FROM s;
INSERT INTO journal WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900)
SELECT n % 30, ELT(1 + n % 3, 'in', 'out', NULL), n % 5 FROM s;
INSERT INTO busy (v) WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s;
UPDATE account SET picture = REPEAT(UNHEX('00FF7FABCDEF'), 2 * 1024 * 1024) WHERE id = 777;
UPDATE account SET rate = -0.0e0, weight = -0.0e0 WHERE id = 5;
SQL
write_config '"tables": {"include": ["shop.*"]}'
domicile load >"$DIR/load.out" || fail "load: exit $?"

validate() { # [options]: JSON lines into $DIR/validate.out, exit code into STATUS
    STATUS=0
    domicile validate --json "$@" >"$DIR/validate.out" || STATUS=$?
}
found() { # "table kind key" of each difference, sorted
    python3 - "$DIR/validate.out" <<'PY'
import json, sys
keys = {"account": ["id"], "line": ["a", "b"], "word": ["w"], "journal": ["who", "what", "v"], "busy": ["id"]}
for line in open(sys.argv[1], encoding="utf-8"):
    d = json.loads(line)
    if d["type"] == "difference":
        row = d.get("source") or d["target"]
        print(d["table"], d["kind"], "/".join(str(row[k]) for k in keys[d["table"]]))
PY
}
result() { # MEMBER of the last line
    python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).readlines()[-1])[sys.argv[2]])' "$DIR/validate.out" "$1"
}

validate
assert_eq 0 "$STATUS" "exit code of validate after load"
assert_eq 0 "$(result differences)" "differences after load"
assert_eq 2 "$(result minus_zero)" "values that are -0.0"

# ---- damage -------------------------------------------------------------------------------------

python3 - "$SEED" "$DIR" <<'PY'
import random, sys
seed, dir = int(sys.argv[1]), sys.argv[2]
rnd = random.Random(seed)
ids = rnd.sample([i for i in range(1, 25001) if i not in (5, 777) and i % 97 and i % 89], 24)
sql, want = [], []
def account(i, change):
    sql.append(f"UPDATE shop.account SET {change} WHERE id = {i};")
    want.append(f"account differs {i}")
def swap(i, j, column):
    sql.append(f"UPDATE shop.account x JOIN shop.account y ON x.id = {i} AND y.id = {j} SET x.{column} = y.{column}, y.{column} = @v := x.{column};")
i = iter(ids)
# values swapped between two rows: sums of CRC would not see it
a, b = next(i), next(i)
sql.append(f"SET @x = (SELECT balance FROM shop.account WHERE id = {a}), @y = (SELECT balance FROM shop.account WHERE id = {b});")
account(a, "balance = @y")
account(b, "balance = @x")
k = next(i); sql.append(f"DELETE FROM shop.account WHERE id = {k};"); want.append(f"account missing_on_target {k}")
sql.append("INSERT INTO shop.account (id, balance) VALUES (0, 1), (900000, 2);")
want += ["account missing_on_source 0", "account missing_on_source 900000"]
account(next(i), "name = NULL")
sql.append("UPDATE shop.account SET name = NULL WHERE id = 97;"); want.append("account differs 97")   # was ''
sql.append("UPDATE shop.account SET note = '' WHERE id = 89;"); want.append("account differs 89")      # was NULL
account(next(i), "name = CONCAT(name, ' ')")          # trailing space
account(next(i), "name = UPPER(name)")                # equal by the collation
account(next(i), "code = UPPER(code)")
account(next(i), "note = CONCAT(note, 'x')")
account(next(i), "balance = balance + 0.01")
account(next(i), "seen = seen + INTERVAL 1 MICROSECOND")
account(next(i), "at_day = ADDTIME(at_day, '00:00:00.001')")
account(next(i), "flags = flags ^ 1")
account(next(i), "level = 1 + (level % 3)")
account(next(i), "bits = bits ^ 1")
account(next(i), "doc = JSON_SET(doc, '$.n', -1)")
account(next(i), "raw = CONCAT(LEFT(raw, 27), CHAR(ORD(RIGHT(raw, 1)) ^ 1))")
account(next(i), "place = POINT(1, 1)")
account(next(i), "picture = CONCAT(CHAR(ORD(picture) ^ 1), SUBSTR(picture, 2))")   # one bit
account(next(i), "weight = weight * 1.0000002")       # about one ulp
account(next(i), "rate = rate + rate * 2.3e-16")      # one ulp
# one byte in the middle of 12 MiB
sql.append("UPDATE shop.account SET picture = INSERT(picture, 6000000, 1, X'55') WHERE id = 777;")
want.append("account differs 777")
n = sorted(rnd.sample(range(1, 1999), 4))
sql.append(f"UPDATE shop.line SET amount = other, other = amount WHERE a = {n[0]} AND b = 'k3';")
sql.append(f"UPDATE shop.line SET amount = amount + 1 WHERE a = {n[0]} AND b = 'k3';")
want.append(f"line differs {n[0]}/k3")
sql.append(f"DELETE FROM shop.line WHERE a = {n[1]} AND b = 'k0';"); want.append(f"line missing_on_target {n[1]}/k0")
sql.append(f"INSERT INTO shop.line VALUES ({n[2]}, 'zz', 1, 1);"); want.append(f"line missing_on_source {n[2]}/zz")
sql.append(f"UPDATE shop.line SET b = 'K5' WHERE a = {n[3]} AND b = 'k5';"); want.append(f"line differs {n[3]}/k5")
w = rnd.randrange(1, 3000) * 4
sql.append(f"UPDATE shop.word SET w = 'STRASSE {w}' WHERE w = 'straße {w}';"); want.append(f"word differs straße {w}")
sql.append("INSERT INTO shop.word VALUES ('zzz', 1), ('', 2);"); want += ["word missing_on_source zzz", "word missing_on_source "]
sql.append("DELETE FROM shop.journal WHERE who = 7 AND what = 'out' LIMIT 2;")
want += ["journal missing_on_target"] * 2
sql.append("INSERT INTO shop.journal VALUES (7, 'never', 1), (7, 'never', 1);")
want += ["journal missing_on_source"] * 2
open(dir + "/damage.sql", "w", encoding="utf-8").write("SET NAMES utf8mb4; SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';\n" + "\n".join(sql))
open(dir + "/want", "w", encoding="utf-8").write("\n".join(sorted(want)) + "\n")
PY
target_sql <"$DIR/damage.sql"

# Writers go on in a table that nobody damages, so the window of the compare is not empty.
( while [ ! -e "$DIR/enough" ]; do
    source_sql -e "UPDATE shop.busy SET v = v + 1 WHERE id = 1 + FLOOR(RAND() * 5000);
                   INSERT INTO shop.busy (v) VALUES (1); DELETE FROM shop.busy ORDER BY id LIMIT 1" || exit 0
  done ) 2>/dev/null &
PIDS+=($!)

compare_with_want() {
    found | sed -E 's/^(journal [a-z_]+) .*/\1/' | LC_ALL=C sort >"$DIR/got"
    LC_ALL=C sort "$DIR/want" >"$DIR/want.sorted"
    diff "$DIR/want.sorted" "$DIR/got" >&2 || fail "differences found are not those that were made (SEED=$SEED)"
}
validate --show-values
assert_eq 1 "$STATUS" "exit code of validate after damage"
compare_with_want
validate --show-values --mode offline --tables shop.account
grep '^account' "$DIR/want.sorted" >"$DIR/want.account"
found | LC_ALL=C sort | diff "$DIR/want.account" - >&2 || fail "offline compare of one table (SEED=$SEED)"

validate
if grep -q '"source"' "$DIR/validate.out"; then fail "values are shown without --show-values"; fi

# ---- repair -------------------------------------------------------------------------------------

start_replicate
wait_for 30 "the service answers" test -S "$DIR/queue/control.sock"
validate --show-values --repair
assert_eq 1 "$STATUS" "exit code of validate --repair"
compare_with_want
assert_eq "$(wc -l <"$DIR/want")" "$(result repaired)" "rows repaired"
validate
assert_eq 0 "$STATUS" "exit code after repair"
assert_eq 0 "$(result differences)" "differences after repair"
stop_replicate
# A client whose shell is killed goes on to its last statement.
touch "$DIR/enough"
for pid in "${PIDS[@]}"; do
    wait "$pid" 2>/dev/null || true
    forget_pid "$pid"
done
# The independent comparison would tell -0.0 from 0.
source_sql -e "UPDATE shop.account SET rate = 0, weight = 0 WHERE id = 5"
domicile replicate --once >/dev/null || fail "replicate --once: exit $?"
assert_same shop
