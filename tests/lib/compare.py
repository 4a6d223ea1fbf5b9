#!/usr/bin/env python3
"""compare - says whether two servers hold the same rows; shares no code with domicile.

  compare.py --source SOCKET --target SOCKET --database A[:B]... [--skip TABLE]... [--structure] [--show N]

Both sides are read by the mariadb client as root over the socket. Every table of A is compared with the
table of the same name in B (default: A), as a multiset of rows in a canonical text; a table that only one
side has is a difference, as are other column names or another order. --structure: keys and foreign
keys too. --show N: at most N differing rows of a table (they are row data: for tests only).
Exit: 0 equal, 1 different, 2 could not look.
"""
import argparse
import collections
import hashlib
import subprocess
import sys

INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "year"}
LARGE_TEXT = {"tinytext", "text", "mediumtext", "longtext", "json"}
LARGE_BYTES = {"tinyblob", "blob", "mediumblob", "longblob"}
GEOMETRY = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
            "geomcollection", "geometrycollection"}


class CannotLook(Exception):
    pass


class Side:
    def __init__(self, socket, database):
        self.database = database
        self.command = ["mariadb", "--no-defaults", "--user=root", "--socket=" + socket, "--batch", "--quick",
                        "--skip-column-names", "--raw", "--default-character-set=utf8mb4",
                        "--max-allowed-packet=1G", "--init-command=SET SESSION time_zone = '+00:00', sql_mode = '', "
                        "group_concat_max_len = 1000000"]

    def lines(self, sql):
        """Runs one statement and yields its rows as bytes, one a line."""
        proc = subprocess.Popen(self.command + ["--execute=" + sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in proc.stdout:
            yield line.rstrip(b"\n")
        message = proc.stderr.read().decode("utf-8", "replace").strip()
        if proc.wait() != 0:
            raise CannotLook(message)

    def rows(self, sql):
        return [line.decode("utf-8").split("\t") for line in self.lines(sql)]

    def tables(self):
        return [r[0] for r in self.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = '%s' AND "
                                        "table_type = 'BASE TABLE' ORDER BY table_name" % self.database)]

    def columns(self, table):
        return self.rows("SELECT column_name, LOWER(data_type) FROM information_schema.columns WHERE table_schema = '%s' "
                         "AND table_name = '%s' ORDER BY ordinal_position" % (self.database, table))

    def keys(self, table):
        return self.rows("SELECT CONVERT(LOWER(index_name) USING utf8mb4), non_unique, seq_in_index, "
                         "CONVERT(LOWER(column_name) USING utf8mb4), COALESCE(sub_part, 0) "
                         "FROM information_schema.statistics WHERE table_schema = '%s' AND table_name = '%s' AND "
                         "column_name IS NOT NULL ORDER BY 1, 3" % (self.database, table))

    def foreign_keys(self, table):
        return self.rows(
            "SELECT k.constraint_name, k.ordinal_position, k.column_name, k.referenced_table_name, k.referenced_column_name, "
            "REPLACE(r.update_rule, 'NO ACTION', 'RESTRICT'), REPLACE(r.delete_rule, 'NO ACTION', 'RESTRICT') "
            "FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r "
            "ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name "
            "AND r.table_name = k.table_name WHERE k.table_schema = '%s' AND k.table_name = '%s' ORDER BY 1, 2"
            % (self.database, table))


def canonical(name, kind):
    """An expression that both servers print alike exactly when the two values are equal."""
    c = "`" + name.replace("`", "``") + "`"
    if kind in INTEGERS:
        return f"CAST({c} + 0 AS CHAR)"
    if kind == "bit":
        return f"BIN({c} + 0)"
    if kind in ("float", "double"):
        # The eight bytes of the number: text would round.
        return f"HEX(POINT({c}, 0))"
    if kind in ("char", "varchar", "enum", "set"):
        return f"HEX(CONVERT({c} USING utf8mb4))"
    if kind in ("binary", "varbinary", "vector"):
        return f"HEX({c})"
    if kind in LARGE_TEXT:
        # HEX of a value near the packet limit is NULL, a digest of it is not.
        return f"CONCAT(LENGTH(CONVERT({c} USING utf8mb4)), '/', SHA2(CONVERT({c} USING utf8mb4), 256))"
    if kind in LARGE_BYTES:
        return f"CONCAT(LENGTH({c}), '/', SHA2({c}, 256))"
    if kind in GEOMETRY:
        return f"HEX(CAST({c} AS BINARY))"
    return f"CAST({c} AS CHAR)"


def row_text(columns):
    cells = [f"IF(`{n.replace('`', '``')}` IS NULL, '~', COALESCE({canonical(n, k)}, '?'))" for n, k in columns]
    # Every piece is ASCII, so the converted form only spares a mix of collations.
    return "CONCAT_WS('|', " + ", ".join(f"CONVERT({cell} USING ascii)" for cell in cells) + ")"


def row_counts(side, table, columns):
    counts = collections.Counter()
    for line in side.lines(f"SELECT {row_text(columns)} FROM `{side.database}`.`{table}`"):
        if b"?" in line:
            raise CannotLook(f"a value of {table} is too large to be read")
        counts[hashlib.blake2b(line, digest_size=16).digest()] += 1
    return counts


def show_rows(side, table, columns, wanted, mark, limit):
    left = dict(wanted)
    for line in side.lines(f"SELECT {row_text(columns)} FROM `{side.database}`.`{table}`"):
        digest = hashlib.blake2b(line, digest_size=16).digest()
        if left.get(digest, 0) > 0 and limit > 0:
            left[digest] -= 1
            limit -= 1
            print(f"    {mark} {line.decode('ascii', 'replace')[:2000]}")


def compare_table(source, target, table, args):
    """Returns what differs as a list of sentences, and the number of rows."""
    columns, theirs = source.columns(table), target.columns(table)
    if [c[0] for c in columns] != [c[0] for c in theirs]:
        return ["columns %s on the source, %s on the target"
                % (",".join(c[0] for c in columns), ",".join(c[0] for c in theirs))], 0
    found = []
    have, copy = row_counts(source, table, columns), row_counts(target, table, columns)
    missing, extra = have - copy, copy - have
    if missing or extra:
        found.append("%d rows of the source are not on the target, %d of the target not on the source"
                     % (sum(missing.values()), sum(extra.values())))
        if args.show:
            show_rows(source, table, columns, missing, "source", args.show)
            show_rows(target, table, columns, extra, "target", args.show)
    if args.structure:
        for what, a, b in (("keys", source.keys(table), target.keys(table)),
                           ("foreign keys", source.foreign_keys(table), target.foreign_keys(table))):
            a, b = {tuple(r) for r in a}, {tuple(r) for r in b}
            if a != b:
                found.append(f"{what}: only on the source {sorted(a - b)}, only on the target {sorted(b - a)}")
    return found, sum(have.values())


def compare_database(name, args):
    source = Side(args.source, name.split(":")[0])
    target = Side(args.target, name.split(":")[-1])
    ours, theirs = source.tables(), target.tables()
    bad = tables = rows = 0
    for table in sorted(set(ours) | set(theirs)):
        if table in args.skip:
            continue
        tables += 1
        if table not in theirs or table not in ours:
            found = ["only on the " + ("source" if table in ours else "target")]
        else:
            found, count = compare_table(source, target, table, args)
            rows += count
        for sentence in found:
            print(f"  {source.database}.{table}: {sentence}")
        bad += bool(found)
    if tables == 0:
        raise CannotLook(f"no table in {source.database}")
    print("compare: %s: %d tables, %d rows, %s" % (name, tables, rows, f"{bad} tables DIFFER" if bad else "equal"))
    return bad


def main():
    parser = argparse.ArgumentParser(prog="compare.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--database", action="append", required=True)
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--structure", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    try:
        return 1 if sum([compare_database(name, args) for name in args.database]) else 0
    except CannotLook as e:
        print(f"compare: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
