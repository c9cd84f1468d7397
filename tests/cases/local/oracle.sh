# One of everything, natively and through the mount: the same results, the same errnos, the same attributes.
. "$REPO/tests/lib/lib.sh"

# Device files are part of it.
setup_local "${PASSTHROUGH:-passthrough = yes}" 'dev = yes' 'suid = yes'
start_guardfs

# compare NAME COMMAND...: the oracle run by the command, in both places.
compare()
{
	local name=$1 where half

	shift
	mkdir -p "$WORK/native" "$MNT/through"
	mkdir -m 0777 "$WORK/native/$name" "$MNT/through/$name"
	chmod 0777 "$WORK/native/$name" "$MNT/through/$name"
	for half in names data rights; do
		for where in "$WORK/native" "$MNT/through"; do
			"$@" "$TOOLS/oracle-$half" "$where/$name" >>"$WORK/$name.${where##*/}" 2>&1 ||
				fail "the oracle in $where: $(tail -n 1 "$WORK/$name.${where##*/}")"
		done
	done
	say "$name: $(wc -l <"$WORK/$name.native") results"
	diff "$WORK/$name.native" "$WORK/$name.through" >"$WORK/$name.diff" || {
		cat "$WORK/$name.diff"
		failed=1
	}
}

failed=0
compare root env
compare user setpriv --reuid=61001 --regid=61001 --clear-groups
compare groups setpriv --reuid=61001 --regid=61001 --groups=61002,61010
((failed == 0)) || fail "the mount differs from the file system itself"
