# The harness itself: the relay limits the rate, delays, freezes, cuts and refuses.
. "$REPO/tests/lib/lib.sh"

box_start box
relay_start link 3333 2222
sed 's/:2222/:3333/' "$WORK/box/known_hosts" >"$WORK/known_hosts"
head -c 1M /dev/zero >"$WORK/box/data/megabyte"

fetch()
{
	sftp -q -P 3333 -o BatchMode=yes -o IdentityFile="$WORK/box/user_key" \
		-o UserKnownHostsFile="$WORK/known_hosts" "root@127.0.0.1:$1" "$WORK/fetched" </dev/null
}

fetch megabyte
cmp "$WORK/box/data/megabyte" "$WORK/fetched"

say "1 MiB at 512 KiB/s takes two seconds"
relay link rate 512
start=$(now_ms)
fetch megabyte
took=$(($(now_ms) - start))
assert_ge "$took" 1700 "time for 1 MiB at 512 KiB/s"
assert_le "$took" 15000 "time for 1 MiB at 512 KiB/s"
relay link rate 0

say "a delay of 50 ms each way shows"
relay link delay 50
start=$(now_ms)
fetch megabyte
assert_ge $(($(now_ms) - start)) 500 "time with a delay"
relay link delay 0

say "refused, then open again"
relay link refuse
assert_fails fetch megabyte
relay link thaw
fetch megabyte
