#!/usr/bin/env python3
"""terminal.py SECONDS [ANSWER...] -- COMMAND [ARGUMENT...]: the command on a terminal of its own; each question (what ends
with ": " or "? ") gets the next answer. Prints what the terminal showed; exit status of the command, 99 after SECONDS."""
import os
import pty
import select
import sys
import time

split = sys.argv.index("--")
until = time.monotonic() + float(sys.argv[1])
answers = sys.argv[2:split]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
shown = b""
asked = 0
while True:
    if not select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
        os.kill(pid, 9)
        sys.exit(99)
    try:
        text = os.read(terminal, 4096)
    except OSError:  # nobody has it open any more
        break
    if not text:
        break
    shown += text
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
    if shown[asked:].rstrip(b"\r").endswith((b": ", b"? ")) and answers:
        asked = len(shown)
        os.write(terminal, answers.pop(0).encode() + b"\n")
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
