// SPDX-License-Identifier: GPL-2.0
/*
 * The control nodes: ioctl and poll of /dev/abctlN.
 *
 * Locking: the mutex of a device orders setup, reconnect and reset, and guards
 * what they change. Getting and putting take no lock here, only a reference
 * to the hardware queues, found under RCU; so they neither wait for the mutex
 * nor make its holder wait. abuse_devices_lock guards the making of devices.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "compat.h"
#include "control.h"
#include "disk.h"
#include "queue.h"

#define ABUSE_CONTROL_MAJOR	61	/* for local and experimental use */
#define ABUSE_DEFAULT_DEVICES	8

/*
 * Answers and requests cross the stack in pieces of so many. Only those that
 * were filled leave it, so it is not zeroed first: that would nearly double
 * what the two functions do for a single request.
 */
#define ABUSE_CHUNK		32

/* All of struct abuse_info but its padding: the same for 32 and 64 bit. */
#define ABUSE_INFO_SIZE		offsetofend(struct abuse_info, ab_max_vecs)

/* What struct abuse_status was before it grew. */
#define ABUSE_STATUS_SIZE_0	offsetof(struct abuse_status, servers)

#define ABUSE_FEATURES	(ABUSE_FLAGS_WRITE_CACHE | ABUSE_FLAGS_DISCARD | \
			 ABUSE_FLAGS_WRITE_ZEROES)
#define ABUSE_ALL_FLAGS	(ABUSE_FLAGS_READ_ONLY | ABUSE_FLAGS_RECONNECT | \
			 ABUSE_FEATURES)

/**
 * struct abuse_device - what a control node stands for, set up or not
 * @number: N of /dev/abctlN
 * @lock: orders setup, reconnect and reset
 * @disk: NULL while not set up
 * @config: as it was set up, with no default left in it; all 0 if it is not
 * @max_depth: the depth of the first setup
 * @generation: where the ids of the next setup start
 * @epoch: counts the setups
 * @queues: NULL while not set up
 * @wait: pollers, and who waits for a request of any queue
 * @nr_servers: open files that have asked for requests
 */
struct abuse_device {
	u32 number;
	struct mutex lock;	/* setup, reconnect, reset */
	struct abuse_disk *disk;
	struct abuse_config config;
	u32 max_depth;
	u64 generation;
	u32 epoch;
	struct abuse_queues __rcu *queues;
	wait_queue_head_t wait;
	atomic_t nr_servers;
};

/**
 * struct abuse_file - an open control node
 * @client: the owner of the requests it got
 * @dev: the device
 * @epoch: the setup that it deals with, 0 for none; poll tells when it is over
 * @serves: it has asked for requests
 */
struct abuse_file {
	struct abuse_client client;
	struct abuse_device *dev;
	u32 epoch;
	bool serves;
};

static DEFINE_XARRAY(abuse_devices);
static DEFINE_MUTEX(abuse_devices_lock);
static struct class *abuse_class;
static struct cdev *abuse_cdev;
static dev_t abuse_base;
static unsigned int abuse_nr_minors;
static unsigned int abuse_hard_limit;

static struct abuse_queues *abuse_queues_find(struct abuse_device *dev)
{
	struct abuse_queues *set;

	rcu_read_lock();
	set = rcu_dereference(dev->queues);
	if (set && !abuse_queues_tryget(set))
		set = NULL;
	rcu_read_unlock();
	return set;
}

/* The same for a caller who means to deal with the device from now on. */
static struct abuse_queues *abuse_file_queues(struct abuse_file *file)
{
	struct abuse_queues *set = abuse_queues_find(file->dev);

	WRITE_ONCE(file->epoch, set ? READ_ONCE(file->dev->epoch) : 0);
	return set;
}

static int abuse_check(struct abuse_config *config)
{
	if (config->flags & ~ABUSE_ALL_FLAGS || config->reserved)
		return -EINVAL;
	if (config->block_size < SECTOR_SIZE ||
	    config->block_size > BLK_MAX_BLOCK_SIZE ||
	    !is_power_of_2(config->block_size))
		return -EINVAL;
	if (config->capacity > LLONG_MAX)
		return -EFBIG;
	if (!config->capacity || config->capacity & (config->block_size - 1))
		return -EINVAL;
	if (!config->queue_depth || config->queue_depth > ABUSE_MAX_DEPTH)
		return -EINVAL;
	if (!config->queues || config->queues > min_t(u32, nr_cpu_ids, ABUSE_MAX_QUEUES))
		return -EINVAL;
	if (config->max_request < PAGE_SIZE ||
	    config->max_request > ABUSE_MAX_REQUEST ||
	    config->max_request & (config->block_size - 1))
		return -EINVAL;
	if (config->timeout > ABUSE_MAX_TIMEOUT)
		return -EINVAL;
	return 0;
}

static int abuse_connect(struct abuse_device *dev,
			 const struct abuse_config *config)
{
	struct abuse_queues *set;
	struct abuse_disk *disk;

	set = abuse_queues_alloc(config, dev->generation, &dev->wait);
	if (!set)
		return -ENOMEM;
	disk = abuse_disk_add(dev->number, set, config);
	if (IS_ERR(disk)) {
		abuse_queues_kill(set);
		abuse_queues_put(set);
		return PTR_ERR(disk);
	}

	__module_get(THIS_MODULE);
	dev->disk = disk;
	dev->config = *config;
	dev->max_depth = config->queue_depth;
	WRITE_ONCE(dev->epoch, dev->epoch + 1 ?: 1);
	rcu_assign_pointer(dev->queues, set);
	/* Something may have read the disk already. */
	wake_up_all(&dev->wait);
	return 0;
}

static int abuse_reconnect(struct abuse_device *dev,
			   const struct abuse_config *config)
{
	const struct abuse_config *old = &dev->config;
	struct abuse_queues *set;

	if (config->block_size != old->block_size ||
	    config->queues != old->queues ||
	    config->max_request != old->max_request ||
	    (config->flags ^ old->flags) & ABUSE_FEATURES ||
	    config->capacity < old->capacity ||
	    config->queue_depth > dev->max_depth)
		return -EINVAL;

	set = rcu_dereference_protected(dev->queues,
					lockdep_is_held(&dev->lock));
	dev->config = *config;
	abuse_queues_configure(set, config);
	abuse_disk_update(dev->disk, config);
	return 0;
}

static int abuse_setup(struct abuse_device *dev, struct abuse_config *config)
{
	bool reconnect = config->flags & ABUSE_FLAGS_RECONNECT;
	int err;

	lockdep_assert_held(&dev->lock);
	if (dev->disk) {
		config->queues = config->queues ?: dev->config.queues;
		config->max_request = config->max_request ?:
				      dev->config.max_request;
	} else {
		config->queues = config->queues ?: 1;
		config->max_request = config->max_request ?: ABUSE_MAX_REQUEST;
	}
	err = abuse_check(config);
	if (err)
		return err;
	config->flags &= ~ABUSE_FLAGS_RECONNECT;
	if (!dev->disk)
		return abuse_connect(dev, config);
	return reconnect ? abuse_reconnect(dev, config) : -EBUSY;
}

static void abuse_reset(struct abuse_device *dev)
{
	struct abuse_queues *set;

	lockdep_assert_held(&dev->lock);
	if (!dev->disk)
		return;

	set = rcu_replace_pointer(dev->queues, NULL,
				  lockdep_is_held(&dev->lock));
	abuse_queues_kill(set);
	abuse_disk_remove(dev->disk);
	dev->generation = abuse_queues_generation(set);
	abuse_queues_put(set);
	dev->disk = NULL;
	memset(&dev->config, 0, sizeof(dev->config));
	module_put(THIS_MODULE);
}

static void abuse_fill_status(struct abuse_device *dev,
			      struct abuse_status *status)
{
	const struct abuse_config *config = &dev->config;

	lockdep_assert_held(&dev->lock);
	memset(status, 0, sizeof(*status));
	status->number = dev->number;
	status->servers = atomic_read(&dev->nr_servers);
	if (!dev->disk)
		return;
	status->flags = config->flags;
	status->device = abuse_disk_devt(dev->disk);
	status->capacity = config->capacity;
	status->block_size = config->block_size;
	status->queue_depth = config->queue_depth;
	status->queues = config->queues;
	status->max_request = config->max_request;
	status->timeout = config->timeout;
	abuse_queues_count(rcu_dereference_protected(dev->queues,
						     lockdep_is_held(&dev->lock)),
			   status);
}

/* What the ioctls below have in common: they take the mutex of the device. */
static int abuse_ioctl_reset(struct abuse_file *file)
{
	struct abuse_device *dev = file->dev;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	abuse_reset(dev);
	mutex_unlock(&dev->lock);
	return 0;
}

static int abuse_read_status(struct abuse_file *file,
			     struct abuse_status *status)
{
	struct abuse_device *dev = file->dev;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	abuse_fill_status(dev, status);
	WRITE_ONCE(file->epoch, dev->disk ? dev->epoch : 0);
	mutex_unlock(&dev->lock);
	return 0;
}

static int abuse_ioctl_get_status(struct abuse_file *file,
				  struct abuse_info __user *arg)
{
	struct abuse_status status;
	struct abuse_info info = { };
	int err;

	if (!arg)
		return -EINVAL;
	err = abuse_read_status(file, &status);
	if (err)
		return err;

	info.ab_device = status.device;
	info.ab_size = status.capacity;
	info.ab_number = status.number;
	info.ab_flags = status.flags & ABUSE_FLAGS_READ_ONLY;
	info.ab_blocksize = status.block_size;
	info.ab_max_queue = status.queue_depth;
	info.ab_queue_size = status.pending + status.owned;
	info.ab_errors = status.errors;
	info.ab_max_vecs = ABUSE_MAX_VECS;
	return copy_to_user(arg, &info, ABUSE_INFO_SIZE) ? -EFAULT : 0;
}

static int abuse_ioctl_set_status(struct abuse_file *file,
				  const struct abuse_info __user *arg)
{
	struct abuse_device *dev = file->dev;
	struct abuse_info info;
	struct abuse_config config = { };
	int err;

	if (!arg)
		return -EINVAL;
	if (copy_from_user(&info, arg, ABUSE_INFO_SIZE))
		return -EFAULT;
	if (info.ab_flags & ~(ABUSE_FLAGS_READ_ONLY | ABUSE_FLAGS_RECONNECT))
		return -EINVAL;
	config.flags = info.ab_flags;
	config.capacity = info.ab_size;
	config.block_size = info.ab_blocksize;
	config.queue_depth = info.ab_max_queue;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	/* What this ABI cannot say stays as it is. */
	config.flags |= dev->config.flags & ABUSE_FEATURES;
	config.timeout = dev->config.timeout;
	err = abuse_setup(dev, &config);
	mutex_unlock(&dev->lock);
	return err;
}

/* The size that a structure of today begins with; @least in every version. */
static int abuse_read_size(const void __user *arg, size_t least, u32 *size)
{
	if (get_user(*size, (const u32 __user *)arg))
		return -EFAULT;
	if (*size < least)
		return -EINVAL;
	return *size > PAGE_SIZE ? -E2BIG : 0;
}

static int abuse_ioctl_setup(struct abuse_file *file,
			     const struct abuse_config __user *arg)
{
	struct abuse_device *dev = file->dev;
	struct abuse_config config;
	u32 size;
	int err;

	err = abuse_read_size(arg, sizeof(config), &size);
	if (!err)
		err = copy_struct_from_user(&config, sizeof(config), arg, size);
	if (err)
		return err;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	err = abuse_setup(dev, &config);
	mutex_unlock(&dev->lock);
	return err;
}

static int abuse_ioctl_status(struct abuse_file *file,
			      struct abuse_status __user *arg)
{
	struct abuse_status status;
	u32 size;
	int err;

	err = abuse_read_size(arg, ABUSE_STATUS_SIZE_0, &size);
	if (!err)
		err = abuse_read_status(file, &status);
	if (err)
		return err;
	status.size = min_t(u32, size, sizeof(status));
	return copy_to_user(arg, &status, status.size) ? -EFAULT : 0;
}

/* How many vectors the ABI of 2009 shows a request as. */
static u32 abuse_nr_vecs(const struct abuse_get *get)
{
	if (abuse_command_has_data(get->command))
		return DIV_ROUND_UP(get->length, PAGE_SIZE);
	return get->length ? 1 : 0;
}

static u32 abuse_vec_len(const struct abuse_get *get, u32 i)
{
	if (abuse_command_has_data(get->command))
		return min_t(u32, get->length - i * PAGE_SIZE, PAGE_SIZE);
	return get->length;
}

static int abuse_write_vecs(const struct abuse_get *get,
			    struct abuse_vec __user *vecs)
{
	u32 i;

	for (i = 0; i < abuse_nr_vecs(get); i++) {
		struct abuse_vec vec = { .ab_len = abuse_vec_len(get, i) };

		if (copy_to_user(&vecs[i], &vec, sizeof(vec)))
			return -EFAULT;
	}
	return 0;
}

static int abuse_ioctl_requeue(struct abuse_file *file)
{
	struct abuse_queues *set = abuse_queues_find(file->dev);

	if (!set)
		return -ENODEV;
	abuse_queues_requeue(set, NULL);
	abuse_queues_put(set);
	return 0;
}

/* @file asks for requests. */
static void abuse_file_serves(struct abuse_file *file, struct abuse_queues *set)
{
	if (!READ_ONCE(file->serves) && !xchg(&file->serves, true))
		atomic_inc(&file->dev->nr_servers);
	abuse_queues_served(set);
}

static int abuse_get_bio(struct abuse_file *file, struct abuse_queues *set,
			 struct abuse_xfr_hdr __user *arg)
{
	struct abuse_client *client = &file->client;
	struct abuse_xfr_hdr hdr;
	struct abuse_room room = { };
	struct abuse_get get;
	int err = 0;

	if (copy_from_user(&hdr, arg, sizeof(hdr)))
		return -EFAULT;

	abuse_file_serves(file, set);
	if (!abuse_queues_take(set, client, ABUSE_ANY_QUEUE, &get, 1, &room)) {
		hdr.ab_id = 0;
		hdr.ab_vec_count = 0;
		return copy_to_user(arg, &hdr, sizeof(hdr)) ? -EFAULT :
							      -ENOMSG;
	}

	hdr.ab_id = get.id;
	hdr.ab_sector = get.sector;
	hdr.ab_command = get.command;
	hdr.ab_vec_count = abuse_nr_vecs(&get);
	if (copy_to_user(arg, &hdr, sizeof(hdr)))
		err = -EFAULT;
	else if (hdr.ab_transfer_address)
		err = abuse_write_vecs(&get,
				       abuse_user_ptr(hdr.ab_transfer_address));
	if (err)
		abuse_queues_unget(set, client, &get, 1);
	return err;
}

static int abuse_copy_vecs(struct abuse_client *client,
			   struct abuse_queues *set,
			   const struct abuse_get *get,
			   const struct abuse_vec __user *vecs)
{
	struct abuse_vec vec;
	int err;
	u32 i;

	for (i = 0; i < abuse_nr_vecs(get); i++) {
		if (copy_from_user(&vec, &vecs[i], sizeof(vec)))
			return -EFAULT;
		if (vec.ab_len != abuse_vec_len(get, i))
			return -EINVAL;
		if (!abuse_command_has_data(get->command))
			continue;
		err = abuse_queues_copy(set, client, get->id, i * PAGE_SIZE,
					vec.ab_len, vec.ab_address);
		if (err)
			return err;
	}
	return 0;
}

static int abuse_put_bio(struct abuse_client *client, struct abuse_queues *set,
			 const struct abuse_xfr_hdr __user *arg)
{
	struct abuse_xfr_hdr hdr;
	struct abuse_get get;
	int err;

	if (copy_from_user(&hdr, arg, sizeof(hdr)))
		return -EFAULT;
	err = abuse_queues_peek(set, client, hdr.ab_id, &get);
	if (err)
		return err;
	if (hdr.ab_sector != get.sector || hdr.ab_command != get.command ||
	    hdr.ab_vec_count != abuse_nr_vecs(&get))
		return -EINVAL;

	if (hdr.ab_result == ABUSE_RESULT_OKAY &&
	    (get.command == ABUSE_READ || hdr.ab_transfer_address))
		err = abuse_copy_vecs(client, set, &get,
				      abuse_user_ptr(hdr.ab_transfer_address));
	if (err)
		return err;
	return abuse_queues_end(set, client, hdr.ab_id, hdr.ab_result);
}

/*
 * Requests and answers are few and small mostly: the kernel's copy of an array
 * would take longer to find out where it is than to copy it.
 */
static int abuse_read_puts(struct abuse_put *puts,
			   const struct abuse_put __user *user, u32 nr)
{
	u32 i;

	if (!user_read_access_begin(user, nr * sizeof(*user)))
		return -EFAULT;
	for (i = 0; i < nr; i++) {
		unsafe_get_user(puts[i].id, &user[i].id, fault);
		unsafe_get_user(puts[i].address, &user[i].address, fault);
		unsafe_get_user(puts[i].result, &user[i].result, fault);
	}
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static int abuse_write_gets(const struct abuse_get *gets,
			    struct abuse_get __user *user, u32 nr)
{
	if (!user_write_access_begin(user, nr * sizeof(*user)))
		return -EFAULT;
	unsafe_copy_to_user((void __user *)user, (const void *)gets,
			    nr * sizeof(*gets), fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* Returns how many puts were taken. */
static int abuse_xfer_puts(struct abuse_client *client,
			   struct abuse_queues *set,
			   const struct abuse_xfer *xfer)
{
	struct abuse_put __user *user = abuse_user_ptr(xfer->puts);
	struct abuse_put puts[ABUSE_CHUNK] __uninitialized;
	u32 i, n, left, taken = 0;

	for (left = xfer->nr_puts; left; left -= n, user += n) {
		n = min_t(u32, left, ABUSE_CHUNK);
		if (abuse_read_puts(puts, user, n))
			return -EFAULT;
		taken += abuse_queues_answer(set, client, puts, n,
					     xfer->flags & ABUSE_XFER_NO_FAULT);
		for (i = 0; i < n; i++) {
			if (put_user(puts[i].status, &user[i].status))
				return -EFAULT;
		}
		if (left > n)
			cond_resched();
	}
	return taken;
}

/*
 * Puts the payload of writes into their pieces of the buffer. A request that
 * was reset or timed out meanwhile is dropped from @gets. Returns how many
 * are left.
 */
static int abuse_fill_pieces(struct abuse_client *client,
			     struct abuse_queues *set, struct abuse_get *gets,
			     unsigned int nr)
{
	unsigned int i, kept = 0;
	int err;

	for (i = 0; i < nr; i++) {
		struct abuse_get *get = &gets[i];

		if (get->command == ABUSE_WRITE && get->address) {
			err = abuse_queues_copy(set, client, get->id, 0,
						get->length, get->address);
			if (err == -ENOMSG)
				continue;
			if (err)
				return err;
		}
		gets[kept++] = *get;
	}
	return kept;
}

/* Returns how many requests were received, or an error if that is none. */
static int abuse_xfer_gets(struct abuse_file *file, struct abuse_queues *set,
			   const struct abuse_xfer *xfer)
{
	struct abuse_client *client = &file->client;
	struct abuse_get __user *user = abuse_user_ptr(xfer->gets);
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

	abuse_file_serves(file, set);
	while (got < xfer->nr_gets) {
		u32 asked = min_t(u32, xfer->nr_gets - got, ABUSE_CHUNK);
		unsigned int n;
		int kept;

		n = abuse_queues_take(set, client, xfer->queue, gets, asked,
				      &room);
		if (n) {
			kept = n;
			if (room.address)
				kept = abuse_fill_pieces(client, set, gets, n);
			err = kept < 0 ? kept :
			      abuse_write_gets(gets, &user[got], kept);
			if (err) {
				abuse_queues_unget(set, client, gets, n);
				break;
			}
			got += kept;
		}
		if (n == asked)
			continue;
		if (got >= xfer->min_gets || room.full)
			break;
		err = abuse_queues_wait(set, client, xfer->queue, until);
		if (err)
			break;
	}

	if (err == -ENODEV)
		return err;
	if (err == -ETIME || err == -ESHUTDOWN || got)
		return got;
	return err;
}

static int abuse_xfer(struct abuse_file *file, struct abuse_queues *set,
		      struct abuse_xfer *xfer,
		      struct abuse_xfer __user *arg)
{
	int puts, gets;

	if (!abuse_queues_has(set, xfer->queue))
		return -EINVAL;
	if (xfer->buffer &&
	    xfer->buffer_size < READ_ONCE(file->dev->config.max_request))
		return -EINVAL;

	puts = abuse_xfer_puts(&file->client, set, xfer);
	if (puts < 0)
		return puts;
	/* Who has a put refused should hear of it at once. */
	if (puts < xfer->nr_puts)
		xfer->min_gets = 0;
	gets = abuse_xfer_gets(file, set, xfer);
	/* The answers are given: what only a get can lose is no failure. */
	if (gets == -EINTR && xfer->nr_puts)
		gets = 0;
	if (gets < 0)
		return gets;
	if (put_user(puts, &arg->nr_puts) || put_user(gets, &arg->nr_gets))
		return -EFAULT;
	return 0;
}

static int abuse_ioctl_xfer(struct abuse_file *file,
			    struct abuse_xfer __user *arg)
{
	struct abuse_queues *set;
	struct abuse_xfer xfer;
	u32 size;
	int err;

	err = abuse_read_size(arg, sizeof(xfer), &size);
	if (!err)
		err = copy_struct_from_user(&xfer, sizeof(xfer), arg, size);
	if (err)
		return err;
	if (xfer.flags & ~(ABUSE_XFER_DRAIN | ABUSE_XFER_NO_FAULT) ||
	    xfer.nr_puts > ABUSE_MAX_BATCH || xfer.nr_gets > ABUSE_MAX_BATCH ||
	    xfer.min_gets > xfer.nr_gets ||
	    !IS_ALIGNED(xfer.buffer, 4096) ||
	    xfer.buffer + xfer.buffer_size < xfer.buffer)
		return -EINVAL;

	set = abuse_file_queues(file);
	if (xfer.flags & ABUSE_XFER_DRAIN)
		abuse_queues_drain(set, &file->client);
	if (!set)
		return -ENODEV;
	err = abuse_xfer(file, set, &xfer, arg);
	abuse_queues_put(set);
	return err;
}

static int abuse_ioctl_bio(struct abuse_file *file, unsigned int cmd,
			   struct abuse_xfr_hdr __user *arg)
{
	struct abuse_queues *set;
	int err;

	if (!arg)
		return -EINVAL;
	set = abuse_file_queues(file);
	if (!set)
		return -ENODEV;
	if (cmd == ABUSE_GET_BIO)
		err = abuse_get_bio(file, set, arg);
	else
		err = abuse_put_bio(&file->client, set, arg);
	abuse_queues_put(set);
	return err;
}

static long abuse_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct abuse_file *file = filp->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case ABUSE_GET_STATUS:
		return abuse_ioctl_get_status(file, user);
	case ABUSE_SET_STATUS:
		return abuse_ioctl_set_status(file, user);
	case ABUSE_SET_POLL:
		return -EOPNOTSUPP;
	case ABUSE_RESET:
		return abuse_ioctl_reset(file);
	case ABUSE_GET_BIO:
	case ABUSE_PUT_BIO:
		return abuse_ioctl_bio(file, cmd, user);
	case ABUSE_XFER:
		return abuse_ioctl_xfer(file, user);
	case ABUSE_SETUP:
		return abuse_ioctl_setup(file, user);
	case ABUSE_STATUS:
		return abuse_ioctl_status(file, user);
	case ABUSE_REQUEUE:
		return abuse_ioctl_requeue(file);
	default:
		return -ENOTTY;
	}
}

static __poll_t abuse_poll(struct file *filp, poll_table *wait)
{
	struct abuse_file *file = filp->private_data;
	struct abuse_device *dev = file->dev;
	u32 pending, unanswered, epoch = 0;
	struct abuse_queues *set;
	__poll_t mask = 0;

	poll_wait(filp, &dev->wait, wait);

	set = abuse_queues_find(dev);
	if (set) {
		epoch = READ_ONCE(dev->epoch);
		abuse_queues_served(set);
		abuse_queues_depths(set, &pending, &unanswered);
		/* POLLMSG is all that there was in 2009. */
		if (unanswered)
			mask |= EPOLLMSG;
		if (pending)
			mask |= EPOLLIN | EPOLLRDNORM;
		abuse_queues_put(set);
	}
	if (!READ_ONCE(file->epoch))
		WRITE_ONCE(file->epoch, epoch);
	else if (READ_ONCE(file->epoch) != epoch)
		mask |= EPOLLHUP;
	return mask;
}

static int abuse_make_device(u32 number)
{
	struct abuse_device *dev;
	struct device *node;
	int err;

	lockdep_assert_held(&abuse_devices_lock);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	dev->number = number;
	mutex_init(&dev->lock);
	init_waitqueue_head(&dev->wait);

	err = xa_insert(&abuse_devices, number, dev, GFP_KERNEL);
	if (err)
		goto out_free;
	node = device_create(abuse_class, NULL, abuse_base + number, NULL,
			     "abctl%u", number);
	if (IS_ERR(node)) {
		err = PTR_ERR(node);
		goto out_erase;
	}
	return 0;

out_erase:
	xa_erase(&abuse_devices, number);
out_free:
	kfree(dev);
	return err;
}

static void abuse_free_devices(void)
{
	struct abuse_device *dev;
	unsigned long number;

	xa_for_each(&abuse_devices, number, dev) {
		device_destroy(abuse_class, abuse_base + number);
		xa_erase(&abuse_devices, number);
		kfree(dev);
	}
}

/* Without a limit, a node made by hand is enough to have another device. */
static struct abuse_device *abuse_get_device(u32 number)
{
	struct abuse_device *dev;
	int err = -ENODEV;

	mutex_lock(&abuse_devices_lock);
	dev = xa_load(&abuse_devices, number);
	if (!dev && !abuse_hard_limit) {
		err = abuse_make_device(number);
		dev = xa_load(&abuse_devices, number);
	}
	mutex_unlock(&abuse_devices_lock);
	return dev ?: ERR_PTR(err);
}

static int abuse_open(struct inode *inode, struct file *filp)
{
	struct abuse_device *dev;
	struct abuse_file *file;

	dev = abuse_get_device(iminor(inode) - MINOR(abuse_base));
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	file->dev = dev;
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int abuse_release(struct inode *inode, struct file *filp)
{
	struct abuse_file *file = filp->private_data;
	struct abuse_queues *set = abuse_queues_find(file->dev);

	/* After a reset there is nothing left to own. */
	if (set) {
		abuse_queues_requeue(set, &file->client);
		abuse_queues_put(set);
	}
	if (file->serves)
		atomic_dec(&file->dev->nr_servers);
	kfree(file);
	return 0;
}

static const struct file_operations abuse_fops = {
	.owner		= THIS_MODULE,
	.open		= abuse_open,
	.release	= abuse_release,
	.unlocked_ioctl	= abuse_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= abuse_poll,
};

static char *abuse_devnode(COMPAT_DEVNODE_CONST struct device *dev,
			   umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return NULL;
}

static int abuse_get_region(void)
{
	abuse_base = MKDEV(ABUSE_CONTROL_MAJOR, 0);
	if (!register_chrdev_region(abuse_base, abuse_nr_minors, KBUILD_MODNAME))
		return 0;
	pr_info("major %d is taken, control nodes use another\n",
		ABUSE_CONTROL_MAJOR);
	return alloc_chrdev_region(&abuse_base, 0, abuse_nr_minors,
				   KBUILD_MODNAME);
}

/**
 * abuse_control_init() - make the control nodes
 * @max_abuse: how many there are, and no more; 0 for 8, and more on demand
 *
 * Return: 0, or an error.
 */
int abuse_control_init(unsigned int max_abuse)
{
	unsigned int i;
	int err;

	if (max_abuse > abuse_disk_max_number())
		return -EINVAL;
	abuse_hard_limit = max_abuse;
	abuse_nr_minors = max_abuse ?: abuse_disk_max_number();

	err = abuse_get_region();
	if (err)
		return err;
	abuse_class = compat_class_create(KBUILD_MODNAME);
	if (IS_ERR(abuse_class)) {
		err = PTR_ERR(abuse_class);
		goto out_region;
	}
	abuse_class->devnode = abuse_devnode;

	mutex_lock(&abuse_devices_lock);
	for (i = 0; i < (max_abuse ?: ABUSE_DEFAULT_DEVICES) && !err; i++)
		err = abuse_make_device(i);
	mutex_unlock(&abuse_devices_lock);
	if (err)
		goto out_devices;

	/* Not a part of the module's own memory, which it may outlive. */
	err = -ENOMEM;
	abuse_cdev = cdev_alloc();
	if (!abuse_cdev)
		goto out_devices;
	abuse_cdev->ops = &abuse_fops;
	abuse_cdev->owner = THIS_MODULE;
	err = cdev_add(abuse_cdev, abuse_base, abuse_nr_minors);
	if (err)
		goto out_cdev;
	return 0;

out_cdev:
	kobject_put(&abuse_cdev->kobj);
out_devices:
	abuse_free_devices();
	class_destroy(abuse_class);
out_region:
	unregister_chrdev_region(abuse_base, abuse_nr_minors);
	return err;
}

/**
 * abuse_control_exit() - take the control nodes away
 *
 * No file is open and no device is set up, both hold the module.
 */
void abuse_control_exit(void)
{
	cdev_del(abuse_cdev);
	abuse_free_devices();
	class_destroy(abuse_class);
	unregister_chrdev_region(abuse_base, abuse_nr_minors);
	/* The last reference to hardware queues is dropped in a callback. */
	rcu_barrier();
}
