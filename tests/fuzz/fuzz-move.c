/* Journals and lists of guardctl tier move, of any content. What is taken for one must come back from its
 * written form, and lead nowhere but below a root. First byte: j for a journal, else a list. */
#include "ctl/move/move.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "violated: %s\n", what);
		abort();
	}
}

static void check_journal(const char *text, size_t n)
{
	static struct move m, again;
	static char written[MOVE_FILE_MAX];

	if (move_parse(text, n, &m))
		return;
	require(tiermap_path_is_valid(m.job) && tiermap_path_is_valid(m.old), "paths are a route's");
	require(tiermap_path_is_valid(m.from.path) && tiermap_path_is_valid(m.to.path),
		"paths are a route's");
	require(move_format(&m, written, sizeof(written)) == 0, "a journal can be written");
	require(move_parse(written, strlen(written), &again) == 0, "a written journal can be read");
	require(memcmp(&m, &again, sizeof(m)) == 0, "a journal comes back unchanged");
}

static void check_list(const char *text, size_t n)
{
	struct move_tree tree;
	char what[MOVE_NAME_MAX];
	errint_t err = move_tree_parse(text, n, &tree);

	for (size_t i = 0; i < tree.n && !err; i++) {
		require(tree.entries[i].path[0] != '/' && !strstr(tree.entries[i].path, "/../"),
			"paths stay below");
		require(i == 0 || strcmp(tree.entries[i - 1].path, tree.entries[i].path) < 0, "paths climb");
	}
	require(err || !move_tree_differs(&tree, &tree, MOVE_COMPARE_LINKS | MOVE_COMPARE_STAMP, what),
		"a list is like itself");
	move_tree_release(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'j')
		check_journal((const char *)data + 1, size - 1);
	else
		check_list((const char *)data + 1, size - 1);
	return 0;
}
