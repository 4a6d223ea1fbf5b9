#include "cdc/commands/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/json.h"
#include "schema/base/xalloc.h"

void findings_add(struct findings *f, enum finding_level level, const char *area, const char *fix,
                  const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list args;

    va_start(args, fmt);
    buf_vputf(&b, fmt, args);
    va_end(args);
    f->items = xrealloc(f->items, (f->n + 1) * sizeof(*f->items));
    f->items[f->n++] =
        (struct finding){level, xstrdup(area), xstrdup(buf_cstr(&b)), fix ? xstrdup(fix) : NULL};
    buf_release(&b);
}

void findings_release(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].area);
        free(f->items[i].text);
        free(f->items[i].fix);
    }
    free(f->items);
    memset(f, 0, sizeof(*f));
}

size_t findings_count(const struct findings *f, enum finding_level level)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += f->items[i].level == level;
    return n;
}

static const char *const names[] = {"good", "note", "warn", "FAIL"};

static void print_json(const struct findings *f, bool unproven)
{
    struct buf b = BUF_INIT;

    buf_putf(&b, "{\"ok\":%s,\"unproven\":%s,\"findings\":[",
             findings_count(f, FINDING_FAIL) ? "false" : "true", unproven ? "true" : "false");
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *x = &f->items[i];

        buf_putf(&b, "%s{\"level\":\"%s\",\"area\":\"%s\",\"text\":", i ? "," : "",
                 x->level == FINDING_FAIL ? "fail" : names[x->level], x->area);
        json_put_cstr(&b, x->text);
        buf_put_str(&b, ",\"fix\":");
        json_put_cstr(&b, x->fix);
        buf_put_str(&b, "}");
    }
    buf_put_str(&b, "]}");
    puts(buf_cstr(&b));
    buf_release(&b);
}

void findings_print(const struct findings *f, bool json, bool unproven)
{
    if (json) {
        print_json(f, unproven);
        return;
    }
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *x = &f->items[i];

        printf("%s  %-8s %s\n", names[x->level], x->area, x->text);
        if (x->fix)
            printf("      %-8s fix: %s\n", "", x->fix);
    }
    printf("%zu failed, %zu warnings%s\n", findings_count(f, FINDING_FAIL),
           findings_count(f, FINDING_WARN), unproven ? " (residency unproven)" : "");
}
