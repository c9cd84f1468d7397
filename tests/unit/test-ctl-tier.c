/* guardctl tier and tiers: the manifest as text, changed by one line; what the mount table and the local
 * tier's directory say. */
#include "base/fd.h"
#include "config/localtier.h"
#include "ctl/manifest/manifest.h"
#include "ctl/tier/tiers.h"
#include "remove-tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- text ---- */

static void adds(const char *before, const char *after, uint32_t line)
{
	struct manifest_change edit;

	assert_int_equal(manifest_text_add(before, strlen(before), "/cold/x", "/jobs/x", &edit), 0);
	assert_string_equal(edit.text, after);
	assert_int_equal(edit.n, strlen(after));
	assert_int_equal(edit.line, line);
	free(edit.text);
}

static void a_line_is_added_in_the_files_own_way(void **state)
{
	(void)state;
	adds("", "/cold/x /jobs/x\n", 1);
	adds("# c\n", "# c\n/cold/x /jobs/x\n", 2);
	adds("# c", "# c\n/cold/x /jobs/x\n", 2);
	adds("# c\r\n", "# c\r\n/cold/x /jobs/x\r\n", 2);
	adds("# c\r\n/a /b", "# c\r\n/a /b\r\n/cold/x /jobs/x\r\n", 3);
	adds("\n\n \t\n", "\n\n \t\n/cold/x /jobs/x\n", 4);
}

static void removes(const char *before, const char *after, uint32_t line)
{
	struct manifest_change edit;

	assert_int_equal(manifest_text_remove(before, strlen(before), "/jobs/x", &edit), 0);
	assert_string_equal(edit.text, after);
	assert_int_equal(edit.n, strlen(after));
	assert_int_equal(edit.line, line);
	free(edit.text);
}

static void keeps(const char *text)
{
	struct manifest_change edit;

	assert_int_equal(manifest_text_remove(text, strlen(text), "/jobs/x", &edit), -ENOENT);
	assert_null(edit.text);
}

static void only_the_line_meant_is_removed(void **state)
{
	(void)state;
	removes("/c /jobs/x\n", "", 1);
	removes("# a\n\t/c  /jobs//x/ more # fields\r\n# b\n", "# a\n# b\n", 2);
	removes("/c /jobs/y\n/c /jobs/x", "/c /jobs/y\n", 2);
	removes("/c /jobs/x/\n/d /jobs/x\n", "/d /jobs/x\n", 1);
	keeps("");
	keeps("# /c /jobs/x\n  #/c /jobs/x\n");
	keeps("/jobs/x\n/jobs/x /c\n");
	keeps("/c /jobs/xy\n/c /jobs/x/y\n/c jobs/x\n");
}

static void prints(const char *before, bool add, const char *diff)
{
	struct manifest_change edit;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	assert_int_equal(add ? manifest_text_add(before, strlen(before), "/c", "/jobs/x", &edit)
			     : manifest_text_remove(before, strlen(before), "/jobs/x", &edit),
			 0);
	manifest_text_print(&edit, "m", before, out);
	fclose(out);
	assert_string_equal(text, diff);
	free(text);
	free(edit.text);
}

static void the_diff_is_one_that_patch_takes(void **state)
{
	(void)state;
	prints("# a\n", true, "--- m\n+++ m\n@@ -1,0 +2,1 @@\n+/c /jobs/x\n");
	prints("", true, "--- m\n+++ m\n@@ -0,0 +1,1 @@\n+/c /jobs/x\n");
	prints("# a\n# b", true,
	       "--- m\n+++ m\n@@ -2,1 +2,2 @@\n-# b\n\\ No newline at end of file\n+# b\n+/c /jobs/x\n");
	prints("# a\n/c /jobs/x\n# b\n", false, "--- m\n+++ m\n@@ -2,1 +1,0 @@\n-/c /jobs/x\n");
	prints("/c /jobs/x", false,
	       "--- m\n+++ m\n@@ -1,1 +0,0 @@\n-/c /jobs/x\n\\ No newline at end of file\n");
}

/* ---- what is found ---- */

static char sandbox[64];
static struct config config;
static struct tiers t;

static int set_up(void **state)
{
	(void)state;
	snprintf(sandbox, sizeof(sandbox), "/tmp/guardfs-test-tier.XXXXXX");
	if (!mkdtemp(sandbox))
		return -1;
	memset(&config, 0, sizeof(config));
	snprintf(config.local, sizeof(config.local), "%s/local", sandbox);
	snprintf(config.mountpoint, sizeof(config.mountpoint), "/jobs");
	snprintf(config.backends[0].name, CONFIG_NAME_MAX, "box");
	snprintf(config.backends[0].expose, CONFIG_PATH_MAX, "/box");
	config.n_backends = 1;
	snprintf(config.patterns[0].pattern, CONFIG_PATH_MAX, "*/*-0101");
	config.n_patterns = 1;
	snprintf(config.job_patterns[0], CONFIG_PATH_MAX, "*/*");
	config.n_job_patterns = 1;
	t = (struct tiers){
	    .config = &config, .routes = json_array(), .local = json_array(), .found = json_array()};
	return mkdir(config.local, 0755);
}

static int tear_down(void **state)
{
	(void)state;
	tiers_release(&t);
	return remove_tree(sandbox);
}

static void make(const char *path)
{
	char full[CONFIG_PATH_MAX + 256];

	snprintf(full, sizeof(full), "%s/%s", config.local, path);
	assert_int_equal(fd_mkdir_parents(full, 0755), 0);
}

static const json_t *last_found(void)
{
	return json_array_get(t.found, json_array_size(t.found) - 1);
}

static void mounted(const char *point, const char *type)
{
	struct mount_entry entry = {.id = 1};

	assert_int_equal(copy_string(entry.mountpoint, sizeof(entry.mountpoint), point), 0);
	assert_int_equal(copy_string(entry.fstype, sizeof(entry.fstype), type), 0);
	assert_false(tiers_judge_mount(&t, &entry));
}

static void foreign_mounts_are_named(void **state)
{
	(void)state;
	mounted("/", "ext4");
	mounted("/jobsite/x", "fuse.sshfs");
	mounted("/jobs", "fuse.guardfs");
	mounted("/box", "fuse.guardfs");
	mounted("/boxes", "fuse.sshfs");
	assert_true(t.mounted);
	assert_int_equal(tiers_disagreements(&t), 0);
	mounted("/jobs/hc/x", "fuse.sshfs");
	assert_string_equal(ctl_text(last_found(), "path"), "/jobs/hc/x");
	mounted("/jobs/hc/y", "fuse.guardfs"); /* the old scripts bind over guardfs from guardfs */
	mounted("/box", "fuse.sshfs");
	assert_string_equal(ctl_text(last_found(), "path"), "/box");
	assert_int_equal(tiers_disagreements(&t), 3);
	mounted("/jobs", "tmpfs");
	assert_false(t.mounted);
}

static void local_directories_are_judged_by_the_patterns(void **state)
{
	(void)state;
	make("hc/a-0101/inside");
	make("hc/b");
	make("imports/c");
	make("top");
	json_array_append_new(t.routes, json_pack("{s:s, s:s}", "path", "imports/c", "tier", "box"));
	tiers_look_at_local(&t);
	assert_int_equal(json_array_size(t.local), 2);
	assert_int_equal(tiers_disagreements(&t), 1);
	assert_int_equal(json_array_size(t.found), 2); /* imports/c is empty: worth a note */
	assert_string_equal(ctl_text(last_found(), "kind"), "misplaced");
	assert_string_equal(ctl_text(last_found(), "path"), "hc/a-0101");
}

static void what_a_route_hides_is_named_with_its_tier(void **state)
{
	(void)state;
	make("imports/c/inside");
	json_array_append_new(t.routes, json_pack("{s:s, s:s}", "path", "imports/c", "tier", "box"));
	tiers_look_at_local(&t);
	assert_int_equal(json_array_size(t.local), 0);
	assert_string_equal(ctl_text(last_found(), "kind"), "shadowed");
	assert_non_null(strstr(ctl_text(last_found(), "found"), "the route to box hides it"));
}

static void symbolic_links_lead_nowhere(void **state)
{
	char link[CONFIG_PATH_MAX + 16];

	(void)state;
	make("hc");
	snprintf(link, sizeof(link), "%s/hc/x-0101", config.local);
	assert_int_equal(symlink("/", link), 0);
	tiers_look_at_local(&t);
	assert_int_equal(json_array_size(t.local), 0);
	assert_int_equal(localtier_assume(&config, "hc/x-0101"), LOCALTIER_HOLDS);
	assert_int_equal(localtier_assume(&config, "hc/x-0101/etc"), LOCALTIER_HOLDS);
	assert_int_equal(localtier_assume(&config, "hc/y"), LOCALTIER_MISSING);
	assert_int_equal(localtier_assume(&config, "hc"), LOCALTIER_HOLDS);
	make("empty");
	assert_int_equal(localtier_assume(&config, "empty"), LOCALTIER_EMPTY);
}

static void sizes_count_a_hard_link_once(void **state)
{
	char a[CONFIG_PATH_MAX + 16], b[CONFIG_PATH_MAX + 16], data[8192] = {1};
	uint64_t bytes = 0, files = 0;

	(void)state;
	snprintf(a, sizeof(a), "%s/a", config.local);
	snprintf(b, sizeof(b), "%s/b", config.local);
	assert_int_equal(fd_write_atomic(a, data, sizeof(data), 0644, true), 0);
	assert_int_equal(link(a, b), 0);
	assert_int_equal(tiers_size(config.local, 10000, &bytes, &files), 0);
	assert_int_equal(files, 1);
	assert_in_range(bytes, sizeof(data), 2 * sizeof(data) + 8191);
	assert_int_equal(tiers_size("/nonexistent", 10000, &bytes, &files), -EIO);
}

#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_added_in_the_files_own_way),
	    cmocka_unit_test(only_the_line_meant_is_removed),
	    cmocka_unit_test(the_diff_is_one_that_patch_takes),
	    IN_A_SANDBOX(foreign_mounts_are_named),
	    IN_A_SANDBOX(local_directories_are_judged_by_the_patterns),
	    IN_A_SANDBOX(what_a_route_hides_is_named_with_its_tier),
	    IN_A_SANDBOX(symbolic_links_lead_nowhere),
	    IN_A_SANDBOX(sizes_count_a_hard_link_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
