/* How long keeper may be silent: then guardian replaces it. */
#ifndef GUARDFS_POLICY_SILENCE_H
#define GUARDFS_POLICY_SILENCE_H

#include <stdint.h>

/* Its loop takes a second; it reads and writes small local files. */
#define SILENCE_KEEPER_MS 10000u
/* Stopped by a signal: it gets nowhere by itself. */
#define SILENCE_KEEPER_STOPPED_MS 3000u
/* Without a processor, or awaiting memory or disk: another would not fare better. */
#define SILENCE_KEEPER_HELD_UP_MS 60000u

/* state: keeper's, as in /proc/PID/stat (0: unknown). A debugger's hold ('t') is as any silence: somebody looks. In ms, since the
 * last heartbeat. Any process, any thread. */
static inline uint64_t silence_keeper_limit_ms(char state)
{
	switch (state) {
	case 'T':
		return SILENCE_KEEPER_STOPPED_MS;
	case 'R':
	case 'D':
		return SILENCE_KEEPER_HELD_UP_MS;
	default:
		return SILENCE_KEEPER_MS;
	}
}

#endif
