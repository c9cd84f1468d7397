# inject.sh: guardfs with calls that fail (tests/preload/inject.c). Source it after lib.sh.

# inject KIND FROM [COUNT [ONLY]]: these calls fail, counted from now on; FROM 0: none. ONLY: of that name, NAME or NAME:PART-OF-ITS-PATH.
inject()
{
	[[ -s $WORK/inject ]] || head -c 4096 /dev/zero >"$WORK/inject"
	chmod 0666 "$WORK/inject"
	python3 - "$WORK/inject" "$1" "$2" "${3:-1}" "${4:-}" <<'END'
import struct, sys
path, kind, start, count, only = sys.argv[1:]
number = ("none", "alloc", "call", "short", "eintr").index(kind)
with open(path, "r+b") as f:
    f.seek(56 + 24 * 32)
    f.write(struct.pack("64s", only.encode()))
    f.seek(0)
    f.write(struct.pack("<6Q", 0, int(start), int(count), number, 0, 0))
END
}

# How many calls there were; how many have failed; which one was the last.
injected()
{
	python3 - "$WORK/inject" <<'END'
import struct, sys
calls, start, count, kind, failed, name = struct.unpack("<5Q8s", open(sys.argv[1], "rb").read(48))
print(calls, failed, name.rstrip(b"\0").decode() or "none")
END
}

# Before a command: with these calls, in guardfs alone.
INJECTING=(env "INJECT=$WORK/inject" INJECT_PROGRAM=guardfs "LD_PRELOAD=$BUILD/tests/preload/inject.so")
