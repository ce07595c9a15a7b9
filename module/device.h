/* SPDX-License-Identifier: GPL-2.0 */
/* Setup, reconnect, reset and status of one device; see device.c. */
#ifndef ABUSE_DEVICE_H
#define ABUSE_DEVICE_H

#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "config.h"
#include "slots.h"

struct abuse_disk;
struct abuse_front;

/**
 * struct abuse_device - what a control node stands for, set up or not
 * @number: N of /dev/abctlN
 * @lock: orders setup, reconnect and reset, and guards what they change
 * @noio: what the holder of @lock restores at its end
 * @disk: NULL while not set up
 * @config: the setup, with its defaults filled in; all 0 while not set up
 * @leave: removes the disk that nobody can open any more
 * @abandon: resets the setup that is @abandoned
 * @abandoned: the setup whose maker has gone until then, 0 for none; without a lock,
 *	but no earlier one takes its place
 * @max_depth: the depth of the first setup
 * @generation: where the ids of the next setup start
 * @epoch: counts the setups
 * @set: NULL while not set up. Found under RCU: gets and puts take no lock
 *	here, so they neither wait for @lock nor make its holder wait.
 * @wait: those who wait for a request of any queue
 * @servers_lock: guards what follows. Whoever has it and then finds the set can
 *	look at the owners of slots: it is there when the set is killed, too.
 * @servers: open files that have asked for requests, the first one first
 * @nr_servers: how many they are
 * @last_server: the number of the last one
 */
struct abuse_device {
	u32 number;
	struct mutex lock;	/* setup, reconnect, reset */
	unsigned int noio;
	struct abuse_disk *disk;
	struct abuse_config config;
	struct work_struct leave;
	struct work_struct abandon;
	u32 abandoned;
	u32 max_depth;
	u64 generation;
	u32 epoch;
	struct abuse_set __rcu *set;
	struct abuse_waiting wait;
	struct mutex servers_lock;	/* servers, and owners that are looked at */
	struct list_head servers;
	u32 nr_servers;
	u64 last_server;
};

int abuse_devices_init(void);
void abuse_devices_exit(void);
void abuse_device_init(struct abuse_device *dev, u32 number);
void abuse_device_exit(struct abuse_device *dev);
struct abuse_set *abuse_device_find_set(struct abuse_device *dev);
int abuse_device_lock(struct abuse_device *dev);
void abuse_device_unlock(struct abuse_device *dev);
void abuse_device_abandon(struct abuse_device *dev, u32 epoch);

/* With the lock of the device */
int abuse_device_setup(struct abuse_device *dev, struct abuse_config *config);
void abuse_device_reset(struct abuse_device *dev);
int abuse_device_remove(struct abuse_device *dev);
void abuse_device_leave(struct abuse_device *dev);
struct abuse_front *abuse_device_front(struct abuse_device *dev);
void abuse_device_status(struct abuse_device *dev, struct abuse_status *status);

#endif
