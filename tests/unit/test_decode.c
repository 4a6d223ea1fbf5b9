/* Whole events in: what comes out of the sink, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"
#include "tests/lib/printer.h"

#define EVENT_MAX (1u << 20)

/* Captured on MySQL 9.7.4: a table of five columns, an insert, an update. */
#define V1_GTID                                                                                    \
    "26c8046b21610000004f000000720100000000007cdfd2fde78d11f1be4602fc0000000191000000000000000200" \
    "0000000000000001000000000000004ae40bb7f96006fc5301506201008fc583bd"
#define V1_BEGIN                                                                                   \
    "26c8046b026100000050000000c20100000800670000000000000001000025000000000000012000a04500000000" \
    "0603737464042d002d00ff00050653595354454d12ff006400424547494eac34e330"
#define V1_MAP                                                                                     \
    "26c8046b13610000005a0000001c020000000097000000000001000164000276310005080ff6fe12072800060"    \
    "2f701031e0101800203fcff00040b026964016e0164016501740a0108060502016101620801000c01f8f1a94327"
#define V1_WRITE                                                                                   \
    "26c8046b1e610000003b0000005702000000009700000000001100020005ff00ffffffffffffffff0368c3a97ff3" \
    "cd0299b2bac8b81ed2f849de20"
#define V1_XID "26c8046b10610000001f000000760200000000180200000000000013dd3fb6"
#define V1_UPDATE                                                                                  \
    "26c8046b1f6100000050000000c003000000009700000000001100020005ffff00ffffffffffffffff0368c3a97f" \
    "f3cd0299b2bac8b81ed202ffffffffffffffff7ff3cd0299b2bac8b81ed27e209fa8"
/* The same on MariaDB 10.11.19: rows version 1, other padding bits. */
#define V1_MARIADB_MAP                                                                             \
    "26c8046b13f30300005500000072020000000045000000000001000164000276310005080ff6fe120728000602f7" \
    "01031e01018002012d040b026964016e0164016501740a0108060502016101620801008c633ed2"
#define V1_MARIADB_WRITE                                                                           \
    "26c8046b17f303000039000000ab02000000004500000000000100051fe0ffffffffffffffff0368c3a97ff3cd02" \
    "99b2bac8b81ed21b602edc"
#define V1_MARIADB_UPDATE                                                                          \
    "26c8046b18f30300004e000000c203000000004500000000000100051f1fe0ffffffffffffffff0368c3a97ff3cd" \
    "0299b2bac8b81ed2e2ffffffffffffffff7ff3cd0299b2bac8b81ed2ec31d788"

struct fixture {
    struct decoder *d;
    struct printer printer;
    struct table *v1;
    struct err err;
};

static void put_hex(struct buf *b, const char *hex)
{
    for (; *hex; hex++) {
        unsigned v;

        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        buf_put_u8(b, (uint8_t)v);
        hex++;
    }
}

/* Header, body, checksum. */
static void put_event(struct buf *b, uint8_t type, uint32_t log_pos, uint16_t flags,
                      struct bytes body)
{
    size_t start = b->len;

    buf_put_u32(b, 0x6b04c826);
    buf_put_u8(b, type);
    buf_put_u32(b, 97);
    buf_put_u32(b, (uint32_t)(EVENT_HEADER_BYTES + body.len + 4));
    buf_put_u32(b, log_pos);
    buf_put_u16(b, flags);
    buf_put_bytes(b, body);
    buf_put_u32(b, (uint32_t)crc32_z(0, b->data + start, b->len - start));
}

static bool send_raw(struct fixture *f, struct bytes event)
{
    return decoder_event(f->d, event, &f->err);
}

static bool send_hex(struct fixture *f, const char *hex)
{
    struct buf b = BUF_INIT;
    bool ok;

    put_hex(&b, hex);
    ok = send_raw(f, buf_bytes(&b));
    buf_release(&b);
    return ok;
}

static bool send_flags(struct fixture *f, uint8_t type, uint32_t log_pos, uint16_t flags,
                       struct bytes body)
{
    struct buf b = BUF_INIT;
    bool ok;

    put_event(&b, type, log_pos, flags, body);
    ok = send_raw(f, buf_bytes(&b));
    buf_release(&b);
    return ok;
}

static bool send_body(struct fixture *f, uint8_t type, uint32_t log_pos, const char *hex)
{
    struct buf body = BUF_INIT;
    bool ok;

    put_hex(&body, hex);
    ok = send_flags(f, type, log_pos, 0, buf_bytes(&body));
    buf_release(&body);
    return ok;
}

static bool send_query(struct fixture *f, uint32_t log_pos, const char *text)
{
    struct buf body = BUF_INIT;
    bool ok;

    put_hex(&body, "00000000 00000000 01 0000 0000");
    buf_put(&body, "d", 2);
    buf_put_str(&body, text);
    ok = send_flags(f, EVENT_QUERY, log_pos, 0, buf_bytes(&body));
    buf_release(&body);
    return ok;
}

static bool send_format(struct fixture *f, const char *version, uint32_t created)
{
    struct buf body = BUF_INIT;
    char text[50] = {0};
    bool ok;

    snprintf(text, sizeof(text), "%s", version);
    buf_put_u16(&body, 4);
    buf_put(&body, text, sizeof(text));
    buf_put_u32(&body, created);
    buf_put_u8(&body, 19);
    put_hex(&body, "000d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a00123400"
                   "0a280000 01");
    ok = send_flags(f, EVENT_FORMAT_DESCRIPTION, 126, 0, buf_bytes(&body));
    buf_release(&body);
    return ok;
}

static void describe(struct fixture *f)
{
    /* fake ROTATE to binlog.000003 */
    assert_true(send_hex(f, "00000000 04 01000000 2c000000 00000000 2000 0400000000000000 "
                            "62696e6c6f672e303030303033 c5b3c480"));
    assert_true(send_format(f, "9.7.4", 0));
    buf_reset(&f->printer.out);
}

static struct table *make_v1(void)
{
    static const struct column columns[] = {
        {.name = "id", .type = COLUMN_BIGINT, .is_unsigned = true},
        {.name = "n", .type = COLUMN_VARCHAR, .length = 10, .charset = "utf8mb4"},
        {.name = "d", .type = COLUMN_DECIMAL, .precision = 6, .scale = 2},
        {.name = "e", .type = COLUMN_ENUM, .charset = "latin1"},
        {.name = "t", .type = COLUMN_DATETIME, .fsp = 3},
    };
    struct table *t = table_new();

    t->db = arena_strdup(&t->arena, "d");
    t->name = arena_strdup(&t->arena, "v1");
    t->n_columns = 5;
    t->columns = arena_alloc(&t->arena, sizeof(columns));
    memcpy(t->columns, columns, sizeof(columns));
    return t;
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct decode_sink sink;

    f->printer.out = BUF_INIT;
    f->v1 = make_v1();
    f->printer.tables[0] = f->v1;
    f->printer.n_tables = 1;
    sink = printer_sink(&f->printer);
    f->d = decoder_new(&sink, true, EVENT_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    decoder_free(f->d);
    table_free(f->v1);
    buf_release(&f->printer.out);
    free(f);
    return 0;
}

static void expect(struct fixture *f, const char *want)
{
    assert_string_equal(buf_cstr(&f->printer.out), want);
    buf_reset(&f->printer.out);
}

static void expect_refused(struct fixture *f, bool ok, const char *reason)
{
    assert_false(ok);
    assert_int_equal(f->err.kind, ERR_DATA);
    assert_string_equal(f->err.reason, reason);
}

#define ROW_BEFORE                                                                                 \
    "[\"u:18446744073709551615\",\"s:68c3a9\",\"n:-12.50\",\"u:2\",\"t:2024-02-29 12:34:56.789\"]"
#define ROW_AFTER                                                                                  \
    "[\"u:18446744073709551615\",null,\"n:-12.50\",\"u:2\",\"t:2024-02-29 12:34:56.789\"]"
#define V1_BEGUN                                                                                   \
    "{\"begin\":\"7cdfd2fd-e78d-11f1-be46-02fc00000001:145\",\"commit_us\":1795475494397002,"      \
    "\"original_us\":1795475494397002,\"bytes\":339}\n"

static void test_captured_insert_comes_out_whole(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(decoder_in_transaction(f->d));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    assert_true(send_hex(f, V1_WRITE));
    assert_true(send_hex(f, V1_XID));
    assert_false(decoder_in_transaction(f->d));
    expect(f, V1_BEGUN "{\"insert\":\"d.v1\",\"flags\":17,\"after\":" ROW_BEFORE "}\n"
                       "{\"commit\":\"binlog.000003:630\"}\n");
}

static void test_captured_update_has_both_images(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    assert_true(send_hex(f, V1_UPDATE));
    expect(f, V1_BEGUN "{\"update\":\"d.v1\",\"flags\":17,\"before\":" ROW_BEFORE
                       ",\"after\":" ROW_AFTER "}\n");
}

static void test_rows_version_1_with_other_padding(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MARIADB_MAP));
    assert_true(send_hex(f, V1_MARIADB_WRITE));
    assert_true(send_hex(f, V1_MARIADB_MAP));
    assert_true(send_hex(f, V1_MARIADB_UPDATE));
    expect(f, V1_BEGUN "{\"insert\":\"d.v1\",\"flags\":1,\"after\":" ROW_BEFORE "}\n"
                       "{\"update\":\"d.v1\",\"flags\":1,\"before\":" ROW_BEFORE
                       ",\"after\":" ROW_AFTER "}\n");
}

static void test_table_map_tells_all_metadata(void **state)
{
    struct fixture *f = *state;

    f->printer.maps = true;
    f->printer.n_tables = 0;
    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    assert_true(send_hex(f, V1_WRITE));
    expect(f, V1_BEGUN "{\"map\":\"d.v1\",\"columns\":[\"id 8/0000 unsigned key 0\","
                       "\"n 15/0028 null 255\",\"d 246/0206 null 0\","
                       "\"e 247/01f7 null 8 61 62\",\"t 18/0003 null 0\"]}\n");
}

static void test_a_map_ends_with_its_statement(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    assert_true(send_hex(f, V1_WRITE));
    assert_false(send_hex(f, V1_WRITE));
    assert_int_equal(f->err.kind, ERR_DATA);
    assert_false(send_hex(f, V1_XID)); /* unusable from here on */
}

static void test_a_wrong_checksum_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT;
    bool ok;

    describe(f);
    put_hex(&b, V1_GTID);
    b.data[30] ^= 1;
    ok = send_raw(f, buf_bytes(&b));
    buf_release(&b);
    expect_refused(f, ok, "checksum");
}

static void test_tagged_gtid_is_read(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_body(
        f, EVENT_GTID_TAGGED, 200,
        "02 7a 00 0000 02f87d034903f5039d03350222c503f9028c04f10300000002 0404 060e7461675f6f6e65 "
        "0804 0a10 0c7f2e636156f96006 10c104 1283120b"));
    expect(f, "{\"begin\":\"7cdfd2fd-e78d-11f1-be46-02fc00000001:tag_one:1\","
              "\"commit_us\":1795473872610094,\"original_us\":1795473872610094,\"bytes\":304}\n");
}

static void test_a_gtid_of_8_0_is_read(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_body(f, EVENT_GTID, 200,
                          "01 7cdfd2fde78d11f1be4602fc00000001 0100000000000000 02 "
                          "0000000000000000 0100000000000000 eb0dfa4cf96006 be 50620100"));
    expect(f, "{\"begin\":\"7cdfd2fd-e78d-11f1-be46-02fc00000001:1\","
              "\"commit_us\":1795473714843115,\"original_us\":1795473714843115,\"bytes\":190}\n");
}

static void test_ddl_is_a_transaction_of_its_own(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_query(f, 700, "CREATE TABLE x (a INT)"));
    assert_false(decoder_in_transaction(f->d));
    expect(f, V1_BEGUN
           "{\"query\":\"CREATE TABLE x (a INT)\",\"db\":\"d\",\"in_transaction\":false,"
           "\"sql_mode\":0,\"client\":0,\"server\":0,\"time_zone\":\"\",\"us\":1795475494000000}\n"
           "{\"commit\":\"binlog.000003:700\"}\n");
}

static void test_create_select_is_inside_its_transaction(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_query(f, 600, "BEGIN"));
    assert_true(send_query(f, 700, "CREATE TABLE `v1` (`a` int) START TRANSACTION"));
    assert_true(send_hex(f, V1_MAP));
    assert_true(send_hex(f, V1_WRITE));
    assert_true(send_hex(f, V1_XID));
    assert_non_null(strstr(buf_cstr(&f->printer.out), "\"in_transaction\":true"));
    assert_non_null(strstr(buf_cstr(&f->printer.out), "\"insert\":\"d.v1\""));
    assert_non_null(strstr(buf_cstr(&f->printer.out), "\"commit\""));
}

static void test_status_block_of_a_query_is_read(void **state)
{
    struct fixture *f = *state;
    struct buf body = BUF_INIT;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    put_hex(&body, "67000000 00000000 01 0000 2900 00 00000000 01 2000a04500000000 06 03 737464 "
                   "04 2d00 2d00 ff00 05 06 53595354454d 0d 070000 12 ff00");
    buf_put(&body, "d", 2);
    buf_put_str(&body, "DROP TABLE x");
    assert_true(send_flags(f, EVENT_QUERY, 700, 0, buf_bytes(&body)));
    buf_release(&body);
    assert_non_null(strstr(buf_cstr(&f->printer.out),
                           "\"sql_mode\":1168113696,\"client\":45,\"server\":255,"
                           "\"time_zone\":\"SYSTEM\",\"us\":1795475494000007"));
}

static void begin_with(struct fixture *f, const char *text)
{
    assert_true(send_hex(f, V1_GTID));
    if (!send_query(f, 600, text))
        fail_msg("%s: %s", text, f->err.text);
    assert_true(decoder_in_transaction(f->d));
}

static void test_transaction_control_is_seen_in_any_spelling(void **state)
{
    static const char *const begins[] = {"BEGIN", "begin work", " /* a */ Start  Transaction",
                                         "-- x\nBEGIN", "# x\nBEGIN"};
    static const char *const ends[] = {"COMMIT", "/* a */ commit /* b */", "commit work",
                                       "/*!50000 COMMIT */", "COMMIT;"};
    struct fixture *f = *state;

    describe(f);
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        begin_with(f, begins[i]);
        assert_true(send_query(f, 700, ends[i]));
        assert_false(decoder_in_transaction(f->d));
        expect(f, V1_BEGUN "{\"commit\":\"binlog.000003:700\"}\n");
        f->d->at.offset = 0;
    }
}

static void test_rollback_undoes_the_transaction(void **state)
{
    struct fixture *f = *state;

    describe(f);
    begin_with(f, "BEGIN");
    assert_true(send_query(f, 650, "SAVEPOINT `s`"));
    assert_true(send_query(f, 700, "ROLLBACK"));
    expect(f, V1_BEGUN "{\"rollback\":\"binlog.000003:700\"}\n");
}

static void test_a_restart_of_the_source_undoes_the_open_transaction(void **state)
{
    struct fixture *f = *state;

    describe(f);
    begin_with(f, "BEGIN");
    assert_true(send_hex(f, "00000000 04 01000000 2c000000 00000000 2000 0400000000000000 "
                            "62696e6c6f672e303030303033 c5b3c480"));
    assert_true(send_format(f, "9.7.4", 1));
    assert_false(decoder_in_transaction(f->d));
    expect(f, V1_BEGUN "{\"rollback\":\"binlog.000003:126\"}\n");
}

static void refuse_query(const char *text, const char *reason)
{
    void *state = NULL;
    struct fixture *f;

    set_up(&state);
    f = state;
    describe(f);
    begin_with(f, "BEGIN");
    expect_refused(f, send_query(f, 700, text), reason);
    tear_down(&state);
}

static void pass_query(const char *text)
{
    void *state = NULL;
    struct fixture *f;

    set_up(&state);
    f = state;
    describe(f);
    begin_with(f, "BEGIN");
    assert_true(send_query(f, 700, text));
    assert_non_null(strstr(buf_cstr(&f->printer.out), "\"query\""));
    tear_down(&state);
}

/* Whom they concern is not the decoder's to say. */
static void test_statements_that_change_rows_are_handed_on(void **state)
{
    (void)state;
    pass_query("INSERT INTO t VALUES (1)");
    pass_query("/* x */ update t set a = 1");
    pass_query("/*!80000 DELETE FROM t */");
    pass_query("ROLLBACK TO SAVEPOINT s");
    pass_query("rollback work to s");
    refuse_query("XA END X'67',X'62',7", "xa_transaction");
}

static void refuse_event(uint8_t type, const char *hex, const char *reason)
{
    void *state = NULL;
    struct fixture *f;

    set_up(&state);
    f = state;
    describe(f);
    expect_refused(f, send_body(f, type, 700, hex), reason);
    tear_down(&state);
}

static void test_events_that_cannot_be_carried_are_refused_by_name(void **state)
{
    (void)state;
    refuse_event(EVENT_ANONYMOUS_GTID,
                 "01 00000000000000000000000000000000 0000000000000000 02 "
                 "0000000000000000 0100000000000000",
                 "no_gtid");
    refuse_event(EVENT_XA_PREPARE, "00 07000000 02000000 02000000 67316231", "xa_transaction");
    refuse_event(EVENT_INCIDENT, "0100 04 676f6e65", "incident");
    refuse_event(EVENT_PARTIAL_UPDATE_ROWS, "", "partial_json");
    refuse_event(EVENT_NEW_LOAD, "", "statement_format");
    refuse_event(162, "0100000000000000 00000000 29 000000000000", "mariadb_source");
    refuse_event(99, "", "unknown_event");
    refuse_event(EVENT_XID, "1802000000000000", "order");
}

static void test_mariadb_is_refused_at_its_first_event(void **state)
{
    struct fixture *f = *state;

    expect_refused(f, send_format(f, "10.11.19-MariaDB-log", 0), "mariadb_source");
}

static void test_unknown_events_with_the_ignorable_flag_are_skipped(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_flags(f, 99, 700, EVENT_FLAG_IGNORABLE, BYTES_EMPTY));
    expect(f, "");
}

static void test_a_row_image_that_lacks_columns_is_refused(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    expect_refused(f,
                   send_body(f, EVENT_WRITE_ROWS, 700,
                             "970000000000 1100 0200 05 03 00 ffffffffffffffff 0161"),
                   "row_image");
}

static void test_a_definition_that_does_not_agree_is_refused(void **state)
{
    struct fixture *f = *state;

    f->v1->columns[2].scale = 3;
    describe(f);
    assert_true(send_hex(f, V1_GTID));
    assert_true(send_hex(f, V1_BEGIN));
    assert_true(send_hex(f, V1_MAP));
    expect_refused(f, send_hex(f, V1_WRITE), "schema_mismatch");
}

static void test_heartbeats_move_the_position_outside_transactions(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_body(f, EVENT_HEARTBEAT, 1234, "62696e6c6f672e303030303033"));
    expect(f, "{\"idle\":\"binlog.000003:1234\"}\n");
    assert_true(
        send_body(f, EVENT_HEARTBEAT_V2, 0, "01 0d 62696e6c6f672e303030303133 02 03 fc0c02 00"));
    expect(f, "{\"idle\":\"binlog.000013:524\"}\n");
    assert_true(send_hex(f, V1_GTID));
    buf_reset(&f->printer.out);
    assert_true(send_body(f, EVENT_HEARTBEAT, 1234, "62696e6c6f672e303030303033"));
    expect(f, "");
}

static void test_positions_grow_beyond_4_gib(void **state)
{
    struct fixture *f = *state;

    describe(f);
    f->d->at.offset = 0xfffffff0;
    assert_true(send_body(f, EVENT_PREVIOUS_GTIDS, 16, "0000000000000000"));
    expect(f, "{\"idle\":\"binlog.000003:4294967312\"}\n");
}

static void test_rotate_names_the_next_file(void **state)
{
    struct fixture *f = *state;

    describe(f);
    assert_true(send_hex(f, "00f15365 04 01000000 2c000000 d2040000 0000 0400000000000000 "
                            "62696e6c6f672e303030303034 a15a3d21"));
    expect(f, "{\"idle\":\"binlog.000004:4\"}\n");
    assert_true(send_hex(f, "00f15365 03 01000000 17000000 d2040000 0000 a1f0baeb"));
    expect(f, "{\"idle\":\"binlog.000004:1234\"}\n");
}

static void test_an_event_over_the_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t *body = xcalloc(1, EVENT_MAX);
    bool ok;

    describe(f);
    ok = send_flags(f, EVENT_ROWS_QUERY, 700, 0, bytes_of(body, EVENT_MAX));
    free(body);
    expect_refused(f, ok, "event_too_large");
}

/* An event as it is inside a payload: no checksum, log_pos 0. */
static void put_inner(struct buf *b, const char *hex)
{
    size_t start = b->len;
    uint32_t len;

    put_hex(b, hex);
    b->len -= EVENT_CHECKSUM_BYTES;
    len = (uint32_t)(b->len - start);
    for (int i = 0; i < 4; i++)
        b->data[start + 9 + (size_t)i] = (uint8_t)(len >> 8 * i);
    memset(b->data + start + 13, 0, 4);
}

static void put_payload(struct buf *body, struct bytes inner, uint64_t says)
{
    uint8_t packed[4096];
    size_t n = ZSTD_compress(packed, sizeof(packed), inner.data, inner.len, 3);

    assert_false(ZSTD_isError(n));
    put_hex(body, "02 01 00 03 04 fd");
    buf_put_u16(body, (uint16_t)says);
    buf_put_u8(body, (uint8_t)(says >> 16));
    put_hex(body, "01 03 fc");
    buf_put_u16(body, (uint16_t)n);
    buf_put_u8(body, 0);
    buf_put(body, packed, n);
}

static void put_transaction(struct buf *inner)
{
    put_inner(inner, V1_BEGIN);
    put_inner(inner, V1_MAP);
    put_inner(inner, V1_WRITE);
    put_inner(inner, V1_XID);
}

static void test_a_payload_is_inflated_into_its_events(void **state)
{
    struct fixture *f = *state;
    struct buf inner = BUF_INIT;
    struct buf body = BUF_INIT;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    put_transaction(&inner);
    put_payload(&body, buf_bytes(&inner), inner.len);
    assert_true(send_flags(f, EVENT_TRANSACTION_PAYLOAD, 900, 0, buf_bytes(&body)));
    expect(f, V1_BEGUN "{\"insert\":\"d.v1\",\"flags\":17,\"after\":" ROW_BEFORE "}\n"
                       "{\"commit\":\"binlog.000003:900\"}\n");
    buf_release(&inner);
    buf_release(&body);
}

/* zstd hands out its buffer full, and at the end of a frame there may be nothing behind it. */
static void test_a_payload_that_fills_its_last_chunk_is_inflated(void **state)
{
    struct fixture *f = *state;
    struct buf inner = BUF_INIT;
    struct buf body = BUF_INIT;
    size_t whole = 2 * ZSTD_DStreamOutSize();
    size_t start;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    put_transaction(&inner);
    start = inner.len;
    put_hex(&inner, "26c8046b 1d 61000000 00000000 00000000 0000");
    while (inner.len < whole)
        buf_put_u8(&inner, 'x');
    for (int i = 0; i < 4; i++)
        inner.data[start + 9 + (size_t)i] = (uint8_t)((whole - start) >> 8 * i);
    put_payload(&body, buf_bytes(&inner), inner.len);
    assert_true(send_flags(f, EVENT_TRANSACTION_PAYLOAD, 900, 0, buf_bytes(&body)));
    expect(f, V1_BEGUN "{\"insert\":\"d.v1\",\"flags\":17,\"after\":" ROW_BEFORE "}\n"
                       "{\"commit\":\"binlog.000003:900\"}\n");
    buf_release(&inner);
    buf_release(&body);
}

static void test_a_payload_of_another_size_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf inner = BUF_INIT;
    struct buf body = BUF_INIT;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    put_transaction(&inner);
    put_payload(&body, buf_bytes(&inner), inner.len + 1);
    assert_false(send_flags(f, EVENT_TRANSACTION_PAYLOAD, 900, 0, buf_bytes(&body)));
    assert_int_equal(f->err.kind, ERR_DATA);
    buf_release(&inner);
    buf_release(&body);
}

static void test_a_payload_that_ends_inside_an_event_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf inner = BUF_INIT;
    struct buf body = BUF_INIT;

    describe(f);
    assert_true(send_hex(f, V1_GTID));
    put_transaction(&inner);
    inner.len -= 3;
    put_payload(&body, buf_bytes(&inner), inner.len);
    assert_false(send_flags(f, EVENT_TRANSACTION_PAYLOAD, 900, 0, buf_bytes(&body)));
    assert_int_equal(f->err.kind, ERR_DATA);
    buf_release(&inner);
    buf_release(&body);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_captured_insert_comes_out_whole),
        WITH(test_captured_update_has_both_images),
        WITH(test_rows_version_1_with_other_padding),
        WITH(test_table_map_tells_all_metadata),
        WITH(test_a_map_ends_with_its_statement),
        WITH(test_a_wrong_checksum_is_refused),
        WITH(test_tagged_gtid_is_read),
        WITH(test_a_gtid_of_8_0_is_read),
        WITH(test_ddl_is_a_transaction_of_its_own),
        WITH(test_create_select_is_inside_its_transaction),
        WITH(test_status_block_of_a_query_is_read),
        WITH(test_transaction_control_is_seen_in_any_spelling),
        WITH(test_rollback_undoes_the_transaction),
        WITH(test_a_restart_of_the_source_undoes_the_open_transaction),
        cmocka_unit_test(test_statements_that_change_rows_are_handed_on),
        cmocka_unit_test(test_events_that_cannot_be_carried_are_refused_by_name),
        WITH(test_mariadb_is_refused_at_its_first_event),
        WITH(test_unknown_events_with_the_ignorable_flag_are_skipped),
        WITH(test_a_row_image_that_lacks_columns_is_refused),
        WITH(test_a_definition_that_does_not_agree_is_refused),
        WITH(test_heartbeats_move_the_position_outside_transactions),
        WITH(test_positions_grow_beyond_4_gib),
        WITH(test_rotate_names_the_next_file),
        WITH(test_an_event_over_the_limit_is_refused),
        WITH(test_a_payload_is_inflated_into_its_events),
        WITH(test_a_payload_that_fills_its_last_chunk_is_inflated),
        WITH(test_a_payload_of_another_size_is_refused),
        WITH(test_a_payload_that_ends_inside_an_event_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
