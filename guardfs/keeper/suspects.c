#include "keeper/suspects.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "keeper/internal.h"
#include "report/suspects.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define NOTES_PER_STEP 1024u

/* Too large for a stack; one at a time. */
static struct suspect work;

static struct suspect_table *table_of(const struct keeper *k)
{
	return &k->arena->suspects;
}

static uint32_t places_used(const struct keeper *k)
{
	return MIN(atomic_load(&table_of(k)->used), SUSPECTS_MAX);
}

/* In place: keeper alone changes it. */
static const struct suspect *at_place(const struct keeper *k, uint32_t place)
{
	return &table_of(k)->places[place].suspect;
}

static bool is_open(const struct suspect *s)
{
	return s->filed_ns && !suspect_is_settled((enum suspect_verdict)s->verdict);
}

/* ---- journal ---- */

static void give_to_journal(struct keeper *k, uint32_t place)
{
	const struct suspect *s = at_place(k, place);
	json_t *object = report_suspect_json(k->config, s);
	CLEANUP_FREE char *record = object ? json_dumps(object, JSON_COMPACT) : NULL;
	const struct journal_suspect row = {.filed_ns = s->filed_ns,
					    .changed_ns = MAX(s->told_ns, s->checked_ns),
					    .settled = !is_open(s),
					    .backend = k->config->backends[s->backend].name,
					    .job = s->job,
					    .record = record};

	json_decref(object);
	k->suspects.given[place] = k->journal && record && journal_put_suspect(k->journal, &row);
}

static bool has_taken_note(const struct keeper *k, const struct suspect *s)
{
	return k->suspects.note && s->filed_ns && s->note == k->suspects.note;
}

/* A former look's outcome is outdated: the next one waits for calm alone. */
static void look_anew(struct keeper *k, uint32_t place)
{
	k->settle.retry_ns[place] = 0;
}

/* Marked as unwritten until the journal's queue is. */
static void store(struct keeper *k, uint32_t place, struct suspect *s)
{
	s->unwritten = true;
	if (k->suspects.note)
		s->note = k->suspects.note;
	suspect_put(table_of(k), place, s);
	give_to_journal(k, place);
	k->changed = true;
}

static void note_written(struct keeper *k)
{
	bool written = k->journal && journal_is_written(k->journal);

	for (uint32_t i = 0; i < places_used(k); i++) {
		const struct suspect *s = at_place(k, i);

		if (!s->filed_ns || !s->unwritten)
			continue;
		if (!k->suspects.given[i]) {
			/* A former keeper's, or there was no room. */
			give_to_journal(k, i);
			if (!k->suspects.given[i])
				return;
		} else if (written) {
			work = *s;
			work.unwritten = false;
			suspect_put(table_of(k), i, &work);
			k->suspects.given[i] = false;
		}
	}
}

static void write_event(const struct keeper *k, const struct suspect *s, const char *outcome,
			const char *text)
{
	char line[SUSPECT_PATH_MAX + CONFIG_PATH_MAX + 512];
	const struct journal_event event = {.time_ns = clock_real_ns(),
					    .incident = s->incident,
					    .kind = "note",
					    .backend = k->config->backends[s->backend].name,
					    .name = "suspect",
					    .outcome = outcome,
					    .text = line};

	snprintf(line, sizeof(line), "%s/%s: %s", k->config->mountpoint,
		 s->path[0] ? s->path : "(its name is not known)", text);
	if (k->journal)
		journal_put_event(k->journal, &event);
}

/* ---- places ---- */

static uint32_t find_open(const struct keeper *k, uint32_t backend, const char *object)
{
	for (uint32_t i = 0; i < places_used(k); i++) {
		const struct suspect *s = at_place(k, i);

		if (is_open(s) && s->backend == backend && object[0] && strcmp(s->object, object) == 0)
			return i;
	}
	return SUSPECTS_MAX;
}

static uint32_t find_filed(const struct keeper *k, uint64_t filed_ns)
{
	for (uint32_t i = 0; i < places_used(k); i++)
		if (at_place(k, i)->filed_ns == filed_ns)
			return i;
	return SUSPECTS_MAX;
}

/* SUSPECTS_MAX: none. */
static uint32_t find_taken(const struct keeper *k)
{
	for (uint32_t i = 0; i < places_used(k); i++)
		if (has_taken_note(k, at_place(k, i)))
			return i;
	return SUSPECTS_MAX;
}

/* A free place, else the settled suspect told longest ago, else the open one. The journal has them. */
static bool gives_way_before(const struct suspect *a, const struct suspect *b)
{
	if (is_open(a) != is_open(b))
		return !is_open(a);
	return a->told_ns < b->told_ns;
}

static uint32_t free_place(const struct keeper *k)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < SUSPECTS_MAX; i++) {
		if (i >= places_used(k) || !at_place(k, i)->filed_ns)
			return i;
		if (gives_way_before(at_place(k, i), at_place(k, best)))
			best = i;
	}
	if (is_open(at_place(k, best)))
		log_error("more than %u files are suspect: %s is in the journal alone from now on",
			  SUSPECTS_MAX, at_place(k, best)->path);
	return best;
}

/* A name is the time of filing. */
static uint64_t unused_name(const struct keeper *k, uint64_t real_ns)
{
	while (find_filed(k, real_ns) < SUSPECTS_MAX)
		real_ns++;
	return real_ns;
}

static void find_job(const struct keeper *k, struct suspect *s)
{
	size_t length = 0;

	s->job[0] = '\0';
	for (uint32_t i = 0; i < k->config->n_job_patterns && !length; i++)
		length = job_match(k->config->job_patterns[i], s->path);
	if (length == 0 || length >= sizeof(s->job))
		return;
	memcpy(s->job, s->path, length);
	s->job[length] = '\0';
}

/* ---- new suspects ---- */

/* The more certain loss is the cause. */
static enum suspect_news graver(enum suspect_news a, enum suspect_news b)
{
	return MIN(a, b);
}

static void begin_suspect(const struct keeper *k, const struct suspect_note *note, struct suspect *s)
{
	memset(s, 0, sizeof(*s));
	s->filed_ns = unused_name(k, MAX(note->real_ns, 1));
	s->backend = note->backend;
	s->cause = note->news;
	memcpy(s->path, note->path, sizeof(s->path));
	memcpy(s->object, note->object, sizeof(s->object));
	find_job(k, s);
}

static void add_note(struct suspect *s, const struct suspect_note *note, uint64_t incident)
{
	s->told_ns = note->real_ns;
	s->incident = incident;
	s->cause = graver((enum suspect_news)s->cause, (enum suspect_news)note->news);
	s->error = note->error;
	s->size = MAX(s->size, note->size);
	s->overwrote |= note->overwrote;
	ledger_put_all(&s->ranges, &note->ranges);
	s->verdict = note->object[0] ? SUSPECT_PENDING : SUSPECT_UNKNOWN;
	s->whole_to = s->found_size = 0;
	s->n_holes = 0;
	s->tries = 0;
	(void)copy_string(s->why, sizeof(s->why), note->object[0] ? "" : "its name is not known");
}

/* Those that came no further than level. */
static void describe_ranges(const struct ledger *l, enum ledger_level level, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < l->n && used < size; i++)
		if (l->ranges[i].level <= level)
			used += (size_t)snprintf(text + used, size - used, "%s%llu to %llu", used ? ", " : "",
						 (unsigned long long)l->ranges[i].from,
						 (unsigned long long)l->ranges[i].to - 1);
}

static void describe_note(const struct suspect_note *note, char *text, size_t size)
{
	char ranges[256];

	/* Of a lost file confirmed ranges are at risk only. */
	describe_ranges(&note->ranges, note->news == SUSPECT_LOST ? LEDGER_WRITTEN : LEDGER_CONFIRMED, ranges,
			sizeof(ranges));
	if (note->news == SUSPECT_READ)
		snprintf(text, size, "open for reading only, or without a name; it is not what it was");
	else if (note->news == SUSPECT_CRASHED && note->ranges.n == 0)
		snprintf(text, size, "it was open for writing when guardfs ended");
	else if (note->ranges.n == 0)
		snprintf(text, size, "all that was written was synced, but it is not what it was");
	else if (note->news == SUSPECT_LOST)
		snprintf(text, size, "bytes %s were acknowledged and are not on storage", ranges);
	else if (note->news == SUSPECT_FAILED)
		snprintf(text, size, "writing bytes %s met an error: they may be there in part", ranges);
	else if (note->news == SUSPECT_CRASHED)
		snprintf(text, size, "it was open for writing when guardfs ended: bytes %s", ranges);
	else
		snprintf(text, size, "what was acknowledged and not yet synced lies in bytes %s", ranges);
}

static void tell_of_note(struct keeper *k, const struct suspect_note *note)
{
	struct supervised *s = &k->backends[note->backend];
	char text[512];

	describe_note(note, text, sizeof(text));
	work.path[0] = '\0';
	(void)copy_string(work.path, sizeof(work.path), note->path);
	work.backend = note->backend;
	work.incident = s->incident.id;
	write_event(k, &work, note->news == SUSPECT_READ ? "read" : "written", text);
	log_warning("backend %s: %s/%s: %s", s->config->name, k->config->mountpoint,
		    note->path[0] ? note->path : "(its name is not known)", text);
}

static void take_suspect(struct keeper *k, const struct suspect_note *note)
{
	struct supervised *s = &k->backends[note->backend];
	uint32_t place = find_open(k, note->backend, note->object);

	if (find_taken(k) < SUSPECTS_MAX)
		return;
	tell_of_note(k, note);
	if (note->news == SUSPECT_READ)
		return;
	s->suspects_new++;
	atomic_fetch_add(&table_of(k)->came[note->news], 1);
	if (place < SUSPECTS_MAX) {
		work = *at_place(k, place);
	} else {
		begin_suspect(k, note, &work);
		place = free_place(k);
	}
	add_note(&work, note, s->incident.id);
	look_anew(k, place);
	store(k, place, &work);
}

/* ---- news of suspects ---- */

static void settle_as(struct keeper *k, uint32_t place, enum suspect_verdict verdict, const char *why)
{
	work = *at_place(k, place);
	work.verdict = verdict;
	work.checked_ns = clock_real_ns();
	(void)copy_string(work.why, sizeof(work.why), why);
	suspects_found(k, place, &work);
}

/* Those at or below object when the call begins. */
static void each_below(struct keeper *k, const struct suspect_note *note, const char *object,
		       void (*change)(struct keeper *k, uint32_t place, const struct suspect_note *note))
{
	uint32_t used = places_used(k);

	for (uint32_t i = 0; i < used; i++) {
		const struct suspect *s = at_place(k, i);

		if (is_open(s) && !has_taken_note(k, s) && s->backend == note->backend && s->object[0] &&
		    suspect_path_is_below(s->object, object))
			change(k, i, note);
	}
}

static void is_removed(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	(void)note;
	settle_as(k, place, SUSPECT_GONE, "removed through the mount");
}

static void is_replaced(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	(void)note;
	settle_as(k, place, SUSPECT_REPLACED, "another file was put in its place through the mount");
}

static void is_emptied(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	(void)note;
	settle_as(k, place, SUSPECT_REPLACED, "emptied through the mount, to be written anew");
}

static void is_written(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	(void)note;
	work = *at_place(k, place);
	if (work.again && work.verdict == SUSPECT_PENDING)
		return;
	work.again = true;
	work.verdict = SUSPECT_PENDING; /* the finding no longer holds */
	work.whole_to = 0;
	store(k, place, &work);
}

/* Its writer went on: by the old size somebody else would have changed it. */
static void is_closed(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	if (strcmp(at_place(k, place)->object, note->object) != 0 || note->size <= at_place(k, place)->size)
		return;
	work = *at_place(k, place);
	work.size = note->size;
	work.told_ns = note->real_ns;
	work.verdict = SUSPECT_PENDING;
	work.whole_to = 0;
	look_anew(k, place);
	store(k, place, &work);
}

/* Replaces `from` at its beginning; too long: not known. */
static void move_path(char path[SUSPECT_PATH_MAX], const char *from, const char *to)
{
	char moved[2 * SUSPECT_PATH_MAX];

	if (!path[0] || !suspect_path_is_below(path, from))
		return;
	snprintf(moved, sizeof(moved), "%s%s", to, path + strlen(from));
	if (copy_string(path, SUSPECT_PATH_MAX, moved) < 0)
		path[0] = '\0';
}

static void move_work(const struct keeper *k, const struct suspect_note *note)
{
	bool forth = suspect_path_is_below(work.object, note->object);

	move_path(work.object, forth ? note->object : note->to_object,
		  forth ? note->to_object : note->object);
	move_path(work.path, forth ? note->path : note->to_path, forth ? note->to_path : note->path);
	find_job(k, &work);
}

static void is_renamed(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	work = *at_place(k, place);
	move_work(k, note);
	store(k, place, &work);
}

/* A suspect of its own: the old name may be removed. */
static void is_linked(struct keeper *k, uint32_t place, const struct suspect_note *note)
{
	if (strcmp(at_place(k, place)->object, note->object) != 0)
		return;
	work = *at_place(k, place);
	work.filed_ns = unused_name(k, work.filed_ns);
	move_work(k, note);
	if (find_open(k, work.backend, work.object) < SUSPECTS_MAX)
		return;
	place = free_place(k);
	look_anew(k, place);
	store(k, place, &work);
}

/* Each suspect below either name moves once. */
static void exchange(struct keeper *k, const struct suspect_note *note)
{
	uint32_t used = places_used(k);

	for (uint32_t i = 0; i < used; i++) {
		const struct suspect *s = at_place(k, i);

		if (is_open(s) && !has_taken_note(k, s) && s->backend == note->backend && s->object[0] &&
		    (suspect_path_is_below(s->object, note->object) ||
		     suspect_path_is_below(s->object, note->to_object)))
			is_renamed(k, i, note);
	}
}

static void take_news(struct keeper *k, const struct suspect_note *note)
{
	switch ((enum suspect_news)note->news) {
	case SUSPECT_RENAMED:
		each_below(k, note, note->to_object, is_replaced);
		each_below(k, note, note->object, is_renamed);
		break;
	case SUSPECT_EXCHANGED:
		exchange(k, note);
		break;
	case SUSPECT_LINKED:
		each_below(k, note, note->object, is_linked);
		break;
	case SUSPECT_REMOVED:
		each_below(k, note, note->object, is_removed);
		break;
	case SUSPECT_EMPTIED:
		each_below(k, note, note->object, is_emptied);
		break;
	case SUSPECT_WRITTEN:
		each_below(k, note, note->object, is_written);
		break;
	case SUSPECT_CLOSED:
		each_below(k, note, note->object, is_closed);
		break;
	default:
		take_suspect(k, note);
	}
}

void suspects_take(struct keeper *k, const struct suspect_note *note)
{
	if (note->backend < k->n_backends && note->news < SUSPECT_NEWS_COUNT)
		take_news(k, note);
}

void suspects_step(struct keeper *k)
{
	static struct suspect_note note; /* large; keeper has one thread for it */

	/* Keeper has other work than a flood of them. */
	for (unsigned i = 0; i < NOTES_PER_STEP && suspect_peek(table_of(k), &note); i++) {
		k->suspects.note = atomic_load(&table_of(k)->taken) + 1;
		suspects_take(k, &note);
		suspect_taken(table_of(k));
	}
	k->suspects.note = 0;
	if (!k->suspects.recalled && !suspect_peek(table_of(k), &note))
		suspects_start(k);
	note_written(k);
}

/* ---- former sessions ---- */

static void recall_suspect(struct keeper *k, const json_t *record)
{
	if (!suspects_from_json(k, record, &work) || find_filed(k, work.filed_ns) < SUSPECTS_MAX ||
	    find_open(k, work.backend, work.object) < SUSPECTS_MAX)
		return;
	work.unwritten = false;
	suspect_put(table_of(k), free_place(k), &work);
}

void suspects_start(struct keeper *k)
{
	struct journal_recalled recalled;
	const json_t *record;
	size_t i;

	suspect_complete(table_of(k));
	if (!k->journal || journal_recall(k->journal, 0, &recalled) < 0)
		return;
	k->suspects.recalled = true;
	json_array_foreach(recalled.suspects, i, record)
	{
		if (i < SUSPECTS_MAX / 2)
			recall_suspect(k, record);
	}
	if (i > SUSPECTS_MAX / 2)
		log_warning("%zu files of former sessions need a look: %zu of them are in the journal alone",
			    i, i - SUSPECTS_MAX / 2);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
}

/* ---- what was found ---- */

void suspects_found(struct keeper *k, uint32_t place, const struct suspect *found)
{
	char text[400];
	bool settled = !is_open(found);

	if (found != &work)
		work = *found;
	suspects_describe(&work, text, sizeof(text));
	write_event(k, &work, suspect_verdict_name((enum suspect_verdict)work.verdict), text);
	log_write(settled ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, "backend %s: %s/%s: %s",
		  k->config->backends[work.backend].name, k->config->mountpoint, work.path, text);
	if (work.verdict < SUSPECT_VERDICT_COUNT)
		atomic_fetch_add(&table_of(k)->found[work.verdict], 1);
	store(k, place, &work);
}

void suspects_progressed(struct keeper *k, uint32_t place, const struct suspect *seen)
{
	work = *seen;
	store(k, place, &work);
}

/* ---- commands ---- */

static bool is_asked_for(const struct keeper *k, const struct suspect *s, const char *backend,
			 const char *job)
{
	return is_open(s) &&
	       (!backend || !backend[0] || strcmp(k->config->backends[s->backend].name, backend) == 0) &&
	       (!job || !job[0] || strcmp(s->job, job) == 0);
}

json_t *suspects_json(const struct keeper *k, const char *backend, const char *job)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < places_used(k); i++)
		if (is_asked_for(k, at_place(k, i), backend, job) &&
		    json_array_append_new(array, report_suspect_json(k->config, at_place(k, i))) < 0) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

static bool is_named(const struct suspect *s, const char *path)
{
	CLEANUP_FREE char *text = NULL;
	size_t length = 0;
	FILE *out = path[0] ? open_memstream(&text, &length) : NULL;

	if (!out)
		return !path[0];
	utf8_print_escaped(out, s->path, sizeof(s->path));
	return fclose(out) == 0 && suspect_path_is_below(text, path);
}

uint32_t suspects_accept(struct keeper *k, const char *path, const char *job)
{
	uint32_t n = 0, used = places_used(k);

	for (uint32_t i = 0; i < used; i++) {
		if (!is_asked_for(k, at_place(k, i), NULL, job) || !is_named(at_place(k, i), path))
			continue;
		settle_as(k, i, SUSPECT_ACCEPTED, "by an operator");
		n++;
	}
	return n;
}
