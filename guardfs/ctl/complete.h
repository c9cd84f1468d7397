/* Completion of guardctl's command line. One process, one thread. */
#ifndef GUARDFS_CTL_COMPLETE_H
#define GUARDFS_CTL_COMPLETE_H

#include "ctl/ctl.h"
#include <stdio.h>

struct completion {
	FILE *out;
	const struct ctl_command *commands; /* without a name: the end */
	/* As far as it is typed; offered is what begins with it. */
	const char *current;
	/* Stands before each word that is offered ("--backend="). */
	const char *kept;
	size_t n_kept;
	/* Those that name an instance. */
	struct ctl_options options;
};

/* Prints to out what may stand in the place of the last of argc words, which follow "guardctl" on a line. See guardctl(1),
 * complete. Words that could steer or turn what a shell shows are left out. commands is the whole table. */
void complete_line(FILE *out, const struct ctl_command *commands, int argc, char **argv);

/* Calls found for each word that command's synopsis has behind n given words: a literal, or a placeholder. */
void complete_positions(const struct ctl_command *command, char *const *given, unsigned n,
			void (*found)(const char *word, void *arg), void *arg);

/* A literal, or a placeholder for which complete_line knows what to offer. */
bool complete_knows(const char *word);

#endif
