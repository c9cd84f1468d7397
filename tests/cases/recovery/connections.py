"""connections.py PORT FILE: writes to FILE the largest number of connections to PORT that were ever seen at once, from
the client's side: those that are there or being made; to FILE.who, whose they were. Until it is ended.

The kernel is asked by sock_diag(7), which answers in one piece; /proc/net/tcp is read page by page, and lists a socket
twice when others come and go between two pages."""
import glob
import os
import socket
import struct
import sys
import time

PORT, FILE = int(sys.argv[1]), sys.argv[2]
SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, DONE, ERROR = 20, 0x301, 3, 2
ESTABLISHED, SYN_SENT = 1, 2
REQUEST = struct.pack('=IHHII BBBBI48s', 72, SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 0, 0, socket.AF_INET, socket.IPPROTO_TCP,
                      0, 0, 1 << ESTABLISHED | 1 << SYN_SENT, bytes(48))
diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)  # NETLINK_SOCK_DIAG


def connections():
    found = {}
    diag.send(REQUEST)
    while True:
        answer = diag.recv(1 << 18)
        while answer:
            size, kind = struct.unpack_from('=IH', answer)
            if kind == DONE:
                return found
            if kind == ERROR:
                sys.exit('sock_diag: ' + os.strerror(-struct.unpack_from('=i', answer, 16)[0]))
            state, = struct.unpack_from('B', answer, 17)
            ours, peer = struct.unpack_from('!HH', answer, 20)
            inode, = struct.unpack_from('=I', answer, 84)
            if peer == PORT:
                found[ours] = (state, inode)
            answer = answer[(size + 3) & ~3:]


def owner(inode):
    for fd in glob.glob('/proc/[0-9]*/fd/*'):
        try:
            if os.readlink(fd) == f'socket:[{inode}]':
                pid = fd.split('/')[2]
                with open(f'/proc/{pid}/cmdline') as f:
                    return f'{pid} ' + f.read().replace('\0', ' ')[:60]
        except OSError:
            pass
    return 'nobody'


most = -1
while True:
    now = connections()
    if len(now) > most:
        most = len(now)
        with open(FILE + '.who', 'w') as f:
            f.write(''.join(f'port {port}, state {state}, owner {owner(inode)}\n' for port, (state, inode) in now.items()))
        with open(FILE + '.new', 'w') as f:
            f.write(f'{most}\n')
        os.rename(FILE + '.new', FILE)
    time.sleep(0.002)  # sleep-ok: polling
