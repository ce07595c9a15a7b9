// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_QUIESCE: requests, and what is mapped, pause together. It must not know
 * how either does.
 */
#include <linux/uaccess.h>

#include "copy.h"
#include "device.h"
#include "disk.h"
#include "file.h"
#include "front.h"
#include "map.h"
#include "pause.h"
#include "quiesce.h"
#include "set.h"
#include "xfer.h"

/* What the structure was in the first release: it never gets smaller. */
#define ABUSE_QUIESCE_SIZE_0	16

static int abuse_check_quiesce(const struct abuse_quiesce *quiesce)
{
	bool resume = quiesce->flags & ABUSE_QUIESCE_RESUME;

	if (quiesce->flags & ~ABUSE_QUIESCE_RESUME ||
	    (resume && quiesce->timeout_ms) ||
	    (quiesce->timeout_ms > ABUSE_MAX_TIMEOUT &&
	     quiesce->timeout_ms != ABUSE_NO_LIMIT))
		return -EINVAL;
	return 0;
}

/* Bytes that are mapped pause as the queues do. */
static struct abuse_era *abuse_pause_map(struct abuse_device *dev,
					 struct abuse_set *set)
{
	struct abuse_era *present = NULL, *past = NULL;
	struct abuse_front *front;

	if (abuse_device_lock(dev))
		return ERR_PTR(-EINTR);
	if (dev->disk && rcu_access_pointer(dev->set) == set) {
		front = abuse_disk_front(dev->disk);
		if (front)
			present = abuse_map_enter(abuse_front_map(front));
	}
	abuse_device_unlock(dev);
	if (present) {
		past = abuse_front_pause(front);
		abuse_era_leave(present);
	}
	return past;
}

/**
 * abuse_ioctl_quiesce() - ABUSE_QUIESCE
 * @file: the open control node
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_quiesce(struct abuse_file *file,
			struct abuse_quiesce __user *arg)
{
	struct abuse_quiesce quiesce;
	struct abuse_set *set;
	struct abuse_era *era;
	u32 size;
	int err;

	BUILD_BUG_ON(sizeof(quiesce) != ABUSE_QUIESCE_SIZE_0);
	err = abuse_read_size(arg, ABUSE_QUIESCE_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&quiesce, sizeof(quiesce), arg,
					    size);
	if (!err)
		err = abuse_check_quiesce(&quiesce);
	if (err)
		return err;
	set = abuse_device_find_set(file->dev);
	if (!set)
		return -ENODEV;
	/* As with a removal. */
	if (abuse_file_is_over(file)) {
		abuse_set_put(set);
		return -ENODEV;
	}
	if (quiesce.flags & ABUSE_QUIESCE_RESUME)
		abuse_resume(set);
	else
		abuse_quiesce(set);
	era = abuse_pause_map(file->dev, set);
	err = PTR_ERR_OR_ZERO(era);
	if (!err)
		err = abuse_quiesce_wait(set, quiesce.timeout_ms,
					 era ? &era->over : NULL,
					 &quiesce.owned);
	if (!IS_ERR_OR_NULL(era))
		abuse_era_put(era);
	abuse_set_put(set);
	if (err != -ENODEV && put_user(quiesce.owned, &arg->owned))
		return -EFAULT;
	return err;
}
