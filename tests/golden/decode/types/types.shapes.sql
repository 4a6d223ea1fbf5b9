CREATE TABLE `shapes` (
  `id` int NOT NULL,
  `g` geometry DEFAULT NULL,
  `p` point /*!80003 SRID 4326 */ DEFAULT NULL,
  `l` linestring DEFAULT NULL,
  `po` polygon /*!80003 SRID 0 */ DEFAULT NULL,
  `mp` multipoint DEFAULT NULL,
  `ml` multilinestring DEFAULT NULL,
  `mpo` multipolygon DEFAULT NULL,
  `gc` geomcollection DEFAULT NULL,
  `v` vector(3) DEFAULT NULL,
  `vd` vector(2048) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
