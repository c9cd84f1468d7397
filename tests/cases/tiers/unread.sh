# A manifest or a file of routes that cannot be read because of the machine's own trouble (no descriptors) is read again: until then nothing is
# served, so that nothing of a guarded path lands on the local disk, and no route is forgotten.
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/inject.sh"

mkdir -p "$WORK/store/cold" "$WORK/store/jobs"
conf_begin
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
conf_tier store/cold cold
echo 'pattern = year-* = store:jobs' >>"$CONF"

# begin CALLS ONLY: guardfs starts, so many calls of that name fail.
begin()
{
	inject call 1 "$1" "$2"
	"${INJECTING[@]}" "$GUARDFS" -f -c "$CONF" </dev/null >>"$WORK/guardfs.log" 2>&1 &
	GUARDIAN=$!
	wait_until 15000 guardfs_up_or_dead
	assert_match "$(injected)" ' (open|fopen)$' "the call that failed"
	inject none 0
}

# routed PATH: what is made there lands on the backend.
routed()
{
	wait_healthy store
	echo here >"$MNT/$1/file"
	assert_content "$WORK/store/$2/file" here
	assert_missing "$LOCAL/$1/file"
}

say "the first start ever"
begin 2 fopen:/manifest
routed cold cold
mkdir "$MNT/year-1"
routed year-1 jobs/year-1
wait_until 5000 grep -q year-1 "$STATE/routes"
stop_guardfs

say "the routes that a pattern has made; the backend is not there, so they are found nowhere else"
mv "$WORK/store" "$WORK/away"
begin 2 fopen:/routes
assert_match "$(status '[.routes[].path] | join(" ")')" year-1
assert_missing "$STATE/routes.bad"
assert_fails mkdir "$MNT/year-1/new"
assert_missing "$LOCAL/year-1/new"
mv "$WORK/away" "$WORK/store"
routed year-1 jobs/year-1
stop_guardfs
