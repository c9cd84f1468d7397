# sshfs moves a file out of the way that is open when another is renamed over it: for a moment nothing has its name, and for long if sshfs ends in
# that moment. A state file that is read again and again while it is published is not moved away. (Of 600 versions once, perhaps: sshfs hears of a close in a
# thread of its own, which a busy machine may hold up for longer than the requests that lie between take. Where none do, it is six times.)
# limit: 120
# long: 600 versions of a state file, each brought to storage under three readers
. "$REPO/tests/lib/lib.sh"

FILE=.archive_state.json

setup_one_box "durability = ${DURABILITY:-behind}"
start_guardfs
wait_healthy
echo '{}' >"$COLD/$FILE"
python3 "$REPO/tests/cases/state/hidden.py" "$SERVER" "$WORK/stop" "$WORK/hidden" &
watch=$!
readers=()
for reader in 1 2 3; do
	python3 - "$COLD/$FILE" "$WORK/written" <<-'END' &
		import os, sys
		while not os.path.exists(sys.argv[2]):
		    with open(sys.argv[1], "rb") as file:
		        file.read()
	END
	readers+=("$!")
done
python3 - "$COLD/$FILE" <<'END'
import os, sys
for n in range(300):
    with open(sys.argv[1], "w") as file:
        file.write('{"n": %d}' % n)
    # Written aside, and renamed over it.
    with open(sys.argv[1] + ".tmp", "w") as file:
        file.write('{"n": %d}' % n)
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])
END
touch "$WORK/written" "$WORK/stop"
wait "$watch" "${readers[@]}"
assert_le "$(cat "$WORK/hidden")" 1 "times that the file was moved out of the way"
assert_eq "$(cat "$SERVER/$FILE")" '{"n": 299}' "the file on the server"
