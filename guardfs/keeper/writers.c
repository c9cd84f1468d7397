#include "keeper/writers.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "keeper/internal.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITERS_MAX   256u
#define OBJECT_MAX    SUSPECT_PATH_MAX
#define DEPTH_MAX     128u
#define LOOK_NS	      (5 * NSEC_PER_SEC)
#define RENEW_NS      (30 * NSEC_PER_SEC)
#define MEMORY_PREFIX "writing/"

struct writer {
	uint32_t backend;
	bool used, seen, put;
	uint64_t size, safe;		     /* acknowledged; the part not at risk */
	uint64_t put_size, put_safe, put_ns; /* as last written down */
	char object[OBJECT_MAX];
};

struct writers {
	uint64_t next_ns;
	bool full; /* said so */
	struct writer all[WRITERS_MAX];
};

/* Worker may rename meanwhile: until the next look the path may never have been. */
static bool object_of_node(const struct arena *arena, uint32_t n, char object[OBJECT_MAX])
{
	char longer[OBJECT_MAX + 256];

	object[0] = '\0';
	for (unsigned depth = 0; n < NODE_MAX && depth < DEPTH_MAX; depth++) {
		const struct node *node = &arena->nodes[n];

		if (node->flags & NODE_ROUTE_ROOT)
			return object[0] != '\0';
		snprintf(longer, sizeof(longer), "%s%s%s", name_get(&arena->names, node->name),
			 object[0] ? "/" : "", object);
		if (copy_string(object, OBJECT_MAX, longer) < 0)
			return false;
		n = node->parent;
	}
	return false;
}

static bool is_writer(const struct handle *h)
{
	return atomic_load(&h->state) == HANDLE_LIVE && h->kind == HANDLE_FILE &&
	       h->backend < CONFIG_BACKENDS_MAX && (h->flags & O_ACCMODE) != O_RDONLY &&
	       !atomic_load(&h->closing) && !h->unlinked && !atomic_load(&h->error) &&
	       !atomic_load(&h->draft); /* nothing of it is in the file yet */
}

bool writers_have(const struct arena *arena, uint32_t backend, const char *object)
{
	uint32_t used = MIN(atomic_load(&arena->handles_used), (uint32_t)HANDLE_MAX);
	char other[OBJECT_MAX];

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &arena->handles[i];

		if (is_writer(h) && h->backend == backend && object_of_node(arena, h->node, other) &&
		    strcmp(other, object) == 0)
			return true;
	}
	return false;
}

/* ---- what is written down ---- */

static void key_of(const struct keeper *k, const struct writer *w, char *key, size_t size)
{
	CLEANUP_FREE char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	key[0] = '\0';
	if (!out)
		return;
	fprintf(out, MEMORY_PREFIX "%s/", k->config->backends[w->backend].name);
	utf8_print_escaped(out, w->object, sizeof(w->object));
	if (fclose(out) == 0)
		(void)copy_string(key, size, text);
}

static void put_writer(const struct keeper *k, struct writer *w, uint64_t now_ns)
{
	char key[4 * OBJECT_MAX + 64], value[96];

	key_of(k, w, key, sizeof(key));
	snprintf(value, sizeof(value), "{\"size\":%llu,\"safe\":%llu}", (unsigned long long)w->size,
		 (unsigned long long)w->safe);
	if (key[0])
		journal_put_memory(k->journal, key, value);
	w->put = true;
	w->put_size = w->size;
	w->put_safe = w->safe;
	w->put_ns = now_ns;
}

static void forget_writer(const struct keeper *k, struct writer *w)
{
	char key[4 * OBJECT_MAX + 64];

	key_of(k, w, key, sizeof(key));
	if (w->put && key[0])
		journal_put_memory(k->journal, key, NULL);
	w->used = false;
}

/* ---- looking ---- */

static struct writer *find_writer(struct writers *all, uint32_t backend, const char *object)
{
	struct writer *free_one = NULL;

	for (uint32_t i = 0; i < WRITERS_MAX; i++) {
		struct writer *w = &all->all[i];

		if (w->used && w->backend == backend && strcmp(w->object, object) == 0)
			return w;
		if (!free_one && !w->used)
			free_one = w;
	}
	if (!free_one)
		return NULL;
	*free_one = (struct writer){.used = true, .backend = backend};
	(void)copy_string(free_one->object, sizeof(free_one->object), object);
	return free_one;
}

/* Without the ledger's lock: present writes may count. */
static void see_handle(const struct keeper *k, struct writers *all, const struct handle *h)
{
	struct ledger ledger = h->unsynced;
	uint64_t known_end = h->known_end, size, safe;
	char object[OBJECT_MAX];
	struct writer *w;

	if (!object_of_node(k->arena, h->node, object))
		return;
	w = find_writer(all, h->backend, object);
	if (!w && !all->full)
		log_warning("more than %u files are open for writing: which they are is not kept for a crash",
			    WRITERS_MAX);
	all->full |= !w;
	if (!w)
		return;
	(void)ledger_check(&ledger);
	size = MAX(known_end, ledger_end(&ledger));
	safe = ledger.n ? MIN(ledger.ranges[0].from, known_end) : known_end;
	w->size = w->seen ? MAX(w->size, size) : size;
	w->safe = w->seen ? MIN(w->safe, safe) : safe;
	w->seen = true;
}

/* Owed bytes belong to the size, and are not safe. */
static void add_extents(const struct keeper *k, struct writers *all)
{
	for (uint32_t i = 0; i < EXTENT_MAX; i++) {
		const struct extent *e = &k->arena->owed.extents[i];
		const struct handle *h = arena_owed_handle(k->arena, e);
		char object[OBJECT_MAX];
		struct writer *w;

		if (!h || e->appends || !is_writer(h) || !object_of_node(k->arena, h->node, object))
			continue;
		w = find_writer(all, h->backend, object);
		if (!w || !w->seen)
			continue;
		w->size = MAX(w->size, e->offset + atomic_load(&e->length));
		w->safe = MIN(w->safe, e->offset);
	}
}

/* Less than was written down is safe where something was written over. */
static bool is_to_be_put(const struct writer *w, uint64_t now_ns)
{
	bool changed = w->size != w->put_size || w->safe != w->put_safe;

	return !w->put || w->safe < w->put_safe || (changed && now_ns >= w->put_ns + RENEW_NS);
}

static void settle_writers(const struct keeper *k, struct writers *all, uint64_t now_ns)
{
	for (uint32_t i = 0; i < WRITERS_MAX; i++) {
		struct writer *w = &all->all[i];

		if (w->used && !w->seen)
			forget_writer(k, w);
		else if (w->used && is_to_be_put(w, now_ns))
			put_writer(k, w, now_ns);
		w->seen = false;
	}
}

void writers_tick(struct keeper *k, uint64_t now_ns)
{
	uint32_t used = MIN(atomic_load(&k->arena->handles_used), (uint32_t)HANDLE_MAX);

	if (!k->writers || !k->journal || now_ns < k->writers->next_ns)
		return;
	k->writers->next_ns = now_ns + LOOK_NS;
	for (uint32_t i = 0; i < used; i++)
		if (is_writer(&k->arena->handles[i]) && k->arena->handles[i].backend < k->n_backends)
			see_handle(k, k->writers, &k->arena->handles[i]);
	add_extents(k, k->writers);
	settle_writers(k, k->writers, now_ns);
}

/* ---- the last session ---- */

/* Of a key of memory. False: none. */
static bool writer_of_key(const struct keeper *k, const char *key, struct writer *w)
{
	char name[CONFIG_NAME_MAX];
	const char *slash;
	int backend;

	if (strncmp(key, MEMORY_PREFIX, strlen(MEMORY_PREFIX)) != 0)
		return false;
	key += strlen(MEMORY_PREFIX);
	slash = strchr(key, '/');
	if (!slash || (size_t)(slash - key) >= sizeof(name))
		return false;
	memcpy(name, key, (size_t)(slash - key));
	name[slash - key] = '\0';
	backend = config_find_backend(k->config, name);
	*w = (struct writer){.used = true, .put = true, .backend = (uint32_t)MAX(backend, 0)};
	return backend >= 0 && suspects_unescape(slash + 1, w->object, sizeof(w->object)) && w->object[0];
}

static void take_sizes(const json_t *value, struct writer *w)
{
	const char *text = json_string_value(value);
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	json_int_t size = json_integer_value(json_object_get(object, "size"));
	json_int_t safe = json_integer_value(json_object_get(object, "safe"));

	w->size = size > 0 ? (uint64_t)size : 0;
	w->safe = safe > 0 ? MIN((uint64_t)safe, w->size) : 0;
	json_decref(object);
}

static void show_path(const struct keeper *k, const struct writer *w, char path[SUSPECT_PATH_MAX])
{
	const char *rest;
	const struct route *route = tiermap_nearest(&k->board->map, w->backend, w->object, &rest);
	int n;

	if (route)
		n = snprintf(path, SUSPECT_PATH_MAX, "%s%s%s", route->path, *rest ? "/" : "", rest);
	else if (config_root_backend(k->config) == (int)w->backend)
		n = snprintf(path, SUSPECT_PATH_MAX, "%s", w->object);
	else
		n = snprintf(path, SUSPECT_PATH_MAX, ".guardfs/backends/%s/%s",
			     k->config->backends[w->backend].name, w->object);
	if (n < 0 || (size_t)n >= SUSPECT_PATH_MAX)
		path[0] = '\0';
}

static void file_writer(struct keeper *k, const struct writer *w)
{
	struct suspect_note *note = calloc(1, sizeof(*note));

	if (!note)
		return;
	note->real_ns = clock_real_ns();
	note->news = SUSPECT_CRASHED;
	note->backend = w->backend;
	note->size = w->size;
	ledger_put(&note->ranges, w->safe, w->size, LEDGER_CONFIRMED);
	(void)copy_string(note->object, sizeof(note->object), w->object);
	show_path(k, w, note->path);
	suspects_take(k, note);
	free(note);
}

/* In a new arena the session did not end; in the same one it is a former keeper's. */
static void recall_writers(struct keeper *k, struct writers *all, bool crashed)
{
	const char *key;
	json_t *value;
	uint32_t n = 0;

	json_object_foreach(k->recalled.memory, key, value)
	{
		struct writer w;

		if (!writer_of_key(k, key, &w))
			continue;
		take_sizes(value, &w);
		if (crashed) {
			file_writer(k, &w);
			journal_put_memory(k->journal, key, NULL);
		} else if (n < WRITERS_MAX) {
			all->all[n++] = w;
		}
	}
}

struct writers *writers_start(struct keeper *k)
{
	struct writers *all = calloc(1, sizeof(*all));
	bool crashed = !atomic_exchange(&k->arena->suspects.begun, 1);

	if (all && k->journal)
		recall_writers(k, all, crashed);
	return all;
}

void writers_stop(struct keeper *k, bool ended)
{
	for (uint32_t i = 0; k->writers && k->journal && ended && i < WRITERS_MAX; i++)
		if (k->writers->all[i].used)
			forget_writer(k, &k->writers->all[i]);
	free(k->writers);
	k->writers = NULL;
}
