#!/usr/bin/env python3
"""sink.py - listens and records what arrives; or passes it on, as a middlebox does.

    sink.py LOG ADDRESS:PORT...                      one line for each connection and its bytes
    sink.py LOG ADDRESS:PORT --to ADDRESS:PORT       the same, and everything is passed on

Prints "ready" when it listens. Runs until it is ended.
"""

import socket
import sys
import threading


def split(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def note(log, text):
    with open(log, "a", encoding="ascii") as f:
        f.write(text + "\n")


def pump(source, sink, log, name):
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if name:
            note(log, f"{name} {len(data)} bytes")
        try:
            if not data:
                if sink:
                    sink.shutdown(socket.SHUT_WR)
                return
            if sink:
                sink.sendall(data)
        except OSError:
            return


def serve(listener, log, name, onward):
    while True:
        client, peer = listener.accept()
        note(log, f"{name} connection from {peer[0]}")
        server = socket.create_connection(onward) if onward else None
        threading.Thread(target=pump, args=(client, server, log, name), daemon=True).start()
        if server:
            threading.Thread(target=pump, args=(server, client, log, ""), daemon=True).start()


def main():
    log, places = sys.argv[1], sys.argv[2:]
    onward = None
    if "--to" in places:
        onward = split(places[places.index("--to") + 1])
        places = places[: places.index("--to")]
    open(log, "a", encoding="ascii").close()
    threads = []
    for place in places:
        listener = socket.create_server(split(place))
        threads.append(threading.Thread(target=serve, args=(listener, log, place, onward)))
    for thread in threads:
        thread.start()
    print("ready", flush=True)


main()
