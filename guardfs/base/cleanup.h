/* Scope-bound release. CLEANUP_FREE char *p = NULL; CLEANUP_FD int fd = -1; ACQUIRE_LOCK(&mutex);
 */
#ifndef GUARDFS_BASE_CLEANUP_H
#define GUARDFS_BASE_CLEANUP_H

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pp)
{
	free(*(void **)pp);
}

static inline void cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void cleanup_unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}

#define CLEANUP_FREE __attribute__((cleanup(cleanup_free)))
#define CLEANUP_FD   __attribute__((cleanup(cleanup_fd)))
#define CLEANUP_FILE __attribute__((cleanup(cleanup_file)))
#define CLEANUP_DIR  __attribute__((cleanup(cleanup_dir)))

#define CLEANUP_JOIN_(a, b) a##b
#define CLEANUP_JOIN(a, b)  CLEANUP_JOIN_(a, b)
/* Until the scope's end. */
#define ACQUIRE_LOCK(m)                                                                                   \
	pthread_mutex_t *CLEANUP_JOIN(lock_, __LINE__) __attribute__((cleanup(cleanup_unlock), unused)) = \
	    (pthread_mutex_lock(m), (m))

#endif
