# slowness.bash: how slow this machine is. tests/run and scripts/check source it.

# Prints for how many times as long as on an ordinary machine everything may take here, 1 to 8: by the time that a program takes to
# start, up to 5 ms on an ordinary one. The quickest of some rounds counts, so that what runs beside for a moment does not.
slowness()
{
	local round i begun took best=''

	for round in 1 2 3 4 5; do
		begun=${EPOCHREALTIME/[.,]/}
		for ((i = 0; i < 10; i++)); do
			/bin/true
		done
		took=$((${EPOCHREALTIME/[.,]/} - begun))
		((${best:-$took} < took)) || best=$took
	done
	best=$(((best / 10 + 4999) / 5000))
	echo $((best > 8 ? 8 : best))
}
