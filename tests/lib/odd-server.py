"""An SFTP server that answers some requests by itself, oddly, and has OpenSSH's answer the others: odd-server.py DIRECTORY RULES

It serves DIRECTORY. The file RULES, if there is one, has lines "REQUEST TEXT ANSWER": a request of that kind with TEXT in it
("*": any) is not carried out. ANSWER is a number: a status; or "typeless": attributes without a type; or "nothing": a part of a
listing that has no usable name in it; or "lower": the request is carried out with TEXT in lower case, as by a server that folds it."""
import os
import struct
import sys
import threading

from sftp_packets import answer, packets, pass_on, start_server, text

KINDS = {3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat", 11: "opendir",
         12: "readdir", 13: "remove", 14: "mkdir", 15: "rmdir", 18: "rename", 19: "readlink", 20: "symlink"}
STATUS, NAME, ATTRS = 101, 104, 105

directory, rules = sys.argv[1:]
server = start_server(directory)


def odd_answer(body, what):
    if what == "typeless":
        return bytes([ATTRS]) + body[1:5] + struct.pack(">II", 4, 0o644)
    if what == "nothing":
        return bytes([NAME]) + body[1:5] + struct.pack(">I", 1) + text(b"a/b") + text(b"") + struct.pack(">I", 0)
    return bytes([STATUS]) + body[1:5] + struct.pack(">I", int(what)) + text(b"") + text(b"")


def rule_for(body):
    try:
        with open(rules) as f:
            for kind, part, what in (line.split() for line in f if line.strip()):
                if KINDS.get(body[0]) == kind and (part == "*" or part.encode() in body):
                    return part.encode(), what
    except FileNotFoundError:
        pass
    return None, None


def pass_answers():
    for body in packets(server.stdout):
        answer(body)
    os._exit(0)


threading.Thread(target=pass_answers, daemon=True).start()
for body in packets(sys.stdin.buffer):
    part, what = rule_for(body)
    if what == "lower":
        body = body.replace(part, part.lower())
    if what and what != "lower":
        answer(odd_answer(body, what))
    else:
        pass_on(server, body)
server.kill()
