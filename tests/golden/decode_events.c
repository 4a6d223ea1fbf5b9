/*
 * decode_events.c - captured events to JSON lines, for decode.sh.
 *
 *   decode_events EVENTS.hex DB.TABLE.sql...
 *
 * Each SQL file holds the CREATE TABLE of the table that its name says. An error of the
 * decoder is the last line: {"error": reason}.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"
#include "tests/lib/printer.h"

#define FILE_MAX ((size_t)64 << 20)
#define EVENT_MAX ((uint64_t)1 << 24)

static char *read_file(const char *path)
{
    struct err err = ERR_INIT;
    char *text;
    size_t len;

    if (fs_read_file(fs_real(), path, FILE_MAX, &text, &len, &err))
        return text;
    fprintf(stderr, "%s\n", err.text);
    exit(2);
}

static struct table *read_table(const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char *db = xstrndup(base, strcspn(base, "."));
    char *text = read_file(path);
    struct err err = ERR_INIT;
    struct table *t;

    if (!ddl_parse_table(text, db, &t, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        exit(2);
    }
    free(text);
    free(db);
    return t;
}

static void read_event(const char *line, struct buf *out)
{
    unsigned v;

    buf_reset(out);
    for (; isxdigit((unsigned char)line[0]) && sscanf(line, "%2x", &v) == 1; line += 2)
        buf_put_u8(out, (uint8_t)v);
}

static bool run(struct decoder *d, char *lines)
{
    struct err err = ERR_INIT;
    struct buf event = BUF_INIT;
    char *save = NULL;
    bool ok = true;

    for (char *line = strtok_r(lines, "\n", &save); ok && line;
         line = strtok_r(NULL, "\n", &save)) {
        read_event(line, &event);
        ok = decoder_event(d, buf_bytes(&event), &err);
    }
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    buf_release(&event);
    return ok;
}

int main(int argc, char **argv)
{
    struct printer p = {.out = BUF_INIT, .maps = true};
    struct decode_sink sink = printer_sink(&p);
    struct table *tables[PRINTER_TABLES_MAX];
    struct decoder *d;
    char *lines;
    bool ok;

    if (argc < 2 || argc - 2 > PRINTER_TABLES_MAX) {
        fprintf(stderr, "usage: %s EVENTS.hex DB.TABLE.sql...\n", argv[0]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        p.tables[p.n_tables++] = tables[i - 2] = read_table(argv[i]);
    lines = read_file(argv[1]);
    d = decoder_new(&sink, true, EVENT_MAX);
    ok = run(d, lines);
    fwrite(p.out.data, 1, p.out.len, stdout);
    decoder_free(d);
    free(lines);
    buf_release(&p.out);
    for (size_t i = 0; i < p.n_tables; i++)
        table_free(tables[i]);
    return ok ? 0 : 1;
}
