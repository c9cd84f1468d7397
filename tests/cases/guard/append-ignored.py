#!/usr/bin/env python3
"""An SFTP server that goes by offsets, whatever a file was opened for: OpenSSH's behind this, which takes SSH_FXF_APPEND out of what the
client asks for."""
import os
import struct
import subprocess
import sys
import threading

OPEN, APPEND = 3, 4


def read_exactly(fd, n):
    data = b""
    while len(data) < n:
        got = os.read(fd, n - len(data))
        if not got:
            raise EOFError
        data += got
    return data


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def without_append(packet):
    if packet[0] != OPEN:
        return packet
    at = 9 + struct.unpack(">I", packet[5:9])[0]
    flags = struct.unpack(">I", packet[at:at + 4])[0]
    return packet[:at] + struct.pack(">I", flags & ~APPEND) + packet[at + 4:]


def to_server(server):
    try:
        while True:
            length = read_exactly(0, 4)
            write_all(server.stdin.fileno(), length + without_append(read_exactly(0, struct.unpack(">I", length)[0])))
    except (EOFError, OSError):
        server.stdin.close()


server = subprocess.Popen(["/usr/lib/openssh/sftp-server"] + sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
threading.Thread(target=to_server, args=(server,), daemon=True).start()
while data := os.read(server.stdout.fileno(), 1 << 16):
    write_all(1, data)
