// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_SERVERS, ABUSE_REQUESTS and ABUSE_EXTENTS: who serves a device, who has
 * what, and what is mapped. It only looks, at a few slots under each lock, and must
 * not change a request.
 *
 * What one call tells is gathered in pieces: first with the lock of the servers,
 * which keeps the owner of a slot from going away, then it is copied without it.
 */
#include <linux/jiffies.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "copy.h"
#include "describe.h"
#include "device.h"
#include "file.h"
#include "front.h"
#include "list.h"
#include "map.h"
#include "set.h"
#include "xfer.h"

/* What the structures were in the first release: they never get smaller. */
#define ABUSE_LIST_SIZE_0	40
#define ABUSE_SERVER_SIZE_0	208
#define ABUSE_REQUEST_SIZE_0	48

/* Slots that are looked at before the lock of their queue is dropped */
#define ABUSE_LOOK		64

static u32 abuse_ms(u64 ns)
{
	return min_t(u64, div_u64(ns, NSEC_PER_MSEC), U32_MAX);
}

/* 0 if @then was noted by another processor a moment after it got here. */
static u32 abuse_ms_since(unsigned long then)
{
	unsigned long now = jiffies;

	return time_after(then, now) ? 0 :
	       abuse_ms(jiffies64_to_nsecs(now - then));
}

static u32 abuse_age_ms(u64 start)
{
	u64 now = ktime_get_ns();

	return now > start ? abuse_ms(now - start) : 0;
}

static struct abuse_file *abuse_owner(struct abuse_slot *slot)
{
	return slot->owner ? container_of(slot->owner, struct abuse_file,
					  client) : NULL;
}

/* 0 when the process is gone, or in no PID namespace of the caller's. */
static u32 abuse_file_pid(struct abuse_file *file, char *command)
{
	struct task_struct *task;
	char name[TASK_COMM_LEN];
	u32 pid = 0;

	rcu_read_lock();
	task = pid_task(file->pid, PIDTYPE_TGID);
	if (task)
		pid = pid_vnr(file->pid);
	if (pid && command) {
		get_task_comm(name, task);
		strscpy(command, name, ABUSE_COMMAND_SIZE);
	}
	rcu_read_unlock();
	return pid;
}

static void abuse_look_at_owners(struct abuse_queue *q, u32 tag)
{
	u32 end = min(tag + ABUSE_LOOK, q->set->nr_tags);

	spin_lock(&q->lock);
	for (; tag < end; tag++) {
		struct abuse_slot *slot = &q->slots[tag];
		struct abuse_file *file = abuse_owner(slot);

		if (!file)
			continue;
		if (!file->owned++ || slot->start < file->oldest)
			file->oldest = slot->start;
	}
	spin_unlock(&q->lock);
}

/* What each open file owns, which nobody counts otherwise. */
static void abuse_count_owned(struct abuse_device *dev)
{
	struct abuse_set *set = abuse_device_find_set(dev);
	struct abuse_file *file;
	u32 i, tag;

	lockdep_assert_held(&dev->servers_lock);
	list_for_each_entry(file, &dev->servers, link)
		file->owned = 0;
	if (!set)
		return;
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		if (!READ_ONCE(q->nr_inflight))
			continue;
		for (tag = 0; tag < set->nr_tags; tag += ABUSE_LOOK) {
			abuse_look_at_owners(q, tag);
			cond_resched();
		}
	}
	abuse_set_put(set);
}

static void abuse_describe_server(struct abuse_file *file,
				  struct abuse_server *server)
{
	struct abuse_client *client = &file->client;

	memset(server, 0, sizeof(*server));
	server->server = file->number;
	server->gets = atomic64_read(&client->gets);
	server->puts = atomic64_read(&client->puts);
	server->stale = atomic64_read(&client->stale);
	/* Pairs with the barrier of abuse_wait(). */
	server->waiting = atomic_read_acquire(&client->waiting);
	server->pid = abuse_file_pid(file, server->command);
	server->uid = from_kuid_munged(current_user_ns(), file->uid);
	server->owned = file->owned;
	if (file->owned)
		server->oldest_ms = abuse_age_ms(file->oldest);
	server->idle_ms = abuse_ms_since(READ_ONCE(file->called));
	if (READ_ONCE(client->draining))
		server->flags |= ABUSE_SERVER_DRAINING;
	if (abuse_file_is_over(file))
		server->flags |= ABUSE_SERVER_OVER;
	server->queue = ABUSE_ANY_QUEUE;
	/* Pairs with the release of abuse_file_serve(). */
	if (smp_load_acquire(&file->set)) {
		server->queue = file->queue;
		strscpy(server->text, file->claim.text, sizeof(server->text));
	}
}

/* The cursor is the number of the last one that was told. */
static int abuse_list_servers(struct abuse_file *caller, void *elements,
			      u32 room, struct abuse_list *list)
{
	struct abuse_device *dev = caller->dev;
	struct abuse_server *servers = elements;
	struct abuse_file *file;
	u64 last = list->cursor;
	u32 n = 0;

	if (!list->nr)
		abuse_count_owned(dev);
	list->total = dev->nr_servers;
	list->cursor = 0;
	list_for_each_entry(file, &dev->servers, link) {
		if (file->number <= last)
			continue;
		if (n == room) {
			list->cursor = last;
			break;
		}
		abuse_describe_server(file, &servers[n++]);
		last = file->number;
	}
	return n;
}

static void abuse_describe_request(struct abuse_queue *q,
				   struct abuse_slot *slot,
				   struct abuse_request *request)
{
	struct abuse_file *file = abuse_owner(slot);
	struct abuse_get get;

	abuse_describe(slot->rq, &get);
	memset(request, 0, sizeof(*request));
	request->sector = get.sector;
	request->length = get.length;
	request->command = get.command;
	request->flags = get.flags | abuse_slot_flags(q, slot);
	request->state = slot->state == ABUSE_SLOT_PENDING ?
				 ABUSE_REQUEST_PENDING :
			 slot->state == ABUSE_SLOT_OWNED ?
				 ABUSE_REQUEST_OWNED : ABUSE_REQUEST_BUSY;
	request->queue = q->index;
	request->gets = slot->gets;
	request->age_ms = abuse_age_ms(slot->start);
	if (file) {
		request->server = file->number;
		request->pid = abuse_file_pid(file, NULL);
	}
}

/* Goes on at @tag, which it moves; returns how many it told. */
static u32 abuse_look_at_requests(struct abuse_queue *q, u32 *tag,
				  struct abuse_request *requests, u32 room)
{
	u32 end = min(*tag + ABUSE_LOOK, q->set->nr_tags);
	u32 n = 0;

	spin_lock(&q->lock);
	for (; *tag < end && n < room; (*tag)++) {
		if (q->slots[*tag].state != ABUSE_SLOT_FREE)
			abuse_describe_request(q, &q->slots[*tag],
					       &requests[n++]);
	}
	spin_unlock(&q->lock);
	return n;
}

/* The cursor is the slot to look at next: its queue, and its tag. */
static int abuse_list_requests(struct abuse_file *caller, void *elements,
			       u32 room, struct abuse_list *list)
{
	struct abuse_set *set = abuse_device_find_set(caller->dev);
	struct abuse_request *requests = elements;
	u32 i = list->cursor >> 32, tag = list->cursor, n = 0, pending, owned;

	if (!set)
		return -ENODEV;
	abuse_set_requests(set, &pending, &owned);
	list->total = pending + owned;
	list->cursor = 0;
	/* The cursor is the caller's. */
	if (i < set->nr)
		i = array_index_nospec(i, set->nr);
	if (tag < set->nr_tags)
		tag = array_index_nospec(tag, set->nr_tags);
	for (; i < set->nr; i++, tag = 0) {
		struct abuse_queue *q = &set->queue[i];

		if (!READ_ONCE(q->nr_inflight))
			continue;
		while (tag < set->nr_tags && n < room) {
			n += abuse_look_at_requests(q, &tag, &requests[n],
						    room - n);
			cond_resched();
		}
		if (tag < set->nr_tags) {
			list->cursor = (u64)i << 32 | tag;
			break;
		}
	}
	abuse_set_put(set);
	return n;
}

/* The cursor is a sector. */
static int abuse_list_extents(struct abuse_file *caller, void *elements,
			      u32 room, struct abuse_list *list)
{
	struct abuse_front *front = abuse_file_hold_front(caller, NULL, NULL);
	int n;

	if (IS_ERR(front))
		return PTR_ERR(front);
	n = abuse_map_list(abuse_front_map(front), list, elements, room);
	abuse_front_let_go(front);
	return n;
}

/**
 * struct abuse_kind - what is listed
 * @size: of an element
 * @least: what that was in the first release
 * @looks: at owners, so the lock of the servers is held meanwhile
 * @fill: gathers elements from the cursor on, which it moves
 */
struct abuse_kind {
	u32 size;
	u32 least;
	bool looks;
	int (*fill)(struct abuse_file *caller, void *elements, u32 room,
		    struct abuse_list *list);
};

static const struct abuse_kind abuse_servers = {
	.size	= sizeof(struct abuse_server),
	.least	= ABUSE_SERVER_SIZE_0,
	.looks	= true,
	.fill	= abuse_list_servers,
};

static const struct abuse_kind abuse_requests = {
	.size	= sizeof(struct abuse_request),
	.least	= ABUSE_REQUEST_SIZE_0,
	.looks	= true,
	.fill	= abuse_list_requests,
};

static const struct abuse_kind abuse_extents = {
	.size	= sizeof(struct abuse_extent),
	.least	= ABUSE_EXTENT_SIZE_0,
	.fill	= abuse_list_extents,
};

static int abuse_write_elements(void __user *user, const void *elements, u32 nr,
				u32 known, u32 size)
{
	for (; nr; nr--, user += size, elements += known) {
		if (copy_to_user(user, elements, known) ||
		    clear_user(user + known, size - known))
			return -EFAULT;
	}
	return 0;
}

/* Fills all the room that there is, piece by piece. */
static int abuse_list_all(struct abuse_file *caller,
			  const struct abuse_kind *kind, void *elements,
			  struct abuse_list *list)
{
	struct abuse_device *dev = caller->dev;
	void __user *user = abuse_user_ptr(list->elements);
	u32 room = list->nr;
	int n;

	list->nr = 0;
	do {
		n = min_t(u32, room - list->nr, PAGE_SIZE / kind->size);
		if (kind->looks && mutex_lock_killable(&dev->servers_lock))
			return -EINTR;
		n = kind->fill(caller, elements, n, list);
		if (kind->looks)
			mutex_unlock(&dev->servers_lock);
		if (n < 0)
			return n;
		if (abuse_write_elements(user, elements, n, kind->size,
					 list->element_size))
			return -EFAULT;
		user += n * list->element_size;
		list->nr += n;
	} while (list->cursor && list->nr < room);
	return 0;
}

static int abuse_check_list(const struct abuse_list *list, u32 least)
{
	if (list->flags || list->reserved || list->nr > ABUSE_MAX_BATCH ||
	    list->element_size < least ||
	    !IS_ALIGNED(list->element_size, sizeof(u64)))
		return -EINVAL;
	return list->element_size > ABUSE_MAX_ELEMENT ? -E2BIG : 0;
}

static int abuse_ioctl_list(struct abuse_file *caller,
			    const struct abuse_kind *kind,
			    struct abuse_list __user *arg)
{
	struct abuse_list list;
	void *elements;
	u32 size;
	int err;

	BUILD_BUG_ON(sizeof(list) != ABUSE_LIST_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_server) != ABUSE_SERVER_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_request) != ABUSE_REQUEST_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_extent) != ABUSE_EXTENT_SIZE_0);

	err = abuse_read_size(arg, ABUSE_LIST_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&list, sizeof(list), arg, size);
	if (!err)
		err = abuse_check_list(&list, kind->least);
	if (err)
		return err;

	elements = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!elements)
		return -ENOMEM;
	err = abuse_list_all(caller, kind, elements, &list);
	kfree(elements);
	if (err)
		return err;
	if (put_user(list.cursor, &arg->cursor) ||
	    put_user(list.nr, &arg->nr) || put_user(list.total, &arg->total))
		return -EFAULT;
	return 0;
}

/**
 * abuse_ioctl_servers() - ABUSE_SERVERS
 * @caller: the open control node
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_servers(struct abuse_file *caller,
			struct abuse_list __user *arg)
{
	return abuse_ioctl_list(caller, &abuse_servers, arg);
}

/**
 * abuse_ioctl_requests() - ABUSE_REQUESTS
 * @caller: the open control node
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_requests(struct abuse_file *caller,
			 struct abuse_list __user *arg)
{
	return abuse_ioctl_list(caller, &abuse_requests, arg);
}

/**
 * abuse_ioctl_extents() - ABUSE_EXTENTS
 * @caller: the open control node
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_extents(struct abuse_file *caller,
			struct abuse_list __user *arg)
{
	return abuse_ioctl_list(caller, &abuse_extents, arg);
}
