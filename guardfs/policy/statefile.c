#include "policy/statefile.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#define BLANKS	    " \t"
#define IN_JOB	    "JOB/"
#define BESIDE	    ".guardfs-"
#define ID_DIGITS   16u
#define BESIDE_MORE (1 + sizeof(BESIDE) - 1 + ID_DIGITS) /* than the name itself */

/* The next word of *list, which is moved behind it; its length, 0: none. */
static size_t next_word(const char **list, const char **word)
{
	size_t n;

	*word = *list + strspn(*list, BLANKS);
	n = strcspn(*word, BLANKS);
	*list = *word + n;
	return n;
}

static bool is_in_job(const char *word, size_t n)
{
	return n > strlen(IN_JOB) && strncmp(word, IN_JOB, strlen(IN_JOB)) == 0;
}

enum statefile_match statefile_match(const char *list, const char *name)
{
	enum statefile_match found = STATEFILE_NO;
	char glob[STATEFILE_NAME_SIZE];
	const char *word;
	size_t n;

	while (found != STATEFILE_ANYWHERE && (n = next_word(&list, &word)) > 0) {
		bool in_job = is_in_job(word, n);
		size_t prefix = in_job ? strlen(IN_JOB) : 0;

		if (n - prefix >= sizeof(glob))
			continue;
		memcpy(glob, word + prefix, n - prefix);
		glob[n - prefix] = '\0';
		if (fnmatch(glob, name, 0) == 0)
			found = in_job ? STATEFILE_IN_JOB : STATEFILE_ANYWHERE;
	}
	return found;
}

bool statefile_list_is_valid(const char *list)
{
	const char *word;
	size_t n;

	while ((n = next_word(&list, &word)) > 0) {
		size_t prefix = is_in_job(word, n) ? strlen(IN_JOB) : 0;

		if (n - prefix >= STATEFILE_NAME_SIZE || memchr(word + prefix, '/', n - prefix))
			return false;
	}
	return true;
}

errint_t statefile_beside(const char *name, uint64_t instance, char beside[STATEFILE_NAME_SIZE])
{
	if (strlen(name) + BESIDE_MORE >= STATEFILE_NAME_SIZE)
		return -ENAMETOOLONG;
	snprintf(beside, STATEFILE_NAME_SIZE, ".%s" BESIDE "%016llx", name, (unsigned long long)instance);
	return 0;
}

bool statefile_is_beside(const char *name)
{
	size_t n = strlen(name);

	if (name[0] != '.' || n <= BESIDE_MORE)
		return false;
	return strncmp(name + n - ID_DIGITS - strlen(BESIDE), BESIDE, strlen(BESIDE)) == 0 &&
	       strspn(name + n - ID_DIGITS, "0123456789abcdef") == ID_DIGITS;
}

void statefile_of_beside(const char *beside, char name[STATEFILE_NAME_SIZE])
{
	size_t n = strlen(beside);

	n = n > BESIDE_MORE ? MIN(n - BESIDE_MORE, (size_t)STATEFILE_NAME_SIZE - 1) : 0;
	memcpy(name, beside + 1, n);
	name[n] = '\0';
}
