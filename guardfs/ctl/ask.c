/* Asks keeper over the control socket. */
#include "base/cleanup.h"
#include "control/client.h"
#include "control/frame.h"
#include "ctl/ctl.h"
#include "base/utf8.h"
#include <errno.h>

int ctl_print_json(const json_t *answer)
{
	CLEANUP_FREE char *text = json_dumps(answer, JSON_INDENT(1));

	if (!text)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	puts(text);
	return CTL_EXIT_OK;
}

static void tell_progress(void *arg, const json_t *object)
{
	static const char *const keys[] = {"name", "outcome", "text"};

	(void)arg;
	fputs("...", stderr);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!ctl_text(object, keys[i])[0])
			continue;
		fputc(' ', stderr);
		utf8_print_escaped(stderr, ctl_text(object, keys[i]), 256);
	}
	fputc('\n', stderr);
}

static int explain_no_answer(const struct ctl_instance *instance, errint_t err, uint32_t timeout_ms)
{
	const char *dir = instance->run_dir;

	switch (err) {
	case -EACCES:
	case -EPERM:
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s/" CONTROL_SOCKET
				": not for you. Be root, or for reading a member of the group that "
				"control_group in section [mount] names",
				dir);
	case -ENOENT:
	case -ECONNREFUSED:
		return ctl_fail(CTL_EXIT_UNREACHABLE,
				"keeper does not listen on %s/" CONTROL_SOCKET
				": it does not run (guardian starts it "
				"again), or could not make the socket. See journalctl -u 'guardfs@*'",
				dir);
	case -ETIMEDOUT:
		return ctl_fail(CTL_EXIT_TIMEOUT, "keeper has not answered within %g s. See guardctl status",
				(double)timeout_ms / 1000);
	case -ECONNRESET:
		return ctl_fail(CTL_EXIT_UNREACHABLE,
				"keeper hung up without an answer: it was ended, or is being "
				"replaced. Try again, and see guardctl status");
	case -EPROTO:
		return ctl_fail(CTL_EXIT_UNREACHABLE,
				"what answers on %s/" CONTROL_SOCKET " makes no sense. Use the "
				"guardctl of the same installation",
				dir);
	default:
		return ctl_fail(CTL_EXIT_UNREACHABLE, "%s/" CONTROL_SOCKET ": %s", dir, strerror(-err));
	}
}

static int explain_refusal(const char *command, const json_t *reply)
{
	static const struct {
		const char *code;
		int status;
		const char *hint;
	} codes[] = {
	    {"usage", CTL_EXIT_USAGE, ". See guardctl help"},
	    {"version", CTL_EXIT_USAGE, ""},
	    {"unknown", CTL_EXIT_USAGE, ""},
	    {"denied", CTL_EXIT_REFUSED,
	     ". Acting is root's; reading also that of the members of control_group"},
	    {"busy", CTL_EXIT_REFUSED, ". Try again"},
	    {"unavailable", CTL_EXIT_UNREACHABLE, ". The state of the journal is in guardctl status"},
	    {"refused", CTL_EXIT_REFUSED, ""},
	};
	const char *code = ctl_text(reply, "error"), *message = ctl_text(reply, "message");

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(code, codes[i].code) == 0)
			return ctl_fail(codes[i].status, "%s: %s%s%s%s", command, code,
					message[0] ? ": " : "", message, codes[i].hint);
	return ctl_fail(CTL_EXIT_REFUSED, "%s: %s: %s", command, code, message);
}

int ctl_ask(const struct ctl_instance *instance, const char *command, json_t *arguments, uint32_t timeout_ms,
	    json_t **result)
{
	json_t *reply = NULL;
	errint_t err =
	    control_call(instance->run_dir, command, arguments, timeout_ms, tell_progress, NULL, &reply);
	int status = CTL_EXIT_OK;

	*result = NULL;
	if (err)
		return explain_no_answer(instance, err, timeout_ms);
	if (json_is_true(json_object_get(reply, "ok")))
		*result = json_incref(json_object_get(reply, "result"));
	else
		status = explain_refusal(command, reply);
	json_decref(reply);
	return status;
}

int ctl_ask_about(const struct ctl_options *options, const char *command, json_t *arguments,
		  uint32_t timeout_ms, json_t **result)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status) {
		json_decref(arguments);
		ctl_fail(status, "%s", message);
	} else {
		status = ctl_ask(&instance, command, arguments, timeout_ms, result);
	}
	ctl_instance_release(&instance);
	return status;
}
