/* Foreign numbers, times and sizes. */
#include "ctl/show.h"
#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define LATEST_TIME 32503680000.0      /* year 3000 */
#define LARGEST	    9007199254740992.0 /* up to here every whole number is a double */

double show_number(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return isfinite(value) ? value : 0;
}

uint64_t show_count(const json_t *object, const char *key)
{
	double value = show_number(object, key);

	return value >= 0 && value <= LARGEST ? (uint64_t)value : 0;
}

double show_time_of(const json_t *object, const char *key)
{
	double value = show_number(object, key);

	return value > 0 && value < LATEST_TIME ? value : 0;
}

void show_time(FILE *out, double when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char buf[64];

	if (when > 0 && localtime_r(&t, &tm) && strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z", &tm))
		fputs(buf, out);
	else
		fputs("an unknown time", out);
}

void show_span(FILE *out, double seconds)
{
	uint64_t s = seconds > 0 && seconds < LATEST_TIME ? (uint64_t)seconds : 0;

	if (!(seconds > 0))
		fputs("0 ms", out);
	else if (seconds < 1)
		fprintf(out, "%.0f ms", seconds * 1000);
	else if (s < 60)
		fprintf(out, "%.2f s", seconds);
	else if (s < 3600)
		fprintf(out, "%d min %d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		fprintf(out, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		fprintf(out, "%d d %d h", (int)(s / 86400), (int)(s / 3600 % 24));
}

void show_bytes(FILE *out, uint64_t n)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)n;
	int unit = -1;

	while (value >= 1024 && unit + 1 < (int)ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		fprintf(out, "%.0f B", value);
	else
		fprintf(out, "%.1f %s", value, units[unit]);
}

void show_plain(FILE *out, const char *s)
{
	utf8_print_escaped(out, s, SIZE_MAX);
}

/* Code points: near enough to columns. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

void show_cell(FILE *out, const char *s, int width)
{
	char *cell = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&cell, &size);

	if (!buffer)
		return;
	show_plain(buffer, s);
	fclose(buffer);
	fprintf(out, "%s%*s", cell, MAX(width - columns(cell), 0) + 1, "");
	free(cell);
}
