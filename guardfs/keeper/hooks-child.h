/* The child that becomes a hook, between fork and exec. */
#ifndef GUARDFS_KEEPER_HOOKS_CHILD_H
#define GUARDFS_KEEPER_HOOKS_CHILD_H

#include "keeper/hooks.h"

#define HOOK_PATH     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define HOOK_VARS_MAX 12

/* vars: for execve(2), into text. */
struct hook_environment {
	char *vars[HOOK_VARS_MAX + 1];
	char text[16384];
};

/* 0 or -E2BIG. In keeper. */
errint_t hook_environment(struct hook_environment *environment, const struct config *config,
			  const struct hook_event *event) WARN_UNUSED;

/* In spawn_fork's order. */
enum { HOOK_FD_OUTPUT = 3, HOOK_FD_INPUT, HOOK_FD_REFUSAL, HOOK_FD_NAMESPACE, HOOK_FD_COUNT = 4 };

/* Becomes the program, or writes why not ("refused: ...") to HOOK_FD_REFUSAL and ends. keeper: the parent.
 * HOOK_FD_NAMESPACE: anything if no namespace is to be entered. */
void hook_child(pid_t keeper, char *const *argv, char *const *environment) __attribute__((noreturn));

#endif
