#!/bin/bash
# 70_guard - a peer that is not proven inside the policy gets no connection and no byte; the right one
# is permitted; a middlebox and a changed server are refused; every refusal is in the chained audit file.
#
# Tool and target live in two network namespaces of this test, 10.0.8.4 and 10.0.8.10; 10.0.9.10 is a
# subnet outside the policy, 10.0.8.99 an address that no interface of the inventory has.
if [ -z "${GUARD_NETNS:-}" ]; then
    if [ "$(id -u)" != 0 ] || ! unshare --net true 2>/dev/null; then
        echo "skipped: no right to make network namespaces (CAP_SYS_ADMIN)"
        exit 77
    fi
    GUARD_NETNS=domicile-$$ exec unshare --net "$0" "$@"
fi
. "$(dirname "$0")/../lib/e2e.sh"

NS=$GUARD_NETNS
SUBNET=arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08fc749671b2d4e05
AUDIT=$DIR/queue/audit.jsonl

# ---- the two places -------------------------------------------------------------------------------

# nsenter and not ip's own -n and exec, which want to change mounts and so fail inside a chroot.
in_ns() { nsenter --net="/run/netns/$NS" "$@"; }

ip netns add "$NS"
trap 'status=$?; set +e; ip netns del "$NS" 2>/dev/null; (exit "$status"); cleanup' EXIT
ip link set lo up
ip link add tool0 type veth peer name db0 netns "$NS"
ip addr add 10.0.8.4/24 dev tool0
ip link set tool0 up
ip route add 10.0.9.0/24 dev tool0
in_ns ip link set lo up
in_ns ip addr add 10.0.8.10/24 dev db0
in_ns ip addr add 10.0.8.99/24 dev db0
in_ns ip addr add 10.0.9.10/24 dev db0
in_ns ip link set db0 up

interface() { # ID SUBNET-ID ADDRESS
    cat <<JSON
    { "NetworkInterfaceId": "eni-$1", "InterfaceType": "interface", "RequesterManaged": false,
      "SourceDestCheck": true, "Status": "in-use", "VpcId": "vpc-02a3eb6585c7d8e9f", "SubnetId": "$2",
      "Attachment": { "Status": "attached", "InstanceId": "i-$1" },
      "PrivateIpAddresses": [ { "PrivateIpAddress": "$3", "Primary": true } ] }
JSON
}

subnet() { # ID RANGE ZONE-ID
    cat <<JSON
    { "SubnetId": "$1", "SubnetArn": "arn:aws:ec2:us-east-1:111122223333:subnet/$1", "State": "available",
      "VpcId": "vpc-02a3eb6585c7d8e9f", "CidrBlock": "$2", "AvailabilityZoneId": "$3" }
JSON
}

write_inventory() { # CAPTURED-AT
    cat >"$DIR/inventory.json" <<JSON
{ "captured_at": "$1",
  "NetworkInterfaces": [ $(interface tool subnet-08fc749671b2d4e05 10.0.8.4),
    $(interface db subnet-08fc749671b2d4e05 10.0.8.10),
    $(interface far subnet-0f00ba4d11e22c339 10.0.9.10) ],
  "Subnets": [ $(subnet subnet-08fc749671b2d4e05 10.0.8.0/24 use1-qro1-az1),
    $(subnet subnet-0f00ba4d11e22c339 10.0.9.0/24 use1-az6) ],
  "AvailabilityZones": [ { "ZoneId": "use1-qro1-az1", "ZoneType": "local-zone", "GroupName": "us-east-1-qro-1" } ] }
JSON
}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

start_source
start_target --netns "$NS" --bind 10.0.8.10

# The sinks listen on the target's port, wherever a refused connection might go.
start_sink() { # LOG ARGUMENTS...
    local log=$1
    shift
    nsenter --net="/run/netns/$NS" python3 "$ROOT/tests/lib/sink.py" "$log" "$@" >"$log.ready" &
    PIDS+=("$!")
    wait_for 10 "the sink listens" grep -q ready "$log.ready"
}
start_sink "$DIR/sink.log" "10.0.9.10:$TARGET_PORT" "10.0.8.99:$TARGET_PORT"

ENTRY='"evidence": { "inventory": "inventory.json" }'

config() { # HOST PORT RESIDENCY-MEMBERS
    TARGET_HOST=$1 TARGET_PORT=$2 write_config
    python3 - "$DIR/domicile.json" "$3" <<'PY'
import json, sys
path, members = sys.argv[1:]
text = open(path).read()
head = text[: text.index('"residency"')]
open(path, "w").write(head + '"residency": {' + members + "}\n}\n")
PY
}

good_config() { config 10.0.8.10 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"; }

verify_audit() { domicile guard verify >"$DIR/verify.out" || fail "the audit chain does not verify"; }

# Runs the load, which must be refused with this exit code and reason, leave a record, and send nothing.
refused() { # EXIT REASON WHAT
    local before
    before=$(grep -c "\"reason\":\"$2\"" "$AUDIT" 2>/dev/null || true)
    assert_exit "$1" "$DOMICILE" load --config "$DIR/domicile.json"
    assert_contains "$(cat "$DIR/last.err")" "[$2]" "$3"
    [ "$(grep -c "\"reason\":\"$2\"" "$AUDIT")" -gt "${before:-0}" ] || fail "$3: no audit record of $2"
    domicile guard verify "$AUDIT" >"$DIR/verify.out" || fail "$3: the audit chain does not verify"
    assert_eq "" "$(cat "$DIR/sink.log")" "$3: something arrived"
    assert_eq 0 "$(target_sql -e "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('shop', 'domicile')")" \
        "$3: databases on the target"
    say "refused: $3 ($2)"
}

source_sql -e "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(40));
               INSERT INTO shop.t VALUES (1, 'canary-d41d8cd98f'), (2, 'canary-00b204e980')"

# ---- what is refused ------------------------------------------------------------------------------

write_inventory "$(now)"
config 10.0.9.10 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 1 explicit_deny "an address outside the policy"
assert_exit 1 "$DOMICILE" guard explain --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.out")" "decision: deny" "explain"
assert_exit 1 "$DOMICILE" check --config "$DIR/domicile.json"
assert_eq "" "$(cat "$DIR/sink.log")" "check reached a refused address"

config 10.0.8.99 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 1 no_interface "an address of no interface"
config 127.0.0.1 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 1 loopback "loopback with evidence"
config 10.0.9.10 "$TARGET_PORT" '"evidence": "unproven-loopback"'
refused 1 not_loopback "an address under unproven-loopback"
config localhost "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 1 local_socket "a host that means a Unix socket"
config 10.0.8.10 "$TARGET_PORT" "\"allowed_subnets\": [], $ENTRY"
refused 2 no_policy "an empty policy"
config 10.0.8.10 "$TARGET_PORT" "\"alowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 2 unknown_key "an unknown key in residency"
config 10.0.8.10 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"]"
refused 2 missing_key "no evidence"
config 10.0.8.10 "$TARGET_PORT" "\"allowed_subnets\": [\"$SUBNET\"], \"evidence\": \"ec2\""
refused 2 ec2_not_available "live evidence"

printf '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Conditions":{}}]}' >"$DIR/scp.json"
config 10.0.8.10 "$TARGET_PORT" "\"policy_files\": [\"scp.json\"], $ENTRY"
refused 2 bad_structure "an unknown key in a policy document"
printf '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Sid":"a\\u0000"}]}' >"$DIR/scp.json"
refused 2 bad_json "a policy document with a NUL"
printf '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}\0' >"$DIR/scp.json"
refused 2 bad_json "a policy document with a raw NUL"

good_config
printf '{' >"$DIR/inventory.json"
refused 2 bad_json "a broken inventory"
rm "$DIR/inventory.json"
refused 1 inventory_unreadable "an unreadable inventory"
write_inventory "$(date -u -d '25 hours ago' +%Y-%m-%dT%H:%M:%SZ)"
refused 1 inventory_old "an old inventory"
write_inventory "$(date -u -d '1 hour' +%Y-%m-%dT%H:%M:%SZ)"
refused 1 inventory_future "an inventory from the future"
write_inventory "$(now)"
ip addr add 10.0.7.7/24 dev tool0
refused 1 no_interface "this host has an address that is not proven"
ip addr del 10.0.7.7/24 dev tool0

# ---- a middlebox in front of the right target -----------------------------------------------------

start_sink "$DIR/middle.log" "10.0.8.10:33999" --to "10.0.8.10:$TARGET_PORT"
config 10.0.8.10 33999 "\"allowed_subnets\": [\"$SUBNET\"], $ENTRY"
refused 1 middlebox "a middlebox"

# ---- the right target -----------------------------------------------------------------------------

good_config
assert_exit 0 "$DOMICILE" guard explain --config "$DIR/domicile.json"
domicile load >/dev/null
assert_eq 2 "$(target_sql -e 'SELECT COUNT(*) FROM shop.t')" "rows on the target"
grep -q '"event":"permit","decision":"allow","reason":"listed"' "$AUDIT" || fail "no permit on record"
grep -q '"event":"confirm","decision":"allow".*"echo":"ok"' "$AUDIT" || fail "no confirmation on record"
verify_audit
HEAD=$(sed -n 's/^head //p' "$DIR/verify.out")
assert_exit 0 "$DOMICILE" guard verify --head "$HEAD" --config "$DIR/domicile.json"

# Another server at the same address, as the pin sees it.
sed -i 's/"server_id":"[^"]*"/"server_id":"somebody-else"/' "$AUDIT.pins"
assert_exit 1 "$DOMICILE" load --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "[server_changed]" "a changed server"
assert_exit 0 "$DOMICILE" guard accept --config "$DIR/domicile.json"
domicile load >/dev/null

# ---- the record -----------------------------------------------------------------------------------

verify_audit
if grep -rq canary "$AUDIT" "$DIR/domicile.log" "$DIR/last.err"; then fail "a row value is on record"; fi
cp "$AUDIT" "$DIR/copy.jsonl"
sed -i '3s/deny/allow/' "$AUDIT"
assert_exit 1 "$DOMICILE" guard verify --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "[audit_broken]" "an edited record"
head -n -1 "$DIR/copy.jsonl" >"$AUDIT"
assert_exit 1 "$DOMICILE" guard verify --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "[audit_truncated]" "a removed record"
refused_after=$(grep -c . "$AUDIT")
assert_exit 1 "$DOMICILE" load --config "$DIR/domicile.json"
assert_contains "$(cat "$DIR/last.err")" "[audit_truncated]" "a load after a removed record"
assert_eq "$refused_after" "$(grep -c . "$AUDIT")" "records after truncation"
