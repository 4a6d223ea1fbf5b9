#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "schema/base/json.h"
#include "targets/residency/audit.h"

static const char help[] =
    "usage: domicile guard [explain [TARGET]] [--config FILE] [--json]\n"
    "       domicile guard accept [TARGET]\n"
    "       domicile guard evidence\n"
    "       domicile guard verify [FILE] [--head SEQ:HASH]\n"
    "       domicile guard scp\n"
    "\n"
    "The residency guard: what it decides and why, and what it has recorded.\n"
    "TARGET is a target's name, HOST, HOST:PORT or [IPV6]:PORT; without it, the configured one.\n"
    "\n"
    "  explain   judge this host and the target, and show every step; nothing is sent\n"
    "  accept    accept the changed identity of a server that was refused (server_changed)\n"
    "  evidence  the evidence and the policies in use, with their hashes\n"
    "  verify    check the chain of the audit file and print its head\n"
    "  scp       the service control policy that matches residency.allowed_subnets\n"
    "\n"
    "  --head SEQ:HASH  a head that verify printed earlier; it must still be in the chain\n";

struct request {
    struct globals *globals;
    const char *word; /* TARGET or FILE; NULL if none */
    const char *head;
};

static void print(struct buf *b)
{
    fputs(buf_cstr(b), stdout);
    buf_release(b);
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n == 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* HOST, HOST:PORT, [IPV6]:PORT, a bare IPv6 literal or a target's name. */
static bool read_target(const struct config *c, const char *word, char host[256], uint16_t *port)
{
    const char *colon = word ? strrchr(word, ':') : NULL;
    const char *start = word;
    size_t len;

    *port = c->target.port;
    if (word == NULL || strcmp(word, c->target.name) == 0) {
        snprintf(host, 256, "%s", c->target.host);
        return true;
    }
    if (word[0] == '[') {
        const char *close = strchr(word, ']');

        if (close == NULL || (close[1] != '\0' && close[1] != ':'))
            return false;
        start = word + 1;
        len = (size_t)(close - start);
        colon = close[1] == ':' ? close + 1 : NULL;
    } else {
        if (colon != NULL && strchr(word, ':') != colon)
            colon = NULL; /* an IPv6 literal */
        len = colon ? (size_t)(colon - word) : strlen(word);
    }
    if (len >= 256 || (colon != NULL && !read_port(colon + 1, port)))
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    return true;
}

static int bad_target(const char *word)
{
    fprintf(stderr, "domicile: guard: '%s' is no target; write HOST, HOST:PORT or [IPV6]:PORT\n",
            word);
    return 2;
}

/* The guard of this configuration, only to ask. */
static bool open_guard(const struct config *c, struct guard **guard, struct err *err)
{
    struct residency_config residency = c->residency;

    residency.only_explains = true;
    return guard_open(&residency, guard, err);
}

static int explain(const struct request *r, const struct config *c)
{
    struct guard *guard = NULL;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    char host[256];
    uint16_t port;
    bool allowed = false;
    bool ok;

    if (!read_target(c, r->word, host, &port))
        return bad_target(r->word);
    ok = open_guard(c, &guard, &err) &&
         guard_explain(guard, host, port, r->globals->json, &out, &allowed, &err);
    guard_close(guard);
    print(&out);
    if (!ok)
        return command_fail(&err);
    return allowed ? 0 : 1;
}

static void print_accepted(const struct request *r, const char *host, uint16_t port,
                           const char *server_id)
{
    struct buf out = BUF_INIT;

    if (r->globals->json) {
        buf_put_str(&out, "{\"host\":");
        json_put_cstr(&out, host);
        buf_putf(&out, ",\"port\":%u,\"server_id\":", port);
        json_put_cstr(&out, server_id);
        buf_put_str(&out, "}\n");
    } else {
        buf_putf(&out, "server %s is accepted at %s:%u\n", server_id, host, port);
    }
    print(&out);
}

static int accept_server(const struct request *r, const struct config *c)
{
    struct guard *guard = NULL;
    struct err err = ERR_INIT;
    char host[256];
    char server_id[80];
    uint16_t port;
    bool ok;

    if (!read_target(c, r->word, host, &port))
        return bad_target(r->word);
    ok = open_guard(c, &guard, &err) && guard_accept(guard, host, port, server_id, &err);
    guard_close(guard);
    if (!ok)
        return command_fail(&err);
    print_accepted(r, host, port, server_id);
    return 0;
}

static int evidence(const struct request *r, const struct config *c)
{
    struct guard *guard = NULL;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    if (!open_guard(c, &guard, &err))
        return command_fail(&err);
    guard_describe(guard, r->globals->json, &out);
    guard_close(guard);
    print(&out);
    return 0;
}

static void put_summary_json(struct buf *out, const char *path, bool good,
                             const struct audit_summary *s, const struct err *err)
{
    buf_put_str(out, "{\"file\":");
    json_put_cstr(out, path);
    buf_putf(out, ",\"good\":%s", good ? "true" : "false");
    if (good) {
        buf_putf(out,
                 ",\"records\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"tail_torn\":%s,\"anchor\":%s",
                 s->n_records, s->n_torn, s->is_tail_torn ? "true" : "false",
                 s->has_anchor ? "true" : "false");
        buf_putf(out, ",\"head\":\"%" PRIu64 ":%s\"}\n", s->last_seq, s->last_hash);
        return;
    }
    buf_put_str(out, ",\"reason\":");
    json_put_cstr(out, err->reason);
    buf_put_str(out, ",\"text\":");
    json_put_cstr(out, err->text);
    buf_put_str(out, "}\n");
}

static void put_summary(struct buf *out, const char *path, const struct audit_summary *s)
{
    buf_putf(out, "%s: %" PRIu64 " records, the chain is good\n", path, s->n_records);
    if (s->n_torn > 0)
        buf_putf(out, "crashes left %" PRIu64 " torn records, each of them named\n", s->n_torn);
    if (s->is_tail_torn)
        buf_put_str(out, "the last line is torn; the next record will name it\n");
    if (!s->has_anchor)
        buf_put_str(out, "there is no anchor beside the file: a cut end would not show\n");
    buf_putf(out, "head %" PRIu64 ":%s\n", s->last_seq, s->last_hash);
}

static int verify_file(const struct request *r, const char *path)
{
    struct audit_summary s;
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;
    bool good = audit_verify(path, r->head, &s, &err);

    if (r->globals->json)
        put_summary_json(&out, path, good, &s, &err);
    else if (good)
        put_summary(&out, path, &s);
    print(&out);
    return good ? 0 : command_fail(&err);
}

static int verify(const struct request *r, const struct config *c)
{
    return verify_file(r, c->residency.audit_file);
}

static int scp(const struct request *r, const struct config *c)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    bool ok = guard_scp(c->residency.allowed_subnets, c->residency.n_allowed_subnets, &out, &err);

    (void)r; /* a policy is JSON in any case */
    if (ok)
        fputs(buf_cstr(&out), stdout);
    else
        err_context(&err, "residency.allowed_subnets");
    buf_release(&out);
    return ok ? 0 : command_fail(&err);
}

static const struct {
    const char *name;
    int (*run)(const struct request *r, const struct config *c);
    bool takes_word;
} actions[] = {
    {"explain", explain, true},    {"accept", accept_server, true},
    {"evidence", evidence, false}, {"verify", verify, true},
    {"scp", scp, false},
};

static int run(const struct request *r, const char *name)
{
    struct config config;
    struct err err = ERR_INIT;
    int code = 2;

    /* A file at hand can be checked where there is no configuration. */
    if (strcmp(name, "verify") == 0 && r->word != NULL)
        return verify_file(r, r->word);
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) != 0 || (r->word != NULL && !actions[i].takes_word))
            continue;
        if (!config_load(r->globals->config_path, &config, &err))
            return command_fail(&err);
        code = actions[i].run(r, &config);
        config_release(&config);
        return code;
    }
    fprintf(stderr, "domicile: guard: cannot '%s%s%s'; see 'domicile guard --help'\n", name,
            r->word ? " " : "", r->word ? r->word : "");
    return code;
}

int command_guard(struct globals *g, int argc, char **argv)
{
    struct request r = {g, NULL, NULL};
    const struct option_spec specs[] = {{"head", OPTION_STRING, &r.head},
                                        {NULL, OPTION_FLAG, NULL}};
    struct strings words = {0};
    int code = options_read(g, argc, argv, help, specs, &words, 2);

    if (code < 0) {
        r.word = words.n > 1 ? words.items[1] : NULL;
        code = run(&r, words.n > 0 ? words.items[0] : "explain");
    }
    strings_release(&words);
    return code;
}
