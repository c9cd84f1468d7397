# durability = behind: what is written is seen by whoever looks, in the order in which it was written, and is on the server when
# close or fsync has said so; on sshfs with a round trip, and on a directory.
. "$REPO/tests/lib/lib.sh"

deeds()
{
	local seed

	for seed in 1 2 3; do
		mkdir "$SERVER/$seed"
		python3 "$REPO/tests/cases/behind/order.py" "$COLD/$seed" "$SERVER/$seed" $seed "$1"
	done
}

say "sshfs, 4 ms away"
setup_far_box 2 'durability = behind'
start_guardfs
wait_healthy box
deeds 250
stop_guardfs
rm -rf "$RUN"

say "a directory"
setup_dir 'durability = behind'
start_guardfs
wait_healthy store
deeds 400
