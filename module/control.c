// SPDX-License-Identifier: GPL-2.0
/*
 * The control nodes, /dev/abctlN: open and close, poll, and the function for
 * each ioctl. It makes devices on demand; it must not know what a request is.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "compat.h"
#include "control.h"
#include "device.h"
#include "disk.h"
#include "extents.h"
#include "file.h"
#include "gendisk.h"
#include "legacy.h"
#include "list.h"
#include "pause.h"
#include "set.h"
#include "slot.h"
#include "xfer.h"

#define ABUSE_CONTROL_MAJOR	61	/* for local and experimental use */
#define ABUSE_DEFAULT_DEVICES	8

/* The sizes of the structures in the first release; they never get smaller. */
#define ABUSE_CONFIG_SIZE_0	40
#define ABUSE_STATUS_SIZE_0	936
#define ABUSE_SERVE_SIZE_0	176

static DEFINE_XARRAY(abuse_devices);
static DEFINE_MUTEX(abuse_devices_lock); /* the making of devices */
static struct class *abuse_class;
static struct cdev *abuse_cdev;
static dev_t abuse_base;
static unsigned int abuse_nr_minors;
static unsigned int abuse_hard_limit;

static int abuse_ioctl_setup(struct abuse_file *file,
			     const struct abuse_config __user *arg)
{
	struct abuse_device *dev = file->dev;
	struct abuse_config config;
	bool anew;
	u32 size;
	int err;

	BUILD_BUG_ON(offsetofend(struct abuse_config, timeout_ms) !=
		     ABUSE_CONFIG_SIZE_0);
	err = abuse_read_size(arg, ABUSE_CONFIG_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&config, sizeof(config), arg, size);
	if (!err)
		err = abuse_device_lock(dev);
	if (err)
		return err;
	anew = !dev->disk;
	err = abuse_device_setup(dev, &config);
	if (!err && anew)
		file->made = config.flags & ABUSE_FLAGS_AUTOREMOVE ?
			     dev->epoch : 0;
	abuse_device_unlock(dev);
	return err;
}

static int abuse_ioctl_status(struct abuse_file *file,
			      struct abuse_status __user *arg)
{
	struct abuse_status status;
	u32 size;
	int err;

	BUILD_BUG_ON(offsetofend(struct abuse_status, latency) !=
		     ABUSE_STATUS_SIZE_0);
	err = abuse_read_size(arg, ABUSE_STATUS_SIZE_0, &size);
	if (!err)
		err = abuse_file_status(file, &status);
	if (err)
		return err;
	status.size = min_t(u32, size, sizeof(status));
	return copy_to_user(arg, &status, status.size) ? -EFAULT : 0;
}

static int abuse_ioctl_remove(struct abuse_file *file, bool lazily)
{
	struct abuse_device *dev = file->dev;
	int err;

	err = abuse_device_lock(dev);
	if (err)
		return err;
	/* The caller does not mean the disk that is set up there now. */
	if (abuse_file_is_over(file))
		err = -ENODEV;
	else if (lazily)
		abuse_device_leave(dev);
	else
		err = abuse_device_remove(dev);
	abuse_device_unlock(dev);
	return err;
}

static int abuse_ioctl_requeue(struct abuse_device *dev)
{
	struct abuse_set *set = abuse_device_find_set(dev);

	if (!set)
		return -ENODEV;
	abuse_requeue(set, NULL);
	abuse_set_put(set);
	return 0;
}

static int abuse_ioctl_serve(struct abuse_file *file,
			     struct abuse_serve __user *arg)
{
	struct abuse_serve serve;
	u32 size;
	int err;

	BUILD_BUG_ON(sizeof(serve) != ABUSE_SERVE_SIZE_0);
	err = abuse_read_size(arg, ABUSE_SERVE_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&serve, sizeof(serve), arg, size);
	if (err)
		return err;
	err = abuse_file_serve(file, &serve);
	if (err == -EBUSY &&
	    (put_user(serve.pid, &arg->pid) ||
	     copy_to_user(arg->text, serve.text, sizeof(serve.text))))
		return -EFAULT;
	return err;
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
	abuse_device_init(dev, number);

	err = xa_insert(&abuse_devices, number, dev, GFP_KERNEL);
	if (err == -EBUSY)
		err = -EEXIST;
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

/* A device is never freed, so only who may load the module makes one. */
static int abuse_ioctl_add(u32 __user *arg)
{
	u32 number;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(number, arg))
		return -EFAULT;

	mutex_lock(&abuse_devices_lock);
	if (number == ABUSE_ANY_DEVICE)
		for (number = 0; xa_load(&abuse_devices, number); number++)
			;
	if (number >= abuse_nr_minors)
		err = -ENOSPC;
	else
		err = abuse_make_device(number);
	mutex_unlock(&abuse_devices_lock);
	return err ?: put_user(number, arg);
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
		return abuse_ioctl_bio(file, user, cmd);
	case ABUSE_XFER:
		return abuse_ioctl_xfer(file, user);
	case ABUSE_SETUP:
		return abuse_ioctl_setup(file, user);
	case ABUSE_STATUS:
		return abuse_ioctl_status(file, user);
	case ABUSE_REQUEUE:
		return abuse_ioctl_requeue(file->dev);
	case ABUSE_REMOVE:
		return abuse_ioctl_remove(file, false);
	case ABUSE_REMOVE_LAZY:
		return abuse_ioctl_remove(file, true);
	case ABUSE_QUIESCE:
		return abuse_ioctl_quiesce(file, user);
	case ABUSE_SERVE:
		return abuse_ioctl_serve(file, user);
	case ABUSE_SERVERS:
		return abuse_ioctl_servers(file, user);
	case ABUSE_REQUESTS:
		return abuse_ioctl_requests(file, user);
	case ABUSE_EXTENTS:
		return abuse_ioctl_extents(file, user);
	case ABUSE_MAP:
	case ABUSE_UNMAP:
		return abuse_ioctl_map(file, user, cmd == ABUSE_UNMAP);
	case ABUSE_LENT:
		return abuse_ioctl_lent(file, user);
	case ABUSE_ADD:
		return abuse_ioctl_add(user);
	default:
		return -ENOTTY;
	}
}

static __poll_t abuse_poll_set(struct abuse_set *set, u32 queue)
{
	u32 pending, unanswered;
	__poll_t mask = 0;

	abuse_set_depths(set, queue, &pending, &unanswered);
	/* In 2009 there was nothing but POLLMSG. */
	if (unanswered)
		mask |= EPOLLMSG;
	if (pending)
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* A file that serves one set keeps it alive, so it may wait in its queue. */
static __poll_t abuse_poll_bound(struct abuse_file *file, struct file *filp,
				 struct abuse_set *set, poll_table *wait)
{
	if (file->queue == ABUSE_ANY_QUEUE)
		poll_wait(filp, &file->dev->wait.pollers, wait);
	else
		poll_wait(filp, &set->queue[file->queue].wait.pollers,
			  wait);
	return READ_ONCE(set->dead) ? EPOLLHUP :
				      abuse_poll_set(set, file->queue);
}

static __poll_t abuse_poll(struct file *filp, poll_table *wait)
{
	struct abuse_file *file = filp->private_data;
	/* Pairs with the release of abuse_file_serve(). */
	struct abuse_set *set = smp_load_acquire(&file->set);
	__poll_t mask = 0;
	u32 epoch = 0;

	if (set)
		return abuse_poll_bound(file, filp, set, wait);

	poll_wait(filp, &file->dev->wait.pollers, wait);
	set = abuse_device_find_set(file->dev);
	if (set) {
		epoch = set->epoch;
		mask = abuse_poll_set(set, ABUSE_ANY_QUEUE);
		abuse_set_put(set);
	}
	if (!READ_ONCE(file->epoch))
		abuse_file_mark_epoch(file, epoch);
	else if (READ_ONCE(file->epoch) != epoch)
		mask |= EPOLLHUP;
	return mask;
}

static void abuse_free_devices(void)
{
	struct abuse_device *dev;
	unsigned long number;

	xa_for_each(&abuse_devices, number, dev) {
		device_destroy(abuse_class, abuse_base + number);
		xa_erase(&abuse_devices, number);
		abuse_device_exit(dev);
		kfree(dev);
	}
}

/* Without max_abuse, opening a node made by hand makes another device. */
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
	file = abuse_file_open(dev);
	if (!file)
		return -ENOMEM;
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int abuse_release(struct inode *inode, struct file *filp)
{
	abuse_file_close(filp->private_data);
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
 * @max_abuse: how many there are, and never more; 0: 8, and more on demand
 *
 * Return: 0, or an error.
 */
int abuse_control_init(unsigned int max_abuse)
{
	unsigned int i;
	int err;

	if (max_abuse > abuse_gendisk_max_number())
		return -EINVAL;
	abuse_hard_limit = max_abuse;
	abuse_nr_minors = max_abuse ?: abuse_gendisk_max_number();

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

	/* It may outlive the module's own memory, so it is allocated. */
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
 * No file is open and no device is set up, because both hold the module.
 */
void abuse_control_exit(void)
{
	cdev_del(abuse_cdev);
	abuse_free_devices();
	class_destroy(abuse_class);
	unregister_chrdev_region(abuse_base, abuse_nr_minors);
}
