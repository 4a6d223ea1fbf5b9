-- The tables of a business that rents out vehicles and tools: the realistic database of demo and tests.
-- scripts/rental prints this file, its rows, and scripts/rental-program.sql.

SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;
CREATE DATABASE rental CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
USE rental;
SET SESSION foreign_key_checks = 0;

CREATE TABLE country (
  country_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  iso2 CHAR(2) CHARACTER SET ascii NOT NULL,
  name VARCHAR(80) NOT NULL,
  continents SET('Africa','America','Asia','Europe','Oceania') NOT NULL DEFAULT '',
  driving ENUM('left','right') NOT NULL DEFAULT 'right',
  PRIMARY KEY (country_id),
  UNIQUE KEY iso2 (iso2),
  UNIQUE KEY name (name)
) ENGINE=InnoDB COMMENT='quiet: no writer touches it';

CREATE TABLE city (
  city_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT,
  country_id SMALLINT UNSIGNED NOT NULL,
  name VARCHAR(60) COLLATE utf8mb4_bin NOT NULL,
  location POINT NOT NULL SRID 4326,
  plan GEOMETRY SRID 0,
  population INT UNSIGNED,
  PRIMARY KEY (city_id),
  UNIQUE KEY place (country_id, name),
  SPATIAL KEY location (location),
  CONSTRAINT city_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE address (
  address_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  city_id MEDIUMINT UNSIGNED NOT NULL,
  line1 VARCHAR(80) CHARACTER SET latin1 NOT NULL,
  line2 VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_german1_ci,
  postcode VARCHAR(12) CHARACTER SET ascii NOT NULL DEFAULT '',
  phone CHAR(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT '',
  changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (address_id),
  KEY city (city_id),
  KEY line1 (line1(12)),
  CONSTRAINT address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE store (
  store_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  address_id INT UNSIGNED NOT NULL,
  manager_id SMALLINT UNSIGNED,
  name VARCHAR(60) NOT NULL,
  opens TIME NOT NULL DEFAULT '08:00:00',
  closes TIME NOT NULL DEFAULT '18:30:00',
  clock_offset TIME(6) NOT NULL DEFAULT '00:00:00.000000',
  services SET('delivery','night','repair','fuel and charge','owner''s club') NOT NULL DEFAULT '',
  logo MEDIUMBLOB,
  PRIMARY KEY (store_id),
  UNIQUE KEY manager (manager_id),
  KEY address (address_id),
  CONSTRAINT store_address FOREIGN KEY (address_id) REFERENCES address (address_id),
  CONSTRAINT store_manager FOREIGN KEY (manager_id) REFERENCES staff (staff_id) ON DELETE SET NULL
) ENGINE=InnoDB;

CREATE TABLE staff (
  staff_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  store_id SMALLINT UNSIGNED NOT NULL,
  boss_id SMALLINT UNSIGNED,
  login VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(60) CHARACTER SET utf8mb3 NOT NULL,
  password_hash BINARY(32) NOT NULL,
  hired YEAR NOT NULL,
  salary DECIMAL(12,2) UNSIGNED NOT NULL DEFAULT '0.00',
  active BIT(1) NOT NULL DEFAULT b'1',
  rights BIT(40) NOT NULL DEFAULT b'0',
  photo BLOB,
  PRIMARY KEY (staff_id),
  UNIQUE KEY login (login),
  KEY store (store_id),
  KEY boss (boss_id),
  CONSTRAINT staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE,
  CONSTRAINT staff_boss FOREIGN KEY (boss_id) REFERENCES staff (staff_id) ON DELETE SET NULL
) ENGINE=InnoDB;

CREATE TABLE customer (
  customer_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  store_id SMALLINT UNSIGNED NOT NULL,
  address_id INT UNSIGNED,
  uuid BINARY(16) NOT NULL,
  email VARCHAR(120) NOT NULL,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  full_name VARCHAR(100) GENERATED ALWAYS AS (CONCAT(first_name, ' ', last_name)) VIRTUAL,
  born DATE NOT NULL DEFAULT '0000-00-00',
  preferences JSON,
  flags BIT(12) NOT NULL DEFAULT b'0',
  points BIGINT NOT NULL DEFAULT 0,
  credit DECIMAL(15,4) NOT NULL DEFAULT '0.0000',
  remark TEXT CHARACTER SET sjis,
  token VARCHAR(40) CHARACTER SET ascii DEFAULT NULL /*!80023 INVISIBLE */,
  created DATETIME(6) NOT NULL,
  changed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  PRIMARY KEY (customer_id),
  UNIQUE KEY uuid (uuid),
  UNIQUE KEY email (email),
  KEY email_folded ((LOWER(email))),
  KEY name (last_name, first_name),
  KEY store (store_id),
  KEY address (address_id),
  KEY old_idea (points) INVISIBLE,
  CONSTRAINT customer_points CHECK (points > -1000000),
  CONSTRAINT customer_credit CHECK (credit < 100000) NOT ENFORCED,
  CONSTRAINT customer_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE,
  CONSTRAINT customer_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE SET NULL
) ENGINE=InnoDB;

CREATE TABLE customer_note (
  note_id INT NOT NULL AUTO_INCREMENT,
  customer_id INT UNSIGNED NOT NULL,
  body TEXT CHARACTER SET gbk NOT NULL,
  written DATETIME(3) NOT NULL,
  PRIMARY KEY (note_id),
  KEY customer (customer_id, written DESC),
  CONSTRAINT note_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE category (
  category_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  parent_id TINYINT UNSIGNED,
  name VARCHAR(25) COLLATE utf8mb4_general_ci NOT NULL,
  PRIMARY KEY (category_id),
  UNIQUE KEY name (name),
  KEY parent (parent_id),
  CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES category (category_id) ON DELETE SET NULL
) ENGINE=InnoDB;

CREATE TABLE brand (
  brand_id SMALLINT NOT NULL AUTO_INCREMENT,
  name VARCHAR(40) CHARACTER SET utf16 NOT NULL,
  story MEDIUMTEXT CHARACTER SET utf16,
  PRIMARY KEY (brand_id),
  UNIQUE KEY name (name)
) ENGINE=InnoDB COMMENT='quiet';

CREATE TABLE item (
  item_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  brand_id SMALLINT NOT NULL,
  title VARCHAR(255) NOT NULL,
  description TEXT,
  daily_rate DECIMAL(8,2) NOT NULL,
  weekly_rate DECIMAL(10,2) GENERATED ALWAYS AS (daily_rate * 6) STORED NOT NULL,
  attributes JSON NOT NULL,
  colour VARCHAR(30) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(attributes, '$.colour'))) VIRTUAL,
  rating ENUM('new','good','fair','worn, but ok','don''t') NOT NULL DEFAULT 'new',
  built YEAR,
  `größe` FLOAT NOT NULL DEFAULT 0,
  mass DOUBLE,
  embedding VECTOR(8),
  PRIMARY KEY (item_id),
  KEY brand (brand_id),
  KEY colour (colour),
  KEY rate (daily_rate DESC, item_id),
  FULLTEXT KEY words (title, description),
  CONSTRAINT item_brand FOREIGN KEY (brand_id) REFERENCES brand (brand_id)
) ENGINE=InnoDB;

CREATE TABLE item_category (
  item_id INT UNSIGNED NOT NULL,
  category_id TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (item_id, category_id),
  KEY category (category_id),
  CONSTRAINT ic_item FOREIGN KEY (item_id) REFERENCES item (item_id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT ic_category FOREIGN KEY (category_id) REFERENCES category (category_id) ON DELETE CASCADE
) ENGINE=InnoDB;

CREATE TABLE item_picture (
  item_id INT UNSIGNED NOT NULL,
  n TINYINT NOT NULL,
  kind ENUM('thumb','photo','plan') NOT NULL,
  caption TINYTEXT,
  thumb TINYBLOB,
  picture LONGBLOB,
  PRIMARY KEY (item_id, n),
  CONSTRAINT picture_item FOREIGN KEY (item_id) REFERENCES item (item_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE price_history (
  item_id INT UNSIGNED NOT NULL,
  since DATE NOT NULL,
  rate DECIMAL(8,2) NOT NULL,
  reason VARCHAR(40) COLLATE utf8mb4_0900_as_cs,
  PRIMARY KEY (item_id, since)
) ENGINE=InnoDB COMMENT='quiet';

CREATE TABLE inventory (
  inventory_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  item_id INT UNSIGNED NOT NULL,
  store_id SMALLINT UNSIGNED NOT NULL,
  serial VARBINARY(24) NOT NULL,
  mileage MEDIUMINT UNSIGNED NOT NULL DEFAULT 0,
  parked POINT SRID 0,
  PRIMARY KEY (inventory_id),
  UNIQUE KEY serial (serial),
  KEY item_store (item_id, store_id),
  KEY store (store_id),
  CONSTRAINT inventory_item FOREIGN KEY (item_id) REFERENCES item (item_id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE rental (
  rental_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  inventory_id INT UNSIGNED NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  staff_id SMALLINT UNSIGNED,
  taken DATETIME NOT NULL,
  returned DATETIME,
  days SMALLINT GENERATED ALWAYS AS (TIMESTAMPDIFF(DAY, taken, returned)) VIRTUAL,
  changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (rental_id),
  UNIQUE KEY once (taken, inventory_id, customer_id),
  KEY inventory (inventory_id),
  KEY customer (customer_id),
  KEY staff (staff_id),
  CONSTRAINT rental_inventory FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id)
    ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT rental_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT rental_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=9223372036854775809;

CREATE TABLE rental_extra (
  rental_id BIGINT UNSIGNED NOT NULL,
  line TINYINT UNSIGNED NOT NULL,
  what VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL,
  amount DECIMAL(9,3) NOT NULL,
  PRIMARY KEY (rental_id, line),
  CONSTRAINT extra_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE payment (
  payment_id BIGINT NOT NULL AUTO_INCREMENT,
  customer_id INT UNSIGNED NOT NULL,
  rental_id BIGINT UNSIGNED,
  amount DECIMAL(10,2) NOT NULL,
  method ENUM('cash','card','transfer') NOT NULL,
  paid TIMESTAMP(6) NULL DEFAULT NULL,
  PRIMARY KEY (payment_id),
  KEY customer (customer_id),
  KEY rental (rental_id),
  CONSTRAINT payment_positive CHECK (amount >= 0),
  CONSTRAINT payment_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT payment_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id)
    ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE invoice (
  invoice_no CHAR(14) CHARACTER SET ascii NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  issued DATE NOT NULL,
  due DATE NOT NULL DEFAULT '0000-00-00',
  total DECIMAL(65,30) NOT NULL,
  document LONGTEXT,
  PRIMARY KEY (invoice_no),
  KEY customer (customer_id),
  CONSTRAINT invoice_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE invoice_line (
  invoice_no CHAR(14) CHARACTER SET ascii NOT NULL,
  line SMALLINT NOT NULL,
  what VARCHAR(80) NOT NULL,
  amount DOUBLE NOT NULL,
  PRIMARY KEY (invoice_no, line),
  CONSTRAINT line_invoice FOREIGN KEY (invoice_no) REFERENCES invoice (invoice_no)
    ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE reservation (
  reservation_id BINARY(16) NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  item_id INT UNSIGNED NOT NULL,
  pick_up DATETIME(3) NOT NULL,
  tolerance TIME(3) NOT NULL DEFAULT '00:00:00.000',
  remark VARCHAR(100) CHARACTER SET gbk COLLATE gbk_bin,
  PRIMARY KEY (reservation_id),
  KEY customer (customer_id),
  KEY item (item_id),
  CONSTRAINT reservation_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT reservation_item FOREIGN KEY (item_id) REFERENCES item (item_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE coupon (
  code VARCHAR(20) COLLATE utf8mb4_0900_as_cs NOT NULL,
  percent TINYINT UNSIGNED NOT NULL,
  uses INT NOT NULL DEFAULT 0,
  expires DATE,
  PRIMARY KEY (code)
) ENGINE=InnoDB;

CREATE TABLE coupon_use (
  code VARCHAR(20) COLLATE utf8mb4_0900_as_cs NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  used DATETIME(1) NOT NULL,
  PRIMARY KEY (code, customer_id),
  KEY customer (customer_id),
  CONSTRAINT use_coupon FOREIGN KEY (code) REFERENCES coupon (code) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT use_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
    ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE parking_slot (
  slot_id INT NOT NULL,
  place INT NOT NULL,
  inventory_id INT UNSIGNED,
  PRIMARY KEY (slot_id),
  UNIQUE KEY place (place),
  UNIQUE KEY inventory (inventory_id)
) ENGINE=InnoDB;

CREATE TABLE damage_report (
  report_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  rental_id BIGINT UNSIGNED,
  severity TINYINT NOT NULL,
  sketch GEOMETRY,
  cost FLOAT NOT NULL,
  text MEDIUMTEXT,
  evidence JSON,
  PRIMARY KEY (report_id),
  KEY rental (rental_id),
  CONSTRAINT damage_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE service_area (
  area_id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(40) NOT NULL,
  border POLYGON NOT NULL SRID 4326,
  roads MULTILINESTRING SRID 0,
  points MULTIPOINT,
  parts GEOMETRYCOLLECTION,
  PRIMARY KEY (area_id),
  SPATIAL KEY border (border)
) ENGINE=InnoDB COMMENT='quiet';

CREATE TABLE translation (
  lang CHAR(5) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  label VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL,
  text_utf8 VARCHAR(200) COLLATE utf8mb4_0900_bin NOT NULL,
  text_sjis VARCHAR(200) CHARACTER SET sjis,
  text_gbk VARCHAR(200) CHARACTER SET gbk,
  text_utf16 VARCHAR(200) CHARACTER SET utf16,
  text_cp1251 VARCHAR(200) CHARACTER SET cp1251,
  PRIMARY KEY (lang, label)
) ENGINE=InnoDB COMMENT='quiet';

CREATE TABLE sample_value (
  id INT NOT NULL AUTO_INCREMENT,
  t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED,
  i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, z INT(8) UNSIGNED ZEROFILL, truth BOOL,
  d DECIMAL(65,30), d0 DECIMAL(65,0), f FLOAT, g DOUBLE, bit1 BIT(1), bit64 BIT(64), y YEAR,
  da DATE, dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, ti TIME, ti6 TIME(6),
  c CHAR(10), vc VARCHAR(500), bin BINARY(8), vb VARBINARY(300), e ENUM('','a','A,b','c''d'), st SET('x','y','z'),
  tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  j JSON, v VECTOR(3), geo GEOMETRY,
  PRIMARY KEY (id)
) ENGINE=InnoDB COMMENT='quiet';

CREATE TABLE audit_log (
  at DATETIME(6) NOT NULL,
  actor VARCHAR(60) NOT NULL,
  action ENUM('insert','update','delete','login') NOT NULL,
  subject VARCHAR(80) CHARACTER SET ascii NOT NULL,
  detail JSON
) ENGINE=InnoDB COMMENT='no key: rows may repeat';
