/* Features that SFTP servers lack. */
#include "ctl/doctor/doctor.h"
#include "control/client.h"
#include "policy/server.h"

#include <stdio.h>

#define ASK_MS 8000

void doctor_judge_server(struct doctor *d, const char *backend, const json_t *lacks)
{
	char id[64];

	snprintf(id, sizeof(id), "server:%.32s", backend);
	if (!json_is_array(lacks)) {
		doctor_find(d, DOCTOR_NOTE, id, "As root: guardctl diagnose, while the backend is healthy.",
			    "the server has not been asked yet what it offers");
		return;
	}
	if (json_array_size(lacks) == 0)
		doctor_find(d, DOCTOR_OK, id, "",
			    "the server offers all that is needed: posix-rename, fsync, statvfs");
	for (unsigned i = 0; i < SERVER_FEATURE_COUNT; i++) {
		const struct server_feature_info *f = server_feature_info((enum server_feature)i);

		if (ctl_lists(lacks, f->name))
			doctor_find(d, DOCTOR_WARNING, id,
				    "Have the server offer it (OpenSSH's sftp-server does), or use nothing "
				    "that needs it.",
				    "the server offers no %s: %s", f->name, f->without_it);
	}
}

/* NULL: impossible now; else the caller releases it. */
static json_t *ask_keeper(const struct doctor *d, const char *backend)
{
	json_t *reply = NULL, *lacks;

	if (!d->run_dir || d->uid != 0 ||
	    control_call(d->run_dir, "diagnose", json_pack("{s:s}", "backend", backend), ASK_MS, NULL, NULL,
			 &reply) < 0)
		return NULL;
	lacks = json_incref(json_object_get(json_object_get(reply, "result"), "lacks"));
	json_decref(reply);
	return lacks;
}

static bool speaks_sftp(const char *type)
{
	return strcmp(type, "sshfs") == 0 || strcmp(type, "sftp") == 0;
}

/* A running guardfs remembers; else it asks, unless there is trouble already. */
void doctor_check_servers(struct doctor *d)
{
	const json_t *backends = json_object_get(d->status, "backends"), *b;
	size_t i;

	json_array_foreach(backends, i, b)
	{
		json_t *lacks = json_incref(json_object_get(b, "server_lacks"));

		if (speaks_sftp(ctl_text(b, "type"))) {
			if (!json_is_array(lacks) && strcmp(ctl_text(b, "state"), "healthy") == 0) {
				json_decref(lacks);
				lacks = ask_keeper(d, ctl_text(b, "name"));
			}
			doctor_judge_server(d, ctl_text(b, "name"), lacks);
		}
		json_decref(lacks);
	}
}
