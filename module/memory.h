/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that a program lends to a disk; see memory.c. */
#ifndef ABUSE_MEMORY_H
#define ABUSE_MEMORY_H

#include <linux/types.h>

struct bio;
struct file;
struct page;
struct user_struct;

/**
 * struct abuse_memory - a part of a file in memory, which does not go away
 * @file: the file, open for what the memory is for, and nothing more
 * @user: whose RLIMIT_MEMLOCK it counts for
 * @counted: so many pages: all of each huge page
 * @write: it may be changed
 * @first: the page of the file that is the first one of @pages
 * @nr: how many they are
 * @pages: the pages, pinned
 */
struct abuse_memory {
	struct file *file;
	struct user_struct *user;
	unsigned long counted;
	bool write;
	unsigned long first;
	unsigned long nr;
	struct page *pages[];
};

struct file *abuse_memory_reopen(struct file *file, bool write);
struct abuse_memory *abuse_memory_pin(struct file *file, u64 offset,
				      u64 length, bool write);
void abuse_memory_free(struct abuse_memory *memory);
void abuse_memory_copy(const struct abuse_memory *memory, u64 at,
		       struct bio *bio);
void abuse_memory_zero(const struct abuse_memory *memory, u64 at, u64 length);

#endif
