// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk tells in /sys/block/abuseN/abuse, to programs that must not open
 * its control node; sysfs-block-abuse describes it. A removal waits for whoever
 * reads, so this takes no lock that is held meanwhile.
 */
#include <linux/blkdev.h>
#include <linux/sysfs.h>

#include "set.h"
#include "sysfs.h"

/* The disk keeps its set, and has its attributes as long as it is there. */
static struct abuse_set *abuse_sysfs_set(struct device *dev)
{
	return dev_to_disk(dev)->queue->queuedata;
}

static ssize_t servers_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct abuse_set *set = abuse_sysfs_set(dev);
	u32 servers;

	spin_lock(&set->serve_lock);
	servers = set->nr_serving;
	spin_unlock(&set->serve_lock);
	return sysfs_emit(buf, "%u\n", servers);
}

static ssize_t pending_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	u32 pending, owned;

	abuse_set_requests(abuse_sysfs_set(dev), &pending, &owned);
	return sysfs_emit(buf, "%u\n", pending);
}

static ssize_t owned_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	u32 pending, owned;

	abuse_set_requests(abuse_sysfs_set(dev), &pending, &owned);
	return sysfs_emit(buf, "%u\n", owned);
}

static ssize_t backing_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	char text[ABUSE_TEXT_SIZE];

	abuse_set_backing(abuse_sysfs_set(dev), text);
	return sysfs_emit(buf, "%s\n", text);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char *const words[] = {
		[ABUSE_QUEUE_LIVE]	= "live",
		[ABUSE_QUEUE_ORPHANED]	= "orphaned",
		[ABUSE_QUEUE_FAILED]	= "failed",
		[ABUSE_QUEUE_DEAD]	= "dead",
	};
	struct abuse_set *set = abuse_sysfs_set(dev);
	enum abuse_queue_state state = abuse_set_state(set);

	if (state == ABUSE_QUEUE_LIVE && READ_ONCE(set->quiesced))
		return sysfs_emit(buf, "quiesced\n");
	return sysfs_emit(buf, "%s\n", words[state]);
}

static DEVICE_ATTR_RO(servers);
static DEVICE_ATTR_RO(pending);
static DEVICE_ATTR_RO(owned);
static DEVICE_ATTR_RO(backing);
static DEVICE_ATTR_RO(state);

static struct attribute *abuse_attributes[] = {
	&dev_attr_servers.attr,
	&dev_attr_pending.attr,
	&dev_attr_owned.attr,
	&dev_attr_backing.attr,
	&dev_attr_state.attr,
	NULL,
};

static const struct attribute_group abuse_group = {
	.name	= "abuse",
	.attrs	= abuse_attributes,
};

const struct attribute_group *abuse_sysfs_groups[] = {
	&abuse_group,
	NULL,
};
