#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "schema/base/json.h"

static const char help[] =
    "usage: domicile config [--config FILE] [--json]\n"
    "\n"
    "Read and check the configuration and show what it amounts to, without its secrets.\n"
    "Every key is described in the manual page domicile(1).\n";

static void print_patterns(const char *title, const char *const *items, size_t n)
{
    printf("%-10s ", title);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? ", " : "", items[i]);
    puts(n ? "" : "(none)");
}

static const char *evidence_text(const struct residency_config *r)
{
    switch (r->evidence) {
    case EVIDENCE_EC2:
        return "ec2";
    case EVIDENCE_INVENTORY:
        return r->inventory_file;
    case EVIDENCE_UNPROVEN_LOOPBACK:
        return "unproven-loopback";
    case EVIDENCE_NONE:
        break;
    }
    return "none";
}

static void print_text(const struct config *c)
{
    printf("%-10s %s@%s:%u, server id %u\n", "source", c->source.user, c->source.host,
           c->source.port, c->source.server_id);
    printf("%-10s %s: %s, %s@%s:%u, state in %s\n", "target", c->target.name, c->target.engine,
           c->target.user, c->target.host, c->target.port, c->target.state_schema);
    printf("%-10s %s\n", "tables", c->mapping ? mapping_text(c->mapping) : "everything");
    printf("%-10s %s\n", "queue", c->queue_dir);
    print_patterns("subnets", c->residency.allowed_subnets, c->residency.n_allowed_subnets);
    print_patterns("policies", c->residency.policy_files, c->residency.n_policy_files);
    printf("%-10s %s\n", "evidence", evidence_text(&c->residency));
    printf("%-10s %s\n", "audit", c->residency.audit_file);
}

static void put_strings(struct buf *b, const char *name, const char *const *items, size_t n)
{
    buf_putf(b, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, items[i]);
    }
    buf_put_str(b, "]");
}

static void print_json(const struct config *c)
{
    struct buf b = BUF_INIT;

    buf_put_str(&b, "{\"source\":");
    json_put_cstr(&b, c->source.host);
    buf_putf(&b, ",\"source_port\":%u,\"server_id\":%u,\"target\":", c->source.port,
             c->source.server_id);
    json_put_cstr(&b, c->target.host);
    buf_putf(&b, ",\"target_port\":%u", c->target.port);
    buf_putf(&b, ",\"tables\":%s", mapping_text(c->mapping));
    put_strings(&b, "allowed_subnets", c->residency.allowed_subnets,
                c->residency.n_allowed_subnets);
    buf_put_str(&b, ",\"queue_dir\":");
    json_put_cstr(&b, c->queue_dir);
    buf_put_str(&b, ",\"evidence\":");
    json_put_cstr(&b, evidence_text(&c->residency));
    buf_put_str(&b, "}");
    puts(buf_cstr(&b));
    buf_release(&b);
}

int command_config(struct globals *g, int argc, char **argv)
{
    int code = options_read(g, argc, argv, help, NULL, NULL, 0);
    struct config config;
    struct err err = ERR_INIT;

    if (code >= 0)
        return code;
    if (!config_load(g->config_path, &config, &err))
        return command_fail(&err);
    if (g->json)
        print_json(&config);
    else
        print_text(&config);
    config_release(&config);
    return 0;
}
