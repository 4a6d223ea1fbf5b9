"""Live writers for the rental database: threads that each hold one mariadb client and send transactions."""
import os
import random
import subprocess
import threading
import time

RENTAL_BASE = 9223372036854775808
RETRY_PAUSE_S = 0.5
REFUSED_SHARE_MAX = 0.5  # deadlocks and duplicates are normal; more than this is a broken schema


class Gone(Exception):
    """The client has ended: the server is away."""


class Client:
    """One mariadb process. Each transaction ends with a tick that is waited for, so nothing piles up."""

    def __init__(self, socket, database):
        self.proc = subprocess.Popen(
            ["mariadb", "--no-defaults", "--user=root", "--socket=" + socket, "--batch", "--skip-column-names",
             "--unbuffered", "--force", "--skip-reconnect", "--default-character-set=utf8mb4", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1)
        self.refused = 0
        self.lost = False
        self.ticks = 0
        threading.Thread(target=self.watch_errors, daemon=True).start()

    def greet(self):
        self.send(["SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES', time_zone = '+00:00'"])

    def watch_errors(self):
        for line in self.proc.stderr:
            if line.startswith("ERROR"):
                self.refused += 1
                # The connection, not the statement: codes from 2000 are the client library's own, 1053 is
                # a server that stops. The client would go on waiting for input, so it is ended.
                code = line.split()[1]
                if code == "1053" or code.startswith("2") and len(code) == 4:
                    self.lost = True
                    self.proc.kill()

    def send(self, statements):
        self.ticks += 1
        text = ";\n".join(statements) + ";\nSELECT 'tick %d';\n" % self.ticks
        try:
            self.proc.stdin.write(text)
            self.proc.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise Gone() from None
        while True:
            line = self.proc.stdout.readline()
            if line == "" or self.lost:
                raise Gone()
            if line.strip() == "tick %d" % self.ticks:
                return

    def close(self):
        try:
            self.proc.stdin.close()
        except OSError:
            pass
        try:
            self.proc.wait(5)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()


class Mix:
    """The transactions of one writer; each method returns a list of statements."""

    def __init__(self, rng, counts, thread):
        self.rng, self.c, self.thread, self.n = rng, counts, thread, 0
        self.kinds = [(self.rent, 30), (self.give_back, 14), (self.pay, 14), (self.edit_customer, 10), (self.new_customer, 6),
                      (self.drop_customer, 2), (self.change_email, 4), (self.renumber_invoice, 3), (self.new_invoice, 6),
                      (self.drop_invoice, 2), (self.rename_coupon, 2), (self.use_coupon, 5), (self.reserve, 6),
                      (self.replace_reservation, 3), (self.swap_parking, 4), (self.rotate_parking, 1), (self.call_close, 4),
                      (self.rolled_back, 4), (self.savepoint, 3), (self.many_payments, 1), (self.renumber_customer, 1),
                      (self.drop_item, 1), (self.drop_rental, 3), (self.audit, 5), (self.purge_audit, 1), (self.edit_json, 4),
                      (self.big_value, 1), (self.drop_staff, 1), (self.same_again, 2)]

    def transaction(self):
        self.n += 1
        kind = self.rng.choices([k for k, _ in self.kinds], [w for _, w in self.kinds])[0]
        return kind()

    def customer(self):
        return self.rng.randint(1, self.c.customer)

    def some(self, table, column, last):
        """A row that is there: cascades have taken many of the ids that the data began with."""
        return ("(SELECT %s FROM %s WHERE %s >= %d ORDER BY %s LIMIT 1)"
                % (column, table, column, self.rng.randint(1, last), column))

    def some_customer(self):
        return self.some("customer", "customer_id", self.c.customer)

    def some_item(self):
        return self.some("item", "item_id", max(1, self.c.item // 2))

    def rental(self):
        return RENTAL_BASE + self.rng.randint(1, self.c.rental + self.n)

    def unique(self):
        return "%d-%d-%d" % (self.thread, self.n, self.rng.randrange(10**6))

    def rent(self):
        r = self.rng
        return ["BEGIN",
                "INSERT INTO rental (inventory_id, customer_id, staff_id, taken) VALUES (%s, %s, %d, NOW() - INTERVAL %d SECOND)"
                % (self.some("inventory", "inventory_id", max(1, self.c.inventory // 2)), self.some_customer(),
                   r.randint(1, self.c.store), r.randrange(10**7)),
                "SET @r = LAST_INSERT_ID()",
                "INSERT INTO rental_extra (rental_id, line, what, amount) VALUES (@r, 1, 'helmet', %d.125), (@r, 2, 'kočárek', -0.5)" % r.randrange(99),
                "UPDATE inventory SET mileage = (mileage + 7) %% 16000000 WHERE inventory_id = %d" % r.randint(1, self.c.inventory),
                "COMMIT"]

    def give_back(self):
        return ["UPDATE rental SET returned = taken + INTERVAL %d HOUR WHERE rental_id = %d" % (self.rng.randint(1, 900), self.rental())]

    def pay(self):
        return ["INSERT INTO payment (customer_id, rental_id, amount, method) SELECT customer_id, rental_id, %d.%02d, 'card' "
                "FROM rental WHERE rental_id = %d" % (self.rng.randrange(900), self.rng.randrange(100), self.rental())]

    def edit_customer(self):
        return ["UPDATE customer SET points = points + %d, credit = credit - 0.0001, flags = flags ^ b'101', remark = %s "
                "WHERE customer_id = %d" % (self.rng.randint(-50, 90), self.rng.choice(["NULL", "'表'", "''", "'ｱ'"]), self.customer())]

    def new_customer(self):
        u = self.unique()
        return ["BEGIN",
                "INSERT INTO customer (store_id, address_id, uuid, email, first_name, last_name, born, preferences, created) VALUES "
                "(%d, %d, UNHEX(LEFT(SHA2('%s', 256), 32)), 'new%s@example.com', 'Näw', 'Cüstomer', '%s', '{\"n\": %d}', NOW(6))"
                % (self.rng.randint(1, self.c.store), self.rng.randint(1, self.c.address), u, u,
                   self.rng.choice(["1990-02-03", "2000-12-31"]), self.rng.randrange(10**12)),
                "SET @c = LAST_INSERT_ID()",
                "INSERT INTO customer_note (customer_id, body, written) VALUES (@c, '新客户', NOW(3)), (@c, 'hello', NOW(3))",
                "COMMIT"]

    def drop_customer(self):
        return ["DELETE FROM customer WHERE customer_id = %d" % self.customer()]

    def change_email(self):
        return ["UPDATE customer SET email = 'Changed%s@Example.org' WHERE customer_id = %d" % (self.unique(), self.customer())]

    def renumber_customer(self):
        return ["UPDATE customer SET customer_id = %d WHERE customer_id = %d"
                % (10**8 + self.thread * 10**6 + self.n, self.customer())]

    def invoice_no(self):
        return "R-%08d" % self.rng.randint(1, self.c.invoice)

    def renumber_invoice(self):
        return ["UPDATE invoice SET invoice_no = 'X-%d-%d' WHERE invoice_no = '%s'" % (self.thread, self.n, self.invoice_no())]

    def new_invoice(self):
        no = "W-%d-%d-%d" % (self.thread, self.n, self.rng.randrange(10**4))
        return ["BEGIN",
                "INSERT INTO invoice VALUES ('%s', %s, CURDATE(), CURDATE() + INTERVAL 14 DAY, %d.%030d, REPEAT('§ ', %d))"
                % (no, self.some_customer(), self.rng.randrange(10**30), self.rng.randrange(10**30), self.rng.randrange(300)),
                "INSERT INTO invoice_line (invoice_no, line, what, amount) VALUES ('%s', 1, 'one', RAND()), ('%s', 2, 'two', RAND() * 1e17), ('%s', 3, 'x', -RAND())"
                % (no, no, no),
                "UPDATE invoice_line SET amount = amount * 2 WHERE invoice_no = '%s' AND line = 2" % no,
                "DELETE FROM invoice_line WHERE invoice_no = '%s' AND line = 3" % no,
                "COMMIT"]

    def drop_invoice(self):
        return ["DELETE FROM invoice WHERE invoice_no = '%s'" % self.invoice_no()]

    def rename_coupon(self):
        return ["UPDATE coupon SET code = 'C%s' WHERE code LIKE '%%-%d'" % (self.unique(), self.rng.randint(1, self.c.coupon))]

    def use_coupon(self):
        return ["SET @k = (SELECT code FROM coupon ORDER BY SHA2(CONCAT(code, %d), 256) LIMIT 1)" % self.rng.randrange(999),
                "INSERT INTO coupon_use VALUES (@k, %s, NOW(1)) ON DUPLICATE KEY UPDATE used = NOW(1)" % self.some_customer()]

    def reservation_id(self):
        return "UNHEX(LEFT(SHA2('r%d', 256), 32))" % self.rng.randrange(self.c.reservation)

    def reserve(self):
        return ["INSERT INTO reservation VALUES (%s, %s, %s, NOW(3), '-%02d:00:00.5', '来') ON DUPLICATE KEY UPDATE "
                "pick_up = NOW(3), tolerance = '01:00:00.125'"
                % (self.reservation_id(), self.some_customer(), self.some_item(), self.rng.randrange(60))]

    def replace_reservation(self):
        return ["REPLACE INTO reservation VALUES (%s, %s, %s, NOW(3), '00:30:00', NULL)"
                % (self.reservation_id(), self.some_customer(), self.some_item())]

    def swap_parking(self):
        a, b = self.rng.sample(range(1, self.c.parking + 1), 2)
        return ["BEGIN",
                "SELECT slot_id FROM parking_slot WHERE slot_id IN (%d, %d) ORDER BY slot_id FOR UPDATE" % (a, b),
                "SET @a = (SELECT place FROM parking_slot WHERE slot_id = %d)" % a,
                "SET @b = (SELECT place FROM parking_slot WHERE slot_id = %d)" % b,
                "UPDATE parking_slot SET place = -%d WHERE slot_id = %d" % (a, a),
                "UPDATE parking_slot SET place = @a WHERE slot_id = %d" % b,
                "UPDATE parking_slot SET place = @b WHERE slot_id = %d" % a,
                "COMMIT"]

    def rotate_parking(self):
        # One statement that moves many unique values by one, in the only order that never collides.
        step = self.rng.choice([1, -1])
        return ["UPDATE parking_slot SET place = place + %d ORDER BY place %s" % (step, "DESC" if step > 0 else "ASC")]

    def call_close(self):
        return ["CALL close_rental(%d, %d.50)" % (self.rental(), self.rng.randrange(500))]

    def rolled_back(self):
        return ["BEGIN"] + self.edit_customer() + self.drop_invoice() + self.pay() + ["ROLLBACK"]

    def savepoint(self):
        return (["BEGIN"] + self.edit_customer() + ["SAVEPOINT s"] + self.drop_customer() + self.pay() +
                ["ROLLBACK TO SAVEPOINT s"] + self.audit() + ["COMMIT"])

    def many_payments(self):
        first = self.customer()
        return ["UPDATE payment SET amount = amount + 0.01 WHERE customer_id BETWEEN %d AND %d" % (first, first + 60)]

    def drop_item(self):
        return ["DELETE FROM item WHERE item_id = %d" % self.rng.randint(self.c.item // 2 + 1, self.c.item)]

    def drop_rental(self):
        return ["DELETE FROM rental WHERE rental_id = %d" % self.rental()]

    def drop_staff(self):
        keep = self.c.store * 2  # managers stay, so that there is somebody to rent from
        return ["DELETE FROM staff WHERE staff_id = %d" % self.rng.randint(keep, max(keep, self.c.staff))]

    def audit(self):
        row = "(NOW(6), 'w%d', 'login', 'session', '[%d]')" % (self.thread, self.rng.randrange(5))
        return ["INSERT INTO audit_log (at, actor, action, subject, detail) VALUES %s, %s" % (row, row)]

    def purge_audit(self):
        return ["DELETE FROM audit_log WHERE action = 'login' AND actor = 'w%d' LIMIT 1" % self.thread,
                "UPDATE audit_log SET subject = 'seen' WHERE actor = 'w%d' LIMIT 2" % self.thread]

    def edit_json(self):
        return ["UPDATE item SET attributes = JSON_SET(attributes, '$.seen', %d, '$.\"ü\"', JSON_ARRAY(1.5, NULL, 'x')), "
                "daily_rate = daily_rate + 0.01 WHERE item_id = %d" % (self.rng.randrange(10**9), self.rng.randint(1, self.c.item))]

    def big_value(self):
        return ["UPDATE item_picture SET picture = REPEAT(x'00ff27', %d), thumb = NULL WHERE item_id = %d"
                % (self.rng.randrange(60_000), self.rng.randint(1, self.c.item))]

    def same_again(self):
        # A row that leaves and comes back under its old key inside one transaction.
        no = self.invoice_no()
        return ["BEGIN",
                "CREATE TEMPORARY TABLE IF NOT EXISTS held LIKE invoice",
                "DELETE FROM held",
                "INSERT INTO held SELECT * FROM invoice WHERE invoice_no = '%s'" % no,
                "DELETE FROM invoice WHERE invoice_no = '%s'" % no,
                "INSERT INTO invoice SELECT * FROM held",
                "UPDATE invoice SET total = total + 1 WHERE invoice_no = '%s'" % no,
                "COMMIT"]


class Changes:
    """The DDL writer: one short life of a column, an index or a table after the other."""

    def __init__(self, rng, counts):
        self.rng, self.c, self.n = rng, counts, int(time.time()) % 10**6 * 1000
        self.plan = []

    def next(self):
        if not self.plan:
            self.n += 1
            self.plan = self.rng.choice([self.column, self.index, self.table, self.early_column, self.copy])(self.n)
        return self.plan.pop(0)

    def column(self, n):
        t = self.rng.choice(["customer_note", "rental_extra", "invoice_line", "parking_slot", "audit_log"])
        return [["ALTER TABLE %s ADD COLUMN x%d INT" % (t, n)], ["UPDATE %s SET x%d = 7 LIMIT 40" % (t, n)],
                ["ALTER TABLE %s MODIFY COLUMN x%d BIGINT DEFAULT 5" % (t, n)],
                ["ALTER TABLE %s RENAME COLUMN x%d TO y%d" % (t, n, n)],
                ["UPDATE %s SET y%d = 12345678901 LIMIT 25" % (t, n)],
                ["ALTER TABLE %s DROP COLUMN y%d" % (t, n)]]

    def early_column(self, n):
        t = self.rng.choice(["damage_report", "payment", "city"])
        return [["ALTER TABLE %s ADD COLUMN a%d VARCHAR(20) CHARACTER SET latin1 NOT NULL DEFAULT 'é' FIRST" % (t, n)],
                ["UPDATE %s SET a%d = 'ÿ' LIMIT 30" % (t, n)],
                ["ALTER TABLE %s CHANGE COLUMN a%d b%d VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci "
                 "NOT NULL DEFAULT 'ü'" % (t, n, n)],
                ["ALTER TABLE %s DROP COLUMN b%d, ADD COLUMN c%d TINYINT" % (t, n, n)],
                ["ALTER TABLE %s DROP COLUMN c%d" % (t, n)]]

    def index(self, n):
        t, columns = self.rng.choice([("payment", "method, amount"), ("rental", "returned DESC"), ("customer", "born, points"),
                                      ("invoice", "issued")])
        return [["CREATE INDEX i%d ON %s (%s)" % (n, t, columns)], ["ALTER TABLE %s RENAME INDEX i%d TO j%d" % (t, n, n)],
                ["DROP INDEX j%d ON %s" % (n, t)]]

    def table(self, n):
        return [["CREATE TABLE extra_%d (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, kind ENUM('a','b') NOT NULL, "
                 "doc JSON, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), UNIQUE KEY k (kind, id))" % n],
                ["INSERT INTO extra_%d (kind, doc) VALUES ('a', '{}'), ('b', '[1]'), ('a', NULL)" % n],
                ["RENAME TABLE extra_%d TO other_%d" % (n, n)],
                ["INSERT INTO other_%d (kind) VALUES ('b'), ('b')" % n], ["TRUNCATE TABLE other_%d" % n],
                ["INSERT INTO other_%d (kind) VALUES ('a')" % n],
                ["ALTER TABLE other_%d MODIFY COLUMN kind ENUM('z','a','b','c') NOT NULL" % n],
                ["INSERT INTO other_%d (kind) VALUES ('z'), ('c')" % n],
                ["DROP TABLE other_%d" % n] if self.rng.random() < .8 else ["SELECT 1"]]

    def copy(self, n):
        return [["CREATE TABLE coupon_%d LIKE coupon" % n], ["INSERT INTO coupon_%d SELECT * FROM coupon LIMIT 50" % n],
                ["RENAME TABLE coupon_%d TO coupon_old_%d" % (n, n)], ["DROP TABLE coupon_old_%d" % n]]


class Totals:
    def __init__(self):
        self.lock = threading.Lock()
        self.sent = self.refused = self.lost = self.ddl = 0
        self.broken = False


def over(args, ends):
    return time.monotonic() >= ends or (args.stop_file and os.path.exists(args.stop_file))


def writer(args, next_statements, pause, ends, limit, totals, is_ddl):
    client, sent = None, 0
    while not over(args, ends) and sent < limit and not totals.broken:
        begun = time.monotonic()
        try:
            if client is None:
                client = Client(args.socket, args.database)
                client.greet()
            client.send(next_statements())
            sent += 1
        except Gone:
            with totals.lock:
                totals.lost += 1
                totals.broken = totals.broken or not args.retry
                totals.refused += client.refused
            client.close()
            client = None
            time.sleep(RETRY_PAUSE_S)
        if pause > 0:
            time.sleep(max(0.0, pause - (time.monotonic() - begun)))
    if client:
        client.close()
    with totals.lock:
        totals.sent += 0 if is_ddl else sent
        totals.ddl += sent if is_ddl else 0
        totals.refused += client.refused if client else 0


def run(args, counts):
    ends = time.monotonic() + args.seconds
    totals, threads = Totals(), []
    for i in range(1, args.threads + 1):
        mix = Mix(random.Random("%d/writer/%d" % (args.seed, i)), counts, i)
        pause = 1 / args.rate if args.rate > 0 else 0
        threads.append(threading.Thread(target=writer, args=(args, mix.transaction, pause, ends, 10**12, totals, False)))
    if args.ddl:
        changes = Changes(random.Random("%d/ddl" % args.seed), counts)
        threads.append(threading.Thread(target=writer, args=(args, changes.next, 0.7, ends, args.ddl_count, totals, True)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("writers: %d transactions, %d DDL steps, %d statements refused, %d connections lost"
          % (totals.sent, totals.ddl, totals.refused, totals.lost), flush=True)
    if totals.broken:
        print("writers: the server went away", flush=True)
        return 1
    return 1 if totals.refused > REFUSED_SHARE_MAX * max(totals.sent + totals.ddl, 20) else 0
