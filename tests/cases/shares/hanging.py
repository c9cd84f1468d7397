# An SFTP server whose directories named "hang-..." hang the session that opens one, for good, as a directory on a dead disk
# does; another session is served as before. All else is the sftp-server's.
#
#     Subsystem sftp python3 hanging.py DIRECTORY
import select
import struct
import subprocess
import sys
import threading

OPENDIR = 11
server = subprocess.Popen(["/usr/lib/openssh/sftp-server", "-d", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def answers():
    while data := server.stdout.read1(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


threading.Thread(target=answers, daemon=True).start()
while len(head := sys.stdin.buffer.read(4)) == 4:
    body = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    if body[0] == OPENDIR and b"/hang-" in body:
        hung = select.poll()
        hung.register(sys.stdin, 0)
        hung.poll()  # until its connection is gone
        server.kill()
        break
    server.stdin.write(head + body)
    server.stdin.flush()
server.stdin.close()
