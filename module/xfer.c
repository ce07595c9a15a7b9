// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_XFER: takes answers from user memory and hands out requests to it, in
 * chunks that pass over the stack. It knows how both are laid out; it must not
 * know what becomes of a request, which is up to slot.c and answer.c.
 *
 * Chunks are not zeroed first, which would nearly double the cost of a single
 * request: only elements that were filled leave the stack.
 */
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "answer.h"
#include "compat.h"
#include "copy.h"
#include "file.h"
#include "set.h"
#include "slot.h"
#include "wait.h"
#include "xfer.h"

/* The sizes of the structures in the first release; they never get smaller. */
#define ABUSE_XFER_SIZE_0	72
#define ABUSE_PUT_SIZE_0	40
#define ABUSE_GET_SIZE_0	32

/* How many requests have their data copied together */
#define ABUSE_FILL		8

/**
 * abuse_read_size() - read the size that a structure of today begins with
 * @arg: the structure
 * @least: its size in the first release
 * @size: out
 *
 * Return: 0, -EFAULT, -EINVAL, -E2BIG.
 */
int abuse_read_size(const void __user *arg, size_t least, u32 *size)
{
	if (get_user(*size, (const u32 __user *)arg))
		return -EFAULT;
	if (*size < least)
		return -EINVAL;
	return *size > PAGE_SIZE ? -E2BIG : 0;
}

/* A put that is longer than we know must end in zeros. */
static int abuse_check_put_tail(const void __user *user, u32 size)
{
	int zero;

	if (size <= sizeof(struct abuse_put))
		return 0;
	zero = check_zeroed_user(user + sizeof(struct abuse_put),
				 size - sizeof(struct abuse_put));
	return zero < 0 ? zero : zero ? 0 : -E2BIG;
}

/*
 * Most batches are small, and reading them word by word takes less time than
 * copy_from_user() takes to begin.
 */
static int abuse_read_puts(struct abuse_put *puts, const void __user *user,
			   u32 nr, u32 size)
{
	const u64 __user *from;
	u32 i, word;
	u64 *to;

	BUILD_BUG_ON(sizeof(*puts) % sizeof(*to));
	if (!user_read_access_begin(user, nr * size))
		return -EFAULT;
	for (i = 0; i < nr; i++) {
		from = user + i * size;
		to = (u64 *)&puts[i];
		for (word = 0; word < sizeof(*puts) / sizeof(*to); word++)
			unsafe_get_user(to[word], &from[word], fault);
	}
	user_read_access_end();

	for (i = 0; i < nr; i++)
		puts[i].status = abuse_check_put_tail(user + i * size, size);
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static int abuse_write_statuses(const struct abuse_put *puts, void __user *user,
				u32 nr, u32 size)
{
	struct abuse_put __user *to;
	u32 i;

	if (!user_write_access_begin(user, nr * size))
		return -EFAULT;
	for (i = 0; i < nr; i++) {
		to = user + i * size;
		unsafe_put_user(puts[i].status, &to->status, fault);
	}
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static int abuse_write_longer_gets(const struct abuse_get *gets,
				   void __user *user, u32 nr, u32 size)
{
	u32 i;

	for (i = 0; i < nr; i++, user += size) {
		if (copy_to_user(user, &gets[i], sizeof(*gets)) ||
		    clear_user(user + sizeof(*gets), size - sizeof(*gets)))
			return -EFAULT;
	}
	return 0;
}

static int abuse_write_gets(const struct abuse_get *gets, void __user *user,
			    u32 nr, u32 size)
{
	if (size != sizeof(*gets))
		return abuse_write_longer_gets(gets, user, nr, size);
	if (!user_write_access_begin(user, nr * sizeof(*gets)))
		return -EFAULT;
	unsafe_copy_to_user(user, (const void *)gets, nr * sizeof(*gets),
			    fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* Returns how many puts were taken. */
static int abuse_xfer_puts(struct abuse_client *client, struct abuse_set *set,
			   const struct abuse_xfer *xfer)
{
	void __user *user = abuse_user_ptr(xfer->puts);
	struct abuse_put puts[ABUSE_CHUNK] __uninitialized;
	u32 n, left, size = xfer->put_size, taken = 0;

	for (left = xfer->nr_puts; left; left -= n, user += n * size) {
		n = min_t(u32, left, ABUSE_CHUNK);
		if (abuse_read_puts(puts, user, n, size))
			return -EFAULT;
		taken += abuse_answer(set, client, puts, n,
				      xfer->flags & ABUSE_XFER_NO_FAULT);
		if (abuse_write_statuses(puts, user, n, size))
			return -EFAULT;
		if (left > n)
			cond_resched();
	}
	return taken;
}

/*
 * Copies the data of the writes among a few requests to their pieces of the
 * buffer. A request that was reset, requeued or timed out meanwhile is dropped,
 * and the others close up; @kept is how many are left. Returns 0 or an error.
 */
static int abuse_fill_some(struct abuse_client *client, struct abuse_set *set,
			   struct abuse_get *gets, u32 nr, u32 *kept)
{
	struct abuse_put copies[ABUSE_FILL];
	u32 i, n = 0;
	int err = 0;

	for (i = 0; i < nr; i++) {
		if (gets[i].command == ABUSE_WRITE)
			copies[n++] = (struct abuse_put){
				.id		= gets[i].id,
				.address	= gets[i].address,
				.result		= ABUSE_RESULT_COPY,
			};
	}
	if (n)
		abuse_answer(set, client, copies, n, false);
	*kept = 0;
	for (i = 0, n = 0; i < nr; i++) {
		int status = 0;

		if (gets[i].command == ABUSE_WRITE)
			status = copies[n++].status;
		if (status == -ENOMSG)
			continue;
		err = err ?: status;
		gets[(*kept)++] = gets[i];
	}
	return err;
}

/* The same for a whole chunk. On an error, the first @kept are still owned. */
static int abuse_fill_pieces(struct abuse_client *client, struct abuse_set *set,
			     struct abuse_get *gets, u32 nr, u32 *kept)
{
	u32 i, n, some;
	int err = 0;

	*kept = 0;
	for (i = 0; i < nr; i += n) {
		n = min_t(u32, nr - i, ABUSE_FILL);
		some = n;
		if (!err)
			err = abuse_fill_some(client, set, &gets[i], n, &some);
		memmove(&gets[*kept], &gets[i], some * sizeof(*gets));
		*kept += some;
	}
	return err;
}

/* Returns how many requests were received, or an error if there were none. */
static int abuse_xfer_gets(struct abuse_file *file, struct abuse_set *set,
			   const struct abuse_xfer *xfer)
{
	struct abuse_client *client = &file->client;
	void __user *user = abuse_user_ptr(xfer->gets);
	struct abuse_room room = { xfer->buffer, xfer->buffer_size };
	ktime_t deadline = 0, *until = NULL;
	struct abuse_get gets[ABUSE_CHUNK] __uninitialized;
	u32 got = 0;
	int err = 0;

	if (!xfer->nr_gets)
		return 0;
	if (xfer->min_gets && xfer->timeout_ns != ABUSE_NO_TIMEOUT) {
		u64 ns = min_t(u64, xfer->timeout_ns, KTIME_MAX);

		deadline = ktime_add_safe(ktime_get(), ns_to_ktime(ns));
		until = &deadline;
	}

	abuse_file_mark_asking(file, set);
	while (got < xfer->nr_gets) {
		u32 asked = min_t(u32, xfer->nr_gets - got, ABUSE_CHUNK);
		u32 n, kept;

		n = abuse_take(set, client, xfer->queue, gets, asked, &room);
		if (n) {
			kept = n;
			if (room.address)
				err = abuse_fill_pieces(client, set, gets, n,
							&kept);
			if (!err)
				err = abuse_write_gets(gets, user, kept,
						       xfer->get_size);
			if (err) {
				abuse_unget(set, client, gets, kept);
				break;
			}
			got += kept;
			user += kept * xfer->get_size;
		}
		if (n == asked) {
			cond_resched();
			continue;
		}
		if (got >= xfer->min_gets || room.full)
			break;
		err = abuse_wait(set, client, xfer->queue, until,
				 xfer->busy_ns);
		if (err)
			break;
	}

	if (err == -ENODEV)
		return err;
	if (err == -ETIME || err == -ESHUTDOWN || got)
		return got;
	return err;
}

static int abuse_xfer(struct abuse_file *file, struct abuse_set *set,
		      struct abuse_xfer *xfer,
		      struct abuse_xfer __user *arg)
{
	u32 queue = abuse_file_queue(file, set);
	int puts, gets;

	/* An open file that serves one queue gets from no other. */
	if (xfer->queue == ABUSE_ANY_QUEUE)
		xfer->queue = queue;
	if (!abuse_set_has_queue(set, xfer->queue) ||
	    (queue != ABUSE_ANY_QUEUE && xfer->queue != queue))
		return -EINVAL;
	if (xfer->queue != ABUSE_ANY_QUEUE)
		xfer->queue = array_index_nospec(xfer->queue, set->nr);
	if (xfer->buffer && xfer->buffer_size < set->max_request)
		return -EINVAL;

	puts = abuse_xfer_puts(&file->client, set, xfer);
	if (puts < 0)
		return puts;
	/* A caller whose put was refused should hear of it at once. */
	if (puts < xfer->nr_puts)
		xfer->min_gets = 0;
	/* What cannot be told must not be handed out. */
	if (put_user(xfer->nr_puts, &arg->nr_puts) ||
	    put_user(xfer->nr_gets, &arg->nr_gets))
		return -EFAULT;
	gets = abuse_xfer_gets(file, set, xfer);
	/* The answers were taken, so a signal to the gets is no failure. */
	if (gets == -EINTR && xfer->nr_puts)
		gets = 0;
	if (gets < 0)
		return gets;
	if (put_user(puts, &arg->nr_puts) || put_user(gets, &arg->nr_gets))
		return -EFAULT;
	return 0;
}

static int abuse_check_xfer(const struct abuse_xfer *xfer)
{
	if (xfer->flags & ~(ABUSE_XFER_DRAIN | ABUSE_XFER_NO_FAULT) ||
	    xfer->nr_puts > ABUSE_MAX_BATCH ||
	    xfer->nr_gets > ABUSE_MAX_BATCH ||
	    xfer->min_gets > xfer->nr_gets ||
	    xfer->put_size < ABUSE_PUT_SIZE_0 ||
	    xfer->get_size < ABUSE_GET_SIZE_0 ||
	    !IS_ALIGNED(xfer->put_size | xfer->get_size, sizeof(u64)) ||
	    !IS_ALIGNED(xfer->buffer, 4096) ||
	    xfer->buffer + xfer->buffer_size < xfer->buffer)
		return -EINVAL;
	if (xfer->put_size > ABUSE_MAX_ELEMENT ||
	    xfer->get_size > ABUSE_MAX_ELEMENT)
		return -E2BIG;
	return 0;
}

/**
 * abuse_ioctl_xfer() - ABUSE_XFER
 * @file: the caller's
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_xfer(struct abuse_file *file, struct abuse_xfer __user *arg)
{
	struct abuse_set *set;
	struct abuse_xfer xfer;
	u32 size;
	int err;

	BUILD_BUG_ON(sizeof(struct abuse_xfer) != ABUSE_XFER_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_put) != ABUSE_PUT_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_get) != ABUSE_GET_SIZE_0);

	err = abuse_read_size(arg, ABUSE_XFER_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&xfer, sizeof(xfer), arg, size);
	if (!err)
		err = abuse_check_xfer(&xfer);
	if (err)
		return err;

	set = abuse_file_find_set(file);
	if (xfer.flags & ABUSE_XFER_DRAIN)
		abuse_drain(set, &file->client);
	if (!set)
		return -ENODEV;
	err = abuse_xfer(file, set, &xfer, arg);
	abuse_file_mark_call(file);
	abuse_set_put(set);
	return err;
}
