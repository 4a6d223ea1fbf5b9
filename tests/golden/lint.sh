#!/bin/bash
# The checks of `make lint` refuse what they are there to refuse, and pass what is good.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

reset() {
    rm -rf "${tmp:?}/tree"
    mkdir -p "$tmp"/tree/{schema/base,schema/ddl,targets/mariadb,cdc/{source,decode,queue,apply,capture,commands}}
}

# expect CHECK FILE TEXT FINDING: the check fails on a tree with this file, and says so
expect() {
    local out
    reset
    mkdir -p "$tmp/tree/${2%/*}"
    printf '%s\n' "$3" >"$tmp/tree/$2"
    if out=$("$here/scripts/$1" "$tmp/tree" 2>&1); then
        echo "$1 passed a bad $2: $4"
        failed=1
    elif ! grep -qF -- "$4" <<<"$out"; then
        echo "$1 refused $2 with another finding than \"$4\": $out"
        failed=1
    fi
}

# pass CHECK FILE TEXT: no finding
pass() {
    local out
    reset
    mkdir -p "$tmp/tree/${2%/*}"
    printf '%s\n' "$3" >"$tmp/tree/$2"
    if ! out=$("$here/scripts/$1" "$tmp/tree" 2>&1); then
        echo "$1 refused a good $2: $out"
        failed=1
    fi
}

layers() { expect check-layers "$@"; }
layers schema/a.c '#include "targets/target.h"' 'schema must not include targets'
layers cdc/apply/a.c '#include "targets/mariadb/mariadb.h"' 'outside targets/mariadb'
layers cdc/apply/a.c '#include "cdc/source/mysql/link.h"' 'outside cdc/source'
layers cdc/apply/a.c 'void f(void) { sql_put_name(b, "x"); }' 'sql_put_name outside cdc/source and targets'
layers cdc/load/a.c 'static const char q[] = "SELECT 1 FROM information_schema.tables";' 'information_schema outside'
layers cdc/load/a.c 'int e = ER_DUP_KEYNAME;' 'ER_DUP_KEYNAME outside'
layers targets/a.c '#include "cdc/config.h"' 'targets must not include cdc'
layers schema/a.c '#include "schema/base/log.h"' 'schema is pure'
layers schema/ddl/a.h '#include "schema/base/fs.h"' 'schema is pure'
layers schema/a.c '#include "schema/base/clock.h"' 'schema is pure'
layers schema/a.c '#include "schema/base/stop.h"' 'schema is pure'
layers schema/base/a.c '#include "schema/value.h"' 'schema/base stands on nothing'
layers schema/a.c '#include "value.h"' 'not written from the root'
layers schema/a.c '#include "schema/../cdc/config.h"' 'not written from the root'
layers schema/a.c '#include <mysql.h>' 'pure room'
layers cdc/decode/a.c '#include "cdc/queue/queue.h"' 'cdc/decode must not include cdc/queue'
layers cdc/queue/a.c '#include "cdc/decode/decode.h"' 'cdc/queue must not include cdc/decode'
layers cdc/queue/a.c '#include "cdc/source/source.h"' 'cdc/queue must not include cdc/source'
layers cdc/source/a.c '#include "cdc/apply/apply.h"' 'cdc/source must not include cdc/apply'
layers cdc/apply/a.c '#include "cdc/capture/capture.h"' 'cdc/apply must not include cdc/capture'
layers cdc/apply/a.c '#include "cdc/decode/decode.h"' 'cdc/apply must not include cdc/decode'
layers cdc/load/a.c '#include "cdc/apply/apply.h"' 'cdc/load must not include cdc/apply'
layers cdc/load/a.c '#include "cdc/validate/validate.h"' 'cdc/load must not include cdc/validate'
layers cdc/validate/a.c '#include "cdc/apply/cascade.h"' 'cdc/validate must not include cdc/apply'
layers cdc/validate/a.c '#include "cdc/load/load.h"' 'cdc/validate must not include cdc/load'
layers cdc/capture/a.c '#include "cdc/load/load.h"' 'cdc/capture must not include cdc/load'
layers cdc/snapshot/a.c '#include "cdc/load/load.h"' 'cdc/snapshot must not include cdc/load'
layers cdc/snapshot/a.c '#include "cdc/apply/apply.h"' 'cdc/snapshot must not include cdc/apply'
layers cdc/snapshot/a.c '#include "cdc/service/lane.h"' 'cdc/snapshot must not include cdc/service'
layers cdc/source/a.c '#include "cdc/snapshot/view.h"' 'cdc/source must not include cdc/snapshot'
layers cdc/queue/a.c '#include "cdc/snapshot/view.h"' 'cdc/queue must not include cdc/snapshot'
layers cdc/snapshot/a.c '    printf("x");' 'printf belongs to commands'
layers cdc/capture/a.c '#include "cdc/commands/commands.h"' 'cdc/capture must not include cdc/commands'
layers cdc/apply/a.c '    printf("x");' 'printf belongs to commands'
layers cdc/apply/a.c '    exit(1);' 'exit belongs to commands'
layers cdc/decode/a.c '    x = fopen(p, "r");' 'must not call fopen'
layers cdc/commands/a.c '    mysql_real_connect(m, h);' 'mysql_real_connect outside'
layers targets/mariadb/a.c $'    mysql_real_connect(m, h);\n    mysql_real_connect(m, h);' 'a second call'
layers targets/a.c '    PQconnectdb(s);' 'PQconnectdb outside'
layers cdc/load/a.c '    target_connect(c, g, &t, err);' 'target_connect in an engine'
layers cdc/source/a.c '    buf_putf(b, "SELECT * FROM `%s`", name);' 'quotes by hand'
layers targets/mariadb/a.c "    buf_put_u8(b, '\`');" 'quotes by hand'
layers targets/mariadb/a.c "    buf_putf(b, \"SET x = '%s'\", v);" 'quoted by hand'
layers cdc/source/a.c "    buf_put_u8(b, '\\'');" 'quotes by hand'
pass check-layers cdc/source/a.c "    if (*p == '\\'')"
layers targets/mariadb/a.c '    mysql_real_escape_string(m, a, b, n);' 'outside targets/sqltext.c'
pass check-layers cdc/source/mysql/connect.c '    mysql_real_connect(m, h);'
pass check-layers targets/mariadb/a.c '    mysql_real_connect(m, h); /* mysql_real_connect(m) */'
pass check-layers cdc/load/a.c $'#include "cdc/snapshot/lane.h"\n#include "cdc/source/source.h"\n#include "cdc/queue/queue.h"'
pass check-layers cdc/snapshot/a.c $'#include "cdc/source/source.h"\n#include "cdc/queue/queue.h"'
pass check-layers cdc/service/a.c $'#include "cdc/apply/apply.h"\n#include "cdc/snapshot/lane.h"\n#include "cdc/load/load.h"'
pass check-layers cdc/apply/a.c $'#include "cdc/queue/queue.h"\n#include "schema/base/log.h"\n    snprintf(s, n, "exit(1)");'

style() { expect check-style "$@"; }
long=$(printf 'static void f(void)\n{\n'; for i in $(seq 69); do echo "    g($i);"; done; echo '}')
style schema/a.c "$long" 'f has 72 lines, the limit is 70'
style schema/a.c "$(for i in $(seq 801); do echo "/* $i */"; done)" '801 lines, the limit is 800'
style schema/a.c "/* $(printf 'x%.0s' $(seq 100)) */" 'columns, the limit is 100'
for call in strcpy strcat sprintf atoi strtok gets; do
    style schema/a.c "    $call(a);" "$call is banned"
done
style schema/a.c '    x = cJSON_GetObjectItem(j, "a");' 'cJSON_GetObjectItem is banned'
style targets/a.c '    x = cJSON_Parse(text);' 'cJSON_Parse is banned'
pass check-style schema/a.c '    x = cJSON_GetObjectItemCaseSensitive(j, "a");'
style schema/a.c 'static int counter;' 'a mutable global'
style schema/a.c 'int counter = 4;' 'a mutable global'
style schema/a.c 'static const char *names[] = {"a"};' 'a mutable global'
style schema/a.c $'void f(void)\n{\n    static int calls;\n}' 'a mutable global'
style schema/a.c 'typedef struct a a;' 'no typedef for structs'
style schema/utils.c 'struct a;' 'no room for leftovers'
pass check-style schema/a.c $'static const char *const names[] = {"strcpy(a)"};\nstruct a;\nstruct b {\n    int c;\n};\n/* gets(a) */\nvoid f(void)\n{\n    int x = 1;\n    fgets(a, x);\n}'

[ "$failed" = 0 ] && echo "every check refuses its bad example"
exit "$failed"
