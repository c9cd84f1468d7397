#!/usr/bin/env python3
"""screen.py DIRECTORY COLUMNS ROWS -- COMMAND [ARGUMENT...]: the command on a vt100 of that size, of which DIRECTORY/screen is
always the picture, as text. What is written into DIRECTORY/keys (a fifo) is typed; a line "size COLUMNS ROWS" there resizes it.
DIRECTORY/bytes is how many bytes the terminal was sent, DIRECTORY/cleared how often all of it was cleared. Exit status of the command."""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios

directory = sys.argv[1]
columns, rows = int(sys.argv[2]), int(sys.argv[3])
command = sys.argv[sys.argv.index("--") + 1:]
SEQUENCE = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([@-~])|\x1b[()][A-Z0-9]|\x1b([78=>DME])")
BEGUN = re.compile(rb"\x1b(\[[?>]?[0-9;]*|[()])?")


class Screen:
    def __init__(self):
        self.x = self.y = self.sent = self.cleared = 0
        self.top, self.bottom = 0, rows - 1  # what scrolls
        self.wraps = True
        self.cells = [[" "] * columns for _ in range(rows)]
        self.rest = b""

    def resize(self):
        self.__init__()

    def text(self):
        return "".join("".join(row).rstrip() + "\n" for row in self.cells)

    def down(self):
        if self.y == self.bottom:
            self.cells[self.top:self.bottom + 1] = self.cells[self.top + 1:self.bottom + 1] + [[" "] * columns]
        else:
            self.y = min(self.y + 1, rows - 1)

    def up(self):
        if self.y == self.top:
            self.cells[self.top:self.bottom + 1] = [[" "] * columns] + self.cells[self.top:self.bottom]
        else:
            self.y = max(self.y - 1, 0)

    def control(self, private, numbers, letter):
        n = [int(s) if s else 0 for s in numbers.split(b";")]
        first = max(n[0], 1)
        self.x = min(self.x, columns - 1)
        if private:
            if n == [7]:
                self.wraps = letter == b"h"
        elif letter in b"Hf":
            self.y, self.x = first - 1, max(n[1] if len(n) > 1 else 1, 1) - 1
        elif letter == b"A":
            self.y = max(self.y - first, self.top if self.y >= self.top else 0)
        elif letter == b"B":
            self.y = min(self.y + first, self.bottom if self.y <= self.bottom else rows - 1)
        elif letter == b"C":
            self.x += first
        elif letter == b"D":
            self.x -= first
        elif letter == b"K":
            span = range(self.x, columns) if n[0] == 0 else range(0, self.x + 1) if n[0] == 1 else range(columns)
            for x in span:
                self.cells[self.y][x] = " "
        elif letter == b"J" and n[0] in (0, 2):
            if n[0] == 2 or (self.x, self.y) == (0, 0):
                self.cleared += 1
            for y in range(rows) if n[0] == 2 else range(self.y + 1, rows):
                self.cells[y] = [" "] * columns
            for x in range(self.x, columns) if n[0] == 0 else ():
                self.cells[self.y][x] = " "
        elif letter == b"r":
            last = n[1] if len(n) > 1 and n[1] else rows
            if first < last <= rows:
                self.top, self.bottom = first - 1, last - 1
                self.x = self.y = 0
        elif letter not in b"mhl":
            self.unknown(b"\x1b[" + numbers + letter)
        self.y = min(max(self.y, 0), rows - 1)
        self.x = min(max(self.x, 0), columns - 1)

    # A picture that stays is not to be taken for what the command shows.
    def unknown(self, data):
        message = f"screen.py does not know {data[:16]!r}"
        publish("screen", message + "\n")
        raise SystemExit(message)

    def escape(self, letter):
        if letter in b"78":
            self.unknown(b"\x1b" + letter)
        if letter == b"E":
            self.x = 0
        if letter in b"DE":
            self.down()
        elif letter == b"M":
            self.up()

    def put(self, data):
        self.sent += len(data)
        data = self.rest + data
        self.rest = b""
        while data:
            byte = data[:1]
            if byte == b"\x1b":
                found = SEQUENCE.match(data)
                if not found and BEGUN.fullmatch(data):
                    self.rest = data
                    return
                if not found:
                    self.unknown(data)
                if found[3]:
                    self.control(found[1], found[2], found[3])
                elif found[4]:
                    self.escape(found[4])
                data = data[found.end():]
                continue
            data = data[1:]
            if byte == b"\r":
                self.x = 0
            elif byte == b"\n":
                self.down()
            elif byte == b"\b":
                self.x = max(min(self.x, columns - 1) - 1, 0)
            elif byte == b"\t":
                self.x = min((self.x // 8 + 1) * 8, columns - 1)
            elif byte >= b" ":
                if self.x == columns and self.wraps:
                    self.x = 0
                    self.down()
                self.cells[self.y][min(self.x, columns - 1)] = byte.decode("latin1")
                self.x = min(self.x + 1, columns)


def publish(name, text):
    path = os.path.join(directory, name)
    with open(path + ".new", "w", encoding="latin1") as file:
        file.write(text)
    os.rename(path + ".new", path)


def set_size(fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


keys = os.path.join(directory, "keys")
os.mkfifo(keys)
typed = os.open(keys, os.O_RDWR)
pid, terminal = pty.fork()
if pid == 0:
    set_size(0)
    os.execvp(command[0], command)
screen = Screen()
while True:
    ready = select.select([terminal, typed], [], [])[0]
    if typed in ready:
        text = os.read(typed, 4096)
        size = re.match(rb"size (\d+) (\d+)\n", text)
        if size:
            columns, rows = int(size[1]), int(size[2])
            screen.resize()
            set_size(terminal)
        else:
            os.write(terminal, text)
    if terminal in ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # nobody has it open any more
            break
        screen.put(data)
        publish("screen", screen.text())
        publish("bytes", f"{screen.sent}\n")
        publish("cleared", f"{screen.cleared}\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
