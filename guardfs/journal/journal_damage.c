/* Sets a damaged database aside, with its WAL, to be salvaged. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define ASIDE_PREFIX JOURNAL_FILE ".damaged-"

static const char *const companions[] = {"", "-wal", "-shm"};

/* A free name from the time in UTC, some seconds later if need be. */
static errint_t choose_name(const struct journal_db *db, char *name, size_t size)
{
	time_t now = (time_t)(clock_real_ns() / NSEC_PER_SEC);
	char path[sizeof(db->path) + 64];

	for (time_t t = now; t < now + 1000; t++) {
		char stamp[32];
		struct stat st;
		struct tm tm;

		if (!gmtime_r(&t, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
			return -EINVAL;
		snprintf(name, size, ASIDE_PREFIX "%s", stamp);
		snprintf(path, sizeof(path), "%s/%s", db->directory, name);
		if (lstat(path, &st) < 0 && errno == ENOENT)
			return 0;
	}
	return -EEXIST;
}

static errint_t rename_all(const struct journal_db *db, const char *name)
{
	char from[sizeof(db->path) + 8], to[sizeof(db->path) + 64];

	/* The database goes first: sqlite throws away a WAL beside an empty one. */
	for (unsigned i = 0; i < ARRAY_SIZE(companions); i++) {
		snprintf(from, sizeof(from), "%s%s", db->path, companions[i]);
		snprintf(to, sizeof(to), "%s/%s%s", db->directory, name, companions[i]);
		if (rename(from, to) < 0 && (errno != ENOENT || i == 0))
			return -errno;
	}
	return 0;
}

static int is_aside(const struct dirent *entry)
{
	return strncmp(entry->d_name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) == 0 &&
	       !strchr(entry->d_name + strlen(ASIDE_PREFIX), '-');
}

static void remove_oldest(const struct journal_db *db)
{
	struct dirent **entries = NULL;
	int n = scandir(db->directory, &entries, is_aside, alphasort);

	for (int i = 0; i < n; i++) {
		char path[sizeof(db->path) + 300];

		for (unsigned k = 0; i < n - JOURNAL_ASIDE_KEPT && k < ARRAY_SIZE(companions); k++) {
			snprintf(path, sizeof(path), "%s/%s%s", db->directory, entries[i]->d_name,
				 companions[k]);
			(void)unlink(path);
		}
		free(entries[i]);
	}
	free(entries);
}

errint_t journal_set_aside(struct journal_db *db)
{
	char name[sizeof(db->aside)];
	errint_t error = choose_name(db, name, sizeof(name));

	if (error == 0)
		error = rename_all(db, name);
	if (error < 0) {
		snprintf(db->error, sizeof(db->error), "damaged, and cannot be set aside: %s",
			 strerror(-error));
		return error;
	}
	(void)copy_string(db->aside, sizeof(db->aside), name);
	remove_oldest(db);
	return 0;
}
