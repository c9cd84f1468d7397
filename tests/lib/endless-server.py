# An SFTP server that means harm: what it serves is the sftp-server's, but that a directory named "endless" has no end.
#
#     Subsystem sftp python3 endless-server.py DIRECTORY
import struct
import sys
import threading

from sftp_packets import answer, packets, pass_on, start_server, text

CLOSE, OPENDIR, READDIR, HANDLE, NAME = 4, 11, 12, 102, 104
server = start_server(sys.argv[1])
asked, endless = set(), set()
counter = 0


def entries():
    """A packet's worth of names that were never there: each a file of mode 0644, without anything else."""
    global counter
    names = b""
    for _ in range(200):
        counter += 1
        name = b"%0200d" % counter
        names += text(name) + text(name) + struct.pack(">II", 4, 0o100644)
    return struct.pack(">I", 200) + names


def answers():
    for body in packets(server.stdout):
        if body[0] == HANDLE and body[1:5] in asked:
            asked.discard(body[1:5])
            endless.add(body[5:])
        answer(body)


threading.Thread(target=answers, daemon=True).start()
for body in packets(sys.stdin.buffer):
    if body[0] == OPENDIR and body.endswith(b"/endless"):
        asked.add(body[1:5])
    if body[0] == CLOSE:
        endless.discard(body[5:])  # the server gives the same handle again
    if body[0] == READDIR and body[5:] in endless:
        answer(bytes([NAME]) + body[1:5] + entries())
    else:
        pass_on(server, body)
server.stdin.close()
