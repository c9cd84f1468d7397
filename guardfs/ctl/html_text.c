/* Foreign text. */
#include "ctl/html.h"
#include "policy/health.h"
#include "base/utf8.h"

static void put_code(FILE *out, const char *s, unsigned length)
{
	unsigned char c = (unsigned char)s[0];

	if (c == '&')
		fputs("&amp;", out);
	else if (c == '<')
		fputs("&lt;", out);
	else if (c == '>')
		fputs("&gt;", out);
	else if (c == '"')
		fputs("&quot;", out);
	else if (c == '\'')
		fputs("&#39;", out);
	else
		fwrite(s, 1, length, out);
}

void html_put(FILE *out, const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n;) {
		uint32_t code = 0;
		unsigned length = utf8_sequence(s + i, n - i, &code);
		bool control =
		    (code < 0x20 && code != '\n') || (code >= 0x7F && code <= 0x9F) || code >= 0xFFFE;

		if (length && !control && !utf8_turns(code))
			put_code(out, s + i, length);
		else
			fputs("\xEF\xBF\xBD", out);
		i += length ? length : 1;
	}
}

const char *html_state(const char *state)
{
	enum health_state known = health_state_from_name(state);

	return known == HEALTH_STATE_COUNT ? "unknown" : health_state_name(known);
}
