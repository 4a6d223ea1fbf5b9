#!/usr/bin/env python3
"""Write the events of a binlog file as hex, one event a line: events_hex.py FILE > events.hex"""
import struct
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
assert data[:4] == b"\xfebin"
at = 4
while at < len(data):
    (length,) = struct.unpack_from("<I", data, at + 9)
    event = bytearray(data[at : at + length])
    if event[4] == 15:  # the server clears "in use" on the wire; the checksum is made without it
        event[17] &= 0xFE
    print(event.hex())
    at += length
