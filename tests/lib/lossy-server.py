"""An SFTP server that loses one request, or the answer to it, and with that its connection, or holds it: lossy-server.py DIRECTORY RULE

    Subsystem sftp python3 lossy-server.py DIRECTORY RULE

It serves DIRECTORY as OpenSSH's sftp-server does. The file RULE, if there is one, says "OPERATION request|answer|hold|refuse TEXT": the
first request of that kind with TEXT in it takes the file away, and is not carried out, or is carried out and not answered. In
either case the connection ends there and then. "hold": it is neither carried out nor answered, and the connection stays. "refuse": it
is not carried out, and answered with a bare failure. With "always" behind it the rule stays."""
import os
import struct
import sys
import threading

from sftp_packets import answer, packets, pass_on, start_server, text

KINDS = {3: "open", 9: "setstat", 10: "fsetstat", 13: "remove", 14: "mkdir", 15: "rmdir", 18: "rename", 20: "symlink"}
EXTENSIONS = {b"posix-rename@openssh.com": "rename", b"hardlink@openssh.com": "link"}
EXTENDED, VERSION, STATUS, FAILURE = 200, 2, 101, 4

directory, rule_file = sys.argv[1:]
server = start_server(directory)
lost = None  # id of the request whose answer is lost


def end():
    server.kill()
    os._exit(0)


def kind_of(body):
    if body[0] == EXTENDED:
        length = struct.unpack(">I", body[5:9])[0]
        return EXTENSIONS.get(body[9:9 + length])
    return KINDS.get(body[0])


def loses(body):
    """What is to be done to this request: None, "request", "answer", "hold" or "refuse". The rule holds for one request of all connections."""
    kind = kind_of(body)
    try:
        with open(rule_file) as f:
            operation, what, part, *always = f.read().split()
        if kind == operation and part.encode() in body:
            if not always:
                os.rename(rule_file, rule_file + ".done")
            return what
    except (FileNotFoundError, ValueError):  # there is none, or it is being written
        pass
    return None


def answers():
    for body in packets(server.stdout):
        if body[0] != VERSION and struct.unpack(">I", body[1:5])[0] == lost:
            end()
        answer(body)
    end()


threading.Thread(target=answers, daemon=True).start()
for body in packets(sys.stdin.buffer):
    what = loses(body)
    if what == "request":
        end()
    if what == "answer":
        lost = struct.unpack(">I", body[1:5])[0]
    if what == "hold":
        continue
    if what == "refuse":
        answer(bytes([STATUS]) + body[1:5] + struct.pack(">I", FAILURE) + text(b"") + text(b""))
        continue
    pass_on(server, body)
end()
