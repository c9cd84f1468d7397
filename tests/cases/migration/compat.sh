# The scripts that take the places of the two tiering scripts: same options and exit statuses; they find everything healthy
# through guardfs, say what is not, and mount nothing.
# limit: 90
# long: many runs of the scripts, one of which waits for the manifest to be read
. "$REPO/tests/lib/lib.sh"

BOX=$WORK/storagebox
box_start box
mkdir -p "$BOX" "$WORK/box/data/jobs/hc/old" "$WORK/box/data/jobs/imports"
conf_begin
conf_box box "alias = $BOX" "expose = $BOX"
sed -i "/^alias = .*cold/d" "$CONF"
printf '# cold things\n%s %s\r\n' "$BOX/jobs/hc/old" "$MNT/hc/old" >"$WORK/manifest"
conf tier "manifest = $WORK/manifest" 'pattern = */[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs/'
mkdir -p "$LOCAL/hc" "$LOCAL/phac"
export GUARDCTL=$GUARDCTL GUARDCTL_OPTIONS="-c $CONF"

tiering()
{
	"$REPO/scripts/compat/vps-warc-tiering-bind-mounts.sh" --manifest "$WORK/manifest" --storagebox-mount "$BOX" "$@"
}

# The backend's own modules, as far as the script asks them: jobs from a JSON file.
mkdir -p "$WORK/python/ha_backend"
touch "$WORK/python/ha_backend/__init__.py"
cat >"$WORK/python/ha_backend/models.py" <<'END'
class Source: pass
class ArchiveJob: pass
END
cat >"$WORK/python/ha_backend/db.py" <<'END'
import contextlib, datetime, json, os
from types import SimpleNamespace
from .models import ArchiveJob
class Session:
    def query(self, kind):
        rows = json.load(open(os.environ["JOBS"]))["jobs" if kind is ArchiveJob else "sources"]
        for r in rows:
            if "created_at" in r:
                r["created_at"] = datetime.datetime.fromisoformat(r["created_at"])
        return SimpleNamespace(all=lambda: [SimpleNamespace(**r) for r in rows])
@contextlib.contextmanager
def get_session():
    yield Session()
END
unset PYTHONUNBUFFERED # which order lines have must not depend on it
export JOBS=$WORK/jobs.json
ANNUAL=$MNT/hc/20260101T000500Z__hc-20260101
cat >"$JOBS" <<END
{"sources": [{"id": 1, "code": "hc"}, {"id": 2, "code": "phac"}],
 "jobs": [
 {"id": 7, "source_id": 1, "name": "hc-20260101", "output_dir": "$ANNUAL", "created_at": "2026-01-01T00:05:00+00:00",
  "config": {"campaign_kind": "annual", "campaign_year": 2026}},
 {"id": 8, "source_id": 1, "name": "hc-small", "output_dir": "$MNT/hc/small", "created_at": "2026-01-01T10:05:00", "config": null},
 {"id": 9, "source_id": 2, "name": "phac-odd", "output_dir": "$MNT/phac/odd", "created_at": "2026-02-01T00:05:00",
  "config": {"campaign_kind": "annual", "campaign_year": 2026}}]}
END
annual()
{
	PYTHONPATH=$WORK/python python3 "$REPO/scripts/compat/vps-annual-output-tiering.py" --archive-root "$MNT" \
		--campaign-archive-root "$BOX/jobs" --storagebox-mount "$BOX" --year 2026 "$@"
}

say "guardfs does not run: 1, and nothing is mounted"
assert_exit 1 'does not answer' tiering --apply --repair-stale-mounts
assert_exit 1 'does not answer' annual --apply
assert_eq "$(grep -v "$WORK/volatile" /proc/self/mountinfo | grep -c "$WORK")" 0 mounts

start_guardfs
wait_healthy
wait_until 5000 mountpoint -q "$BOX"
mounts=$(wc -l </proc/self/mountinfo)

say "manifest: healthy"
assert_exit 0 "OK   mounted: $MNT/hc/old.*planned=1.*mounted_now=0" tiering
assert_exit 0 'repair_stale_mounts=true.*planned=1' tiering --apply --repair-stale-mounts
assert_exit 0 'apply' tiering --help
assert_exit 2 'Unknown argument: --frob' tiering --frob
assert_exit 2 'needs a value' tiering --manifest
assert_exit 1 'manifest not found' tiering --manifest "$WORK/none"
assert_exit 1 'requires root' setpriv --reuid 65534 --clear-groups "$REPO/scripts/compat/vps-warc-tiering-bind-mounts.sh" --apply

say "a line added just now is waited for; one that guardfs cannot take is said"
echo "$BOX/jobs/imports $MNT/imports" >>"$WORK/manifest"
assert_exit 0 "OK   mounted: $MNT/imports" tiering --apply
echo "$BOX/jobs/nothing $MNT/nothing" >>"$WORK/manifest"
wait_value 5000 route_field nothing class == path_missing
assert_exit 1 "cold path does not exist: $BOX/jobs/nothing" tiering
sed -i '$d' "$WORK/manifest"
echo "$BOX/jobs/alone" >>"$WORK/manifest"
assert_exit 1 'malformed line' tiering
sed -i '$d' "$WORK/manifest"
wait_until 5000 ctl tiers

say "annual jobs: a dry run says what it would make, --apply makes it where the pattern leads"
assert_exit 0 'DRY-RUN.*MAKE job=7 hc hc-20260101.*planned=1 mounted_now=0' annual
assert_missing "$ANNUAL"
assert_exit 0 'MAKE job=7' annual --apply --repair-stale-mounts --allow-repair-running-jobs
[[ -d $WORK/box/data/jobs/hc/20260101T000500Z__hc-20260101 ]] || fail "the directory is not on the box"
assert_exit 0 'OK   job=7 .*already mounted' annual
assert_exit 0 'nothing to do' annual --sources phac
assert_exit 0 'nothing to do' annual --created-after 2026-03-01T00:00:00Z
assert_exit 2 'invalid year' annual --year 99
assert_exit 2 'must be >=' annual --created-after 2026-03-01T00:00:00Z --created-before 2026-02-01T00:00:00Z

say "one that no pattern takes would be made on the local tier: 1"
mkdir "$MNT/phac/odd"
assert_exit 1 'UNHEALTHY job=9.*local tier' annual --sources phac --created-after 2026-01-15T00:00:00Z
assert_exit 1 'no module|No module' env PYTHONPATH= python3 "$REPO/scripts/compat/vps-annual-output-tiering.py" --storagebox-mount "$BOX"

say "the worker asks as a user: no root needed"
chmod 755 "$WORK"
assert_exit 0 'OK   job=7' setpriv --reuid 65534 --clear-groups env PYTHONPATH="$WORK/python" PYTHONDONTWRITEBYTECODE=1 \
	python3 "$REPO/scripts/compat/vps-annual-output-tiering.py" --archive-root "$MNT" --campaign-archive-root "$BOX/jobs" \
	--storagebox-mount "$BOX" --year 2026

assert_eq "$(wc -l </proc/self/mountinfo)" "$mounts" "nothing was mounted"

say "somebody else's mount, of a name that is no UTF-8"
odd=$WORK/$'b\xfcro \\ \xa0x'
mkdir "$odd"
mount -t tmpfs none "$odd"
assert_exit 0 'OK   job=7' annual
assert_exit 0 'every hot path' tiering
umount "$odd"

say "a raw bind over a hot path, as the old scripts make it"
mount --bind "$LOCAL/hc" "$MNT/hc/old"
assert_exit 1 'something else than guardfs is mounted at' tiering
umount "$MNT/hc/old"

say "the box is down: 1 with a message, at once"
box_freeze
wait_down
start=$(now_ms)
assert_exit 1 'Storage Box is down' tiering --apply
assert_exit 1 'Storage Box is (down|recovering)' annual --apply
assert_le $(($(now_ms) - start)) 5000 ms
box_thaw
wait_healthy
assert_exit 0 'every hot path' tiering

say "the manual page of the migration names its options, and no others"
options()
{
	grep -oE -- '--[a-z][a-z-]+' | sort -u
}
# The scripts around it have a section of their own.
diff <("$REPO/scripts/migrate-from-binds" --help | options) <(sed '/^# THE SCRIPTS AROUND IT/,$d' "$REPO/docs/man/migrate-from-binds.8.scd" | options)
