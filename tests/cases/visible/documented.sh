# Every guardctl command that the docs name can be given as it stands there, with names in the place of BACKEND, JOB and the
# like: none of them is wrong usage. What they do is shown elsewhere.
# limit: 180
# long: a process for every command that a document names
. "$REPO/tests/lib/lib.sh"

setup_one_box 'filter = fault'
mkdir -p "$WORK/box/data/jobs/imports/x" "$LOCAL/hc/job"
echo x >"$LOCAL/hc/job/file"
conf jobs 'pattern = hc/*'
start_guardfs
wait_healthy

# commands: those of code spans and of blocks, without what explains them (after two blanks), one each line.
commands()
{
	grep -hoP '(?<=`)guardctl [^`]*(?=`)|^\s*guardctl .*' "$REPO"/docs/*.md "$REPO/README.md" |
		sed -E 's/^ *//; s/ {2,}.*//; s/;.*//; s/\[([^]]*)\]/\1/g; s/([^ |]+)\|[^ ]+/\1/g; s/\.\.\.//g' | sort -u
}

# drills first: they make the incident that others are about. Each takes as long as it must, not as long as a night.
commands >"$WORK/commands"
assert_ge "$(wc -l <"$WORK/commands")" 30 commands
{ grep drill "$WORK/commands"; grep -v drill "$WORK/commands"; } |
	sed -E "s|for 20s|for 1s|; s|BACKEND|box|g; s|\bN\b|1|g; s|\bFILE\b|$WORK/file|g; s|\bPATH\b|$COLD|g; s|\bJOB\b|hc/job|g
		s|/srv/healtharchive/storagebox|$WORK/cold/box|; s|/srv/healtharchive/jobs|$MNT|" >"$WORK/given"
cd /
while IFS= read -r command; do
	# The name alone, as a heading has it.
	[[ $command != 'guardctl tier move' && $command != 'guardctl tier' ]] || continue
	rc=0
	eval "ctl ${command#guardctl }" >"$WORK/said" 2>&1 </dev/null || rc=$?
	echo "$rc $command"
	((rc != 100 && rc < 120)) || fail "$command: $(cat "$WORK/said")"
done <"$WORK/given"
