/* The table of commands, and help from it. */
#include "ctl/complete.h"
#include "ctl/ctl.h"
#include <limits.h>
#include <stdio.h>

const struct ctl_command ctl_commands[] = {
    {"status", "[--json]", "state of every backend and route, and what is done about it",
     "What .guardfs/status in the mount says, from the copy in the runtime directory.\n"
     "With --json: the object described in guardfs(8), for programs.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_status},
    {"watch", "[--once]", "the same as a picture that moves, and rates, latency and jobs",
     "On the terminal, until q: backends with what is done about an outage, routes that do not\n"
     "serve, jobs, suspect files. Operations, errors and bytes a second, and the median and 99th\n"
     "percentile of callers' waits, are those of the last few seconds. Arrows and space move where\n"
     "there is more than fits; columns that do not fit are left out. On a terminal that cannot be\n"
     "drawn on (TERM=dumb) each new state is printed below the last. With --once: one look, as\n"
     "text, for 80 columns or COLUMNS.\n",
     CTL_OPTION_ONCE | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_watch},
    {"health", "[PATH]", "one line and an exit status: ok 0, degraded 1, down 2",
     "Prints STATE CLASS SINCE [DETAIL]. With PATH: of whatever serves PATH, decided by the\n"
     "tier map alone (the longest route that is a prefix of PATH); PATH itself is never touched\n"
     "and need not exist. A relative PATH counts from the working directory; symbolic links\n"
     "are not followed.\n",
     CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_health},
    {"wait", "--state STATE --timeout DURATION [BACKEND]", "until a state is reached",
     "STATE: connecting, healthy, degraded, down, recovering, probation, held, exhausted; or ok\n"
     "for the health of the whole. Without BACKEND: until every backend is in it.\n"
     "DURATION: 500ms, 30s, 2m, 1h. Waits for guardfs itself, too, if it does not run yet.\n"
     "Exit status 75 when the time is over.\n",
     CTL_OPTION_STATE | CTL_OPTION_TIMEOUT | CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_wait},
    {"adopt", "BACKEND", "mark a backend as ours",
     "Writes a fresh UUID into .guardfs-id in the root of BACKEND (through the mount) and prints\n"
     "it with the line for the configuration. With that line, nothing else that answers in its\n"
     "place is ever taken for it. If there is a marker already it is printed, nothing is\n"
     "changed, and the exit status is 1.\n",
     CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_adopt},
    {"recover", "[BACKEND] [--dry-run | --apply] [--json]", "what recovery would do, or do it now",
     "Without --apply: prints the plan of the recovery of BACKEND, or of every backend, rung by\n"
     "rung, and does nothing. With --apply: keeper climbs these rungs now instead of waiting\n"
     "for its next try; without BACKEND, those of all backends that do not serve. It does\n"
     "not wait for the end: guardctl wait --state healthy --timeout DURATION does.\n",
     CTL_OPTION_DRY_RUN | CTL_OPTION_APPLY | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_recover},
    {"reconnect", "BACKEND [--json]", "connect a backend anew, even a healthy one",
     "Ends the connection, with everything that is under way on it, and makes a new one.\n"
     "Callers may get the fast error meanwhile; writes to open files wait.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_reconnect},
    {"hold", "BACKEND --for DURATION --reason TEXT [--wait] [--json]", "keep guardfs away from a backend",
     "For maintenance: the backend is disconnected and left alone until the time is over or\n"
     "guardctl resume. Callers get the fast error; with --wait they wait, each until its\n"
     "deadline. DURATION: 90s, 30m, 2h. TEXT is shown in status and kept in the journal.\n",
     CTL_OPTION_FOR | CTL_OPTION_REASON | CTL_OPTION_WAIT | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1,
     ctl_cmd_hold},
    {"resume", "BACKEND [--json]", "end a hold, or let go on what was given up",
     "Ends hold before its time. Also the word that a backend in the state exhausted waits for:\n"
     "it begins new budgets of recoveries.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_resume},
    {"diagnose", "BACKEND [--json]", "ask the server, beside the mount, what is wrong",
     "Name, connection, host key, key, SFTP, path, space, each with its outcome and time; then\n"
     "what it means and what to do. Exit status 1 if a step failed.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_diagnose},
    {"incidents", "[--since WHEN] [--backend NAME] [--limit N] [--json]",
     "the outages of the past, newest first",
     "WHEN: a time ago (90m, 12h, 7d), a day (2026-01-08), or seconds since the epoch.\n"
     "--limit: at most N of them, 1 to 1000 (100).\n",
     CTL_OPTION_SINCE | CTL_OPTION_BACKEND | CTL_OPTION_LIMIT | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0,
     ctl_cmd_incidents},
    {"incident", "N [--json]", "one of them: figures, and what happened when",
     "Times are relative to the beginning: transitions, plans, rungs, diagnoses, hooks with\n"
     "their output.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_incident},
    {"report", "[N] [--since WHEN] [--html] [--output FILE]",
     "availability since then, or one incident as a page for a post-mortem",
     "Without N: availability of each backend, how long it took to detect and to recover (median,\n"
     "worst), the longest incidents, since WHEN (30d; as in incidents); with --html as a page with a\n"
     "time line. With --output FILE (-o) each of the longest incidents gets a page beside FILE, to\n"
     "which that links: FILE-N.html. With N: one page that needs nothing else: figures, a picture\n"
     "of states, errors and latency over time, the events. Files are replaced.\n",
     CTL_OPTION_HTML | CTL_OPTION_SINCE | CTL_OPTION_OUTPUT | CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_report},
    {"drill", "KIND BACKEND --for DURATION [--simulate | --json]",
     "make trouble, and measure what guardfs makes of it",
     "KIND: hang (its sshfs is stopped), drop (killed), auth (killed, and logging in fails), slow,\n"
     "full (these need filter = fault), worker-kill, keeper-kill. Real callers of BACKEND are hurt\n"
     "for DURATION. guardctl is one of them: it looks into .guardfs/backends/BACKEND every 50 ms\n"
     "(full: writes there), and says afterwards how long it waited at most and when it got the\n"
     "first error, beside what guardfs measured. The journal keeps it as a drill. Interrupted, it\n"
     "stops the drill. Exit status 75 if the drill's incident was not closed in time.\n"
     "With --simulate nothing is touched: prints what the configuration promises for KIND.\n",
     CTL_OPTION_FOR | CTL_OPTION_SIMULATE | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 2, 2, ctl_cmd_drill},
    {"doctor", "[--json]", "look for what is wrong or will go wrong on this machine",
     "Kernel, FUSE, limits, configuration, keys, known hosts, sentinel, hooks, manifest, mounts,\n"
     "clock, disk, units, versions with known holes, and what the running guardfs says; each\n"
     "finding with its remedy. Touches no mount. Exit status 1 with warnings, 2 with errors.\n"
     "With -c FILE guardfs need not run.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_doctor},
    {"classify", "--path PATH [--errno N]", "was it the infrastructure (75) or the job (0)?",
     "For workers that must not burn their retries. Exit status 75: infrastructure, try again\n"
     "later and charge nobody; 0: not. With --errno (5, EIO) by what the error means: EIO,\n"
     "ETIMEDOUT, ESTALE, ENOSPC, lost and refused connections are infrastructure, all else is\n"
     "not. Without: infrastructure if what serves PATH is not healthy, or has been so again for\n"
     "less than ten minutes, or gave its job an error since then. PATH itself is never touched and\n"
     "need not exist; outside the mount it is wrong usage (100). If guardfs does not run: 75.\n",
     CTL_OPTION_PATH | CTL_OPTION_ERRNO | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_classify},
    {"tiers", "[--sizes] [--timeout DURATION] [--json]", "what lives where, why, and what disagrees about it",
     "Every tier; every route with its backend, target, state and reason (line of the manifest,\n"
     "pattern); job directories on the local tier. Then what disagrees: directories there that a\n"
     "pattern leads to a backend, or that a route hides; lines of the manifest that are not\n"
     "active; foreign mounts in the mount, over it or at an expose directory. Exit status 1 if\n"
     "anything does. Touches no backend, but for --sizes: adds up the disk space used, through the\n"
     "mount, at most DURATION (10s) for each; what hangs or is down is \"not known\".\n",
     CTL_OPTION_SIZES | CTL_OPTION_TIMEOUT | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_tiers},
    {"tier",
     "add COLD HOT | remove HOT | move JOB [--to TIER] [--bwlimit RATE] [--abort] [--discard-old] "
     "[--dry-run] [--json]",
     "change the manifest, or move a job to another tier",
     "add, remove: COLD: a path below the alias of a backend; HOT: one below the mountpoint. All other\n"
     "lines, comments included, the file's owner and its mode stay as they are. The new manifest is\n"
     "checked as a whole first: one that guardfs would refuse is never written, nor one that hides\n"
     "files on the local tier. Waits until the change is active. With --dry-run: prints the change as\n"
     "a diff, does nothing. With -c FILE guardfs need not run.\n"
     "move: the path of JOB (relative to the mount, or absolute) stays, its bytes go to TIER: local,\n"
     "BACKEND, or BACKEND:PATH; readers go on. Copied by rsync, at most RATE (500K, 10M: bytes a\n"
     "second), compared by SHA-256, then switched at once. Refused while files in it are open for\n"
     "writing. Interrupted, it goes on when it is repeated; --abort gives it up. The old copy is kept\n"
     "until --discard-old. Without any of these: how far it has come, and where JOB is whole.\n",
     CTL_OPTION_DRY_RUN | CTL_OPTION_TO | CTL_OPTION_BWLIMIT | CTL_OPTION_DISCARD_OLD | CTL_OPTION_ABORT |
	 CTL_OPTION_JSON | CTL_OPTION_INSTANCE,
     2, 3, ctl_cmd_tier},
    {"jobs", "[--json]", "what is being worked on, on which tier, and how far",
     "The directories that [jobs] pattern names, those with files open for writing first, then\n"
     "those active last: who writes, when something was last written, bytes, errors of storage.\n"
     "As of the last few seconds; the mount's own .guardfs/jobs is of this moment, and has all\n"
     "of them.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_jobs},
    {"stalled", "[--require-no-progress-seconds N] [--apply] [--json]",
     "jobs that stand still, and whether storage or the crawl is to blame",
     "Jobs with files open for writing (or until ten minutes ago) in which nothing was written for\n"
     "N seconds (3600). Storage is to blame if its backend or route is not healthy, was not at any\n"
     "time since, or gave the job an error since; else the crawl.\n"
     "With --apply: on_stall is run for one of the latter, the one that stands longest, if\n"
     "[jobs] stall_sentinel is there, stall_cooldown and stall_per_day allow it, and no other job\n"
     "made progress in the last ten minutes. Exit status 0: none; 1: some; 75: some, and storage\n"
     "is to blame for each of them.\n",
     CTL_OPTION_NO_PROGRESS | CTL_OPTION_APPLY | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0,
     ctl_cmd_stalled},
    {"suspects",
     "[accept [PATH]] [--job JOB] [--all] [--backend NAME] [--open | --settled] [--since WHEN] "
     "[--limit N] [--json]",
     "files that may lack what was acknowledged of them",
     "--open, which is the default: those that need a look, with the ranges of bytes and what was found:\n"
     "pending (nobody has looked yet), truncated, hole, damaged, missing, changed, unknown. --settled:\n"
     "those that need none any more: whole, accepted, gone, replaced; the newest first, at most N (100),\n"
     "from the journal. JOB: its path relative to the mount. accept, with PATH (as it is listed, or\n"
     "a directory above), --job or --all: the damage is known, and nothing more is to be said of it.\n"
     "Exit status 1 if some need a look.\n",
     CTL_OPTION_JOB | CTL_OPTION_OPEN | CTL_OPTION_SETTLED | CTL_OPTION_ALL | CTL_OPTION_SINCE |
	 CTL_OPTION_BACKEND | CTL_OPTION_LIMIT | CTL_OPTION_JSON | CTL_OPTION_INSTANCE,
     0, 2, ctl_cmd_suspects},
    {"generations", "PATH [--show N | --restore N] [--json]",
     "the last versions of a state file, to go back to",
     "State files are those that [state] files names. The newest first: number, when it was published,\n"
     "size. PATH: relative to the mount, or absolute; the file need not exist any more. --show prints\n"
     "version N, --restore writes it into the file, through the mount: as one step, or not at all.\n"
     "They lie on the local disk: no backend is asked but for --restore. With -c FILE guardfs need not run.\n"
     "Exit status 1 if there is none.\n",
     CTL_OPTION_SHOW | CTL_OPTION_RESTORE | CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_generations},
    {"smoke", "[JOB...]", "read the first record of a WARC on each route",
     "Through the mount, as a reader would: in the newest *.warc.gz or *.warc below each route, or\n"
     "each JOB (a path relative to the mount, or absolute). Says which layer is at fault: guardfs,\n"
     "route (down by the tier map: nothing is touched then), list, open, read, gzip, warc. A route\n"
     "without a WARC is no failure. A child does it, for at most 20 s each. Exit status 1 if\n"
     "anything failed.\n",
     CTL_OPTION_INSTANCE, 0, 64, ctl_cmd_smoke},
    {"snapshot", "[--output FILE]", "one page with what an operator asks first",
     "Status, jobs, the last incidents, doctor's warnings, processes, versions, mounts and the last\n"
     "lines of the log. Touches no mount, and comes after 30 seconds at most, whatever hangs; what\n"
     "could not be had is named. To standard output, or to FILE (-o), which is replaced.\n",
     CTL_OPTION_OUTPUT | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_snapshot},
    {"sync", "[PATH]", "write down what is in memory, and say when that is done",
     "The local tier's file system, and every file open for writing at or below PATH (the whole\n"
     "mount), each as fsync(2) does. sync -f and syncfs(2) do nothing on a FUSE file system. Names\n"
     "the files that could not be synced; waits for each of them until its deadline. PATH may lie\n"
     "on any tier, or below an expose directory. Exit status 1 if anything was not synced.\n",
     CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_sync},
    {"verify", "[JOB | PATH] [--since WHEN] [--level N] [--bwlimit RATE] [--repair-to FILE] [--json]",
     "which archives are whole, and up to where are the others?",
     "Through the mount, and from storage, not from memory: the *.warc.gz and *.warc below JOB (a\n"
     "path relative to the mount, or absolute) or in all jobs, or one file. One line each: whole,\n"
     "truncated, hole, damaged, garbage, empty, missing, changed, unknown; where, and where the last\n"
     "whole record ends. --since: modified since (2h, 7d, 2026-01-08). --level 0: sizes and holes; 1:\n"
     "and gzip members; 2: and records (2). RATE (500K, 20M): bytes a second at most. --repair-to:\n"
     "copies what is whole of one file to the new FILE; the original is never changed. Exit status\n"
     "0: all are whole; 1: some are not; 75: some could not be read, or were being written. The same\n"
     "as guardfs-verify, which reads any file.\n",
     CTL_OPTION_SINCE | CTL_OPTION_LEVEL | CTL_OPTION_BWLIMIT | CTL_OPTION_REPAIR_TO | CTL_OPTION_JSON |
	 CTL_OPTION_INSTANCE,
     0, 1, ctl_cmd_verify},
    {"complete", "-- [WORD...]", "how a command line may go on: for the completion of shells",
     "WORD: what stands behind guardctl up to the cursor, the last one as far as it is typed. One\n"
     "word a line, and after a tab what it is. A line :file or :directory: names of files may\n"
     "follow. Names are those of what runs; none if that does not answer within a second.\n",
     0, 0, INT_MAX, ctl_cmd_complete},
    {"version", "", "print the version", "", 0, 0, 0, ctl_cmd_version},
    {"help", "[COMMAND]", "this text, or that of a command", "", 0, 0, 1, ctl_cmd_help},
    {NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

const struct ctl_command *ctl_find_command(const char *name)
{
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const char options_help[] =
    "Options:\n"
    "  -n NAME      the guardfs with this name (its runtime directory is " CTL_RUN_ROOT "/NAME);\n"
    "               needed only where several run\n"
    "  -c FILE      the guardfs with this configuration\n"
    "  -m DIR       the one that is mounted there, of root's and of one's own\n"
    "  -h, --help   this text, or that of a command\n"
    "  -V, --version\n";

static const char exit_help[] =
    "Exit status: 0 good; 1 degraded, or refused; 2 down; 75 timed out; 100 wrong usage;\n"
    "111 guardfs is not running or cannot be reached.\n";

void ctl_print_help(FILE *out)
{
	fputs("Usage: guardctl [-n NAME | -c FILE] COMMAND [ARGUMENTS]\n\n"
	      "Asks a running guardfs how it is, and tells it what to do. Never touches the mount (but for\n"
	      "adopt, generations --restore, smoke, verify, tier move and drill): it answers whatever hangs. "
	      "status, health, "
	      "classify, jobs "
	      "and wait "
	      "need\n"
	      "no root.\n\nCommands:\n",
	      out);
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		fprintf(out, "  %s %s\n        %s\n", c->name, c->arguments, c->summary);
	fprintf(out, "\n%s\n%s\nguardctl help COMMAND says more. See also guardctl(1), guardfs(8).\n",
		options_help, exit_help);
}

void ctl_print_command_help(FILE *out, const struct ctl_command *command)
{
	fprintf(out, "Usage: guardctl %s%s%s%s\n\n%s: %s\n\n%s",
		command->options & CTL_OPTION_INSTANCE ? "[-n NAME | -c FILE] " : "", command->name,
		command->arguments[0] ? " " : "", command->arguments, command->name, command->summary,
		command->help);
}

int ctl_cmd_help(const struct ctl_options *options, int argc, char **argv)
{
	const struct ctl_command *command;

	(void)options;
	if (argc == 0) {
		ctl_print_help(stdout);
		return CTL_EXIT_OK;
	}
	command = ctl_find_command(argv[0]);
	if (!command)
		return ctl_fail(CTL_EXIT_USAGE, "there is no command \"%s\". guardctl help names them",
				argv[0]);
	ctl_print_command_help(stdout, command);
	return CTL_EXIT_OK;
}

int ctl_cmd_complete(const struct ctl_options *options, int argc, char **argv)
{
	(void)options;
	complete_line(stdout, ctl_commands, argc, argv);
	return CTL_EXIT_OK;
}

int ctl_cmd_version(const struct ctl_options *options, int argc, char **argv)
{
	(void)options;
	(void)argc;
	(void)argv;
	puts("guardctl " GUARDFS_VERSION);
	return CTL_EXIT_OK;
}
