/* Names of state files (docs/STATEFILES.md), and of the files beside them. Pure. */
#ifndef GUARDFS_POLICY_STATEFILE_H
#define GUARDFS_POLICY_STATEFILE_H

#include "base/base.h"

#define STATEFILE_NAME_SIZE 256 /* of any name, terminated */

/* Globs of names, separated by blanks; one with the prefix "JOB/" is for files directly in a job's
 * directory. */
enum statefile_match {
	STATEFILE_NO,
	STATEFILE_IN_JOB, /* if it lies directly in a job's directory */
	STATEFILE_ANYWHERE,
};
enum statefile_match statefile_match(const char *list, const char *name);

/* No other slash, no word longer than a name. */
bool statefile_list_is_valid(const char *list);

/* The name beside `name` under which instance's new content lies until it is whole: ".NAME.guardfs-" and 16
 * hexadecimal digits. 0; -ENAMETOOLONG. */
errint_t statefile_beside(const char *name, uint64_t instance, char beside[STATEFILE_NAME_SIZE]) WARN_UNUSED;

/* Was it made by statefile_beside, of any instance? */
bool statefile_is_beside(const char *name);

/* Undoes statefile_beside. */
void statefile_of_beside(const char *beside, char name[STATEFILE_NAME_SIZE]);

#endif
