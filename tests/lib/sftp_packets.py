"""Packets of SFTP, for servers that stand between OpenSSH's sftp-server and its client and harm one of the two."""
import struct
import subprocess
import sys
import threading

_answering = threading.Lock()


def start_server(directory):
    return subprocess.Popen(["/usr/lib/openssh/sftp-server", "-d", directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def packets(stream):
    """Each packet without its length, until the stream ends."""
    while len(head := stream.read(4)) == 4:
        yield stream.read(struct.unpack(">I", head)[0])


def pass_on(server, body):
    """A request, to the real server. One thread alone may call this."""
    server.stdin.write(struct.pack(">I", len(body)) + body)
    server.stdin.flush()


def answer(body):
    """To the client, from any thread. A request waits for no answer: the lock is none of pass_on's."""
    with _answering:
        sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
        sys.stdout.buffer.flush()


def text(s):
    """A string as SFTP writes it."""
    return struct.pack(">I", len(s)) + s
