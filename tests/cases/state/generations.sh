# guardctl generations: the last versions of a state file are kept on the local disk, and can be had again, also when the file, or guardfs,
# is gone.
. "$REPO/tests/lib/lib.sh"

FILE=.archive_state.json

# kept PATH: how many versions.
kept()
{
	ctl generations "$1" --json | jq '.generations | length'
}

setup_one_box
conf state 'generations = 3'
echo "before guardfs" >"$SERVER/$FILE"
start_guardfs
wait_healthy

say "each version that is published, and the one before the first"
for i in 1 2; do
	echo "version $i" >"$COLD/$FILE"
	wait_value 10000 kept "cold/$FILE" == $((i + 1))
done
assert_eq "$(ctl generations "cold/$FILE" --show 1)" "version 2"
assert_eq "$(ctl generations "$COLD/$FILE" --show 3)" "before guardfs"
assert_match "$(ctl generations "cold/$FILE")" $'^  1  .*  10\n  2  .*  10\n  3  .*  15$'
echo "version 3" >"$COLD/$FILE.tmp.12"
mv "$COLD/$FILE.tmp.12" "$COLD/$FILE"
wait_value 10000 ctl generations "cold/$FILE" --show 1 == "version 3"
assert_eq "$(kept "cold/$FILE")" 3
assert_eq "$(ctl generations "cold/$FILE" --show 3)" "version 1"

say "one is restored"
owner=$(stat -c '%a %u:%g' "$SERVER/$FILE")
assert_eq "$(ctl generations "cold/$FILE" --restore 3)" "cold/$FILE: version 3, 10 bytes"
assert_content "$SERVER/$FILE" "version 1"
wait_value 10000 ctl generations "cold/$FILE" --show 1 == "version 1"
assert_exit 1 'there is no version 4' ctl generations "cold/$FILE" --show 4
assert_exit 1 'there is no version 0' ctl generations "cold/$FILE" --show 0
assert_exit 1 'no version of it is kept' ctl generations cold/other
assert_exit 100 'is not below' ctl generations /etc/passwd
assert_exit 100 'one of them' ctl generations "cold/$FILE" --show 1 --json

say "a link, a FIFO: root writes through neither"
echo untouched >"$SERVER/target"
rm "$COLD/$FILE"
ln -s target "$COLD/$FILE"
assert_exit 1 'a symbolic link' ctl generations "cold/$FILE" --restore 2
rm "$COLD/$FILE"
assert_content "$SERVER/target" untouched
mkfifo "$SERVER/$FILE"
assert_exit 1 'not restored' timeout 10 "$GUARDCTL" -c "$CONF" generations "cold/$FILE" --restore 2
rm "$COLD/$FILE"

say "the file is removed, guardfs stopped"
assert_eq "$(ctl generations "cold/$FILE" --restore 2)" "cold/$FILE: version 2, 10 bytes"
assert_content "$SERVER/$FILE" "version 3"
assert_eq "$(stat -c '%a %u:%g' "$SERVER/$FILE")" "$owner"
stop_guardfs
assert_match "$(ctl generations "cold/$FILE" --show 1)" 'version [13]'
