# guardctl snapshot: everything an operator asks first on one page, also when backend, worker or all of guardfs is dead.
# limit: 180
# long: snapshots of what does not answer, each up to its time limit
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_until 15000 backend_is box healthy
# page_has REGEX...: in the page last made.
page_has()
{
	local re

	for re in "$@"; do
		grep -qE -- "$re" "$WORK/page" || fail "no /$re/ in: $(cat "$WORK/page")"
	done
}
# take MS: a snapshot within that time.
take()
{
	local start

	start=$(now_ms)
	ctl snapshot >"$WORK/page"
	say "$(($(now_ms) - start)) ms"
	assert_le $(($(now_ms) - start)) "$1" "ms"
}

say "all is well"
take 15000
page_has '^guardctl snapshot of ' '^  guardian +[0-9]+ +State' 'sshfs of box +[0-9]+' '^  kernel +[0-9]' "$MNT .* fuse.guardfs" \
	'guardian: serving test' '^  guardfs +[0-9.]+$' '^  cold' '^== last incidents' \
	'^  sshfs +SSHFS version [0-9]' '^  ssh +OpenSSH'
assert_eq "$(grep -c '^== ' "$WORK/page")" 8 "parts"

say "a frozen backend, and readers that hang"
box_freeze
stat "$COLD/a" 2>/dev/null || true
wait_down
take 15000
page_has 'box +.*(down|recovering)' 'advice' 'incident|drill'

say "guardian, keeper and worker stopped: nobody answers, and nobody replaces them"
stopped=($(guardfs_pids))
kill -STOP "${stopped[@]}"
take 30000
page_has 'keeper cannot be asked' 'State T'
kill -CONT "${stopped[@]}"
box_thaw
wait_until 20000 backend_is box healthy

say "into a file, its owner's alone"
ctl snapshot --output "$WORK/file"
assert_eq "$(stat -c %a "$WORK/file")" 600 "mode"
assert_match "$(head -n 1 "$WORK/file")" '^guardctl snapshot'

say "guardfs does not run"
stop_guardfs
take 15000
page_has 'not running' '== versions'
