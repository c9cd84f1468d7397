# guardctl smoke reads the first record of a WARC on each route, and names the layer at fault; it never hangs.
# limit: 120
# long: a frozen backend until the deadline, and the probe that calls it down
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/box/data/jobs/other" "$WORK/box/data/jobs/empty"
for name in other empty; do
	echo "$WORK/cold/box/jobs/$name $MNT/$name" >>"$WORK/manifest"
done
assert_exit 1 'FAIL.* guardfs .*not running' ctl smoke
start_guardfs
wait_until 15000 backend_is box healthy
# warc FILE: a WARC of two records.
warc()
{
	python3 - "$1" <<'END'
import gzip, sys
def record(kind):
    body = b"software: test\r\n"
    return gzip.compress(b"WARC/1.1\r\nWARC-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (kind, len(body), body))
open(sys.argv[1], "wb").write(record(b"warcinfo") + record(b"response"))
END
}
mkdir -p "$COLD/warcs" "$MNT/local/.tmp1/archive"
warc "$COLD/warcs/warc-000001.warc.gz"
warc "$MNT/other/a.warc.gz"
warc "$MNT/local/.tmp1/archive/rec.warc.gz"

say "each route"
ctl smoke
assert_exit 0 'ok +cold +box .*WARC/1.1.*warc-000001.warc.gz' ctl smoke
assert_exit 0 'none +empty' ctl smoke
say "a job on the local tier, by its path relative to the mount and by its absolute one"
assert_exit 0 'ok +local +local .*rec.warc.gz' ctl smoke local
assert_exit 0 'ok .*local' ctl smoke "$MNT/local"

say "damage: not gzip, not a WARC, not there"
touch -d yesterday "$MNT/other/a.warc.gz" # the newest is read, and storage keeps whole seconds
echo plain >"$MNT/other/b.warc.gz"
assert_exit 1 'FAIL +other +box +gzip' ctl smoke
rm "$MNT/other/b.warc.gz"
echo hello | gzip >"$MNT/other/c.warc.gz"
assert_exit 1 'FAIL .* warc .*does not begin' ctl smoke other
rm "$MNT/other/c.warc.gz"
assert_exit 1 'FAIL .* list .*No such file' ctl smoke nowhere
assert_exit 1 'FAIL .* path .*not below' ctl smoke /elsewhere

say "a frozen backend that nobody has noticed yet: list, within its deadline; once it is down, route, at once"
box_freeze
start=$(now_ms)
assert_exit 1 'FAIL +cold +box +(list|open|read|route)' ctl smoke cold
say "$(($(now_ms) - start)) ms"
assert_le $(($(now_ms) - start)) 10000 "ms until a frozen backend is reported"
wait_down
wait_until 8000 first_route_is_down
start=$(now_ms)
assert_exit 1 'FAIL +cold +box +route +(down|recovering)' ctl smoke
assert_le $(($(now_ms) - start)) 2000 "ms when it is known to be down"
assert_exit 0 'ok +local' ctl smoke local
box_thaw
wait_until 20000 backend_is box healthy
wait_until 8000 ctl smoke
