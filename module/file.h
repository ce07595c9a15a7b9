/* SPDX-License-Identifier: GPL-2.0 */
/* An open control node; see file.c. */
#ifndef ABUSE_FILE_H
#define ABUSE_FILE_H

#include <linux/mutex.h>
#include <linux/uidgid.h>

#include "slots.h"

struct abuse_device;
struct abuse_front;

/**
 * struct abuse_file - an open control node
 * @client: the owner of the requests it got
 * @dev: the device
 * @epoch: the setup that it deals with, 0 for none; poll tells when it is over
 * @called: when it last began or ended a get or put, jiffies
 * @link: in the list of the device's servers, once it has asked for requests
 * @number: what it is called in that list
 * @pid: the process that asked last, NULL for none
 * @uid: its user
 * @owned: requests that it has, counted when they are listed
 * @oldest: when the oldest of them was submitted, in nanoseconds; the same
 * @made: the setup that it made last and that goes with it, 0 for none. Guarded by
 *	the lock of the device.
 * @lock: orders its ABUSE_SERVE calls
 * @set: the only set that it serves, once it has said so, else NULL; it keeps a
 *	reference until it is closed, so that pollers may stay in the queues
 * @queue: the only queue that it serves, or ABUSE_ANY_QUEUE
 * @claim: what it says that it serves, in the list of @set if @claims
 * @claims: see @claim
 */
struct abuse_file {
	struct abuse_client client;
	struct abuse_device *dev;
	u32 epoch;
	unsigned long called;
	struct list_head link;
	u64 number;
	struct pid *pid;
	kuid_t uid;
	u32 owned;
	u64 oldest;
	u32 made;
	struct mutex lock;	/* abuse_file_serve() */
	struct abuse_set *set;
	u32 queue;
	struct abuse_claim claim;
	bool claims;
};

struct abuse_file *abuse_file_open(struct abuse_device *dev);
void abuse_file_close(struct abuse_file *file);
struct abuse_set *abuse_file_find_set(struct abuse_file *file);
u32 abuse_file_queue(struct abuse_file *file, struct abuse_set *set);
void abuse_file_mark_call(struct abuse_file *file);
int abuse_file_status(struct abuse_file *file, struct abuse_status *status);
void abuse_file_mark_epoch(struct abuse_file *file, u32 epoch);
void abuse_file_mark_asking(struct abuse_file *file, struct abuse_set *set);
bool abuse_file_is_over(struct abuse_file *file);
struct abuse_front *abuse_file_hold_front(struct abuse_file *file,
					  const struct abuse_set *set,
					  struct abuse_config *config);
int abuse_file_serve(struct abuse_file *file, struct abuse_serve *serve);

#endif
