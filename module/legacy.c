// SPDX-License-Identifier: GPL-2.0
/*
 * The ABI of 2009, as programs written for it know it. No other file knows it,
 * and it offers nothing that came with struct abuse_xfer and struct
 * abuse_config.
 */
#include <linux/uaccess.h>

#include "answer.h"
#include "copy.h"
#include "device.h"
#include "file.h"
#include "legacy.h"
#include "set.h"
#include "slot.h"

/* Without its padding struct abuse_info is the same for 32 and 64 bits. */
#define ABUSE_INFO_SIZE		offsetofend(struct abuse_info, ab_max_vecs)

int abuse_ioctl_get_status(struct abuse_file *file,
			   struct abuse_info __user *arg)
{
	struct abuse_status status;
	struct abuse_info info = { };
	int err;

	if (!arg)
		return -EINVAL;
	err = abuse_file_status(file, &status);
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

int abuse_ioctl_set_status(struct abuse_file *file,
			   const struct abuse_info __user *arg)
{
	struct abuse_device *dev = file->dev;
	struct abuse_config config = { };
	struct abuse_info info;
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

	err = abuse_device_lock(dev);
	if (err)
		return err;
	/* Settings that this ABI does not have stay as they are. */
	config.flags |= dev->config.flags & ABUSE_KEPT_FLAGS;
	config.timeout_ms = dev->config.timeout_ms;
	config.orphan_ms = dev->config.orphan_ms;
	config.unserved_ms = dev->config.unserved_ms;
	err = abuse_device_setup(dev, &config);
	abuse_device_unlock(dev);
	return err;
}

int abuse_ioctl_reset(struct abuse_file *file)
{
	struct abuse_device *dev = file->dev;
	int err;

	err = abuse_device_lock(dev);
	if (err)
		return err;
	abuse_device_reset(dev);
	abuse_device_unlock(dev);
	return 0;
}

/* How many vectors a request has in the ABI of 2009. */
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

static int abuse_get_bio(struct abuse_file *file, struct abuse_set *set,
			 struct abuse_xfr_hdr __user *arg)
{
	struct abuse_client *client = &file->client;
	struct abuse_xfr_hdr hdr;
	struct abuse_room room = { };
	struct abuse_get get;
	int err = 0;

	if (copy_from_user(&hdr, arg, sizeof(hdr)))
		return -EFAULT;

	abuse_file_mark_asking(file, set);
	if (!abuse_take(set, client, abuse_file_queue(file, set), &get, 1,
			&room)) {
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
		abuse_unget(set, client, &get, 1);
	return err;
}

static int abuse_copy_vecs(struct abuse_client *client,
			   struct abuse_set *set,
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
		err = abuse_copy(set, client, get, i * PAGE_SIZE, vec.ab_len,
				 vec.ab_address, false);
		if (err)
			return err;
	}
	return 0;
}

static int abuse_put_bio(struct abuse_client *client, struct abuse_set *set,
			 const struct abuse_xfr_hdr __user *arg)
{
	struct abuse_xfr_hdr hdr;
	struct abuse_get get;
	int err;

	if (copy_from_user(&hdr, arg, sizeof(hdr)))
		return -EFAULT;
	err = abuse_peek(set, client, hdr.ab_id, &get);
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
	return abuse_end(set, client, hdr.ab_id, hdr.ab_result);
}

int abuse_ioctl_bio(struct abuse_file *file, struct abuse_xfr_hdr __user *arg,
		    unsigned int cmd)
{
	struct abuse_set *set;
	int err;

	if (!arg)
		return -EINVAL;
	set = abuse_file_find_set(file);
	if (!set)
		return -ENODEV;
	if (cmd == ABUSE_GET_BIO)
		err = abuse_get_bio(file, set, arg);
	else
		err = abuse_put_bio(&file->client, set, arg);
	abuse_set_put(set);
	return err;
}
