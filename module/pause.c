// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_QUIESCE: requests, and what is mapped, pause together. It must not know
 * how either does.
 */
#include <linux/uaccess.h>

#include "copy.h"
#include "device.h"
#include "era.h"
#include "file.h"
#include "front.h"
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

/*
 * Requests, and bytes that are mapped, pause or go on; both, or none of them.
 * @past: out: the era that is over when what is mapped pauses, or NULL
 */
static int abuse_pause(struct abuse_file *file, struct abuse_set *set,
		       bool resume, struct abuse_era **past)
{
	struct abuse_front *front = abuse_file_hold_front(file, set, NULL);
	struct abuse_era *next = NULL;

	*past = NULL;
	if (front == ERR_PTR(-EOPNOTSUPP))	/* Nothing is mapped there. */
		front = NULL;
	if (IS_ERR(front))
		return PTR_ERR(front);
	if (front && !resume) {
		next = abuse_era_alloc(abuse_front_map(front));
		if (!next) {
			abuse_front_let_go(front);
			return -ENOMEM;
		}
	}
	if (resume)
		abuse_resume(set);
	else
		abuse_quiesce(set);
	if (front) {
		*past = abuse_front_pause(front, next);
		abuse_front_let_go(front);
	}
	return 0;
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
	err = abuse_pause(file, set, quiesce.flags & ABUSE_QUIESCE_RESUME,
			  &era);
	if (err) {
		abuse_set_put(set);
		return err;
	}
	err = abuse_quiesce_wait(set, quiesce.timeout_ms,
				 era ? &era->over : NULL, &quiesce.owned);
	if (era)
		abuse_era_put(era);
	abuse_set_put(set);
	if (err != -ENODEV && put_user(quiesce.owned, &arg->owned))
		return -EFAULT;
	return err;
}
