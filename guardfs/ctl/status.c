/* guardctl status */
#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "report/report.h"

static int print_text(const json_t *status, int64_t now)
{
	size_t length = 0;
	CLEANUP_FREE char *text = report_text_from_json(status, now, &length);

	if (!text)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	fwrite(text, 1, length, stdout);
	return CTL_EXIT_OK;
}

static int run_status(const struct ctl_instance *instance, const struct ctl_options *options)
{
	ctl_warn_if_stale(instance);
	return options->json ? ctl_print_json(instance->status) : print_text(instance->status, instance->now);
}

int ctl_cmd_status(const struct ctl_options *options, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ctl_on_instance(options, run_status);
}
