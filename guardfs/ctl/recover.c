/* guardctl recover, reconnect, diagnose. */
#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

static json_t *about_backend(int argc, char **argv)
{
	return argc ? json_pack("{s:s}", "backend", argv[0]) : json_object();
}

/* The command line is no UTF-8. */
static int bad_words(void)
{
	return ctl_fail(CTL_EXIT_USAGE, "what was given is not UTF-8");
}

static int print_plans(const struct ctl_options *options, const json_t *result, bool begun)
{
	if (options->json)
		return ctl_print_json(result);
	show_plans(stdout, result, begun);
	return CTL_EXIT_OK;
}

int ctl_cmd_recover(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments, *result = NULL;
	int status;

	if (options->dry_run && options->apply)
		return ctl_fail(CTL_EXIT_USAGE, "give --dry-run or --apply, not both");
	arguments = about_backend(argc, argv);
	if (!arguments)
		return bad_words();
	status = ctl_ask_about(options, options->apply ? "recover" : "plan", arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	status = print_plans(options, result, options->apply);
	if (!options->json && json_array_size(json_object_get(result, "plans")) > 0)
		printf(options->apply
			   ? "\nBegun. guardctl wait --state healthy --timeout 60s waits for the end.\n"
			   : "\nNothing was done. --apply does it now, for those that do not serve.\n");
	json_decref(result);
	return status;
}

int ctl_cmd_reconnect(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments = about_backend(argc, argv), *result = NULL;
	int status;

	if (!arguments)
		return bad_words();
	status = ctl_ask_about(options, "reconnect", arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	status = print_plans(options, result, true);
	json_decref(result);
	return status;
}

int ctl_cmd_diagnose(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments = about_backend(argc, argv), *result = NULL;
	int status;

	if (!arguments)
		return bad_words();
	status = ctl_ask_about(options, "diagnose", arguments, CTL_DIAGNOSE_MS, &result);
	if (status)
		return status;
	if (options->json)
		status = ctl_print_json(result);
	else
		show_diagnosis(stdout, result);
	if (status == CTL_EXIT_OK && strcmp(ctl_text(result, "class"), "none") != 0)
		status = CTL_EXIT_REFUSED;
	json_decref(result);
	return status;
}
