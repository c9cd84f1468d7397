"""An SFTP server that delays its answers, as a link would, and logs what it is asked: logging-server.py DIRECTORY LOG SECONDS

It serves DIRECTORY with OpenSSH's server. LOG gets a line for each request: when it came (seconds), its kind, its path or handle."""
import os
import queue
import struct
import sys
import threading
import time

from sftp_packets import answer, packets, pass_on, start_server

KINDS = {1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat", 11: "opendir",
         12: "readdir", 13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename", 19: "readlink", 20: "symlink"}

directory, log, seconds = sys.argv[1], open(sys.argv[2], "a", buffering=1), float(sys.argv[3])
server = start_server(directory)
answers = queue.Queue()


def take_answers():
    for body in packets(server.stdout):
        answers.put((time.monotonic() + seconds, body))
    os._exit(0)


def give_answers():
    while True:
        due, body = answers.get()
        time.sleep(max(due - time.monotonic(), 0))  # sleep-ok: the link
        answer(body)


def string_at(body, at):
    n = struct.unpack(">I", body[at:at + 4])[0] if len(body) >= at + 4 else 0
    return body[at + 4:at + 4 + n], at + 4 + n


threading.Thread(target=take_answers, daemon=True).start()
threading.Thread(target=give_answers, daemon=True).start()
for body in packets(sys.stdin.buffer):
    kind, (what, end) = KINDS.get(body[0], "extended"), string_at(body, 5)
    if kind == "extended":
        kind, what = what.decode(errors="replace"), string_at(body, end)[0]
    text = what.decode(errors="replace") if what.isascii() and what.decode().isprintable() else what.hex()[:8]
    log.write("%.3f %s %s\n" % (time.monotonic(), kind, text))
    pass_on(server, body)
server.kill()
