# A backend shows one owner, group and umask; chmod, chown and chgrp succeed without effect, so that rsync -a works.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/cold"
conf_begin
conf_box box 'uid = 1000' 'gid = 999' 'umask = 0027'
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy

mkdir "$COLD/dir"
touch "$COLD/file"
assert_eq "$(stat -c '%u:%g %a' "$COLD/dir")" '1000:999 750' "a directory"
assert_match "$(stat -c '%u:%g %a' "$COLD/file")" '^1000:999 [67][45]0$' "a file"
mode=$(stat -c %a "$COLD/file")
chmod 0777 "$COLD/file"
chown 33:44 "$COLD/file"
chgrp 12 "$COLD/dir"
chmod -R a+rX "$COLD"
assert_eq "$(stat -c '%u:%g %a' "$COLD/file")" "1000:999 $mode" "after chmod and chown"
touch -d '2020-01-02 03:04:05' "$COLD/file"
assert_eq "$(stat -c %Y "$SERVER/file")" "$(date -d '2020-01-02 03:04:05' +%s)" "mtime on the server"

say "rsync -a, as root"
mkdir -p "$WORK/src/sub"
seq 1 1000 >"$WORK/src/sub/numbers"
ln -s sub/numbers "$WORK/src/link"
chown -R 7:8 "$WORK/src"
rsync -a "$WORK/src/" "$COLD/dst/"
cmp "$WORK/src/sub/numbers" "$SERVER/dst/sub/numbers"
assert_eq "$(rsync -ain --no-o --no-g --no-p "$WORK/src/" "$COLD/dst/")" '' "a second rsync has nothing to do"

say "whom the presented owner does not let in is kept out"
assert_eq "$(setpriv --reuid=1000 --regid=999 --clear-groups cat "$COLD/dst/sub/numbers" | wc -l)" 1000
assert_eq "$(setpriv --reuid=5 --regid=999 --clear-groups cat "$COLD/dst/sub/numbers" | wc -l)" 1000
assert_fails setpriv --reuid=5 --regid=5 --clear-groups cat "$COLD/dst/sub/numbers"
assert_fails setpriv --reuid=5 --regid=999 --clear-groups touch "$COLD/dst/new"
