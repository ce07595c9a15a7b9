// SPDX-License-Identifier: GPL-2.0
/*
 * An open control node: which setup of the device it deals with, what it
 * serves, and what becomes of its requests when it is closed. It must not know
 * how requests and answers are laid out in user memory.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "file.h"
#include "orphan.h"
#include "set.h"
#include "slot.h"

/**
 * abuse_file_open() - make what an open control node stands for
 * @dev: the device
 *
 * Return: the file, or NULL.
 */
struct abuse_file *abuse_file_open(struct abuse_device *dev)
{
	struct abuse_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return NULL;
	file->dev = dev;
	file->queue = ABUSE_ANY_QUEUE;
	INIT_LIST_HEAD(&file->link);
	mutex_init(&file->lock);
	return file;
}

/*
 * A file asks for the first time, or another process does: fork() shared it.
 * Processes that take turns come here often, so only the first one waits: who
 * asked last is told as well by the next.
 */
static void abuse_file_enlist(struct abuse_file *file)
{
	struct abuse_device *dev = file->dev;
	struct pid *old, *pid;

	if (!READ_ONCE(file->pid))
		mutex_lock(&dev->servers_lock);
	else if (!mutex_trylock(&dev->servers_lock))
		return;
	pid = get_pid(task_tgid(current));
	if (list_empty(&file->link)) {
		file->number = ++dev->last_server;
		list_add_tail(&file->link, &dev->servers);
		WRITE_ONCE(dev->nr_servers, dev->nr_servers + 1);
	}
	old = file->pid;
	WRITE_ONCE(file->pid, pid);
	file->uid = current_uid();
	mutex_unlock(&dev->servers_lock);
	put_pid(old);
}

static void abuse_file_delist(struct abuse_file *file)
{
	struct abuse_device *dev = file->dev;

	if (!file->pid)
		return;
	mutex_lock(&dev->servers_lock);
	list_del(&file->link);
	WRITE_ONCE(dev->nr_servers, dev->nr_servers - 1);
	mutex_unlock(&dev->servers_lock);
	put_pid(file->pid);
}

/**
 * abuse_file_close() - make the requests of a file pending again, and free it
 * @file: the file, which nobody else uses
 *
 * The disk that was to live as long as this file goes, too.
 */
void abuse_file_close(struct abuse_file *file)
{
	struct abuse_set *set = NULL;

	/* After a reset there is nothing left to own and to serve. */
	if (file->client.serves)
		set = abuse_device_find_set(file->dev);
	if (set) {
		if (file->client.has_owned)
			abuse_requeue(set, &file->client);
		abuse_orphan_leave(set, &file->client);
		abuse_set_put(set);
	}
	/* Whoever has the lock of the device may wait for these requests. */
	abuse_device_abandon(file->dev, file->made);
	if (file->claims)
		abuse_set_unclaim(file->set, &file->claim);
	if (file->set)
		abuse_set_put(file->set);
	abuse_file_delist(file);
	kfree(file);
}

/**
 * abuse_file_mark_epoch() - note which setup a file deals with from now on
 * @file: the file
 * @epoch: 0 for none
 */
void abuse_file_mark_epoch(struct abuse_file *file, u32 epoch)
{
	if (READ_ONCE(file->epoch) != epoch)
		WRITE_ONCE(file->epoch, epoch);
}

/**
 * abuse_file_status() - tell all about the device, which @file deals with now
 * @file: the file
 * @status: out, all but its size
 *
 * Return: 0, or -EINTR when the caller is being killed.
 */
int abuse_file_status(struct abuse_file *file, struct abuse_status *status)
{
	struct abuse_device *dev = file->dev;
	int err;

	err = abuse_device_lock(dev);
	if (err)
		return err;
	abuse_device_status(dev, status);
	abuse_file_mark_epoch(file, dev->disk ? dev->epoch : 0);
	abuse_device_unlock(dev);
	return 0;
}

/**
 * abuse_file_mark_call() - note that a get or put begins or ends
 * @file: the file
 */
void abuse_file_mark_call(struct abuse_file *file)
{
	unsigned long now = jiffies;

	if (READ_ONCE(file->called) != now)
		WRITE_ONCE(file->called, now);
}

/**
 * abuse_file_find_set() - find the queues that a file deals with from now on
 * @file: the file, for a get or put
 *
 * Return: the set, to be given up with abuse_set_put(), or NULL.
 */
struct abuse_set *abuse_file_find_set(struct abuse_file *file)
{
	/* Pairs with the release of abuse_file_serve(). */
	struct abuse_set *set = smp_load_acquire(&file->set);

	abuse_file_mark_call(file);
	if (!set)
		set = abuse_device_find_set(file->dev);
	else if (!abuse_set_tryget(set))
		set = NULL;
	abuse_file_mark_epoch(file, set ? set->epoch : 0);
	return set;
}

/**
 * abuse_file_queue() - find the only queue of a set that a file serves
 * @file: the file
 * @set: from abuse_file_find_set(), maybe before the file said what it serves
 *
 * Return: an index that @set has, or ABUSE_ANY_QUEUE.
 */
u32 abuse_file_queue(struct abuse_file *file, struct abuse_set *set)
{
	/* Pairs with the release of abuse_file_serve(). */
	return smp_load_acquire(&file->set) == set ? file->queue :
						     ABUSE_ANY_QUEUE;
}

/**
 * abuse_file_mark_asking() - note that a file asks for requests
 * @file: the file
 * @set: the queues that it asks
 */
void abuse_file_mark_asking(struct abuse_file *file, struct abuse_set *set)
{
	bool unlisted = READ_ONCE(file->pid) != task_tgid(current);
	bool unserved = READ_ONCE(file->client.serves) != set->epoch;

	/* A file that drains is handed nothing, so it does not begin to serve. */
	if (likely(!unlisted && !unserved) || READ_ONCE(file->client.draining))
		return;
	if (unlisted)
		abuse_file_enlist(file);
	if (unserved)
		abuse_orphan_enlist(set, &file->client);
}

/**
 * abuse_file_is_over() - whether the setup that a file serves is over
 * @file: the file; its device is locked, or that does not matter
 */
bool abuse_file_is_over(struct abuse_file *file)
{
	/* Pairs with the release of abuse_file_serve(). */
	struct abuse_set *set = smp_load_acquire(&file->set);

	return set && READ_ONCE(set->dead);
}

/**
 * abuse_file_hold_front() - what is in front of the disk
 * @file: the file
 * @set: the queues that the disk has to have, NULL for any
 * @config: out: how it is set up; or NULL
 *
 * Return: it, to be given up with abuse_front_let_go(); or an error pointer:
 * -EINTR, -ENODEV, -EOPNOTSUPP if the disk is not mappable.
 */
struct abuse_front *abuse_file_hold_front(struct abuse_file *file,
					  const struct abuse_set *set,
					  struct abuse_config *config)
{
	struct abuse_device *dev = file->dev;
	struct abuse_front *front;
	int err = abuse_device_lock(dev);

	if (err)
		return ERR_PTR(err);
	if (abuse_file_is_over(file) ||
	    (set && rcu_access_pointer(dev->set) != set))
		front = ERR_PTR(-ENODEV);
	else
		front = abuse_device_front(dev);
	if (config)
		*config = dev->config;
	abuse_device_unlock(dev);
	return front;
}

/* Passes the caller's reference to @set on to @file, or gives it up. */
static int abuse_file_bind(struct abuse_file *file, struct abuse_set *set,
			   struct abuse_serve *serve)
{
	struct abuse_claim *claim = &file->claim;
	int err = 0;

	lockdep_assert_held(&file->lock);
	if (file->set)
		err = -EALREADY;
	else if (!abuse_set_has_queue(set, serve->queue))
		err = -EINVAL;
	if (!err) {
		memcpy(claim->identity, serve->identity,
		       sizeof(claim->identity));
		strscpy(claim->text, serve->text, sizeof(claim->text));
		if (memchr_inv(claim->identity, 0, sizeof(claim->identity)))
			err = abuse_set_claim(set, claim, serve) ?: 1;
	}
	if (err < 0) {
		abuse_set_put(set);
		return err;
	}
	file->claims = err;
	file->queue = serve->queue;
	/* Pairs with abuse_file_find_set(). */
	smp_store_release(&file->set, set);
	return 0;
}

/**
 * abuse_file_serve() - note what a file says it serves, once and for all
 * @file: the file
 * @serve: what it says; out with -EBUSY: what the others say
 *
 * Return: 0, -EINVAL, -EALREADY, -ENODEV, -EBUSY, -EINTR.
 */
int abuse_file_serve(struct abuse_file *file, struct abuse_serve *serve)
{
	struct abuse_set *set;
	int err;

	if (serve->flags ||
	    strnlen(serve->text, sizeof(serve->text)) == sizeof(serve->text))
		return -EINVAL;
	set = abuse_device_find_set(file->dev);
	if (!set)
		return -ENODEV;
	if (READ_ONCE(set->abandoned)) {
		abuse_set_put(set);
		return -ENODEV;
	}
	if (mutex_lock_killable(&file->lock)) {
		abuse_set_put(set);
		return -EINTR;
	}
	err = abuse_file_bind(file, set, serve);
	mutex_unlock(&file->lock);
	if (!err)
		abuse_file_mark_epoch(file, set->epoch);
	return err;
}
