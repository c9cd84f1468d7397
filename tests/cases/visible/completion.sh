# bash's completion of guardctl, driven as bash drives it: commands, options, and the names of what runs, incidents among them.
. "$REPO/tests/lib/lib.sh"

# complete WORD...: the words offered for the last one, on one line.
complete_words()
{
	BASH_COMPLETION=$REPO/completions/bash/$1 bash -c '
		. "$BASH_COMPLETION"
		name=${1##*/}
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		function=$(complete -p "$name" | sed "s/.* -F \([^ ]*\) .*/\1/")
		"$function" "$PROGRAM" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		echo "${COMPREPLY[*]}"' - "$@"
}

setup_one_box
start_guardfs
wait_healthy
kill -9 "$(sshfs_pid)"
has_incident()
{
	[[ $(incidents '.incidents | length') -ge 1 ]]
}
wait_until 20000 has_incident
wait_healthy
# As one that is found in its place, by -n or alone: a case's own runtime directory is elsewhere.
export PROGRAM=$WORK/guardctl
printf '#!/bin/bash\n[[ $1 == complete ]] || exit 99\nshift 2\nexec %q complete -- -c %q "$@"\n' "$GUARDCTL" "$CONF" >"$PROGRAM"
chmod 0755 "$PROGRAM"

assert_eq "$(complete_words guardctl rec)" 'recover reconnect'
assert_eq "$(complete_words guardctl status --)" '--name --config --mountpoint --json --help'
assert_eq "$(complete_words guardctl hold '')" box
assert_eq "$(complete_words guardctl incidents --backend = b)" box
assert_match "$(complete_words guardctl incident '')" '^([0-9]+ )*1$'
assert_eq "$(complete_words guardctl tier move job --to '')" 'local box'

say "the server is silent: none the slower"
box_freeze
begin=$(now_ms)
assert_eq "$(complete_words guardctl resume '')" box
assert_le $(($(now_ms) - begin)) $((1000 + 2000 * SLOW)) "ms for a completion"
box_thaw

say "the other programs"
PROGRAM=$GUARDFS
assert_match "$(complete_words guardfs --)" '--check-config'
assert_match "$(complete_words guardfs -c "$CONF")" "$CONF"
PROGRAM=$BUILD/guardfs-verify
assert_match "$(complete_words guardfs-verify --)" '--json'
PROGRAM=$BUILD/sshfs-guard
assert_eq "$(complete_words sshfs-guard -o cache = yes,contain)" yes,contain_symlinks
assert_eq "$(complete_words sshfs-guard -o cache = contain)" ''
