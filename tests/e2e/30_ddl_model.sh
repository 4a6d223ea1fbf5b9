#!/bin/bash
# 30_ddl_model - the replayed definitions equal MySQL's own after every statement of ddl_corpus.sql,
# and what they become for MariaDB runs there and makes the same tables (ddl_model.c).
. "$(dirname "$0")/../lib/e2e.sh"

start_source
start_target --no-binlog
cd "$ROOT"
make -s "${BUILD#"$ROOT"/}/tests/e2e/ddl_model"
"$BUILD/tests/e2e/ddl_model" "$SOURCE_SOCKET" "$TARGET_SOCKET" tests/e2e/ddl_corpus.sql >"$DIR/out" ||
    { cat "$DIR/out"; fail "definitions differ"; }
tail -n 2 "$DIR/out"
