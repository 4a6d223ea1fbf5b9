CREATE TABLE `computed` (
  `id` int NOT NULL,
  `a` int DEFAULT NULL,
  `v` int GENERATED ALWAYS AS ((`a` + 1)) VIRTUAL,
  `s` varchar(20) GENERATED ALWAYS AS (concat(_utf8mb4'n',`a`)) STORED,
  `h` int DEFAULT '7' /*!80023 INVISIBLE */,
  PRIMARY KEY (`id`),
  KEY `functional_index` (((`a` * 2)))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
