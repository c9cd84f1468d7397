"""A guardfs in a directory of its own, with calls that fail (tests/preload/inject.c); what every-call is made with."""
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import threading
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("BUILD", REPO + "/build")
BASE = os.environ.get("GUARDFS_TEST_DIR", "/var/lib/guardfs-tests")
KINDS = ("call", "short", "eintr", "alloc")
TOLD = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # by which a caller may be told of it
NUMBERS = ("none", "alloc", "call", "short", "eintr")  # of inject.c
PHASES = ("start", "mount", "reconnect-sshfs", "reconnect-sftp", "replay-sshfs", "replay-sftp")
CONTROL = struct.Struct("<6QQ")
FRAMES, FRAME = 24, struct.Struct("<24sQ")
ONLY = struct.Struct("<64sQ")  # behind the frames: a name, a stack
SEEN_MAX, SEEN = 65536, struct.Struct("<QQ16s")
SSH = "#!/bin/sh\ncase \"$*\" in *-V*|*-G*) exec ssh \"$@\" ;; esac\nexec /usr/lib/openssh/sftp-server -d '%s'\n"
CONF = """[mount]
name = test
mountpoint = {0}/mnt
local = {0}/local
run_dir = {0}/run/guardfs
state_dir = {0}/state
[deadline]
metadata = 4s
read = 4s
write = 15s
sync = 15s
[recovery]
backoff_min = 50ms
backoff_max = 100ms
probe_interval = 1s
probe_timeout = 1s
patience = 1h
recoveries_per_hour = 0
recoveries_per_day = 0
flap_count = 0
[tier]
manifest = {0}/manifest
"""
SSHFS = "type = sshfs\nhost = 127.0.0.1\nuser = root\nsshfs_options = ssh_command={0}/ssh\n"
SFTP = "type = sftp\nstream = openssh\nhost = 127.0.0.1\nuser = root\nssh_command = {0}/ssh\n"


class Finding(Exception):
    pass


class Place:
    """The call that fails: the Nth of all ("N"), or the Nth of a name that comes from one stack ("NAME@STACK#N")."""

    def __init__(self, text):
        self.text = text
        which, _, n = text.rpartition("#")
        self.name, _, stack = which.partition("@")
        self.n, self.stack = int(n), int(stack or "0", 16)


def within(seconds, function, *args):
    """The function's result; a Finding if it takes longer. Its thread may be left behind in a call that hangs."""
    result = []

    def run():
        try:
            result.append((function(*args), None))
        except BaseException as e:
            result.append((None, e))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise Finding("%s%r hangs for %d s" % (function.__name__, args[:1], seconds))
    if result[0][1]:
        raise result[0][1]
    return result[0][0]


def wait_for(seconds, condition, what):
    end = time.monotonic() + seconds
    pause = 0.005
    while not (value := condition()):
        if time.monotonic() > end:
            raise Finding("waited %d s in vain: %s" % (seconds, what))
        time.sleep(pause)  # sleep-ok: polling
        pause = min(pause * 1.3, 0.05)
    return value


def below(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = [int(c) for c in f.read().split()]
    except OSError:
        return []
    return children + [d for c in children for d in below(c)]


def comm(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            line = f.read()
    except OSError:
        return "", "X"
    return line[line.index("(") + 1:line.rindex(")")], line[line.rindex(")") + 2]


def mounts(path):
    with open("/proc/self/mountinfo") as f:
        return [m for m in (line.split()[4] for line in f) if m.startswith(path + "/mnt")]


def data_of(n, lines=20000):
    return b"".join(b"%07d\n" % (n * 1000000 + i) for i in range(lines))


class Instance:
    """A guardfs of a phase, in a directory of its own."""

    def __init__(self, work, phase, kind, learns=False):
        """learns: the stacks that calls come from are noted."""
        self.work, self.phase, self.kind, self.learns = work, phase, kind, learns
        self.guardian = None
        self.process = None
        self.place = Place("0")
        self.learnt = {}  # {NAME@STACK: calls} between arm and disarm
        os.makedirs(work)
        os.chmod(work, 0o755)
        self.types = {"start": ["dir"], "mount": ["sshfs", "sftp"]}.get(phase) or [phase.split("-")[1]]
        for d in ["mnt", "local", "state", "run"]:
            os.mkdir(work + "/" + d)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "run", work + "/run"], check=True)
        conf, manifest = CONF.format(work), ""
        for t in self.types:
            data = "%s/data-%s" % (work, t)
            os.makedirs(data + "/cold")
            if t == "dir":
                conf += "[backend dir]\ntype = dir\npath = %s\nalias = %s/cold/dir\n" % (data, work)
            else:
                ssh = "%s/ssh-%s" % (work, t)
                with open(ssh, "w") as f:
                    f.write(SSH % data)
                os.chmod(ssh, 0o755)
                conf += "[backend %s]\n" % t + (SSHFS if t == "sshfs" else SFTP).replace("{0}/ssh", ssh)
                conf += "alias = %s/cold/%s\n" % (work, t)
            if phase.startswith("replay"):
                conf += "durability = behind\n"
            manifest += "%s/cold/%s/cold %s/mnt/%s\n" % (work, t, work, t)
        self.write("conf", conf)
        self.write("manifest", manifest)
        self.write("inject", b"\0" * 4096)
        os.chmod(work + "/inject", 0o666)
        self.write("stacks", b"\0" * (SEEN_MAX * SEEN.size))
        os.chmod(work + "/stacks", 0o666)
        self.said = work + "/said"

    def write(self, name, text):
        with open(self.work + "/" + name, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def arm(self, n):
        """From now on self.place fails; n = 0: nothing does, calls are counted."""
        place = self.place if n else Place("0")
        if self.learns:
            self.stacks()
        with open(self.work + "/inject", "r+b") as f:
            f.write(CONTROL.pack(0, 0, 1, 0, 0, 0, 0))
            f.seek(CONTROL.size + FRAMES * FRAME.size)
            f.write(ONLY.pack(place.name.encode(), place.stack))
            f.seek(0)
            f.write(CONTROL.pack(0, place.n, 1, NUMBERS.index(self.kind), 0, 0, 0))

    def stacks(self):
        """Those that calls came from, which are forgotten then."""
        with open(self.work + "/stacks", "r+b") as f:
            raw = f.read()
            f.seek(0)
            f.write(b"\0" * len(raw))
        return {"%s@%x" % (name.rstrip(b"\0").decode(), stack): calls for stack, calls, name in SEEN.iter_unpack(raw) if stack}

    def disarm(self):
        if self.learns:
            self.learnt = self.stacks()
        with open(self.work + "/inject", "r+b") as f:
            f.seek(8)
            f.write(struct.pack("<Q", 0))

    def injected(self):
        with open(self.work + "/inject", "rb") as f:
            raw = f.read(CONTROL.size + FRAMES * FRAME.size)
        calls, _, _, _, failed, name, pid = CONTROL.unpack_from(raw)
        frames = [FRAME.unpack_from(raw, CONTROL.size + i * FRAME.size) for i in range(FRAMES)]
        frames = [(m.rstrip(b"\0").decode(errors="replace"), o) for m, o in frames if o]
        return calls, failed, struct.pack("<Q", name).rstrip(b"\0").decode(errors="replace"), pid, frames

    # -- its life

    def begin(self):
        self.log = open(self.said, "wb")
        env = dict(os.environ, INJECT=self.work + "/inject", INJECT_PROGRAM="guardfs", LC_ALL="C",
                   LD_PRELOAD=BUILD + "/tests/preload/inject.so")
        if self.learns:
            env["INJECT_STACKS"] = self.work + "/stacks"
        argv = [BUILD + "/guardfs"]
        argv += [self.work + "/conf", self.work + "/mnt", "-o", "rw"] if self.phase == "mount" else ["-f", "-c", self.work + "/conf"]
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.guardian = None

    def status(self):
        def read():
            with open(self.work + "/mnt/.guardfs/status.json") as f:
                s = json.load(f)
            # For want of memory it may lack members.
            return s if all(k in s for k in ("serving", "processes", "backends")) else None
        try:
            return within(5, read)
        except (OSError, ValueError):
            return None

    def settled(self):
        if not mounts(self.work):
            return None
        s = self.status()
        if s and s["serving"] and all(b.get("state") in ("healthy", "probation", "degraded") for b in s["backends"]):
            self.guardian = s["processes"].get("guardian", self.guardian)
            return s
        return None

    def started(self):
        """Settled, or ended: then its exit status."""
        def look():
            rc = self.process.poll()
            if rc is not None and (rc != 0 or self.phase != "mount"):
                return ("ended", rc)
            if self.phase == "mount" and rc is None:
                return None
            s = self.settled()
            return ("settled", s) if s else None
        return wait_for(40, look, "neither serves nor has ended")

    def others(self):
        """What it has of processes, zombies not counted."""
        return [(p, comm(p)) for p in below(os.getpid()) if comm(p)[1] not in "ZX"]

    def reap(self):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    def nothing_left(self):
        try:
            wait_for(5, lambda: not mounts(self.work) and not self.others(), "")
        except Finding:
            raise Finding("left behind: %r %r" % (mounts(self.work), self.others())) from None
        finally:
            self.process.poll()
            self.reap()

    def text(self):
        text = ""
        for name in (self.said, self.work + "/run/guardfs/log"):
            try:
                with open(name, errors="replace") as f:
                    text += f.read()
            except OSError:
                pass
        return text

    def stop(self):
        os.kill(self.guardian, signal.SIGTERM)
        wait_for(10, lambda: self.process.poll() is not None and not mounts(self.work) and comm(self.guardian)[1] in "ZX",
                 "it does not end at SIGTERM")
        self.nothing_left()
        self.process = None

    def destroy(self):
        """Whatever state it is in."""
        for _ in range(100):
            left = below(os.getpid())
            for p in left:
                try:
                    os.kill(p, signal.SIGKILL)
                except OSError:
                    pass
            for m in mounts(self.work):
                subprocess.run(["umount", "-l", m], stderr=subprocess.DEVNULL, check=False)
            if self.process:
                self.process.poll()
            self.reap()
            if not self.others() and not mounts(self.work):
                break
            time.sleep(0.02)  # sleep-ok: polling
        self.process = self.guardian = None
        subprocess.run(["umount", "-l", self.work + "/run"], check=False)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "run", self.work + "/run"], check=True)
        shutil.rmtree(self.work + "/state", ignore_errors=True)
        os.mkdir(self.work + "/state")

    # -- its use

    def servers(self):
        return [p for p in below(os.getpid()) if comm(p)[0] == "sftp-server"]

    def signal_servers(self, number):
        for p in self.servers():
            try:
                os.kill(p, number)
            except OSError:
                pass

    def put(self, name, data, patient=True):
        """Writes and syncs a file on each backend, again if told of an error; how often it was told."""
        told = 0
        for t in self.types:
            path = "%s/mnt/%s/%s" % (self.work, t, name)
            end = time.monotonic() + 30
            while True:
                try:
                    within(40, write_file, path, data)
                    break
                except OSError as e:
                    told += 1
                    if e.errno not in TOLD:
                        raise Finding("%s: %s" % (name, e)) from None
                    if not patient or time.monotonic() > end:
                        raise Finding("%s cannot be written: %s, told %d times" % (name, e, told)) from None
                    time.sleep(0.2)  # sleep-ok: polling
            self.compare(t, name, data)
        return told

    def compare(self, t, name, data):
        for path in "%s/data-%s/cold/%s" % (self.work, t, name), "%s/mnt/%s/%s" % (self.work, t, name):
            got = within(10, read_file, path)
            if got != data:
                raise Finding("%s has %d bytes instead of %d" % (path, len(got), len(data)))


def write_file(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        done = 0
        while done < len(data):
            done += os.write(fd, data[done:done + 30000])
        os.fsync(fd)
    finally:
        os.close(fd)


def read_file(path):
    for _ in range(20):
        try:
            with open(path, "rb") as f:
                return f.read()
        except OSError as e:
            if e.errno not in TOLD:
                raise
            time.sleep(0.1)  # sleep-ok: polling
    raise Finding(path + " cannot be read")
