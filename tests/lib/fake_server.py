#!/usr/bin/env python3
"""fake_server.py - greets as a MySQL server does and tells what the client let out.

    fake_server.py LOG PORT-FILE PLUGIN [--tls CERT KEY] [--bare]

Listens on 127.0.0.1, writes its port to PORT-FILE. After the login packet it asks for PLUGIN as
another way to log in and plays along: caching_sha2_password in full, dialog and
mysql_clear_password by a question for the password. --tls: it offers TLS with this certificate,
otherwise it says that it has none. --bare: a greeting that knows no plugins.

FAKE_PASSWORD is what must not come. For each connection LOG gets one line of words:
    wire=N       bytes of the client on the socket (with TLS: the cipher text too)
    inside=N     bytes of the client inside TLS
    told=WORDS   which of "wire-password", "wire-hash", "inside-password", "inside-hash" were seen
"""

import hashlib
import os
import socket
import ssl
import sys
import threading

SSL, PLUGIN_AUTH = 0x800, 0x80000
# PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS and _RESULTS, CONNECT_WITH_DB
BASE = 0x200 | 0x2000 | 0x8000 | 0x10000 | 0x20000 | 8 | 1 | 2 | 4
PASSWORD = os.environ["FAKE_PASSWORD"].encode()
SCRAMBLE = bytes(range(0x21, 0x35))


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def hashes():
    one = hashlib.sha1(PASSWORD).digest()
    native = xor(one, hashlib.sha1(SCRAMBLE + hashlib.sha1(one).digest()).digest())
    two = hashlib.sha256(PASSWORD).digest()
    sha2 = xor(two, hashlib.sha256(hashlib.sha256(two).digest() + SCRAMBLE).digest())
    return [native, sha2, one, two]


class Client:
    """One connection: the socket, TLS over it once it is up, and all that came."""

    def __init__(self, sock):
        self.sock, self.tls, self.number = sock, None, 0
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.wire, self.inside, self.buffer = b"", b"", b""

    def receive(self):
        data = self.sock.recv(65536)
        self.wire += data
        return data

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def start_tls(self, cert, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.incoming.write(self.buffer)  # the hello may have come with the request for TLS
        self.buffer = b""
        self.step(self.tls.do_handshake)

    def step(self, call, *args):
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.receive()
                if not data:
                    raise EOFError from None
                self.incoming.write(data)

    def more(self):
        if self.tls:
            data = self.step(self.tls.read, 65536)
            self.inside += data
        else:
            data = self.receive()
        if not data:
            raise EOFError
        self.buffer += data

    def packet(self):
        while len(self.buffer) < 4 or len(self.buffer) < 4 + int.from_bytes(self.buffer[:3], "little"):
            self.more()
        end = 4 + int.from_bytes(self.buffer[:3], "little")
        self.number = self.buffer[3] + 1
        body, self.buffer = self.buffer[4:end], self.buffer[end:]
        return body

    def send(self, body):
        data = len(body).to_bytes(3, "little") + bytes([self.number & 255]) + body
        self.number += 1
        if self.tls:
            self.step(self.tls.write, data)
        else:
            self.sock.sendall(data)


def greeting(options):
    flags = BASE | (SSL if options["tls"] else 0) | (0 if options["bare"] else PLUGIN_AUTH)
    name = b"" if options["bare"] else b"mysql_native_password\0"
    return (b"\x0a8.0.99\0" + (7).to_bytes(4, "little") + SCRAMBLE[:8] + b"\0"
            + (flags & 0xFFFF).to_bytes(2, "little") + b"\x2d\x02\0" + (flags >> 16).to_bytes(2, "little")
            + bytes([0 if options["bare"] else 21]) + bytes(10) + SCRAMBLE[8:] + b"\0" + name)


def log_in(client, options):
    client.send(greeting(options))
    login = client.packet()
    if options["tls"] and len(login) == 32:
        client.start_tls(*options["tls"])
        client.packet()
    plugin = options["plugin"]
    if plugin != "none":
        question = b"\x05Password: \0" if plugin == "dialog" else SCRAMBLE + b"\0"
        client.send(b"\xfe" + plugin.encode() + b"\0" + question)
        client.packet()
    if plugin == "caching_sha2_password":
        client.send(b"\x01\x04")  # the whole password, please
        if client.packet() == b"\x02" and options["key"]:
            client.send(b"\x01" + options["key"])
            client.packet()
    client.send(b"\0\0\0\x02\0\0\0")
    while True:  # what would come after the login
        client.packet()
        client.send(b"\xff\x48\x04#HY000no")


def told(client):
    seen = []
    for place, data in (("wire", client.wire), ("inside", client.inside)):
        if PASSWORD in data:
            seen.append(f"{place}-password")
        if any(h in data for h in hashes()):
            seen.append(f"{place}-hash")
    return ",".join(seen) or "nothing"


def serve(sock, options, log, lock):
    client = Client(sock)
    sock.settimeout(20)
    try:
        log_in(client, options)
    except (EOFError, OSError):  # ssl.SSLError is an OSError
        pass
    with lock, open(log, "a", encoding="ascii") as f:
        f.write(f"wire={len(client.wire)} inside={len(client.inside)} told={told(client)}\n")
    sock.close()


def main():
    log, port_file, plugin, rest = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    options = {"plugin": plugin, "tls": None, "bare": "--bare" in rest, "key": None}
    if "--tls" in rest:
        at = rest.index("--tls")
        options["tls"] = rest[at + 1 : at + 3]
    if "FAKE_RSA_KEY" in os.environ:
        with open(os.environ["FAKE_RSA_KEY"], "rb") as f:
            options["key"] = f.read()
    listener = socket.create_server(("127.0.0.1", 0))
    lock = threading.Lock()
    with open(port_file + ".new", "w", encoding="ascii") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, options, log, lock), daemon=True).start()


main()
