#!/bin/bash
# 22_row_keys - rows are found by keys of every type, and by their whole image where there is
# no key: MySQL to MariaDB, load, changes, replicate, independent comparison.
. "$(dirname "$0")/../lib/e2e.sh"
start_source
start_target

LENIENT="SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00';"
shop() { source_sql shop --default-character-set=utf8mb4 -e "$LENIENT $1"; }

n=0
mk() { # TYPE VALUE...
    local value
    n=$((n + 1))
    shop "CREATE TABLE k$n (k $1 NOT NULL, v INT, w VARCHAR(20), PRIMARY KEY (k))"
    shift
    for value in "$@"; do
        shop "INSERT INTO k$n VALUES ($value, 1, 'x')"
    done
}

source_sql -e "CREATE DATABASE shop"
mk "FLOAT" 0.1 3.4e38 1.17549e-38 -0.0 16777217
mk "DOUBLE" 0.1 1.7976931348623157e308 5e-324 -1.5
mk "DECIMAL(65,30)" 0.1 -99999999999999999999999999999999999.9 0
mk "BIT(64)" 0 1 18446744073709551615
mk "YEAR" 0 1901 2155
mk "ENUM('a','b','c')" "'a'" "'c'"
mk "SET('a','b','c')" "''" "'a,c'"
mk "DATE" "'0000-00-00'" "'2024-02-31'" "'9999-12-31'"
mk "TIME(6)" "'-838:59:59'" "'-00:00:00.000001'" "'838:59:59'"
mk "DATETIME(6)" "'0000-00-00'" "'2024-02-31 01:02:03.999999'" "'9999-12-31 23:59:59.999999'"
mk "TIMESTAMP(3)" "'0000-00-00'" "'1970-01-01 00:00:01'" "'2038-01-19 03:14:07.499'"
mk "VARCHAR(20) CHARACTER SET latin1" "'é'" "'F'" "''" "'b '"
mk "VARCHAR(20) CHARACTER SET utf16" "'é😀'" "'F'" "''"
mk "CHAR(20) CHARACTER SET sjis" "'日本'" "'\\\\'" "''"
mk "VARCHAR(20) CHARACTER SET gbk" "'日本'" "'\\\\'" "''"
mk "VARCHAR(20)" "'é'" "'ﬁ'" "'a'" "'a '" "'😀'" "'\\\\'''"
mk "BINARY(4)" "x'00'" "x'0100ff'" "x'27275c00'"
mk "VARBINARY(10)" "x''" "x'00'" "x'0000'"
mk "BIGINT UNSIGNED" 0 18446744073709551615
mk "BIGINT" -9223372036854775808 0
write_config '"tables": {"include": ["shop.*"]}'
domicile load
for ((i = 1; i <= n; i++)); do
    shop "UPDATE k$i SET v=v+1; DELETE FROM k$i ORDER BY k LIMIT 1;
          UPDATE k$i SET v=7, w='y' ORDER BY k DESC LIMIT 1"
done
domicile replicate --once
assert_same shop

# Without a key: float and accented text are found by their bytes.
shop "ALTER TABLE k1 DROP PRIMARY KEY; UPDATE k1 SET v=v+1; DELETE FROM k1 WHERE v=8;
      ALTER TABLE k16 DROP PRIMARY KEY; UPDATE k16 SET v=9; DELETE FROM k16 LIMIT 1;
      INSERT INTO k16 SELECT * FROM k16; UPDATE k16 SET v=v+1 LIMIT 1"
domicile replicate --once
assert_same shop
domicile validate
