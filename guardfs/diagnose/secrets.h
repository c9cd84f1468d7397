/* What a login needs and no configuration holds: a password, a key's passphrase, connections to an agent. Got once,
 * by a process that still has its rights; used by each of its logins; then wiped. */
#ifndef GUARDFS_DIAGNOSE_SECRETS_H
#define GUARDFS_DIAGNOSE_SECRETS_H

#include "config/config.h"

/* With terminator. */
#define SECRET_MAX 1024
/* So many keys of an agent are offered: servers take six refusals for an attack. */
#define AGENT_KEYS_MAX 4u
#define AGENTS_MAX     2u

struct diagnose_secrets {
	char password[SECRET_MAX], passphrase[SECRET_MAX];
	/* askpass was asked. */
	bool asked;
	/* Of the password's file when read. 0: none was. */
	uint64_t password_changed_ns;
	/* Connections, one for each login. */
	unsigned n_agents;
	int agents[AGENTS_MAX];
};

/* These return 0, or -EINVAL: why (CONFIG_ERROR_MAX bytes) says what is wrong and what to do, without any secret. */

/* The first line of the backend's password_file, which only its owner, us or root may read. */
errint_t secrets_read_password(struct diagnose_secrets *s, const struct config_backend *b,
			       char *why) WARN_UNUSED;

/* What the backend's askpass prints when asked for the passphrase of its key, within limit_ms; then it is killed.
 * Asked only once. */
errint_t secrets_ask_passphrase(struct diagnose_secrets *s, const struct config_backend *b, uint32_t limit_ms,
				char *why) WARN_UNUSED;

/* Connects to the backend's agent so many times, and counts its keys: at least one, at most AGENT_KEYS_MAX. */
errint_t secrets_reach_agent(struct diagnose_secrets *s, const struct config_backend *b, unsigned times,
			     uint32_t limit_ms, char *why) WARN_UNUSED;

/* A connection to the agent, now the caller's. -1: none is left. */
int secrets_take_agent(struct diagnose_secrets *s);

void secrets_wipe(struct diagnose_secrets *s);

#endif
