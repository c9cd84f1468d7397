/* The board's texts, incidents and hurt callers, each with one writer and a sequence counter, odd during a
 * write. */
#include "base/clock.h"
#include "shm/board.h"
#include "shm/words.h"

#define READER_PATIENCE_NS (10 * NSEC_PER_MSEC)

_Static_assert(offsetof(struct board_backend, detail) % sizeof(word_t) == 0, "details are copied by words");
_Static_assert(offsetof(struct board, journal) % sizeof(word_t) == 0, "so is the journal's state");
_Static_assert(sizeof(struct board_incident) % sizeof(word_t) == 0, "so are incidents");

static void store_under(_Atomic uint32_t *sequence, void *shared, const void *private, size_t n)
{
	uint32_t odd = atomic_load(sequence) | 1;

	atomic_store(sequence, odd);
	atomic_thread_fence(memory_order_release);
	store_words(shared, private, n);
	atomic_store_explicit(sequence, odd + 1, memory_order_release);
}

/* False: the writer died; private holds what was there. */
static bool load_under(const _Atomic uint32_t *sequence, void *private, const void *shared, size_t n)
{
	uint64_t give_up = clock_mono_ns() + READER_PATIENCE_NS;
	uint32_t before, after;

	do {
		before = atomic_load_explicit(sequence, memory_order_acquire);
		load_words(private, shared, n);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(sequence, memory_order_relaxed);
		if (before == after && !(before & 1))
			return true;
	} while (clock_mono_ns() < give_up);
	return false;
}

/* Whole UTF-8 characters that fit. Text from outside must not move a terminal's cursor or forge a line. */
static void tame_text(char *tame, size_t size, const char *text)
{
	size_t n = strlen(text);

	memset(tame, 0, size);
	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	for (size_t i = 0; i < n; i++)
		tame[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
}

void board_set_detail(struct board_backend *backend, const char *text)
{
	char tame[sizeof(backend->detail)] __attribute__((aligned(sizeof(word_t))));

	tame_text(tame, sizeof(tame), text);
	store_under(&backend->detail_sequence, backend->detail, tame, sizeof(tame));
}

void board_get_detail(const struct board_backend *backend, char *text, size_t size)
{
	char copy[sizeof(backend->detail)] __attribute__((aligned(sizeof(word_t))));

	/* Half a message does no harm. */
	(void)load_under(&backend->detail_sequence, copy, backend->detail, sizeof(copy));
	copy[sizeof(copy) - 1] = '\0';
	(void)copy_string(text, size, copy);
}

void board_set_journal(struct board *board, const char *text)
{
	char tame[sizeof(board->journal)] __attribute__((aligned(sizeof(word_t))));

	tame_text(tame, sizeof(tame), text);
	store_under(&board->note_sequence, board->journal, tame, sizeof(tame));
}

void board_get_journal(const struct board *board, char *text, size_t size)
{
	char copy[sizeof(board->journal)] __attribute__((aligned(sizeof(word_t))));

	(void)load_under(&board->note_sequence, copy, board->journal, sizeof(copy));
	copy[sizeof(copy) - 1] = '\0';
	(void)copy_string(text, size, copy);
}

void board_put_incident(struct board *board, const struct board_incident *incident)
{
	uint32_t n = atomic_load(&board->n_incidents), at = n;

	for (uint32_t i = 0; i < MIN(n, (uint32_t)BOARD_INCIDENTS_MAX); i++)
		if (board->incidents[(n - 1 - i) % BOARD_INCIDENTS_MAX].id == incident->id)
			at = n - 1 - i;
	store_under(&board->incidents_sequence, &board->incidents[at % BOARD_INCIDENTS_MAX], incident,
		    sizeof(*incident));
	if (at == n)
		atomic_store(&board->n_incidents, n + 1);
}

bool board_get_incident(const struct board *board, uint32_t n, struct board_incident *incident)
{
	uint32_t total = atomic_load(&board->n_incidents);

	if (n >= MIN(total, (uint32_t)BOARD_INCIDENTS_MAX))
		return false;
	if (!load_under(&board->incidents_sequence, incident,
			&board->incidents[(total - 1 - n) % BOARD_INCIDENTS_MAX], sizeof(*incident)))
		return false;
	incident->backend[sizeof(incident->backend) - 1] = '\0';
	incident->detail[sizeof(incident->detail) - 1] = '\0';
	return true;
}

static void note_first(_Atomic uint64_t *first)
{
	uint64_t none = 0;

	if (atomic_load_explicit(first, memory_order_relaxed) == 0)
		atomic_compare_exchange_strong(first, &none, clock_real_ns());
}

void board_hurt(struct board_backend *b, uint32_t pid, bool fast)
{
	uint64_t bit = hash_bytes(0x68757274, &pid, sizeof(pid)) % HURT_BITS;
	uint64_t mask = 1ull << (bit % 64);

	if (!(atomic_load_explicit(&b->hurt[bit / 64], memory_order_relaxed) & mask))
		atomic_fetch_or_explicit(&b->hurt[bit / 64], mask, memory_order_relaxed);
	note_first(&b->first_error_real_ns);
	if (fast)
		note_first(&b->first_fast_real_ns);
}

/* ln(x), x in [1, HURT_BITS], by the series of artanh: within 0.1 %, without libm. */
static double natural_log(double x)
{
	double halvings = 0, y, y2;

	while (x > 1.5) {
		x /= 2;
		halvings++;
	}
	y = (x - 1) / (x + 1);
	y2 = y * y;
	return halvings * 0.69314718 + 2 * y * (1 + y2 / 3 + y2 * y2 / 5);
}

/* Whang, Vander-Zanden, Taylor: A Linear-Time Probabilistic Counting Algorithm (1990): -m ln(empty / m). */
uint32_t board_hurt_count(const struct board_backend *b)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < HURT_WORDS; i++)
		set +=
		    (uint32_t)__builtin_popcountll(atomic_load_explicit(&b->hurt[i], memory_order_relaxed));
	if (set >= HURT_BITS)
		set = HURT_BITS - 1; /* saturated */
	return (uint32_t)(HURT_BITS * natural_log((double)HURT_BITS / (HURT_BITS - set)) + 0.5);
}

void board_hurt_clear(struct board_backend *b)
{
	for (unsigned i = 0; i < HURT_WORDS; i++)
		atomic_store(&b->hurt[i], 0);
	atomic_store(&b->first_error_real_ns, 0);
	atomic_store(&b->first_fast_real_ns, 0);
}

const char *share_kind_name(enum share_kind kind)
{
	static const char *const names[SHARE_KIND_COUNT] = {
	    [SHARE_OPEN_FILES] = "open_files", [SHARE_NODES] = "names",
	    [SHARE_KEPT] = "kept_descriptors", [SHARE_LISTING_KIB] = "listing_kib",
	    [SHARE_WAITING] = "waiting",
	};

	return (unsigned)kind < SHARE_KIND_COUNT ? names[kind] : "invalid";
}

const char *detector_name(enum detector detector)
{
	static const char *const names[DETECTOR_COUNT] = {"none",      "worker",   "guardian", "probe",
							  "transport", "operator", "drill"};

	return (unsigned)detector < DETECTOR_COUNT ? names[detector] : "invalid";
}
