/* guardctl incidents, incident */
#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

#define INCIDENTS_MAX 1000

/* NULL: said what is wrong. */
static json_t *incidents_arguments(const struct ctl_options *options)
{
	json_t *arguments = json_object();
	int64_t since = 0;
	uint64_t limit = 0;

	if (options->since &&
	    (ctl_parse_since(options->since, (int64_t)(clock_real_ns() / NSEC_PER_SEC), &since) ||
	     json_object_set_new(arguments, "since", json_integer(since)))) {
		ctl_fail(0,
			 "--since: \"%s\" is no time: 12h, 7d (ago), 2026-01-08, or seconds since the epoch",
			 options->since);
	} else if (options->limit &&
		   (ctl_parse_number(options->limit, INCIDENTS_MAX, &limit) ||
		    json_object_set_new(arguments, "limit", json_integer((json_int_t)limit)))) {
		ctl_fail(0, "--limit: \"%s\" is no number from 1 to %d", options->limit, INCIDENTS_MAX);
	} else if (options->backend &&
		   json_object_set_new(arguments, "backend", json_string(options->backend))) {
		ctl_fail(0, "--backend: not UTF-8");
	} else {
		return arguments;
	}
	json_decref(arguments);
	return NULL;
}

int ctl_cmd_incidents(const struct ctl_options *options, int argc, char **argv)
{
	json_t *arguments = incidents_arguments(options), *result = NULL;
	int status;

	(void)argc;
	(void)argv;
	if (!arguments)
		return CTL_EXIT_USAGE;
	status = ctl_ask_about(options, "incidents", arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	if (options->json)
		status = ctl_print_json(result);
	else
		show_incidents(stdout, result);
	json_decref(result);
	return status;
}

int ctl_ask_incident(const struct ctl_options *options, const char *number, json_t **result)
{
	uint64_t id = 0;

	if (ctl_parse_number(number, INT64_MAX, &id))
		return ctl_fail(CTL_EXIT_USAGE,
				"\"%s\" is no number of an incident. guardctl incidents shows them", number);
	return ctl_ask_about(options, "incident", json_pack("{s:I}", "id", (json_int_t)id), CTL_ASK_MS,
			     result);
}

int ctl_cmd_incident(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	int status = ctl_ask_incident(options, argv[0], &result);

	(void)argc;
	if (status)
		return status;
	if (options->json)
		status = ctl_print_json(result);
	else
		show_incident(stdout, result);
	json_decref(result);
	return status;
}
