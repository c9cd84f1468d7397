/* Questions and answers. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/internal.h"

#include <errno.h>
#include <sys/eventfd.h>

struct timespec journal_timespec(uint64_t mono_ns)
{
	return (struct timespec){(time_t)(mono_ns / NSEC_PER_SEC), (long)(mono_ns % NSEC_PER_SEC)};
}

void journal_signal(const struct journal *journal)
{
	/* Fails only for a counter near its end, which is readable anyway. */
	(void)eventfd_write(journal->event_fd, 1);
}

errint_t journal_recall(struct journal *journal, uint32_t timeout_ms, struct journal_recalled *recalled)
{
	struct timespec until = journal_timespec(clock_mono_ns() + timeout_ms * NSEC_PER_MSEC);
	bool valid = false;
	errint_t error = -EIO;

	pthread_mutex_lock(&journal->lock);
	while (!journal->started && error != -ETIMEDOUT)
		error = -pthread_cond_timedwait(&journal->told, &journal->lock, &until);
	if (journal->started) {
		valid = journal->recalled_valid;
		error = valid ? 0 : -EIO;
	}
	*recalled = (struct journal_recalled){0};
	if (valid) {
		recalled->highest_incident = journal->recalled.highest_incident;
		recalled->memory = json_deep_copy(journal->recalled.memory);
		recalled->open = json_deep_copy(journal->recalled.open);
		recalled->suspects = json_deep_copy(journal->recalled.suspects);
	}
	pthread_mutex_unlock(&journal->lock);
	if (!recalled->memory)
		recalled->memory = json_object();
	if (!recalled->open)
		recalled->open = json_array();
	if (!recalled->suspects)
		recalled->suspects = json_array();
	return error;
}

errint_t journal_ask(struct journal *journal, const struct journal_query *query, uint64_t *ticket)
{
	ACQUIRE_LOCK(&journal->lock);
	if (!journal->open && journal->started)
		return -EIO;
	if (journal->n_questions + journal->n_answering + journal->n_answers >= JOURNAL_QUESTIONS_MAX)
		return -EAGAIN;
	*ticket = ++journal->last_ticket;
	journal->questions[journal->n_questions++] = (struct journal_waiting_question){*ticket, *query};
	pthread_cond_signal(&journal->wake);
	return 0;
}

bool journal_next_question(struct journal *journal, struct journal_waiting_question *question)
{
	ACQUIRE_LOCK(&journal->lock);
	if (journal->n_questions == 0)
		return false;
	*question = journal->questions[0];
	journal->n_questions--;
	memmove(journal->questions, journal->questions + 1,
		journal->n_questions * sizeof(journal->questions[0]));
	journal->n_answering = 1;
	return true;
}

void journal_answer(struct journal *journal, uint64_t ticket, json_t *result, errint_t error)
{
	ACQUIRE_LOCK(&journal->lock);
	journal->n_answering = 0;
	journal->answers[journal->n_answers++] = (struct journal_answer){ticket, result, error};
	journal_signal(journal);
}

int journal_take_answer(struct journal *journal, uint64_t *ticket, json_t **result, errint_t *error)
{
	eventfd_t ignored;

	ACQUIRE_LOCK(&journal->lock);
	if (journal->n_answers == 0) {
		(void)eventfd_read(journal->event_fd, &ignored);
		return 0;
	}
	*ticket = journal->answers[0].ticket;
	*result = journal->answers[0].result;
	*error = journal->answers[0].error;
	journal->n_answers--;
	memmove(journal->answers, journal->answers + 1, journal->n_answers * sizeof(journal->answers[0]));
	return 1;
}
