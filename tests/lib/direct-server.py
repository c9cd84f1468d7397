#!/usr/bin/env python3
"""direct-server.py PORT DIRECTORY: what sshfs's directport speaks to: each connection on 127.0.0.1:PORT gets an sftp-server of its own, without
ssh. DIRECTORY is where it begins."""
import os
import socket
import subprocess
import sys

SERVER = "/usr/lib/openssh/sftp-server"
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.chdir(sys.argv[2])
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    subprocess.Popen([SERVER], stdin=connection, stdout=connection)
    connection.close()
