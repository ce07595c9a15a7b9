// SPDX-License-Identifier: GPL-2.0
/*
 * Setup, reconnect, reset and status of a device, which joins a set of queues
 * and a disk. It must not know open files or user memory.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "cancel.h"
#include "compat.h"
#include "device.h"
#include "disk.h"
#include "front.h"
#include "set.h"
#include "trace.h"
#include "wait.h"

/* A close waits so many seconds for the disk that goes with it. */
#define ABUSE_CLOSE_WAIT	5

/* Memory may wait for what a quiesced disk has, and a killed maker gives up that way. */
static struct workqueue_struct *abuse_abandon_wq;

/* The disk that it was queued for may be gone, and another one may be there. */
static void abuse_device_leave_work(struct work_struct *work)
{
	struct abuse_device *dev = container_of(work, struct abuse_device,
						leave);

	mutex_lock(&dev->lock);
	dev->noio = memalloc_noio_save();
	if (dev->disk && abuse_disk_is_closed(dev->disk))
		abuse_device_reset(dev);
	abuse_device_unlock(dev);
}

/* The setup that it was queued for may be over, and a later one abandoned by now. */
static void abuse_device_abandon_work(struct work_struct *work)
{
	struct abuse_device *dev = container_of(work, struct abuse_device,
						abandon);
	u32 epoch;

	mutex_lock(&dev->lock);
	dev->noio = memalloc_noio_save();
	epoch = READ_ONCE(dev->abandoned);
	if (dev->epoch == epoch &&
	    dev->config.flags & ABUSE_FLAGS_AUTOREMOVE)
		abuse_device_reset(dev);
	abuse_device_unlock(dev);
	cmpxchg(&dev->abandoned, epoch, 0);
	wake_up_var(&dev->abandoned);
}

/**
 * abuse_device_init() - prepare a device, which is not set up yet
 * @dev: zeroed
 * @number: N of /dev/abctlN
 */
void abuse_device_init(struct abuse_device *dev, u32 number)
{
	dev->number = number;
	mutex_init(&dev->lock);
	INIT_WORK(&dev->leave, abuse_device_leave_work);
	INIT_WORK(&dev->abandon, abuse_device_abandon_work);
	abuse_waiting_init(&dev->wait);
	mutex_init(&dev->servers_lock);
	INIT_LIST_HEAD(&dev->servers);
}

/**
 * abuse_device_exit() - end a device that is not set up
 * @dev: the device; the work that took its disk away may still be returning
 */
void abuse_device_exit(struct abuse_device *dev)
{
	flush_work(&dev->leave);
	flush_work(&dev->abandon);
}

/**
 * abuse_device_find_set() - find the queues of a device
 * @dev: the device
 *
 * Return: the set, to be given up with abuse_set_put(), or NULL while the
 * device is not set up.
 */
struct abuse_set *abuse_device_find_set(struct abuse_device *dev)
{
	struct abuse_set *set;

	rcu_read_lock();
	set = rcu_dereference(dev->set);
	if (set && !abuse_set_tryget(set))
		set = NULL;
	rcu_read_unlock();
	return set;
}

/**
 * abuse_device_lock() - lock out setup, reconnect and reset by others
 * @dev: the device
 *
 * A resume waits for that, and memory may wait for a resume. So until
 * abuse_device_unlock() memory is allocated without waiting for a disk. A setup
 * whose maker has gone is over before.
 *
 * Return: 0, or -EINTR when the caller is being killed.
 */
int abuse_device_lock(struct abuse_device *dev)
{
	if (wait_var_event_killable(&dev->abandoned,
				    !READ_ONCE(dev->abandoned)) ||
	    mutex_lock_killable(&dev->lock))
		return -EINTR;
	dev->noio = memalloc_noio_save();
	return 0;
}

/**
 * abuse_device_unlock() - undo abuse_device_lock()
 * @dev: the device
 */
void abuse_device_unlock(struct abuse_device *dev)
{
	memalloc_noio_restore(dev->noio);
	mutex_unlock(&dev->lock);
}

/*
 * From here on an open file that is closed does not find its requests any more, so
 * nobody may look at owners before all requests are failed.
 */
static struct abuse_set *abuse_kill_set(struct abuse_device *dev)
{
	struct abuse_set *set;

	mutex_lock(&dev->servers_lock);
	set = rcu_replace_pointer(dev->set, NULL, lockdep_is_held(&dev->lock));
	abuse_set_kill(set);
	mutex_unlock(&dev->servers_lock);
	return set;
}

/*
 * The queues can be found before the disk can, because the disk's uevent may
 * start a server.
 */
static int abuse_connect(struct abuse_device *dev,
			 const struct abuse_config *config)
{
	struct abuse_disk *disk;
	struct abuse_set *set;

	if (config->queues * config->queue_depth > abuse_requests_limit())
		return -EPERM;
	/* A map is indexed by sectors of the size of a long. */
	if (config->flags & ABUSE_FLAGS_MAPPABLE && !IS_ENABLED(CONFIG_64BIT))
		return -EOPNOTSUPP;
	/* The kernel would read what a user's server says is a table. */
	if (config->flags & ABUSE_FLAGS_PARTSCAN && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	dev->epoch = dev->epoch + 1 ?: 1;
	set = abuse_set_alloc(config, dev->number, dev->generation, dev->epoch,
			      &dev->wait);
	if (!set)
		return -ENOMEM;
	rcu_assign_pointer(dev->set, set);
	disk = abuse_disk_add(dev->number, set, config);
	if (IS_ERR(disk)) {
		abuse_set_put(abuse_kill_set(dev));
		return PTR_ERR(disk);
	}

	__module_get(THIS_MODULE);
	dev->disk = disk;
	dev->config = *config;
	dev->max_depth = config->queue_depth;
	trace_abuse_setup(dev->number, config, false);
	return 0;
}

static int abuse_reconnect(struct abuse_device *dev,
			   const struct abuse_config *config)
{
	const struct abuse_config *old = &dev->config;
	struct abuse_set *set;

	if (config->block_size != old->block_size ||
	    config->physical_block_size != old->physical_block_size ||
	    config->queues != old->queues ||
	    config->max_request != old->max_request ||
	    config->io_min != old->io_min || config->io_opt != old->io_opt ||
	    config->discard_granularity != old->discard_granularity ||
	    config->max_discard != old->max_discard ||
	    config->max_write_zeroes != old->max_write_zeroes ||
	    (config->flags ^ old->flags) & ABUSE_FEATURES ||
	    config->flags & ~old->flags & ABUSE_FLAGS_AUTOREMOVE ||
	    config->capacity < old->capacity ||
	    config->queue_depth > dev->max_depth)
		return -EINVAL;

	set = rcu_dereference_protected(dev->set,
					lockdep_is_held(&dev->lock));
	if (!abuse_set_configure(set, config))
		return -EBUSY;
	dev->config = *config;
	abuse_disk_update(dev->disk, config);
	trace_abuse_setup(dev->number, config, true);
	return 0;
}

/**
 * abuse_device_setup() - set a device up, or change it
 * @dev: the device, locked
 * @config: what is asked for; its defaults are filled in
 *
 * Return: 0, -EINVAL, -EFBIG, -EPERM, -EBUSY, -ENOMEM.
 */
int abuse_device_setup(struct abuse_device *dev, struct abuse_config *config)
{
	bool reconnect = config->flags & ABUSE_FLAGS_RECONNECT;
	int err;

	lockdep_assert_held(&dev->lock);
	abuse_config_fill_in(config, dev->disk && reconnect ? &dev->config : NULL);
	err = abuse_config_check(config);
	if (err)
		return err;
	config->flags &= ~ABUSE_FLAGS_RECONNECT;
	if (!dev->disk)
		return abuse_connect(dev, config);
	if (!reconnect || abuse_disk_is_leaving(dev->disk))
		return -EBUSY;
	return abuse_reconnect(dev, config);
}

/**
 * abuse_device_reset() - fail every request and take the disk away
 * @dev: the device, locked; set up or not
 */
void abuse_device_reset(struct abuse_device *dev)
{
	struct abuse_set *set;

	lockdep_assert_held(&dev->lock);
	if (!dev->disk)
		return;

	trace_abuse_reset(dev->number);
	set = abuse_kill_set(dev);
	abuse_disk_remove(dev->disk);
	dev->generation = abuse_set_generation(set);
	abuse_set_put(set);
	dev->disk = NULL;
	memset(&dev->config, 0, sizeof(dev->config));
	module_put(THIS_MODULE);
}

/**
 * abuse_device_remove() - reset a device unless its disk is in use
 * @dev: the device, locked; set up or not
 *
 * Return: 0, or -EBUSY.
 */
int abuse_device_remove(struct abuse_device *dev)
{
	lockdep_assert_held(&dev->lock);
	if (dev->disk && !abuse_disk_close(dev->disk))
		return -EBUSY;
	abuse_device_reset(dev);
	return 0;
}

/**
 * abuse_device_leave() - reset a device as soon as its disk is not in use
 * @dev: the device, locked; set up or not
 */
void abuse_device_leave(struct abuse_device *dev)
{
	lockdep_assert_held(&dev->lock);
	if (dev->disk)
		abuse_disk_leave(dev->disk, &dev->leave);
}

/**
 * abuse_device_abandon() - whoever made a setup has gone
 * @dev: the device, not locked
 * @epoch: the setup, 0 for none; it may be over
 *
 * The reset may wait for what other open files of the caller serve, so a process
 * that ends, and has yet to close these, does not wait for it; and one that closes
 * several at once, or becomes another program, does not wait long.
 */
void abuse_device_abandon(struct abuse_device *dev, u32 epoch)
{
	u32 before = READ_ONCE(dev->abandoned);
	struct abuse_set *set;
	bool stays;
	int i;

	if (!epoch)
		return;
	set = abuse_device_find_set(dev);
	if (set) {
		stays = set->epoch != epoch || !abuse_abandon(set);
		abuse_set_put(set);
		if (stays)
			return;
	}
	while ((!before || (s32)(epoch - before) > 0) &&
	       !try_cmpxchg(&dev->abandoned, &before, epoch))
		;
	queue_work(abuse_abandon_wq, &dev->abandon);
	if (current->flags & (PF_EXITING | PF_KTHREAD))
		return;
	for (i = 0; i < ABUSE_CLOSE_WAIT && !fatal_signal_pending(current); i++)
		if (wait_var_event_timeout(&dev->abandoned,
					   READ_ONCE(dev->abandoned) != epoch,
					   HZ))
			break;
}

/**
 * abuse_device_front() - what is in front of the disk
 * @dev: the device, locked; set up or not
 *
 * Return: it, to be given up with abuse_front_let_go(); or an error pointer:
 * -ENODEV, -EOPNOTSUPP if the disk is not mappable.
 */
struct abuse_front *abuse_device_front(struct abuse_device *dev)
{
	struct abuse_front *front;

	lockdep_assert_held(&dev->lock);
	if (!dev->disk)
		return ERR_PTR(-ENODEV);
	front = abuse_disk_front(dev->disk);
	if (!front)
		return ERR_PTR(-EOPNOTSUPP);
	abuse_front_hold(front);
	return front;
}

static void abuse_fill_limits(struct abuse_device *dev,
			      struct abuse_status *status)
{
	status->capacity_limit = LLONG_MAX;
	status->block_size_limit = BLK_MAX_BLOCK_SIZE;
	status->queue_depth_limit = dev->disk ? dev->max_depth :
						ABUSE_MAX_DEPTH;
	status->queues_limit = abuse_queues_limit();
	status->requests_limit = abuse_requests_limit();
	status->max_request_least = PAGE_SIZE;
	status->max_request_limit = ABUSE_MAX_REQUEST;
	status->timeout_limit_ms = ABUSE_MAX_TIMEOUT;
	status->batch_limit = ABUSE_MAX_BATCH;
	status->pieces_limit = ABUSE_MAX_PIECES;
	status->put_size = sizeof(struct abuse_put);
	status->get_size = sizeof(struct abuse_get);
}

/**
 * abuse_device_status() - tell all about a device
 * @dev: the device, locked
 * @status: out, all but its size
 */
void abuse_device_status(struct abuse_device *dev, struct abuse_status *status)
{
	const struct abuse_config *config = &dev->config;
	struct abuse_set *set;

	lockdep_assert_held(&dev->lock);
	memset(status, 0, sizeof(*status));
	status->number = dev->number;
	status->servers = READ_ONCE(dev->nr_servers);
	abuse_fill_limits(dev, status);
	if (!dev->disk)
		return;
	status->flags = config->flags;
	status->device = abuse_disk_devt(dev->disk);
	status->openers = abuse_disk_openers(dev->disk);
	status->capacity = config->capacity;
	status->block_size = config->block_size;
	status->physical_block_size = config->physical_block_size;
	status->queue_depth = config->queue_depth;
	status->queues = config->queues;
	status->max_request = config->max_request;
	status->timeout_ms = config->timeout_ms;
	status->orphan_ms = config->orphan_ms;
	status->unserved_ms = config->unserved_ms;
	status->io_min = config->io_min;
	status->io_opt = config->io_opt;
	status->discard_granularity = config->discard_granularity;
	status->max_discard = config->max_discard;
	status->max_write_zeroes = config->max_write_zeroes;
	set = rcu_dereference_protected(dev->set,
					lockdep_is_held(&dev->lock));
	abuse_set_count(set, status);
	if (abuse_disk_front(dev->disk))
		abuse_front_count(abuse_disk_front(dev->disk), status);
	if (READ_ONCE(set->quiesced))
		status->conditions |= ABUSE_CONDITION_QUIESCED;
	if (abuse_disk_is_leaving(dev->disk))
		status->conditions |= ABUSE_CONDITION_LEAVING;
}

/**
 * abuse_devices_init() - prepare for devices
 *
 * Return: 0, or -ENOMEM.
 */
int abuse_devices_init(void)
{
	abuse_abandon_wq = alloc_workqueue("abuse_abandon",
					   WQ_UNBOUND | WQ_MEM_RECLAIM,
					   WQ_MAX_ACTIVE);
	return abuse_abandon_wq ? 0 : -ENOMEM;
}

/**
 * abuse_devices_exit() - undo abuse_devices_init(), once all devices are freed
 */
void abuse_devices_exit(void)
{
	destroy_workqueue(abuse_abandon_wq);
}
