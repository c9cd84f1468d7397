/* guardctl tier add and remove; move is in ctl/move. */
#include "ctl/manifest/manifest.h"
#include "base/cleanup.h"
#include <errno.h>

/* guardfs need not run. */
static int edit_with_config(struct ctl_instance *instance, const struct ctl_options *options,
			    const char *cold, const char *hot)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	const char *file = options->config ? options->config : ctl_text(instance->status, "config");
	char error[CONFIG_ERROR_MAX] = "";
	errint_t err = config ? config_load(file, config, error) : -ENOMEM;

	if (err < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s", error[0] ? error : strerror(-err));
	return manifest_edit(instance, options, config, cold, hot);
}

static int run_edit(const struct ctl_options *options, const char *cold, const char *hot)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status == CTL_EXIT_UNREACHABLE && options->config) {
		ctl_instance_release(&instance);
		status = CTL_EXIT_OK;
	}
	if (status)
		ctl_fail(status, "%s", message);
	else
		status = edit_with_config(&instance, options, cold, hot);
	ctl_instance_release(&instance);
	return status;
}

int ctl_cmd_tier(const struct ctl_options *options, int argc, char **argv)
{
	bool moves = argc > 0 && strcmp(argv[0], "move") == 0;

	if (!moves &&
	    (options->to || options->rate || options->discard_old || options->abort || options->json))
		return ctl_fail(CTL_EXIT_USAGE, "only tier move takes these options. See guardctl help tier");
	if (argc == 3 && strcmp(argv[0], "add") == 0)
		return run_edit(options, argv[1], argv[2]);
	if (argc == 2 && strcmp(argv[0], "remove") == 0)
		return run_edit(options, NULL, argv[1]);
	if (argc == 2 && strcmp(argv[0], "move") == 0)
		return ctl_tier_move(options, argv[1]);
	return ctl_fail(CTL_EXIT_USAGE, "usage: guardctl tier add COLD HOT, guardctl tier remove HOT, or: "
					"guardctl tier move JOB --to TIER");
}
