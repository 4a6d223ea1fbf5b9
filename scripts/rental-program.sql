-- Views, triggers, a procedure and an event of the rental business; run after the rows are in.

USE rental;

CREATE VIEW customer_list AS
  SELECT c.customer_id, c.full_name, c.email, a.line1, a.postcode, ci.name AS city, co.name AS country
  FROM customer c LEFT JOIN address a ON a.address_id = c.address_id
  LEFT JOIN city ci ON ci.city_id = a.city_id LEFT JOIN country co ON co.country_id = ci.country_id;

CREATE VIEW open_rental AS
  SELECT r.rental_id, r.customer_id, r.taken, i.item_id, i.store_id, t.title, t.daily_rate
  FROM rental r JOIN inventory i ON i.inventory_id = r.inventory_id JOIN item t ON t.item_id = i.item_id
  WHERE r.returned IS NULL;

CREATE VIEW open_rental_by_store AS
  SELECT s.store_id, s.name, COUNT(o.rental_id) AS open_count, COALESCE(SUM(o.daily_rate), 0) AS daily_income
  FROM store s LEFT JOIN open_rental o ON o.store_id = s.store_id GROUP BY s.store_id, s.name;

CREATE SQL SECURITY INVOKER VIEW best_store AS
  SELECT store_id, name, daily_income FROM open_rental_by_store ORDER BY daily_income DESC, store_id LIMIT 3;

DELIMITER //

CREATE TRIGGER rental_after_insert AFTER INSERT ON rental FOR EACH ROW
  INSERT INTO audit_log (at, actor, action, subject, detail)
  VALUES (NOW(6), CURRENT_USER(), 'insert', CONCAT('rental/', NEW.rental_id),
          JSON_OBJECT('inventory', NEW.inventory_id, 'taken', NEW.taken))//

CREATE TRIGGER customer_after_update AFTER UPDATE ON customer FOR EACH ROW
BEGIN
  IF NOT (NEW.email <=> OLD.email) THEN
    INSERT INTO audit_log (at, actor, action, subject, detail)
    VALUES (NOW(6), CURRENT_USER(), 'update', CONCAT('customer/', NEW.customer_id), JSON_ARRAY('email'));
  END IF;
END//

CREATE TRIGGER payment_before_insert BEFORE INSERT ON payment FOR EACH ROW
  SET NEW.paid = COALESCE(NEW.paid, NOW(6))//

CREATE TRIGGER coupon_use_after_insert AFTER INSERT ON coupon_use FOR EACH ROW
  UPDATE coupon SET uses = uses + 1 WHERE code = NEW.code//

CREATE TRIGGER invoice_after_delete AFTER DELETE ON invoice FOR EACH ROW
  INSERT INTO audit_log (at, actor, action, subject)
  VALUES (NOW(6), CURRENT_USER(), 'delete', CONCAT('invoice/', OLD.invoice_no))//

CREATE PROCEDURE close_rental(IN p_rental_id BIGINT UNSIGNED, IN p_amount DECIMAL(10,2))
BEGIN
  DECLARE v_customer_id INT UNSIGNED;
  SELECT customer_id INTO v_customer_id FROM rental WHERE rental_id = p_rental_id FOR UPDATE;
  IF v_customer_id IS NOT NULL THEN
    UPDATE rental SET returned = GREATEST(NOW(), taken) WHERE rental_id = p_rental_id;
    INSERT INTO payment (customer_id, rental_id, amount, method)
    VALUES (v_customer_id, p_rental_id, p_amount, 'card');
  END IF;
END//

CREATE EVENT forget_old_logins ON SCHEDULE EVERY 1 DAY DISABLE DO
  DELETE FROM audit_log WHERE action = 'login' AND at < NOW() - INTERVAL 90 DAY//

DELIMITER ;
