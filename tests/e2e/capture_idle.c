/*
 * capture_idle.c - a source without writers that restarts, for 48_idle_source.sh.
 *
 *   capture_idle HOST PORT USER PASSWORD_FILE CA QUEUE_DIR
 *
 * Captures until the queue holds three transactions, and gives up after 5 s without a source.
 * Prints "connected" at once. An error ends it: exit 1.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/capture/capture.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"

#define RETRY_MAX_S 5 /* how long capture looks for a lost source */

static void *watch(void *arg)
{
    struct capture *c = arg;
    struct capture_stats stats;
    uint64_t idle_until;

    do {
        clock_sleep_us(50000);
        capture_stats_read(c, &stats);
    } while (!stats.connected);
    puts("connected");
    fflush(stdout);
    idle_until = clock_steady_us() + (uint64_t)2 * RETRY_MAX_S * 1000000;
    while (clock_steady_us() < idle_until)
        clock_sleep_us(50000);
    puts("idle");
    fflush(stdout);
    while (capture_lsn(c) < 3)
        clock_sleep_us(50000);
    capture_stop(c);
    return NULL;
}

int main(int argc, char **argv)
{
    struct source_config source = {.heartbeat_ms = 300, .connect_timeout_s = 5, .server_id = 4712};
    struct queue_options queue = {.max_bytes = 0};
    struct capture_config config = {.source = &source, .queue = &queue, .retry_max_s = RETRY_MAX_S};
    struct capture *c = NULL;
    struct err err = ERR_INIT;
    char *password = NULL;
    pthread_t thread;
    size_t len = 0;

    if (argc != 7 || !fs_read_file(fs_real(), argv[4], 4096, &password, &len, &err))
        return 2;
    password[strcspn(password, "\n")] = '\0';
    source.host = argv[1];
    source.port = (uint16_t)strtoul(argv[2], NULL, 10);
    source.user = argv[3];
    source.password = password;
    source.tls_ca = argv[5];
    config.queue_dir = argv[6];
    if (!capture_open(&config, &c, &err) || pthread_create(&thread, NULL, watch, c) != 0 ||
        !capture_run(c, NULL, &err)) {
        fprintf(stderr, "error %d %s: %s\n", (int)err.kind, err.reason, err.text);
        return 1;
    }
    pthread_join(thread, NULL);
    capture_close(c);
    free(password);
    return 0;
}
