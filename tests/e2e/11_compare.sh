#!/bin/bash
# 11_compare - the independent comparison sees a difference of every kind, and none between translations.
. "$(dirname "$0")/../lib/e2e.sh"

compare() { python3 "$ROOT/tests/lib/compare.py" --source "$SOURCE_SOCKET" --target "$TARGET_SOCKET" --database shop "$@"; }

make_table() { # JSON-TYPE VECTOR-TYPE ENGINE-COLLATION
    printf "SET SESSION sql_mode = '', time_zone = '+00:00';
      CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, c VARCHAR(20) CHARACTER SET utf8mb4 COLLATE %s,
        l LONGTEXT, d DOUBLE, f FLOAT, n DECIMAL(30,10), j %s, v %s, g GEOMETRY, b BLOB, at DATETIME(6), ti TIME(3),
        ts TIMESTAMP NULL, bits BIT(9), e ENUM('x','y'), y YEAR, u BIGINT UNSIGNED, z DATE, KEY k (c));
      CREATE TABLE shop.no_key (a INT, b INT); INSERT INTO shop.no_key VALUES (1, 1), (1, 1), (NULL, 2);
      INSERT INTO shop.t VALUES (1, 'a ', REPEAT('ü', 100000), 0.1, 0.1, 1.5, '{\"a\": 1}', x'0000803f00000040',
        ST_GeomFromText('POINT(1 2)'), x'00ff', '2024-01-02 03:04:05.678901', '-12:00:00.125', '2024-01-02 03:04:05',
        b'100000001', 'y', 2024, 18446744073709551615, '0000-00-00'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)" "$3" "$1" "$2"
}

start_source
start_target
source_sql -e "$(make_table JSON 'VECTOR(2)' utf8mb4_0900_ai_ci)"
target_sql -e "$(make_table LONGTEXT 'VARBINARY(8)' utf8mb4_uca1400_nopad_ai_ci)"
compare --structure || fail "equal tables are called different"

differs() { # STATEMENT THAT CHANGES, STATEMENT THAT PUTS IT RIGHT
    target_sql shop -e "SET SESSION sql_mode = ''; $1"
    assert_exit 1 compare --structure
    target_sql shop -e "SET SESSION sql_mode = ''; $2"
}
set_value() { differs "UPDATE t SET $1 WHERE id = 1" "UPDATE t SET $2 WHERE id = 1"; }

set_value "c = 'a'" "c = 'a '"
set_value "c = 'A '" "c = 'a '"
set_value "l = CONCAT(REPEAT('ü', 99999), 'u')" "l = REPEAT('ü', 100000)"
set_value "d = 0.1 * 1.0000000000000002e0" "d = 0.1"
set_value "f = 0.100000009" "f = 0.1"
set_value "n = 1.5000000001" "n = 1.5"
set_value "j = '{\"a\": 2}'" "j = '{\"a\": 1}'"
set_value "v = x'0000803f00000041'" "v = x'0000803f00000040'"
set_value "g = ST_GeomFromText('POINT(1 2)', 4326)" "g = ST_GeomFromText('POINT(1 2)')"
set_value "b = x'00'" "b = x'00ff'"
set_value "b = NULL" "b = x'00ff'"
set_value "at = '2024-01-02 03:04:05.678902'" "at = '2024-01-02 03:04:05.678901'"
set_value "ti = '12:00:00.125'" "ti = '-12:00:00.125'"
set_value "ts = '2024-01-02 03:04:06'" "ts = '2024-01-02 03:04:05'"
set_value "bits = b'000000001'" "bits = b'100000001'"
set_value "u = u - 1" "u = 18446744073709551615"
set_value "z = NULL" "z = '0000-00-00'"
differs "INSERT INTO t (id) VALUES (3)" "DELETE FROM t WHERE id = 3"
differs "DELETE FROM no_key WHERE a = 1 LIMIT 1" "INSERT INTO no_key VALUES (1, 1)"
differs "INSERT INTO no_key VALUES (1, 1)" "DELETE FROM no_key WHERE a = 1 LIMIT 1"
differs "CREATE TABLE extra (i INT)" "DROP TABLE extra"
differs "ALTER TABLE t DROP KEY k" "ALTER TABLE t ADD KEY k (c)"
differs "ALTER TABLE no_key MODIFY b INT FIRST" "ALTER TABLE no_key MODIFY b INT AFTER a"

# Had one of them not been put right, those after it would have shown nothing.
compare --structure || fail "not all was put right"
