#!/bin/bash
# A password goes to nobody but the verified host, inside TLS: servers of our own that offer no
# TLS, show the certificate of another host, or ask for the password in clear get neither it nor
# a hash of it, from the source's side as from the target's, by name and by address.
set -euo pipefail
# The guard takes no "localhost", so a name of our own stands in a private /etc/hosts.
NAME=db.example
if [ "${PRIVATE_HOSTS:-}" != 1 ]; then
    as=(unshare --mount)
    "${as[@]}" true 2>/dev/null || as=(unshare --mount --user --map-root-user)
    if ! "${as[@]}" true 2>/dev/null; then
        echo "skipped: this machine lets nobody make a mount namespace (for a name in /etc/hosts)" >&2
        exit 77
    fi
    PRIVATE_HOSTS=1 exec "${as[@]}" "$0" "$@"
fi
. "$(dirname "$0")/../lib/e2e.sh"
printf '127.0.0.1 localhost %s\n' "$NAME" >"$DIR/hosts"
mount --bind "$DIR/hosts" /etc/hosts

export FAKE_PASSWORD=canary-0b51f2c7d4
echo "$FAKE_PASSWORD" >"$DIR/password"
chmod 600 "$DIR/password"
mkdir -m 700 "$DIR/queue"

certificate() { # NAME SUBJECT-ALTERNATIVE-NAMES: of one authority
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$DIR/$1.key" -out "$DIR/$1.csr" 2>/dev/null
    openssl x509 -req -in "$DIR/$1.csr" -CA "$DIR/ca.pem" -CAkey "$DIR/ca.key" -CAcreateserial -days 2 \
        -out "$DIR/$1.pem" -extfile <(printf 'subjectAltName=%s\n' "$2") 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$DIR/ca.key" \
    -out "$DIR/ca.pem" -days 2 -subj /CN=ca 2>/dev/null
openssl genrsa 2048 2>/dev/null | openssl rsa -pubout >"$DIR/rsa.pub" 2>/dev/null
certificate good DNS:$NAME,IP:127.0.0.1
certificate other DNS:other.example
certificate address IP:127.0.0.1
export FAKE_RSA_KEY=$DIR/rsa.pub

fake() { # [options of fake_server.py]: PORT of a fresh one, what it saw is in $DIR/seen
    rm -f "$DIR/port" "$DIR/seen"
    python3 "$ROOT/tests/lib/fake_server.py" "$DIR/seen" "$DIR/port" "$@" &
    FAKE=$!
    PIDS+=("$FAKE")
    wait_for 20 "the server listens" test -s "$DIR/port"
    PORT=$(cat "$DIR/port")
}

end_fake() {
    kill "$FAKE"
    wait "$FAKE" 2>/dev/null || true
    forget_pid "$FAKE"
}

# Both sides at the one port; the marks of a side in a message are "source" and "target".
ask() { # HOST
    cat >"$DIR/domicile.json" <<JSON
{ "source": { "host": "$1", "port": $PORT, "user": "repl", "password_file": "$DIR/password",
              "tls": { "ca": "$DIR/ca.pem" }, "server_id": 4711, "connect_timeout_s": 5 },
  "targets": [ { "host": "$1", "port": $PORT, "user": "apply", "password_file": "$DIR/password",
                 "tls": { "ca": "$DIR/ca.pem" }, "connect_timeout_s": 5 } ],
  "queue": { "dir": "$DIR/queue" }, "residency": { "evidence": "unproven-loopback" } }
JSON
    chmod 600 "$DIR/domicile.json"
    assert_exit 1 "$DOMICILE" check --config "$DIR/domicile.json"
}

two_came() { [ "$(wc -l <"$DIR/seen")" -ge 2 ]; }

keeps() { # WHAT WIRE INSIDE REMEDY [options of fake_server.py]
    local what=$1 wire=$2 inside=$3 remedy=$4 host out
    shift 4
    for host in "$NAME" 127.0.0.1; do
        fake "$@"
        ask "$host"
        wait_for 20 "both sides have tried ($what)" two_came
        end_fake
        out=$(cat "$DIR/last.out" "$DIR/last.err")
        say "$what, host $host: $(sort -u "$DIR/seen" | tr '\n' ';')"
        if grep -v ' told=nothing$' "$DIR/seen" >&2; then fail "$what, host $host: something was told"; fi
        if grep -Ev "^wire=$wire inside=$inside " "$DIR/seen" >&2; then
            fail "$what, host $host: more bytes than wire=$wire inside=$inside"
        fi
        assert_contains "$out" "connect to source $host port $PORT" "$what: the source is named"
        assert_contains "$out" "connect to target $host (127.0.0.1 port $PORT)" "$what: the target is named"
        assert_eq 2 "$(grep -cF "$remedy" <<<"$out")" "$what, host $host: both sides say '$remedy' in $out"
    done
}

any=[0-9]+
some=[1-9][0-9]*
no_tls="turn TLS on at the server"
for plugin in none mysql_clear_password caching_sha2_password dialog; do
    keeps "no TLS, $plugin" 0 0 "$no_tls" "$plugin"
done
wrong_name="is a name in the certificate"
for plugin in none mysql_clear_password caching_sha2_password dialog; do
    keeps "another host's certificate, $plugin" "$some" 0 "$wrong_name" "$plugin" --tls "$DIR/other.pem" "$DIR/other.key"
done
other_way="give the account mysql_native_password"
for plugin in mysql_clear_password dialog mysql_old_password; do
    keeps "the right host, $plugin" "$some" "$some" "$other_way" "$plugin" --tls "$DIR/good.pem" "$DIR/good.key"
done

# A greeting without plugins would let the library log in by itself.
fake none --bare
ask "$NAME"
wait_for 20 "both sides have tried" two_came
end_fake
if grep -v ' told=nothing$' "$DIR/seen" >&2; then fail "a bare server was told something"; fi
fake none --bare --tls "$DIR/address.pem" "$DIR/address.key"
ask "$NAME"
wait_for 20 "both sides have tried" two_came
end_fake
if grep -v ' told=nothing$' "$DIR/seen" >&2; then fail "a bare server with the address's certificate was told something"; fi

# The measure measures: what is verified gets the password, inside TLS.
fake caching_sha2_password --tls "$DIR/good.pem" "$DIR/good.key"
ask "$NAME"
wait_for 20 "both sides have tried" two_came
end_fake
assert_eq 2 "$(grep -c ' told=inside-password,inside-hash$' "$DIR/seen")" "verified servers that got the password"
