# Many files and deep trees: listed completely, forgotten when the kernel forgets, with a bounded number of descriptors.
# limit: 180
# long: 20,000 files and a deep tree, made and forgotten
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
mkdir "$MNT/many"
say "20,000 files"
(cd "$MNT/many" && seq -f 'file-%05g' 1 20000 | xargs touch)
assert_eq "$(ls -f "$MNT/many" | grep -c file)" 20000
assert_eq "$(ls -l "$MNT/many" | grep -c file)" 20000 "with attributes"
assert_eq "$(find "$LOCAL/many" -type f | wc -l)" 20000 "below"
worker=$(process_pid worker)
descriptors=$(ls "/proc/$worker/fd" | wc -l)
say "$descriptors descriptors open"
assert_le "$descriptors" 16000 "descriptors"
echo 2 >/proc/sys/vm/drop_caches
rm -r "$MNT/many"
assert_missing "$LOCAL/many"

say "a deep tree, and paths longer than PATH_MAX by steps"
path=$MNT
for ((i = 0; i < 60; i++)); do
	path+=/$(printf 'directory-%03d' "$i")
done
mkdir -p "$path"
echo deep >"$path/file"
echo 2 >/proc/sys/vm/drop_caches
assert_content "$path/file" deep
(
	cd "$path"
	for ((i = 0; i < 300; i++)); do
		mkdir step && cd step
	done
	echo deeper >file
	[[ $(cat file) == deeper ]]
)
rm -r "$MNT/directory-000"

say "the tree below changes behind our back"
mkdir "$MNT/dir"
echo one >"$MNT/dir/file"
echo two >"$LOCAL/dir/new"
wait_value 3000 cat "$MNT/dir/new" == two
rm "$LOCAL/dir/file"
wait_until 3000 not test -e "$MNT/dir/file"
mv "$LOCAL/dir" "$LOCAL/moved"
wait_value 3000 cat "$MNT/moved/new" == two
