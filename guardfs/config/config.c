/* Complaints, and a configuration's backends and hooks. */
#include "config/keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

errint_t config_fail(const struct config_report *report, unsigned line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (report->error[0] != '\0')
		return -EINVAL;
	if (line > 0)
		n = snprintf(report->error, CONFIG_ERROR_MAX, "%.255s:%u: ", report->file, line);
	else
		n = snprintf(report->error, CONFIG_ERROR_MAX, "%.255s: ", report->file);
	va_start(ap, fmt);
	vsnprintf(report->error + n, CONFIG_ERROR_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int config_root_backend(const struct config *config)
{
	return config->root[0] ? config_find_backend(config, config->root) : -1;
}

int config_find_backend(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_backends; i++) {
		if (strcmp(config->backends[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const char *config_hook_name(enum config_hook hook)
{
	static const char *const names[CONFIG_HOOK_COUNT] = {"on_down", "on_recovered", "on_exhausted",
							     "on_stall", "on_suspect"};

	return (unsigned)hook < CONFIG_HOOK_COUNT ? names[hook] : "invalid";
}

bool config_has_hook(const struct config *config, enum config_hook hook)
{
	for (uint32_t i = 0; i < config->n_hooks; i++)
		if (config->hooks[i].hook == (uint32_t)hook)
			return true;
	return false;
}
