CREATE TABLE `times` (
  `id` int NOT NULL,
  `d` date DEFAULT NULL,
  `t` time DEFAULT NULL,
  `t1` time(1) DEFAULT NULL,
  `t3` time(3) DEFAULT NULL,
  `t6` time(6) DEFAULT NULL,
  `dt` datetime DEFAULT NULL,
  `dt2` datetime(2) DEFAULT NULL,
  `dt5` datetime(5) DEFAULT NULL,
  `dt6` datetime(6) DEFAULT NULL,
  `ts` timestamp NULL DEFAULT NULL,
  `ts1` timestamp(1) NULL DEFAULT NULL,
  `ts4` timestamp(4) NULL DEFAULT NULL,
  `ts6` timestamp(6) NULL DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
