# container.bash: a container as docker -v SOURCE:/output makes it: a mount namespace, a root of its own by pivot_root, in which
# SOURCE is mounted at /output and nothing else of the host's, a process in it that may have a file open there.

# container NAME SOURCE [private|slave [FILE]]: private is docker's own; slave hears of what is mounted and unmounted on the host. FILE,
# below /output, is open for appending.
container()
{
	local name=$1 source=$2 propagation=${3:-private} held=${4:-}

	mkdir -p "$WORK/$name.root"
	mkfifo "$WORK/$name.in"
	unshare --mount --propagation "$propagation" bash -c '
		exec 3<>"$1.in" 4>"$1.out"
		mount -t tmpfs root "$1.root" && mount --make-private "$1.root"
		mkdir "$1.root"/{usr,proc,output,old}
		for link in /bin /lib /lib64; do [[ ! -L $link ]] || ln -s "usr$link" "$1.root$link"; done
		mount --bind /usr "$1.root/usr"
		mount --bind /proc "$1.root/proc"
		mount --rbind "$2" "$1.root/output" || exit
		cd "$1.root" && pivot_root . old && umount -l /old || exit
		[[ -z $3 ]] || exec 5>>"/output/$3"
		echo up >&4
		while read -r text <&3 && [[ $text != end ]]; do echo "$text" >&5 && echo written >&4 || echo failed >&4; done' \
		_ "$WORK/$name" "$source" "$held" </dev/null 2>>"$WORK/containers.log" &
	echo $! >"$WORK/$name.pid"
	wait_until 10000 grep -q up "$WORK/$name.out"
}

# container_writes NAME TEXT: to the file that is open in it.
container_writes()
{
	local before

	before=$(wc -l <"$WORK/$1.out")
	echo "$2" >"$WORK/$1.in"
	wait_until 10000 has_more_lines "$WORK/$1.out" "$before"
	assert_eq "$(tail -n 1 "$WORK/$1.out")" written "a write in the container"
}

container_end()
{
	local pid

	pid=$(cat "$WORK/$1.pid")
	rm "$WORK/$1.pid"
	echo end >"$WORK/$1.in"
	wait "$pid" || true
	rm -r "$WORK/$1".{in,out,root}
}
