/* guardctl hold, resume */
#include "ctl/ctl.h"
#include "ctl/show.h"

int ctl_parse_for(const char *text, uint64_t *seconds)
{
	uint64_t ms = 0;

	if (!text)
		return ctl_fail(CTL_EXIT_USAGE, "--for DURATION is needed, e.g. --for 30m");
	if (ctl_parse_duration(text, &ms) || ms == 0)
		return ctl_fail(CTL_EXIT_USAGE,
				"--for: \"%s\" is no duration: a number above 0 with s, m or h, e.g. 30m",
				text);
	*seconds = (ms + MSEC_PER_SEC - 1) / MSEC_PER_SEC;
	return CTL_EXIT_OK;
}

static void tell_held(const char *backend, const json_t *result)
{
	double until = show_time_of(result, "until");

	show_plain(stdout, backend);
	fputs(" is held", stdout);
	if (until > 0) {
		fputs(" until ", stdout);
		show_time(stdout, until);
	}
	fputs(". guardctl resume ", stdout);
	show_plain(stdout, backend);
	fputs(" ends it before\n", stdout);
}

int ctl_cmd_hold(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments, *result = NULL;
	uint64_t seconds = 0;
	int status = ctl_parse_for(options->duration, &seconds);

	(void)argc;
	if (status)
		return status;
	if (!options->reason || !options->reason[0])
		return ctl_fail(CTL_EXIT_USAGE, "--reason TEXT is needed: others will want to know why");
	arguments = json_pack("{s:s, s:I, s:s, s:b}", "backend", argv[0], "seconds", (json_int_t)seconds,
			      "reason", options->reason, "wait", options->wait);
	if (!arguments)
		return ctl_fail(CTL_EXIT_USAGE, "what was given is not UTF-8");
	status = ctl_ask_about(options, "hold", arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	if (options->json)
		status = ctl_print_json(result);
	else
		tell_held(argv[0], result);
	json_decref(result);
	return status;
}

int ctl_cmd_resume(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments = json_pack("{s:s}", "backend", argv[0]), *result = NULL;
	int status;

	(void)argc;
	if (!arguments)
		return ctl_fail(CTL_EXIT_USAGE, "what was given is not UTF-8");
	status = ctl_ask_about(options, "resume", arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	if (options->json) {
		status = ctl_print_json(result);
	} else {
		show_plain(stdout, argv[0]);
		fputs(" goes on: ", stdout);
		show_plain(stdout, ctl_text(result, "state"));
		fputc('\n', stdout);
	}
	json_decref(result);
	return status;
}
