/* guardctl's messages on stderr. */
#include "ctl/ctl.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>

int ctl_fail(int status, const char *format, ...)
{
	char message[CTL_MESSAGE_MAX + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	fputs("guardctl: ", stderr);
	utf8_print_escaped(stderr, message, sizeof(message));
	fputc('\n', stderr);
	return status;
}
