/*
 * mysql.h - the driver for MySQL sources.
 */
#ifndef CDC_SOURCE_MYSQL_MYSQL_H
#define CDC_SOURCE_MYSQL_MYSQL_H

extern const struct source_driver mysql_source;

#endif
