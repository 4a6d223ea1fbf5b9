/*
 * simfs.h - a disk in memory that loses what was not synced.
 *
 * Every file has two images: what a reader sees now, and what the platter holds. A crash
 * gives back the platter, where each sector written since the last datasync is, by the
 * seed, new, old or torn (the first bytes new, the rest old), and where a size not yet
 * synced is the old one, the new one or one between. Names (created, renamed, unlinked)
 * are safe only after sync_dir; of the others a prefix, per directory, survives.
 * A failed datasync behaves as Linux does: some sectors got through, the others are lost
 * for good, and the next datasync succeeds without them.
 * Safe for threads. The same seed and the same calls give the same disk.
 */
#ifndef TESTS_LIB_SIMFS_H
#define TESTS_LIB_SIMFS_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/fs.h"

#define SIMFS_SECTOR 512

/* Which calls simfs_fail and simfs_cut_power count; may be combined. */
enum simfs_op {
    SIMFS_OPEN = 1 << 0,
    SIMFS_PWRITE = 1 << 1,
    SIMFS_PREAD = 1 << 2,
    SIMFS_DATASYNC = 1 << 3,
    SIMFS_TRUNCATE = 1 << 4,
    SIMFS_ALLOCATE = 1 << 5,
    SIMFS_RENAME = 1 << 6,
    SIMFS_UNLINK = 1 << 7,
    SIMFS_SYNC_DIR = 1 << 8,
    SIMFS_MAKE_DIR = 1 << 9,
    SIMFS_LIST = 1 << 10,
    SIMFS_SIZE = 1 << 11,
    SIMFS_LOCK = 1 << 12,
    SIMFS_CHANGING = SIMFS_PWRITE | SIMFS_DATASYNC | SIMFS_TRUNCATE | SIMFS_ALLOCATE |
                     SIMFS_RENAME | SIMFS_UNLINK | SIMFS_SYNC_DIR | SIMFS_MAKE_DIR,
    SIMFS_ANY = (1 << 13) - 1,
};

struct simfs;

struct simfs *simfs_new(uint64_t seed); /* an empty disk with the directories "/" and "." */
void simfs_free(struct simfs *s);
const struct fs *simfs_fs(struct simfs *s); /* borrowed; lives as long as s */

/*
 * The n-th call from now (1: the next) among ops fails with code (EIO, ENOSPC). A failing
 * pwrite has written a part. n = 0 takes the order back. One order at a time.
 */
void simfs_fail(struct simfs *s, unsigned ops, unsigned n, int code);

/*
 * The power goes at the n-th call from now among ops: it and every later call fails with
 * EIO until simfs_restart. n = 0 takes the order back.
 */
void simfs_cut_power(struct simfs *s, unsigned ops, unsigned n);

/* The process dies, the machine does not: every call fails until simfs_restart, which then
 * closes descriptors and loses nothing that was written. */
void simfs_kill(struct simfs *s);

/* Power off (if it is not yet) and on again: the platter is the truth, descriptors and
 * locks are gone, orders are taken back. After simfs_kill only the latter. */
void simfs_restart(struct simfs *s);

bool simfs_power_is_off(struct simfs *s);
uint64_t simfs_calls(struct simfs *s, unsigned ops); /* since simfs_new */

/* Damage at rest: xor one byte of a file on the platter and in the cache; false when the
 * file or the offset does not exist. */
bool simfs_flip(struct simfs *s, const char *path, uint64_t offset, uint8_t mask);

#endif
