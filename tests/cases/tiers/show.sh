# guardctl tiers: every route with its reason, job directories on the local tier, and each disagreement; never a backend.
. "$REPO/tests/lib/lib.sh"

# The states that guardctl tiers gives the routes, each once.
route_states()
{
	ctl tiers --json | jq -r '.routes[].state' | sort -u
}

setup_one_box "expose = $WORK/exposed"
mkdir -p "$WORK/exposed" "$WORK/box/data/jobs/hc" "$LOCAL/hc/20240301T000000Z__hc-2024" "$LOCAL/imports/small"
sed -i 's/^manifest.*/&\npattern = *\/[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs\//' "$CONF"
sed -i '1i # cold things' "$WORK/manifest"
conf jobs 'pattern = */[0-9]*__*' 'pattern = imports/*'
start_guardfs
wait_healthy
mkdir -p "$MNT/hc/20260101T000500Z__hc-20260101"
wait_value 5000 status ".routes | length" == 2
wait_value 10000 route_states == healthy

# tiers FILTER: of its JSON
tiers()
{
	ctl tiers --json | jq -r "$1"
}

disagrees()
{
	assert_exit 1 "DISAGREES $1: $2" ctl tiers
}

say "all is well: routes, and why they are there"
ctl tiers
assert_eq "$(tiers .disagreements)" 0
assert_eq "$(tiers '.routes[] | select(.path == "cold") | "\(.tier):\(.target) \(.state) \(.why_kind) \(.file):\(.line)"')" \
	"box:jobs/cold healthy manifest $WORK/manifest:2"
assert_eq "$(tiers '.routes[] | select(.why_kind == "pattern") | "\(.path) \(.tier):\(.target)"')" \
	"hc/20260101T000500Z__hc-20260101 box:jobs/hc/20260101T000500Z__hc-20260101"
assert_eq "$(tiers '[.local[].path] | sort | join(" ")')" "hc/20240301T000000Z__hc-2024 imports/small"
assert_eq "$(tiers '[.tiers[].name] | join(" ")')" "local box"

say "sizes, through the mount; a hard link counts once"
head -c 300000 /dev/urandom >"$MNT/cold/data"
head -c 200000 /dev/urandom >"$LOCAL/imports/small/a"
ln "$LOCAL/imports/small/a" "$LOCAL/imports/small/b"
ctl tiers --sizes
assert_eq "$(ctl tiers --sizes --json | jq '.routes[] | select(.path == "cold") | .used_bytes >= 300000 and .files == 1')" true
assert_eq "$(ctl tiers --sizes --json | jq '.local[] | select(.path == "imports/small") | .used_bytes >= 200000 and .used_bytes < 400000')" true

say "an annual job on the local tier"
mkdir "$LOCAL/hc/20250101T000500Z__hc-20250101"
disagrees misplaced 'hc/20250101T000500Z__hc-20250101 .* box'
rmdir "$LOCAL/hc/20250101T000500Z__hc-20250101"

say "a local directory beneath a route: empty it is only noted"
mkdir "$LOCAL/cold"
assert_exit 0 'note shadowed: cold' ctl tiers
touch "$LOCAL/cold/forgotten"
disagrees shadowed cold
rm -r "$LOCAL/cold"

say "a line that is not active: guardian and keeper are stopped, they cannot notice"
keeper=$(process_pid keeper)
kill -STOP "$GUARDIAN" "$keeper"
echo "$WORK/cold/box/jobs/more $MNT/more" >>"$WORK/manifest"
disagrees inactive "more .*manifest:3 leads it to box:jobs/more"
sed -i '$d' "$WORK/manifest"
sed -i 2d "$WORK/manifest"
disagrees outdated "cold .*no longer"
echo "$WORK/cold/box/jobs/cold" >>"$WORK/manifest"
disagrees manifest '.*manifest:2: .*alone'
printf '# cold things\n%s\n' "$WORK/cold/box/jobs/cold $MNT/cold" >"$WORK/manifest"
assert_exit 0 '0 disagreements' ctl tiers
kill -CONT "$GUARDIAN" "$keeper"

say "foreign mounts: in the mount, at the expose directory, over all of it"
mkdir "$MNT/imports/foreign"
mount -t tmpfs none "$MNT/imports/foreign"
disagrees foreign-mount "$MNT/imports/foreign"
umount "$MNT/imports/foreign"
mount -t tmpfs none "$WORK/exposed"
disagrees foreign-mount "$WORK/exposed"
umount "$WORK/exposed"
mount -t tmpfs none "$MNT"
disagrees mount "$MNT"
umount "$MNT"
assert_exit 0 '0 disagreements' ctl tiers

say "the box hangs: tiers answers at once, and sizes are not known"
box_freeze
wait_down
# guardctl reads the outside file, which follows.
wait_until 5000 first_route_is_down
start=$(now_ms)
assert_exit 0 'cold -> box:jobs/cold  (down|recovering)' ctl tiers
assert_le $(($(now_ms) - start)) 2000 "ms that tiers took"
assert_exit 0 'used: not known \(down\)' ctl tiers --sizes --timeout 2s
box_thaw
wait_healthy
