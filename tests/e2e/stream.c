/*
 * stream.c - the binlog stream of a real source, for 10_stream.sh.
 *
 *   stream HOST PORT USER PASSWORD_FILE CA GTIDS SERVER_ID IDLE_MS
 *
 * Streams behind GTIDS and prints, as JSON lines, what the decoder makes of it (tables of
 * every database are wanted as they are now), until nothing but heartbeats came for
 * IDLE_MS. An error ends it: "error KIND REASON: text" on stderr, exit 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/decode/decode.h"
#include "cdc/source/source.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/catalog.h"
#include "tests/lib/printer.h"

#define EVENT_MAX ((uint64_t)1 << 30)

static bool every_table(void *ctx, const char *db, const char *name)
{
    (void)ctx, (void)db, (void)name;
    return true;
}

static bool is_heartbeat(struct bytes event)
{
    return event.len > 4 && (event.data[4] == 27 || event.data[4] == 41);
}

static bool stream(struct source *s, struct decoder *d, struct printer *p, unsigned idle_ms,
                   struct err *err)
{
    uint64_t last = clock_steady_us();
    unsigned heartbeats = 0;

    while (clock_steady_us() - last < (uint64_t)idle_ms * 1000) {
        struct bytes event;

        if (!source_stream_next(s, 50, &event, err) || (event.len && !decoder_event(d, event, err)))
            return false;
        if (event.len && is_heartbeat(event))
            heartbeats++;
        else if (event.len)
            last = clock_steady_us();
        fwrite(p->out.data, 1, p->out.len, stdout);
        fflush(stdout);
        buf_reset(&p->out);
    }
    printf("heartbeats: %s\n", heartbeats ? "yes" : "none");
    return true;
}

static bool run(const struct source_config *config, const char *from, unsigned idle_ms,
                struct err *err)
{
    struct printer p = {.out = BUF_INIT};
    struct decode_sink sink = printer_sink(&p);
    struct catalog *catalog = catalog_new();
    const struct table **tables = NULL;
    struct place place = {0};
    struct source *s = NULL;
    struct decoder *d = NULL;
    bool ok = false;

    if (!place_parse(from, &place, err) || !source_connect(config, &s, err) ||
        !source_read_catalog(s, every_table, NULL, catalog, err))
        goto done;
    p.n_tables = catalog_tables(catalog, &tables);
    if (p.n_tables > PRINTER_TABLES_MAX)
        p.n_tables = PRINTER_TABLES_MAX;
    if (p.n_tables > 0)
        memcpy(p.tables, tables, p.n_tables * sizeof(*tables));
    d = decoder_new(&sink, source_info(s)->checksum_crc32, EVENT_MAX);
    ok = source_stream_start(s, &place, err) && stream(s, d, &p, idle_ms, err);
done:
    decoder_free(d);
    source_close(s);
    place_release(&place);
    catalog_free(catalog);
    free(tables);
    buf_release(&p.out);
    return ok;
}

int main(int argc, char **argv)
{
    struct source_config config = {.heartbeat_ms = 300, .connect_timeout_s = 5};
    struct err err = ERR_INIT;
    char *password = NULL;
    size_t len = 0;
    bool ok;

    if (argc != 9 || !fs_read_file(fs_real(), argv[4], 4096, &password, &len, &err)) {
        fprintf(stderr, "usage: %s HOST PORT USER PASSWORD_FILE CA GTIDS SERVER_ID IDLE_MS\n",
                argv[0]);
        return 2;
    }
    password[strcspn(password, "\n")] = '\0';
    config.host = argv[1];
    config.port = (uint16_t)strtoul(argv[2], NULL, 10);
    config.user = argv[3];
    config.password = password;
    config.tls_ca = argv[5];
    config.server_id = (uint32_t)strtoul(argv[7], NULL, 10);
    ok = run(&config, argv[6], (unsigned)strtoul(argv[8], NULL, 10), &err);
    free(password);
    if (!ok)
        fprintf(stderr, "error %d %s: %s\n", (int)err.kind, err.reason, err.text);
    return ok ? 0 : 1;
}
