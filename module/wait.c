// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits for pending requests, and who is woken. It reads the counters of
 * queues without their lock, and must not know what becomes of a request.
 *
 * If the server sleeps on the submitter's CPU, waking it for the first request
 * preempts the submitter, which may have more to submit: that costs two context
 * switches for each request. Such a server is woken only when several requests
 * are pending, abuse_gather.want of them, but ABUSE_GATHER_LIMIT after the
 * first one at the latest. The number is learned: it doubles while that many
 * come in time, and when fewer come it falls to the number that came. A server
 * on another CPU is woken by the first request.
 *
 * Such a server may ask to look for a request for a while before it sleeps,
 * because a wake-up takes longer than a request. It looks at one word, which
 * whoever would wake it clears, and stops as soon as somebody else could run on
 * its CPU. The time is given, or learned as KVM learns how long to poll before
 * it halts: it doubles when a request comes within ABUSE_BUSY_LIMIT, but after
 * that time, and is halved when none does. So an idle server sleeps.
 */
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "compat.h"
#include "wait.h"

#define ABUSE_GATHER_MAX	16
#define ABUSE_GATHER_STEP	(25 * NSEC_PER_USEC)	/* for each more */
#define ABUSE_GATHER_LIMIT	(100 * NSEC_PER_USEC)
#define ABUSE_GATHER_PAUSE	511

#define ABUSE_BUSY_LEAST	(10 * NSEC_PER_USEC)
#define ABUSE_BUSY_LIMIT	(200 * NSEC_PER_USEC)

#define ABUSE_POLL_PENDING	(EPOLLIN | EPOLLRDNORM | EPOLLMSG)

/**
 * struct abuse_waiter - somebody who waits for requests
 * @entry: in the list of @q, or of those who wait for any queue
 * @set: the queues
 * @q: the queue, or NULL for any
 * @want: how many requests are worth a wake-up
 * @armed: @timer was started
 * @woken: 0 unless it learns how long to look; then when that began, and later
 *	when it was woken
 * @timer: ends the gathering; only set up if @want began above 1
 */
struct abuse_waiter {
	struct wait_queue_entry entry;
	struct abuse_set *set;
	struct abuse_queue *q;
	u32 want;
	ktime_t woken;
	int armed;	/* as not every processor can exchange a bool */
	struct hrtimer_sleeper timer;
};

/* After a full barrier, so that either side sees what the other one did. */
static void abuse_end_look(u32 *watched)
{
	if (READ_ONCE(*watched))
		WRITE_ONCE(*watched, 0);
}

/**
 * abuse_waiting_init() - nobody waits
 * @wait: those who wait
 */
void abuse_waiting_init(struct abuse_waiting *wait)
{
	init_waitqueue_head(&wait->waiters);
	init_waitqueue_head(&wait->pollers);
}

static void abuse_wake_one(struct abuse_waiting *wait)
{
	if (waitqueue_active(&wait->waiters)) /* after the barrier */
		wake_up_poll(&wait->waiters, ABUSE_POLL_PENDING);
	if (waitqueue_active(&wait->pollers)) /* the same barrier */
		wake_up_poll(&wait->pollers, ABUSE_POLL_PENDING);
}

static void abuse_wake_all(struct abuse_waiting *wait)
{
	wake_up_all(&wait->waiters);
	wake_up_all(&wait->pollers);
}

/**
 * abuse_wake() - wake those who wait for requests of a queue
 * @q: the queue
 *
 * It is enough to wake one who waits for this queue and one who waits for any:
 * each wakes the next one if it leaves a request behind.
 */
void abuse_wake(struct abuse_queue *q)
{
	/* Pairs with those of prepare_to_wait_exclusive() and abuse_look(). */
	smp_mb();
	abuse_end_look(&q->watched);
	abuse_end_look(&q->set->watched);
	abuse_wake_one(&q->wait);
	abuse_wake_one(q->set->any);
}

/**
 * abuse_wake_everybody() - wake all waiters, whose wait may be in vain now
 * @set: the queues
 */
void abuse_wake_everybody(struct abuse_set *set)
{
	u32 i;

	smp_mb(); /* pairs with that of abuse_look() */
	for (i = 0; i < set->nr; i++) {
		abuse_end_look(&set->queue[i].watched);
		abuse_wake_all(&set->queue[i].wait);
	}
	abuse_end_look(&set->watched);
	abuse_wake_all(set->any);
}

static bool abuse_waiter_is_satisfied(const struct abuse_waiter *w)
{
	u32 pending;

	if (!w->q)
		return abuse_nr_pending(w->set, ABUSE_ANY_QUEUE);
	pending = abuse_queue_ready(w->q);
	return pending >= READ_ONCE(w->want) ||
	       (pending && READ_ONCE(w->q->nr_inflight) >=
			   READ_ONCE(w->q->depth));
}

/* Limits the time that a gathering takes, from the first pending request on. */
static void abuse_waiter_arm(struct abuse_waiter *w)
{
	u64 ns = min_t(u64, (READ_ONCE(w->want) - 1) * ABUSE_GATHER_STEP,
		       ABUSE_GATHER_LIMIT);

	if (READ_ONCE(w->armed) || !abuse_queue_ready(w->q) ||
	    xchg(&w->armed, 1))
		return;
	hrtimer_set_expires(&w->timer.timer, ns_to_ktime(ns));
	/* On PREEMPT_RT the mode depends on who sleeps: this knows it. */
	hrtimer_sleeper_start_expires(&w->timer, HRTIMER_MODE_REL);
}

/*
 * A wake-up without a key, such as that of wake_up_all(), always wakes. Those
 * who wait for any queue do not gather: each wake-up wakes them.
 */
static int abuse_waiter_wake(struct wait_queue_entry *entry, unsigned int mode,
			     int flags, void *key)
{
	struct abuse_waiter *w = container_of(entry, struct abuse_waiter,
					      entry);

	if (key && w->q && !abuse_waiter_is_satisfied(w)) {
		if (READ_ONCE(w->want) > 1)
			abuse_waiter_arm(w);
		return 0;
	}
	/* The wake-up itself takes time, too, which a look would not. */
	if (READ_ONCE(w->woken))
		WRITE_ONCE(w->woken, ktime_get());
	return autoremove_wake_function(entry, mode, flags, key);
}

/* Asks for more next time if as many came as were wanted, else for fewer. */
static void abuse_gather_learn(struct abuse_gather *gather, u32 want, u32 came)
{
	bool tried = READ_ONCE(gather->tried);
	u32 pause = READ_ONCE(gather->pause);
	u32 left = READ_ONCE(gather->left);

	WRITE_ONCE(gather->tried, false);
	if (came < want) {
		WRITE_ONCE(gather->want, max(came, 1U));
		if (tried)
			pause = min(2 * pause + 1, ABUSE_GATHER_PAUSE);
		WRITE_ONCE(gather->pause, pause);
		WRITE_ONCE(gather->left, tried ? pause : 0);
	} else if (left) {
		WRITE_ONCE(gather->left, left - 1);
	} else if (want < ABUSE_GATHER_MAX) {
		WRITE_ONCE(gather->want, min(2 * want, ABUSE_GATHER_MAX));
		WRITE_ONCE(gather->tried, true);
		if (tried)
			WRITE_ONCE(gather->pause, pause / 2);
	}
}

static int abuse_waiter_sleep(struct abuse_waiter *w,
			      struct abuse_client *client,
			      wait_queue_head_t *head, ktime_t *deadline)
{
	bool expired = false;

	for (;;) {
		prepare_to_wait_exclusive(head, &w->entry, TASK_INTERRUPTIBLE);
		if (READ_ONCE(w->set->dead))
			return -ENODEV;
		if (READ_ONCE(client->draining))
			return -ESHUTDOWN;
		if (abuse_waiter_is_satisfied(w))
			return 0;
		if (signal_pending(current))
			return -EINTR;
		if (expired)
			return -ETIME;
		/* What came before this one was in the list arms no timer. */
		if (w->want > 1)
			abuse_waiter_arm(w);
		expired = !schedule_hrtimeout(deadline, HRTIMER_MODE_ABS);
		if (w->want > 1 && !READ_ONCE(w->timer.task))
			WRITE_ONCE(w->want, 1);
		/* Often it is: no need to enter the list once more. */
		if (abuse_waiter_is_satisfied(w))
			return 0;
	}
}

static bool abuse_waiter_may_take(const struct abuse_waiter *w,
				  const struct abuse_client *client)
{
	return !READ_ONCE(w->set->dead) && !READ_ONCE(client->draining);
}

/*
 * Looks for a request, and returns whether there is one to take. One waiter
 * that looks is enough, and it must not keep anybody from its CPU.
 */
static bool abuse_look(struct abuse_waiter *w, struct abuse_client *client,
		       ktime_t until)
{
	u32 *watched = w->q ? &w->q->watched : &w->set->watched;

	if (cmpxchg(watched, 0, 1)) /* a full barrier if it was 0 */
		return false;
	if (abuse_waiter_may_take(w, client) && !abuse_waiter_is_satisfied(w)) {
		while (READ_ONCE(*watched) && single_task_running() &&
		       !need_resched() && !signal_pending(current) &&
		       ktime_before(ktime_get(), until))
			cpu_relax();
	}
	WRITE_ONCE(*watched, 0);
	return abuse_waiter_may_take(w, client) && abuse_waiter_is_satisfied(w);
}

/* Looks longer next time if that would have helped, else shorter. */
static void abuse_busy_learn(struct abuse_client *client, bool helps)
{
	u32 ns = READ_ONCE(client->busy_ns);

	if (helps)
		ns = clamp_t(u32, 2 * ns, ABUSE_BUSY_LEAST, ABUSE_BUSY_LIMIT);
	else
		ns = ns > ABUSE_BUSY_LEAST ? ns / 2 : 0;
	WRITE_ONCE(client->busy_ns, ns);
}

/* Looks for a request, and sleeps if none comes in time. */
static int abuse_waiter_look(struct abuse_waiter *w,
			     struct abuse_client *client,
			     wait_queue_head_t *head, ktime_t *deadline,
			     u32 busy_ns)
{
	bool learns = busy_ns == ABUSE_BUSY_AUTO;
	ktime_t begin, until;
	s64 waited;
	int err;

	/* Others may take what it finds, again and again. */
	cond_resched();
	begin = ktime_get();
	busy_ns = learns ? READ_ONCE(client->busy_ns) :
			   min_t(u32, busy_ns, ABUSE_MAX_BUSY);
	until = ktime_add_ns(begin, busy_ns);
	if (deadline && ktime_before(*deadline, until))
		until = *deadline;
	if (busy_ns && abuse_look(w, client, until))
		return 0;
	if (learns)
		w->woken = begin;
	err = abuse_waiter_sleep(w, client, head, deadline);
	if (learns) {
		waited = ktime_to_ns(ktime_sub(READ_ONCE(w->woken), begin));
		abuse_busy_learn(client, !err && waited <= ABUSE_BUSY_LIMIT);
	}
	return err;
}

/**
 * abuse_wait() - wait for a request that nobody has taken
 * @set: the queues
 * @client: who waits
 * @queue: an index, or ABUSE_ANY_QUEUE
 * @deadline: of the monotonic clock, or NULL
 * @busy_ns: how long to look before it sleeps, as in struct abuse_xfer
 *
 * Return: 0 if there was one; -ETIME, -EINTR, -ENODEV after a reset,
 * -ESHUTDOWN when @client is draining.
 */
int abuse_wait(struct abuse_set *set, struct abuse_client *client, u32 queue,
	       ktime_t *deadline, u32 busy_ns)
{
	struct abuse_queue *q = queue == ABUSE_ANY_QUEUE ? NULL :
							   &set->queue[queue];
	struct abuse_queue *only = set->nr == 1 ? &set->queue[0] : q;
	wait_queue_head_t *head = q ? &q->wait.waiters : &set->any->waiters;
	struct abuse_waiter w __uninitialized;
	bool here, gathers;
	u32 want = 1;
	int err;

	here = only && READ_ONCE(only->last_cpu) == raw_smp_processor_id();
	/* Those who already wait are woken first; only one should gather. */
	gathers = q && here && !waitqueue_active(head);
	if (gathers)
		want = READ_ONCE(q->gather.want);
	w.set = set;
	w.q = q;
	w.want = want;
	w.woken = 0;
	w.armed = 0;
	if (want > 1)
		compat_setup_sleeper_on_stack(&w.timer);
	init_wait(&w.entry);
	w.entry.func = abuse_waiter_wake;

	/* Who sees it wait sees all that its call has answered. */
	smp_mb__before_atomic();
	atomic_inc(&client->waiting);
	/* A submitter on this CPU needs it to submit. */
	if (busy_ns && !here)
		err = abuse_waiter_look(&w, client, head, deadline, busy_ns);
	else
		err = abuse_waiter_sleep(&w, client, head, deadline);
	atomic_dec(&client->waiting);
	finish_wait(head, &w.entry);
	if (want > 1) {
		hrtimer_cancel(&w.timer.timer);
		destroy_hrtimer_on_stack(&w.timer.timer);
	}
	if (gathers)
		abuse_gather_learn(&q->gather, want, abuse_queue_ready(q));

	/*
	 * Pass on an exclusive wake-up that is not used. After a reset it may
	 * have been for the next setup's waiters, who wait for any queue in the
	 * same place.
	 */
	if (err && (err == -ENODEV || abuse_nr_pending(set, queue)))
		wake_up(head);
	return err;
}

/**
 * abuse_drain() - hand @client no more requests, and end its waits
 * @set: the queues, NULL if there are none
 * @client: an open file
 */
void abuse_drain(struct abuse_set *set, struct abuse_client *client)
{
	WRITE_ONCE(client->draining, true);
	if (set)
		abuse_wake_everybody(set);
}
