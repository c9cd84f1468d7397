#!/bin/sh
# retry.sh PATH COMMAND...: runs COMMAND, whose files lie at PATH, until it succeeds; but gives up when it has failed
# TRIES (3) times by its own fault. Failures of the infrastructure cost nothing: it waits until what serves PATH is
# healthy, and tries again. The exit status is that of the last run.
#
# GUARDCTL: how guardctl is called ("guardctl"; with -n NAME where several guardfs run). PAUSE: seconds between two
# looks (10).
set -u
GUARDCTL=${GUARDCTL:-guardctl}
TRIES=${TRIES:-3}
PAUSE=${PAUSE:-10}
path=$1
shift

failures=0
while :; do
	"$@"
	status=$?
	[ $status -ne 0 ] || exit 0
	# 75: infrastructure. 0: not. Anything else (guardctl is missing, PATH is not below the mount): not known to be.
	$GUARDCTL classify --path "$path"
	if [ $? -eq 75 ]; then
		echo "retry: storage was to blame; waiting" >&2
		sleep "$PAUSE"
		# 0 ok, 1 degraded: worth a try. By the tier map alone: PATH is not touched and cannot hang us.
		until $GUARDCTL health "$path" >/dev/null 2>&1 || [ $? -eq 1 ]; do
			sleep "$PAUSE"
		done
		continue
	fi
	failures=$((failures + 1))
	echo "retry: failure $failures of $TRIES by its own fault" >&2
	[ $failures -lt "$TRIES" ] || exit $status
done
