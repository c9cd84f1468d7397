# alone
# The worker is killed 100 times (with GUARDFS_TEST_WHOLE=1 200 times) at random moments under an application with eight threads: it notices nothing but EIO
# for what cannot be repeated. A bind mount of a sub-directory in another mount namespace stays as well.
# limit: 180
# long: a hundred kills, or two hundred, and the pauses between them
. "$REPO/tests/lib/lib.sh"

KILLS=${KILLS:-$((${GUARDFS_TEST_WHOLE:-0} ? 200 : 100))}
setup_local "${PASSTHROUGH:-passthrough = yes}"
start_guardfs
mkdir -p "$MNT/work" "$MNT/bound" "$WORK/container"
echo inside >"$MNT/bound/file"

say "a container's view: its own mount namespace, a bind mount of a sub-directory"
unshare -m --propagation private bash -c '
	mount --bind "$1/bound" "$2/container" && umount -l "$1" && cd "$2/container" && touch "$2/ready"
	until [[ -e $2/finish ]]; do
		[[ $(cat "$2/container/file") == inside && $(cat file) == inside ]] || echo "lost at $EPOCHREALTIME"
		echo "$EPOCHREALTIME" >>"$2/container/log" || echo "cannot append"
		sleep 0.02 # sleep-ok: the rate of looking
	done' - "$MNT" "$WORK" >"$WORK/container.out" 2>&1 &
container=$!
wait_until 5000 test -e "$WORK/ready"

stress_begin "$MNT/work"

gaps=()
for ((i = 0; i < KILLS; i++)); do
	pid=$(process_pid worker)
	kill -9 "$pid" 2>/dev/null || true
	# A new name, so that the kernel cannot answer by itself.
	read -r result us _ < <("$TOOLS/timed" stat "$MNT/gap-$i")
	[[ $result == ENOENT ]] || echo "after kill $i: $result" >>"$WORK/odd"
	gaps+=("$us")
	kill -0 "$stress" 2>/dev/null || break
	sleep "0.$(printf '%03d' $((RANDOM % 200)))" # sleep-ok: random moments
done

touch "$WORK/finish"
stress_end
wait "$container" || true
sorted=($(printf '%s\n' "${gaps[@]}" | sort -n))
say "${#gaps[@]} kills; gap: a tenth within ${sorted[${#gaps[@]} / 10]} us, median ${sorted[${#gaps[@]} / 2]} us, longest ${sorted[-1]} us"
assert_eq "${#gaps[@]}" "$KILLS" "kills"
[[ ! -s $WORK/odd ]] || fail "$(cat "$WORK/odd")"
assert_eq "$(cat "$WORK/container.out")" '' "what the container noticed"
# The quicker ones show how long a worker takes to start, the others what else the machine has to do.
assert_le "${sorted[${#gaps[@]} / 10]}" $(((100 + OTHERS_MS) * 1000 * SLOW)) "gap at a worker kill that a tenth keeps, us"
assert_le "${sorted[${#gaps[@]} / 2]}" $(((500 + OTHERS_MS) * 1000 * SLOW)) "median gap at a worker kill, us"
assert_ge "$(status .worker_restarts)" "$KILLS" "worker restarts counted"
# Every kill may meet one request of each thread that has to be answered EIO.
assert_le "$(tail -n 1 "$WORK/stress.out" | jq .eio_mutating)" $((KILLS * 8)) "calls answered EIO"
# A write that the worker was just reading from the kernel when it was killed may be there in part only, and is refused: without passthrough
# about one kill in eight meets one.
assert_le "$(tail -n 1 "$WORK/stress.out" | jq .eio_idempotent)" $((KILLS * 2 / 5)) "repeatable calls answered EIO"
