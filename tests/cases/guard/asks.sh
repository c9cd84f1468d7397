# What a program need not wait for, the server is not asked: names that are missing in a directory just made, the directory's attributes after each
# removal, the size of a file that is being written, its time of last access where the other one is set, its attributes after an open. An owner
# and a mode that what was made here has anyway are not set.
# limit: 180
# long: each program has to be quicker than the cache time, and is run again until it was
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box 'durability = behind'
[[ $TYPE == sftp ]] && TYPE_ASKS=1 || TYPE_ASKS=2
cat >"$WORK/server" <<-END
	#!/bin/sh
	exec /usr/lib/openssh/sftp-server -d "$WORK/box/data" -e -l DEBUG1 2>>"$WORK/asked"
END
chmod 0755 "$WORK/server"
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 $WORK/server|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy
cat >"$WORK/run.py" <<'END'
import ctypes, os, shutil, sys, time

step, top, log, number, server = sys.argv[1:]
place = os.path.join(top, number)
libc = ctypes.CDLL(None, use_errno=True)


def begin():
    open(log, "w").close()
    return time.monotonic()


def end(began):
    took = time.monotonic() - began
    shutil.copyfile(log, log + ".seen")
    return took


def set_mtime(path, seconds):
    times = (ctypes.c_long * 4)(0, (1 << 30) - 2, seconds, 0)  # UTIME_OMIT
    assert libc.utimensat(-100, path.encode(), times, 0) == 0


def missing():
    began = begin()
    os.mkdir(place)
    for i in range(5):
        assert not os.path.exists(f"{place}/none-{i}")
        open(f"{place}/made-{i}", "x").close()
        assert os.path.exists(f"{place}/made-{i}")
        os.rename(f"{place}/made-{i}", f"{place}/new-{i}")
        assert not os.path.exists(f"{place}/made-{i}") and os.path.exists(f"{place}/new-{i}")
        os.remove(f"{place}/new-{i}")
        assert not os.path.exists(f"{place}/new-{i}")
    os.mkdir(f"{place}/dir")
    assert not os.path.exists(f"{place}/dir/none") and os.listdir(place) == ["dir"]
    return end(began)


def removal():
    os.mkdir(place)
    for i in range(5):
        open(f"{place}/{i}", "x").close()
    began = begin()
    for i in range(5):
        os.remove(f"{place}/{i}")
    assert not os.listdir(place)
    return end(began)


def growing():
    f = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    began = begin()
    for i in range(5):
        os.write(f, b"x" * 1000)
        assert os.lseek(f, 0, os.SEEK_END) == 1000 * (i + 1)
    took = end(began)
    os.close(f)
    assert os.path.getsize(place) == 5000
    return took


def times():
    with open(place, "x") as f:
        f.write("text")
    began = begin()
    set_mtime(place, 1000000000)
    st = os.stat(place)
    assert st.st_mtime == 1000000000 and abs(st.st_atime - time.time()) < 60, st
    return end(began)


def opened():
    with open(place, "x") as f:
        f.write("text")
    os.stat(place)
    began = begin()
    with open(place) as f:
        assert os.fstat(f.fileno()).st_size == 4 and f.read() == "text"
    return end(began)


def make(mode=0o600):
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    os.mkdir(place + "-dir", 0o700)
    return os.stat(place)


def same():
    st = make()
    set_mtime(place, 1000000000)
    set_mtime(place + "-dir", 1000000000)
    began = begin()
    os.chown(place, st.st_uid, st.st_gid)
    os.chmod(place, 0o600)
    os.chown(place + "-dir", st.st_uid, st.st_gid)
    os.chmod(place + "-dir", 0o700)
    took = end(began)
    for path, mode in ((place, 0o600), (place + "-dir", 0o700)):
        after = os.stat(path)
        assert (after.st_mode & 0o7777, after.st_uid, after.st_mtime) == (mode, st.st_uid, 1000000000), after
    return took


def others():
    st = make()
    began = begin()
    for path in place, place + "-dir":
        os.chown(path, 12345, st.st_gid)
        os.chmod(path, 0o4750)
        os.chown(path, st.st_uid, st.st_gid)
        os.chmod(path, 0o700)
    took = end(began)
    for path in place, place + "-dir":
        after = os.stat(path)
        assert (after.st_mode & 0o7777, after.st_uid) == (0o700, st.st_uid), after
    return took


def foreign():
    st = make()
    began = begin()
    path = os.path.join(server, os.path.basename(place))
    os.chmod(path, 0o644)
    os.chown(path, 12345, 12345)
    time.sleep(1.1)  # sleep-ok: until the cache time is over
    os.chown(place, st.st_uid, st.st_gid)
    os.chmod(place, 0o600)
    end(began)
    after = os.stat(path)
    assert (after.st_mode & 0o7777, after.st_uid) == (0o600, st.st_uid), after
    return 0


def found():
    path = os.path.join(server, os.path.basename(place))
    open(path, "x").close()
    os.chmod(path, 0o600)
    st = os.stat(place)
    began = begin()
    os.chown(place, st.st_uid, st.st_gid)
    os.chmod(place, 0o600)
    return end(began)


# As rsync makes files, in a directory of whose names nobody has a list.
def renamed():
    os.mkdir(os.path.join(server, os.path.basename(place)))
    os.stat(place)
    began = begin()
    for i in range(3):
        assert not os.path.exists(f"{place}/file-{i}")
        os.close(os.open(f"{place}/.new-{i}", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        time.sleep(0.06)  # sleep-ok: the mount beneath remembers for 0.05 s that a name is missing
        os.rename(f"{place}/.new-{i}", f"{place}/file-{i}")
        assert os.path.exists(f"{place}/file-{i}")
    return end(began)


# What another client makes is missing for the cache time at most, what is made here not at all.
def appears():
    there = os.path.join(server, os.path.basename(place))
    os.mkdir(there)
    assert not os.path.exists(f"{place}/quiet")
    time.sleep(0.1)  # sleep-ok: until the mount beneath has forgotten it
    open(f"{there}/quiet", "x").close()
    assert os.path.exists(f"{place}/quiet")
    began = begin()
    for name in "made", "linked", "dir", "late", "FOLDED", "moved":
        assert not os.path.exists(f"{place}/{name}")
    open(f"{place}/made", "x").close()
    os.link(f"{place}/made", f"{place}/linked")
    os.mkdir(f"{place}/dir")
    os.rename(f"{place}/made", f"{place}/moved")
    for name in "linked", "dir", "moved":
        assert os.path.exists(f"{place}/{name}"), name
    open(f"{there}/late", "x").close()
    while not os.path.exists(f"{place}/late"):
        assert time.monotonic() < began + 2, "a file of another client is not seen"
        open(f"{place}/busy", "w").close()
    end(began)
    return 0


sys.exit(0 if globals()[step]() < 0.7 else 77)
END

# asks STEP PATTERN: how often the server was asked so, in a run that was quick enough.
tries=0
quick_run()
{
	tries=$((tries + 1))
	python3 "$WORK/run.py" "$1" "$COLD" "$WORK/asked" "$1-$tries" "$SERVER" || {
		(($? == 77)) || fail "$1"
		return 1
	}
}
asks()
{
	wait_until 60000 quick_run "$1"
	grep -cE "$2" "$WORK/asked.seen" || true
}

say "a name that is missing in a directory made here"
assert_eq "$(asks missing '^l?stat name .*(none)')" 0
say "a directory's attributes while names in it are removed"
assert_eq "$(asks removal '^l?stat name ".*/removal-[0-9]+"')" 0
say "the end of a file that is being written"
assert_eq "$(asks growing ': fstat |^l?stat name ".*/growing')" 0
say "the time of last access, where the other one is set"
assert_le "$(asks times '^l?stat name ".*/times-')" 1 "LSTATs, the one after the change among them"
say "attributes of a file just opened"
assert_le "$(asks opened '^l?stat name ".*/opened-')" 1 "LSTATs, the one of the open among them"
grep -qE '^l?stat name ".*/opened-' "$WORK/asked.seen" || fail "the server's log does not show what it is asked"
say "a name that is missing, and asked for again to be given to a file"
assert_eq "$(asks renamed '^l?stat name ".*/file-')" $((TYPE_ASKS * 3)) "LSTATs: the first, and that of the kernel beneath sshfs at the rename"
say "names that come after they were missing"
asks appears none
say "owner and mode that are set as they are"
assert_eq "$(asks same '^set ".*/same-.* (mode|owner)')" 0
say "owner and mode that are set to others, and back"
assert_le 8 "$(asks others '^set ".*/others-.* (mode|owner)')" "changes that reach the server"
say "the same as ever, but another client has changed them"
assert_eq "$(asks foreign '^set ".*/foreign-.* (mode|owner)')" 2
say "the same as they are, of a file that was not made here"
assert_eq "$(asks found '^set ".*/found-.* (mode|owner)')" 2
