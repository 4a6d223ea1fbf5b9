/*
 * Format of the audit file, version 1.
 *
 * One record a line, a JSON object in UTF-8 ended by "\n", at most 64 KiB:
 *
 *     {"v":1,"seq":2,"time":"2026-05-04T10:22:31.084Z","event":"permit","decision":"allow",
 *      "reason":"listed",...,"prev":"9f86d081...0a08"}
 *
 *     v      version of the format
 *     seq    1 for the first record, then one more each
 *     time   wall clock, UTC
 *     event  start host permit confirm renew refuse accept stop torn
 *     prev   SHA-256, in hex, of the line before without its "\n"; 64 zeros in the first record
 *
 * The file is only ever appended to (O_APPEND, so the append-only attribute may be set on it)
 * and each record is synced before the decision that it records takes effect. Members between
 * event and prev belong to the event; readers skip what they do not know.
 *
 * A line is valid if and only if it is such an object, its prev is the hash of the valid line
 * before and its seq follows. A crash leaves at most a torn tail: bytes after the last valid line
 * without a "\n". The next writer keeps them, ends them by "\n", and appends a record
 *
 *     {"v":1,"seq":N,"time":...,"event":"torn","torn_bytes":17,"torn_sha256":"...","prev":"..."}
 *
 * that names the bytes between the last valid line and itself (without the last "\n") and whose
 * prev is the hash of that last valid line. Other bytes between valid lines are damage. A tail
 * that lacks nothing but its "\n" gets it and is a valid line.
 *
 * The anchor beside the file (same name and ".anchor") holds "SEQ:HASH\n" of a record that was
 * synced: it is replaced (rename) after each append, so a crash leaves it at an earlier record,
 * never at a later one. A file that ends before its anchor was truncated. Who can write both can
 * truncate both: note the head elsewhere (the service logs it at start and stop; `guard verify`
 * prints it, and takes it as --head).
 */
#include "targets/residency/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/json.h"
#include "schema/base/xalloc.h"

#define ZERO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
/* A torn tail is one record and the record that was to name it; more is damage. */
#define TAIL_BYTES_MAX (4 * AUDIT_LINE_BYTES_MAX)

struct head {
    uint64_t seq; /* 0: before the first record */
    char hash[SHA256_HEX_SIZE];
};

struct audit {
    pthread_mutex_t mutex;
    char *path;
    char *anchor_path;
    int fd;
    uint64_t size; /* of the file when head was true */
    struct head head;
};

/* What a line says of its place in the chain. */
struct record {
    uint64_t seq;
    char prev[SHA256_HEX_SIZE];
    bool is_torn;
    uint64_t torn_bytes;
    char torn_sha256[SHA256_HEX_SIZE];
};

static void head_init(struct head *h)
{
    *h = (struct head){0, ZERO_HASH};
}

static bool copy_hash(const cJSON *root, const char *member, char out[SHA256_HEX_SIZE])
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, member));

    out[0] = '\0';
    if (s == NULL || strlen(s) != SHA256_HEX_SIZE - 1)
        return false;
    memcpy(out, s, SHA256_HEX_SIZE);
    return true;
}

static bool read_record(const cJSON *root, struct record *out)
{
    uint64_t version;
    const char *event = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "event"));

    if (!json_uint64(cJSON_GetObjectItemCaseSensitive(root, "v"), &version) || version != 1 ||
        !json_uint64(cJSON_GetObjectItemCaseSensitive(root, "seq"), &out->seq) || event == NULL ||
        !copy_hash(root, "prev", out->prev))
        return false;
    out->is_torn = strcmp(event, "torn") == 0;
    return !out->is_torn ||
           (json_uint64(cJSON_GetObjectItemCaseSensitive(root, "torn_bytes"), &out->torn_bytes) &&
            copy_hash(root, "torn_sha256", out->torn_sha256));
}

/* line: without its newline. */
static bool parse_record(struct bytes line, struct record *out)
{
    struct err ignored = ERR_INIT;
    cJSON *root = NULL;
    bool ok;

    *out = (struct record){0};
    ok = line.len > 0 && line.len < AUDIT_LINE_BYTES_MAX && line.data[0] == '{' &&
         json_parse(line, 0, &root, &ignored) && read_record(root, out);
    cJSON_Delete(root);
    return ok;
}

static bool follows(const struct record *r, const struct head *head)
{
    return r->seq == head->seq + 1 && strcmp(r->prev, head->hash) == 0;
}

static bool broken(struct err *err, const char *path, uint64_t line, const char *what)
{
    err_reason(err, ERR_REFUSED, "audit_broken", "audit file %s, line %" PRIu64 ": %s", path, line,
               what);
    return false;
}

static bool truncated(struct err *err, const char *path, uint64_t seq)
{
    err_reason(err, ERR_REFUSED, "audit_truncated",
               "audit file %s ends before record %" PRIu64
               ", which was written; keep file and anchor as they are for whoever investigates, "
               "and begin a new file",
               path, seq);
    return false;
}

/* "SEQ:HASH", perhaps with a newline. */
static bool parse_head(const char *text, struct head *out)
{
    char *end;

    errno = 0;
    out->seq = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != ':' ||
        strspn(end + 1, "0123456789abcdef") != SHA256_HEX_SIZE - 1)
        return false;
    memcpy(out->hash, end + 1, SHA256_HEX_SIZE - 1);
    out->hash[SHA256_HEX_SIZE - 1] = '\0';
    end += SHA256_HEX_SIZE;
    return *end == '\0' || strcmp(end, "\n") == 0;
}

/* No anchor is no error: the first record's anchor may not have been written. */
static bool read_anchor(const char *path, struct head *out, bool *found, struct err *err)
{
    char text[128] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    *found = false;
    if (fd < 0 && errno == ENOENT)
        return true;
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0)
        err_errno(err, "read %s", path);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    *found = parse_head(text, out);
    if (!*found)
        err_reason(err, ERR_REFUSED, "audit_broken", "audit anchor %s is not SEQ:HASH", path);
    return *found;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_anchor(const struct audit *a, struct err *err)
{
    char text[128];
    char *tmp = xasprintf("%s.new", a->anchor_path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int len = snprintf(text, sizeof(text), "%" PRIu64 ":%s\n", a->head.seq, a->head.hash);
    bool ok = fd >= 0 && write_all(fd, text, (size_t)len) && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    ok = ok && rename(tmp, a->anchor_path) == 0;
    if (!ok)
        err_errno(err, "write %s", tmp);
    free(tmp);
    return ok;
}

/* The tail as it was found: the last valid record and what comes after it. */
struct tail {
    struct head head;
    struct bytes rest; /* after the head's newline; into the caller's buffer */
};

/* Walk back over the lines in data (from the start of a line) to the last that is a record. */
static bool find_head(struct bytes data, bool is_whole, struct tail *out)
{
    size_t end = data.len;

    head_init(&out->head);
    while (end > 0) {
        const uint8_t *newline = memrchr(data.data, '\n', end);
        const uint8_t *before;
        struct record r;
        struct bytes line;

        if (newline == NULL)
            break;
        end = (size_t)(newline - data.data);
        before = end > 0 ? memrchr(data.data, '\n', end) : NULL;
        if (before == NULL && !is_whole)
            return false;
        line.data = before ? before + 1 : data.data;
        line.len = (size_t)(newline - line.data);
        if (parse_record(line, &r)) {
            out->head.seq = r.seq;
            sha256_hex(line, out->head.hash);
            out->rest = bytes_of(newline + 1, data.len - end - 1);
            return true;
        }
    }
    out->rest = data;
    return is_whole;
}

/* Read the end of the file into data. */
static bool read_end(const struct audit *a, uint64_t size, struct buf *data, struct err *err)
{
    size_t want = size < TAIL_BYTES_MAX ? (size_t)size : TAIL_BYTES_MAX;
    uint64_t offset = size - want;

    buf_reset(data);
    while (data->len < want) {
        uint8_t *to = buf_reserve(data, want - data->len);
        ssize_t n = pread(a->fd, to, want - data->len, (off_t)(offset + data->len));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err_errno(err, "read %s", a->path);
            return false;
        }
        data->len += (size_t)n;
    }
    return true;
}

static bool append_bytes(struct audit *a, struct bytes bytes, struct err *err)
{
    if (!write_all(a->fd, (const char *)bytes.data, bytes.len) || fsync(a->fd) != 0) {
        err_errno(err, "append to %s", a->path);
        a->size = UINT64_MAX; /* look at the file again before the next append */
        return false;
    }
    a->size += bytes.len;
    return true;
}

/* Append newline (or "") and the record, as one write. */
static bool append_record(struct audit *a, const char *lead, const char *event,
                          struct bytes members, struct err *err)
{
    struct buf line = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    size_t lead_len = strlen(lead);
    char now[32];
    bool ok = false;

    clock_format(clock_wall_us(), now, sizeof(now));
    buf_putf(&line, "%s{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"%s\",\"event\":\"%s\",", lead,
             a->head.seq + 1, now, event);
    buf_put_bytes(&line, members);
    buf_putf(&line, "%s\"prev\":\"%s\"}\n", members.len ? "," : "", a->head.hash);
    if (line.overflow) {
        err_set(err, ERR_IO, "an audit record is over the limit of %zu bytes",
                AUDIT_LINE_BYTES_MAX);
        goto done;
    }
    if (!append_bytes(a, buf_bytes(&line), err))
        goto done;
    sha256_hex(bytes_of(line.data + lead_len, line.len - lead_len - 1), a->head.hash);
    a->head.seq++;
    ok = write_anchor(a, err);
done:
    buf_release(&line);
    return ok;
}

/* A crash (of us or of another writer) left rest after the last record. */
static bool mend_tail(struct audit *a, struct bytes rest, struct err *err)
{
    bool is_ended = rest.data[rest.len - 1] == '\n';
    char members[128];
    char sha[SHA256_HEX_SIZE];
    struct record r;

    if (!is_ended && parse_record(rest, &r) && follows(&r, &a->head)) {
        a->head.seq = r.seq;
        sha256_hex(rest, a->head.hash);
        return append_bytes(a, bytes_str("\n"), err);
    }
    rest.len -= is_ended;
    sha256_hex(rest, sha);
    snprintf(members, sizeof(members), "\"torn_bytes\":%zu,\"torn_sha256\":\"%s\"", rest.len, sha);
    return append_record(a, is_ended ? "" : "\n", "torn", bytes_str(members), err);
}

static bool check_anchor(const struct audit *a, struct err *err)
{
    struct head anchor;
    bool found;

    if (!read_anchor(a->anchor_path, &anchor, &found, err))
        return false;
    if (found && anchor.seq > a->head.seq)
        return truncated(err, a->path, anchor.seq);
    if (found && anchor.seq == a->head.seq && strcmp(anchor.hash, a->head.hash) != 0) {
        err_reason(err, ERR_REFUSED, "audit_broken",
                   "audit file %s: record %" PRIu64 " is not the one that was written", a->path,
                   anchor.seq);
        return false;
    }
    return true;
}

/* Under the file's lock: know the last record, whoever wrote it. */
static bool catch_up(struct audit *a, struct err *err)
{
    struct buf data = BUF_INIT_MAX(TAIL_BYTES_MAX);
    struct tail tail;
    struct stat st;
    bool ok = false;

    if (fstat(a->fd, &st) != 0) {
        err_errno(err, "stat %s", a->path);
        goto done;
    }
    if (st.st_nlink == 0) {
        err_reason(err, ERR_REFUSED, "audit_broken", "audit file %s was deleted", a->path);
        goto done;
    }
    if ((uint64_t)st.st_size == a->size) {
        ok = true;
        goto done;
    }
    a->size = (uint64_t)st.st_size;
    if (!read_end(a, a->size, &data, err))
        goto done;
    if (!find_head(buf_bytes(&data), data.len == a->size, &tail)) {
        err_reason(err, ERR_REFUSED, "audit_broken", "audit file %s does not end in records",
                   a->path);
        goto done;
    }
    a->head = tail.head;
    ok = check_anchor(a, err) && (tail.rest.len == 0 || mend_tail(a, tail.rest, err));
done:
    if (!ok)
        a->size = UINT64_MAX;
    buf_release(&data);
    return ok;
}

/* The first command may be one that asks the guard before there is a queue. */
static bool make_parent(const char *path, struct err *err)
{
    char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    int fd;
    bool ok;

    if (slash != NULL)
        slash[slash == dir] = '\0';
    if (slash != NULL)
        (void)mkdir(dir, 0700); /* what is wrong with it, open tells */
    fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_errno(err, "sync the directory of %s", path);
    if (fd >= 0)
        close(fd);
    free(dir);
    return ok;
}

bool audit_open(const char *path, struct audit **out, struct err *err)
{
    struct audit *a = xcalloc(1, sizeof(*a));
    bool ok = false;

    *out = NULL;
    pthread_mutex_init(&a->mutex, NULL);
    a->path = xstrdup(path);
    a->anchor_path = xasprintf("%s.anchor", path);
    a->size = UINT64_MAX;
    a->fd = -1;
    if (!make_parent(path, err))
        goto done;
    a->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (a->fd < 0) {
        err_errno(err, "open %s", path);
        goto done;
    }
    if (!make_parent(path, err) || !fs_lock_soon(a->fd, a->path, err))
        goto done;
    ok = catch_up(a, err);
    flock(a->fd, LOCK_UN);
done:
    if (ok)
        *out = a;
    else
        audit_close(a);
    return ok;
}

void audit_close(struct audit *a)
{
    if (a == NULL)
        return;
    if (a->fd >= 0)
        close(a->fd);
    pthread_mutex_destroy(&a->mutex);
    free(a->anchor_path);
    free(a->path);
    free(a);
}

void audit_head(struct audit *a, char out[AUDIT_HEAD_SIZE])
{
    pthread_mutex_lock(&a->mutex);
    snprintf(out, AUDIT_HEAD_SIZE, "%" PRIu64 ":%s", a->head.seq, a->head.hash);
    pthread_mutex_unlock(&a->mutex);
}

bool audit_append(struct audit *a, const char *event, struct bytes members, uint64_t *seq,
                  struct err *err)
{
    bool ok = false;

    pthread_mutex_lock(&a->mutex);
    if (fs_lock_soon(a->fd, a->path, err)) {
        ok = catch_up(a, err) && append_record(a, "", event, members, err);
        if (ok && seq != NULL)
            *seq = a->head.seq;
        flock(a->fd, LOCK_UN);
    }
    pthread_mutex_unlock(&a->mutex);
    return ok;
}

struct verifier {
    const char *path;
    struct head head;
    struct buf loose; /* bytes since the last record that are no record */
    uint64_t line;
    uint64_t loose_line;
    const struct head *wanted[2]; /* heads that must be met, or NULL */
    struct audit_summary *out;
    struct err *err;
};

static bool check_wanted(struct verifier *v)
{
    for (size_t i = 0; i < 2; i++) {
        const struct head *w = v->wanted[i];

        if (w != NULL && w->seq == v->head.seq && strcmp(w->hash, v->head.hash) != 0)
            return broken(v->err, v->path, v->line, "not the record that was noted elsewhere");
    }
    return true;
}

static bool names_loose_bytes(struct verifier *v, const struct record *r)
{
    struct bytes loose = buf_bytes(&v->loose);
    char sha[SHA256_HEX_SIZE];

    if (!r->is_torn)
        return false;
    loose.len -= loose.data[loose.len - 1] == '\n';
    sha256_hex(loose, sha);
    return r->torn_bytes == loose.len && strcmp(r->torn_sha256, sha) == 0;
}

static bool verify_loose(struct verifier *v, struct bytes line, bool is_ended)
{
    if (v->loose.len == 0)
        v->loose_line = v->line;
    buf_put_bytes(&v->loose, line);
    if (is_ended)
        buf_put_u8(&v->loose, '\n');
    return !v->loose.overflow || broken(v->err, v->path, v->loose_line, "no audit record");
}

static bool verify_line(struct verifier *v, struct bytes line, bool is_ended)
{
    struct record r;

    v->line++;
    if (!is_ended || !parse_record(line, &r))
        return verify_loose(v, line, is_ended);
    if (!follows(&r, &v->head))
        return broken(v->err, v->path, v->line,
                      "does not follow the record before it; something was changed, added or "
                      "removed");
    if (v->loose.len > 0 ? !names_loose_bytes(v, &r) : r.is_torn)
        return broken(v->err, v->path, v->loose.len > 0 ? v->loose_line : v->line,
                      "bytes that no record names");
    v->out->n_torn += r.is_torn;
    v->out->n_records++;
    v->head.seq = r.seq;
    sha256_hex(line, v->head.hash);
    buf_reset(&v->loose);
    return check_wanted(v);
}

/* Whole lines of data; what is left of the last one stays in it. */
static bool verify_lines(struct verifier *v, struct buf *data)
{
    size_t at = 0;

    while (at < data->len) {
        const uint8_t *newline = memchr(data->data + at, '\n', data->len - at);
        size_t len = newline ? (size_t)(newline - data->data) - at : 0;

        if (newline == NULL)
            break;
        if (!verify_line(v, bytes_of(data->data + at, len), true))
            return false;
        at += len + 1;
    }
    if (at == 0)
        return true;
    memmove(data->data, data->data + at, data->len - at);
    buf_truncate(data, data->len - at);
    return true;
}

static bool verify_file(struct verifier *v, int fd)
{
    struct buf data = BUF_INIT_MAX(2 * TAIL_BYTES_MAX);
    bool ok = false;

    for (;;) {
        uint8_t *to = buf_reserve(&data, AUDIT_LINE_BYTES_MAX);
        ssize_t n = to ? read(fd, to, AUDIT_LINE_BYTES_MAX) : 0;

        if (to == NULL) {
            broken(v->err, v->path, v->line + 1, "no audit record");
            goto done;
        }
        if (n < 0) {
            err_errno(v->err, "read %s", v->path);
            goto done;
        }
        if (n == 0)
            break;
        data.len += (size_t)n;
        if (!verify_lines(v, &data))
            goto done;
    }
    ok = data.len == 0 || verify_line(v, buf_bytes(&data), false);
done:
    buf_release(&data);
    return ok;
}

static bool verify_end(struct verifier *v)
{
    for (size_t i = 0; i < 2; i++)
        if (v->wanted[i] != NULL && v->wanted[i]->seq > v->head.seq)
            return truncated(v->err, v->path, v->wanted[i]->seq);
    v->out->is_tail_torn = v->loose.len > 0;
    v->out->last_seq = v->head.seq;
    memcpy(v->out->last_hash, v->head.hash, sizeof(v->out->last_hash));
    return true;
}

bool audit_verify(const char *path, const char *head, struct audit_summary *out, struct err *err)
{
    struct verifier v = {.path = path, .out = out, .err = err};
    struct head anchor;
    struct head noted;
    char *anchor_path = xasprintf("%s.anchor", path);
    int fd = -1;
    bool ok = false;

    *out = (struct audit_summary){0};
    v.loose = BUF_INIT_MAX(TAIL_BYTES_MAX);
    head_init(&v.head);
    if (head != NULL && !parse_head(head, &noted)) {
        err_set(err, ERR_CONFIG, "a head is written SEQ:HASH, as `guard verify` prints it");
        goto done;
    }
    /* Before the file: a writer may be at work, and the anchor follows the file. */
    if (!read_anchor(anchor_path, &anchor, &out->has_anchor, err))
        goto done;
    v.wanted[0] = out->has_anchor ? &anchor : NULL;
    v.wanted[1] = head != NULL ? &noted : NULL;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(err, "open %s", path);
        goto done;
    }
    ok = verify_file(&v, fd) && verify_end(&v);
done:
    if (fd >= 0)
        close(fd);
    buf_release(&v.loose);
    free(anchor_path);
    return ok;
}
