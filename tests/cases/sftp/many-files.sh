# A server that has no descriptor left for another open file: the opener is told so, and it is no trouble of the backend.
# limit: 60
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 prlimit --nofile=64 /usr/lib/openssh/sftp-server -d $WORK/box/data|" "$WORK/box/sshd_config"
box_kill
box_restart
for i in {1..80}; do
	echo "$i" >"$SERVER/file$i"
done
start_guardfs
wait_healthy
python3 - "$COLD" <<'END'
import errno, sys
files = []
try:
    for i in range(1, 81):
        files.append(open(f"{sys.argv[1]}/file{i}"))
    sys.exit("all could be opened")
except OSError as e:
    print(f"{len(files)} files, then {e}")
    if e.errno != errno.ENFILE or len(files) < 32:
        sys.exit(1)
files.pop().close()
open(f"{sys.argv[1]}/file80").close()
END
assert_content "$COLD/file80" 80
assert_eq "$(incidents '.incidents | length')" 0
