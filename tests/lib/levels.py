#!/usr/bin/env python3
"""levels - a database whose foreign keys cascade over N levels, and writers that make them do it.

  levels all     [--levels N] [--seed S] [--rows-scale X]       print tables and rows as SQL
  levels writers --socket PATH [--levels N] [--seed S] [--rows-scale X] [--seconds T] [--threads K] [--rate R]
                 [--retry] [--stop-file F]                      as scripts/rental writers

Families of tables, one a level each: one_i (DELETE and UPDATE CASCADE by a single column), key_i (the key of
each level holds its parent's: an UPDATE CASCADE changes composite primary keys all the way down), null_i
(SET NULL under each one_i). Beside them tree (a self reference, DELETE CASCADE), boss (a self reference, SET
NULL), mixed (children of two families). Nobody but the engine deletes below the first levels' rows most of
the time. The ids of key_1 come from a small range, so that names are left and taken again.
"""
import argparse
import os
import random
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rental_writers  # noqa: E402

ROOTS = 600       # rows of one_1 at scale 1
KEYS = 400        # the range of key_1.a
FAN = 2           # children of a row
BIG = 1000000


def columns(level):
    return ["a", "b", "c", "d", "e", "f", "g", "h"][:level]


def schema(levels):
    out = ["CREATE DATABASE levels", "USE levels"]
    for i in range(1, levels + 1):
        key = columns(i)
        one = "" if i == 1 else (", FOREIGN KEY (up) REFERENCES one_%d (id) ON DELETE CASCADE ON UPDATE CASCADE" % (i - 1))
        out.append("CREATE TABLE one_%d (id BIGINT NOT NULL PRIMARY KEY, up BIGINT NULL, v INT NOT NULL, "
                   "note VARCHAR(200) NOT NULL%s)" % (i, one))
        above = ", ".join(key[:-1])
        deep = "" if i == 1 else (", FOREIGN KEY (%s) REFERENCES key_%d (%s) ON DELETE CASCADE ON UPDATE CASCADE"
                                  % (above, i - 1, above))
        out.append("CREATE TABLE key_%d (%s, v INT NOT NULL, PRIMARY KEY (%s)%s)"
                   % (i, ", ".join("%s INT NOT NULL" % c for c in key), ", ".join(key), deep))
        out.append("CREATE TABLE null_%d (id BIGINT NOT NULL PRIMARY KEY, up BIGINT NULL, v INT NOT NULL, "
                   "FOREIGN KEY (up) REFERENCES one_%d (id) ON DELETE SET NULL ON UPDATE %s)"
                   % (i, i, "CASCADE" if i % 2 else "SET NULL"))
    out.append("CREATE TABLE tree (id BIGINT NOT NULL PRIMARY KEY, up BIGINT NULL, owner BIGINT NULL, v INT NOT NULL, "
               "FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE, "
               "FOREIGN KEY (owner) REFERENCES one_2 (id) ON DELETE CASCADE ON UPDATE CASCADE)")
    out.append("CREATE TABLE boss (id BIGINT NOT NULL PRIMARY KEY, up BIGINT NULL, v INT NOT NULL, "
               "FOREIGN KEY (up) REFERENCES boss (id) ON DELETE SET NULL)")
    out.append("CREATE TABLE mixed (id BIGINT NOT NULL PRIMARY KEY, a INT NULL, b INT NULL, one BIGINT NULL, v INT NOT NULL, "
               "FOREIGN KEY (a, b) REFERENCES key_2 (a, b) ON DELETE SET NULL ON UPDATE CASCADE, "
               "FOREIGN KEY (one) REFERENCES one_3 (id) ON DELETE CASCADE ON UPDATE CASCADE)")
    return out


def numbers(table, rows):
    return "INSERT INTO %s VALUES %s" % (table, ", ".join(rows))


def print_all(args):
    r = random.Random("%d/levels" % args.seed)
    roots = max(20, int(ROOTS * args.rows_scale))
    for statement in schema(args.levels):
        print(statement + ";")
    print("SET foreign_key_checks = 0;")

    def put(table, rows):
        for i in range(0, len(rows), 500):
            print(numbers(table, rows[i:i + 500]) + ";")
    ids, keys = list(range(1, roots + 1)), [(a,) for a in range(1, KEYS, 2)]
    one, levels_ids = ids, {}
    for i in range(1, args.levels + 1):
        levels_ids[i] = one
        put("one_%d" % i, ["(%d, %s, %d, REPEAT('n', %d))" % (n, "NULL" if i == 1 else (n + FAN - 1) // FAN, r.randrange(100),
                                                              r.randrange(200)) for n in one])
        put("null_%d" % i, ["(%d, %d, %d)" % (n, n, r.randrange(100)) for n in one])
        put("key_%d" % i, ["(%s, %d)" % (", ".join(map(str, k)), r.randrange(100)) for k in keys])
        if i == 2:
            pairs = keys
        one = list(range(1, len(one) * FAN + 1))
        keys = [k + (n,) for k in keys for n in range(FAN)]
    put("tree", ["(%d, %s, %d, 0)" % (n, "NULL" if n == 1 or n % 40 == 1 else n // 2 + 1 if n % 40 < 20 else n - 1,
                                      r.choice(levels_ids[2])) for n in range(1, roots + 1)])
    put("boss", ["(%d, %s, 0)" % (n, "NULL" if n < 5 else r.randrange(1, n)) for n in range(1, roots + 1)])
    put("mixed", ["(%d, %d, %d, %d, 0)" % ((n,) + r.choice(pairs) + (r.choice(levels_ids[3]),)) for n in range(1, roots * 2)])
    print("SET foreign_key_checks = 1;")


class Mix:
    """The transactions of one writer; each method returns a list of statements."""

    def __init__(self, rng, args, thread):
        self.r, self.levels, self.thread, self.n = rng, args.levels, thread, 0
        self.roots = max(20, int(ROOTS * args.rows_scale))
        self.kinds = [(self.grow, 26), (self.grow_keys, 14), (self.drop_root, 8), (self.drop_any, 6), (self.renumber, 8),
                      (self.shift_key, 14), (self.drop_key, 3), (self.move, 6), (self.touch, 10), (self.tree, 6), (self.fell, 3),
                      (self.bosses, 5), (self.rolled_back, 3), (self.all_in_one, 4)]

    def transaction(self):
        self.n += 1
        statements = self.r.choices([k for k, _ in self.kinds], [w for _, w in self.kinds])[0]()
        return statements if len(statements) == 1 else ["BEGIN"] + statements + ["COMMIT"]

    def new(self):
        return BIG * (self.thread + 1) + self.n * 100 + self.r.randrange(100)

    def level(self, first=1, last=None):
        return self.r.randint(first, last or self.levels)

    def spread(self, level):
        return self.roots * FAN ** (level - 1)

    def some(self, table, level):
        return "(SELECT id FROM (SELECT id FROM %s WHERE id >= %d ORDER BY id LIMIT 1) x)" % (
            table, self.r.randint(1, self.spread(level)))

    def grow(self):
        out, up = [], self.new()
        out.append("INSERT IGNORE INTO one_1 VALUES (%d, NULL, 1, 'new')" % up)
        for i in range(2, self.levels + 1):
            out.append("INSERT IGNORE INTO one_%d SELECT %d + id %% 7, id, 1, 'new' FROM one_%d WHERE id >= %d ORDER BY id LIMIT 2"
                       % (i, self.new(), i - 1, up if self.r.random() < .5 else self.r.randint(1, self.spread(i - 1))))
        i = self.level()
        out.append("INSERT IGNORE INTO null_%d SELECT %d, id, 2 FROM one_%d WHERE id >= %d ORDER BY id LIMIT 1"
                   % (i, self.new(), i, self.r.randint(1, self.spread(i))))
        out.append("INSERT IGNORE INTO mixed SELECT %d, k.a, k.b, o.id, 2 FROM key_2 k, one_3 o WHERE k.a >= %d AND o.id >= %d LIMIT 1"
                   % (self.new(), self.r.randint(1, KEYS), self.r.randint(1, self.spread(3))))
        return out

    def grow_keys(self):
        a = self.r.randint(1, KEYS)
        out = ["INSERT IGNORE INTO key_1 VALUES (%d, 1)" % a]
        for i in range(2, self.levels + 1):
            above = ", ".join(columns(i - 1))
            out.append("INSERT IGNORE INTO key_%d SELECT %s, %d, 2 FROM key_%d WHERE a = %d LIMIT 3"
                       % (i, above, self.r.randrange(5), i - 1, a))
        return out

    def drop_root(self):
        return ["DELETE FROM one_1 WHERE id >= %d ORDER BY id LIMIT %d" % (self.r.randint(1, self.spread(1)), self.r.choice([1, 1, 3]))]

    def drop_any(self):
        i = self.level(2)
        return ["DELETE FROM one_%d WHERE id >= %d ORDER BY id LIMIT 1" % (i, self.r.randint(1, self.spread(i)))]

    def renumber(self):
        i = self.level()
        return ["UPDATE one_%d SET id = %d, v = v + 1 WHERE id = %s" % (i, self.new(), self.some("one_%d" % i, i))]

    def shift_key(self):
        """One name is left, another takes it: in one window that is not the same when done twice."""
        a, b, c = self.r.sample(range(1, KEYS), 3)
        out = ["UPDATE IGNORE key_1 SET a = %d WHERE a = %d" % (b, a)]
        if self.r.random() < .6:
            out.append("UPDATE IGNORE key_1 SET a = %d WHERE a = %d" % (a, c))
        return out if self.r.random() < .5 else out[:1]

    def drop_key(self):
        return ["DELETE FROM key_%d WHERE a = %d" % (self.level(1, 2), self.r.randint(1, KEYS))]

    def move(self):
        i = self.level(2)
        return ["UPDATE one_%d SET up = %s WHERE id >= %d ORDER BY id LIMIT 1"
                % (i, self.some("one_%d" % (i - 1), i - 1), self.r.randint(1, self.spread(i)))]

    def touch(self):
        i = self.level()
        return ["UPDATE one_%d SET v = v + 1 WHERE id >= %d ORDER BY id LIMIT 3" % (i, self.r.randint(1, self.spread(i))),
                "UPDATE key_%d SET v = v + 1 WHERE a = %d" % (i, self.r.randint(1, KEYS)),
                "UPDATE null_%d SET v = v + 1 WHERE id >= %d ORDER BY id LIMIT 2" % (i, self.r.randint(1, self.spread(i)))]

    def tree(self):
        return ["INSERT IGNORE INTO tree SELECT %d, %s, o.id, 1 FROM one_2 o WHERE o.id >= %d ORDER BY o.id LIMIT 1"
                % (self.new(), self.some("tree", 1), self.r.randint(1, self.spread(2)))]

    def fell(self):
        return ["DELETE FROM tree WHERE id >= %d ORDER BY id LIMIT 1" % self.r.randint(1, self.roots)]

    def bosses(self):
        return ["INSERT IGNORE INTO boss VALUES (%d, %s, 1)" % (self.new(), self.some("boss", 1)),
                "DELETE FROM boss WHERE id >= %d ORDER BY id LIMIT 1" % self.r.randint(1, self.roots)]

    def rolled_back(self):
        return self.drop_root() + self.grow() + ["ROLLBACK"]

    def all_in_one(self):
        new = self.new()
        return ["INSERT INTO one_1 VALUES (%d, NULL, 1, 'short')" % new,
                "INSERT IGNORE INTO one_2 VALUES (%d, %d, 1, ''), (%d, %d, 2, '')" % (new, new, new + 1, new),
                "INSERT IGNORE INTO one_3 SELECT id, id, 3, '' FROM one_2 WHERE up = %d" % new,
                "UPDATE one_1 SET id = %d WHERE id = %d" % (new + 50, new),
                "DELETE FROM one_2 WHERE id = %d" % new,
                self.r.choice(["DELETE FROM one_1 WHERE id = %d" % (new + 50), "UPDATE one_3 SET v = 9 WHERE id = %d" % (new + 1)])]


def run(args):
    totals, threads, ends = rental_writers.Totals(), [], time.monotonic() + args.seconds
    for i in range(1, args.threads + 1):
        mix = Mix(random.Random("%d/levels/%d" % (args.seed, i)), args, i)
        pause = 1 / args.rate if args.rate > 0 else 0
        threads.append(threading.Thread(target=rental_writers.writer,
                                        args=(args, mix.transaction, pause, ends, 10**12, totals, False)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("writers: %d transactions, %d statements refused, %d connections lost" % (totals.sent, totals.refused, totals.lost),
          flush=True)
    return 1 if totals.broken or totals.refused > rental_writers.REFUSED_SHARE_MAX * max(totals.sent, 20) else 0


def main():
    parser = argparse.ArgumentParser(prog="levels", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["all", "writers"])
    parser.add_argument("--levels", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows-scale", type=float, default=1.0)
    parser.add_argument("--socket")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rate", type=float, default=15)
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--stop-file")
    parser.set_defaults(database="levels")
    args = parser.parse_args()
    if not 3 <= args.levels <= 8:
        parser.error("--levels is between 3 and 8")
    if args.what == "all":
        print_all(args)
        return 0
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
