CREATE TABLE `log` (
  `t` timestamp(3) NULL DEFAULT NULL,
  `what` varchar(20) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
