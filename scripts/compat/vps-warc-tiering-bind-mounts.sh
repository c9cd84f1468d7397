#!/usr/bin/env bash
# Takes the place of HealthArchive's script of the same name on a host with guardfs: same options, same exit statuses,
# and nothing is ever mounted. guardfs reads the manifest itself; this waits until each of its lines is active and serves.
#
# GUARDCTL names the guardctl to ask, GUARDCTL_OPTIONS what to hand it (-n NAME, -c FILE), GUARDFS_WAIT the seconds that a
# line added just now may take to become active (5).
set -euo pipefail

usage()
{
	cat <<'END'
Checks that every hot path of the tiering manifest is served by guardfs. Mounts nothing.

Manifest format (default: /etc/healtharchive/warc-tiering.binds):
  <cold_path> <hot_path>

Options:
  --apply                 Accepted (needs root, as ever); guardfs has done the work already
  --repair-stale-mounts   Accepted; guardfs has no stale mounts to repair
  --manifest FILE         Manifest path (default: /etc/healtharchive/warc-tiering.binds)
  --storagebox-mount DIR  Where the storage appears (default: /srv/healtharchive/storagebox)
  -h, --help              Show this help

Exit status 0 when every hot path is healthy, 1 with a message when one is not, 2 for a wrong argument.
END
}

apply=false
repair=false
manifest=/etc/healtharchive/warc-tiering.binds
storage=/srv/healtharchive/storagebox
read -r -a guardctl <<<"${GUARDCTL:-guardctl} ${GUARDCTL_OPTIONS:-}"

error()
{
	printf 'ERROR: %s\n' "$1" >&2
	shift
	(($# == 0)) || printf '  %s\n' "$@" >&2
	exit 1
}

wrong()
{
	echo "ERROR: $1" >&2
	usage >&2
	exit 2
}

parse()
{
	while (($# > 0)); do
		case $1 in
		--apply) apply=true ;;
		--repair-stale-mounts) repair=true ;;
		--manifest | --storagebox-mount)
			(($# > 1)) || wrong "$1 needs a value"
			[[ $1 == --manifest ]] && manifest=$2 || storage=$2
			shift
			;;
		-h | --help)
			usage
			exit 0
			;;
		*) wrong "Unknown argument: $1" ;;
		esac
		shift
	done
}

# health PATH: sets state, class, tier; 1 if guardfs does not answer for it.
health()
{
	local line rc=0

	line=$("${guardctl[@]}" health "$1" 2>&1) || rc=$?
	state=unknown class='' tier=''
	if ((rc > 2)); then
		class=$line
		return 1
	fi
	read -r state class _ tier <<<"$line"
}

# Is something else than guardfs mounted there? By the mount table alone.
covered()
{
	local point

	point=$(printf '%s' "$1" | sed 's/ /\\040/g')
	awk -v point="$point" '$5 == point { for (i = 7; i < NF && $i != "-"; i++) ; type = $(i + 1) }
		END { exit type == "" || type == "fuse.guardfs" }' /proc/self/mountinfo
}

check_storage()
{
	health "$storage" || error "guardfs does not answer for $storage" "$class" \
		"Hint: systemctl status guardfs@jobs; guardctl doctor"
	[[ $tier != local ]] || error "$storage is no backend's: expose = $storage is not configured"
	[[ $state != down ]] || error "the Storage Box is down ($class)" "Hint: guardctl status; guardfs reconnects by itself"
	! covered "$storage" || error "something else than guardfs is mounted at $storage"
}

# A line that was added just now is active within two seconds.
wait_routed()
{
	local end=$((SECONDS + ${GUARDFS_WAIT:-5}))

	until health "$1" && [[ $tier != local ]]; do
		((SECONDS < end)) || return 1
		sleep 0.2 # sleep-ok: polling
	done
}

check_line()
{
	local cold=$1 hot=$2

	wait_routed "$hot" || error "guardfs does not lead ${hot} to ${cold}" \
		"${class:-the line is not active: guardctl tiers}"
	! covered "$hot" || error "something else than guardfs is mounted at ${hot}: umount it"
	if [[ $class == path_missing ]]; then
		error "cold path does not exist: ${cold}" "guardfs has the route, its target is missing on $tier"
	fi
	[[ $state != down ]] || error "hot path is down: ${hot} ($class)" "Hint: guardctl status; guardfs reconnects by itself"
	echo "OK   mounted: ${hot}"
}

check_manifest()
{
	local line cold hot

	while IFS= read -r line || [[ -n $line ]]; do
		read -r cold hot _ <<<"${line//$'\r'/ }" || true
		[[ -n $cold && $cold != \#* ]] || continue
		[[ -n $hot ]] || error "malformed line in manifest (expected: <cold> <hot>): $line"
		planned=$((planned + 1))
		check_line "$cold" "$hot"
	done <"$manifest"
}

# Targets too, and mounts that hide a part. Directories on the wrong tier are another matter: only said.
check_tiers()
{
	local text

	text=$("${guardctl[@]}" tiers 2>&1) || true
	if grep -qE '^DISAGREES (manifest|inactive|mount|foreign-mount):' <<<"$text"; then
		error "guardfs and the manifest disagree" "$(grep '^DISAGREES' <<<"$text")"
	fi
	grep -E '^DISAGREES' <<<"$text" | sed 's/^DISAGREES/WARN/' || true
}

parse "$@"
if [[ $apply == true ]] && ((EUID != 0)); then
	error "--apply requires root (use sudo)."
fi
[[ -f $manifest ]] || error "manifest not found: $manifest"
check_storage
echo "HealthArchive WARC tiering, by guardfs"
echo "--------------------------------------"
echo "manifest=$manifest"
echo "storagebox_mount=$storage"
echo "apply=$apply"
[[ $repair == false ]] || echo "repair_stale_mounts=true (nothing to do: guardfs reconnects beneath its mount)"
echo
planned=0
check_manifest
check_tiers
echo
echo "planned=$planned"
echo "mounted_now=0"
echo "OK: every hot path is served by guardfs."
