# The harness itself: what check-kernels makes of what machines say. The machine is one of paper.
. "$REPO/tests/lib/lib.sh"

mini=$WORK/mini
mkdir -p "$mini/scripts" "$mini/tests/vm" "$WORK/cache"
cp "$REPO/scripts/check-kernels" "$mini/scripts"
cp "$REPO/tests/vm/power-off.sh" "$mini/tests/vm"
echo : >"$mini/tests/vm/docker.sh"
cat >"$mini/tests/vm/list" <<'END'
kernel old the-old-one
kernel new the-new-one/backports
case area/good  old new
case area/long  old
case vm/docker  new
case vm/power-off new
END
# Says what is in WORK/says/PACKAGE.FIRST-CASE, and ends with the status in its first line.
cat >"$mini/scripts/kernel-vm" <<END
#!/bin/bash
while [[ \$1 == -* ]]; do
	[[ \$1 != -q ]] || { shift; continue; }
	[[ \$1 != -r ]] || mkdir -p "$WORK/cache/disks"
	[[ \$1 != -r ]] || touch "$WORK/cache/disks/\$2.qcow2"
	shift 2
done
file=$WORK/says/\${1%%/*}.\$(sed 's|.*/||' <<<"\$5")
tail -n +2 "\$file"
exit "\$(head -n 1 "\$file")"
END
chmod +x "$mini/scripts/kernel-vm"
(cd "$mini" && git init -q .)
export KERNEL_VM_DIR=$WORK/cache
unset BUILD

# machine PACKAGE CASE STATUS LINE...
machine()
{
	mkdir -p "$WORK/says"
	printf '%s\n' "${@:3}" >"$WORK/says/$1.$2"
}

check()
{
	"$mini/scripts/check-kernels" -o "$WORK/out" "$@"
}

say "all pass"
machine the-old-one good 0 'ok 1 area/good (3.1 s, 1.0 s of CPU)' 'ok 2 area/long # SKIP no such feature'
machine the-new-one good 0 'ok 1 area/good (3.2 s, 1.0 s of CPU)'
machine the-new-one docker 0 'ok 1 vm/docker (88 s)'
machine the-new-one power-off:before 0 'power off now'
machine the-new-one power-off:after 0 'ok 1 vm/power-off:after (7 s)'
check >"$WORK/said" || fail "$(cat "$WORK/said")"
assert_eq "$(tail -n 1 "$WORK/said")" '4 passed, 0 failed, 1 skipped, 0 without a verdict'
assert_eq "$(grep -c . "$WORK/out/summary")" 5 "lines of the summary"
assert_match "$(grep docker "$WORK/out/summary")" '^new +vm/docker +passed +88$'
assert_eq "$(find "$WORK/cache/disks" -type f)" '' "disks that were left"

say "still running at its limit, or not ended before the machine: no verdict, and no failure"
machine the-old-one good 1 'not ok 1 area/good (300.4 s, exit status 124)'
assert_exit 2 $'old +area/good +slow +300.4\nold +area/long +none +-\n.*0 failed, 0 skipped, 2 without a verdict$' check -k old

say "a failure counts more"
machine the-old-one good 1 'not ok 1 area/good (3.4 s, exit status 1)'
assert_exit 1 'old +area/good +failed +3.4' check -k old

say "the power is not cut where there was nothing to cut"
machine the-new-one power-off:before 1 'not ok 1 vm/power-off:before (9 s, exit status 1)'
machine the-new-one power-off:after 0 'ok 1 vm/power-off:after (7 s)'
assert_exit 1 'new +vm/power-off +failed +9' check -k new vm/power-off

say "what is not on the list"
assert_exit 100 'has no case area/none' check area/none
assert_exit 100 'has no kernel older' check -k older
