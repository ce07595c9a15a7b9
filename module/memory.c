// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a program lends to a disk: a part of a file in memory, so that it
 * outlives the program, and a later one can have it. It must not know maps.
 */
#include <linux/bio.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "memory.h"

/* So many pages are pinned, or let go, before somebody else may run. */
#define ABUSE_PIN_PAGES	512UL

/**
 * abuse_memory_reopen() - open a file in memory once more
 * @file: the file
 * @write: for writes, too
 *
 * Return: an open file that shares position, flags and locks with no other; or
 * an error pointer, as of open(2).
 */
struct file *abuse_memory_reopen(struct file *file, bool write)
{
	return dentry_open(&file->f_path,
			   O_LARGEFILE | (write ? O_RDWR : O_RDONLY),
			   current_cred());
}

/* The pages outlive the process, so they count for its user; so many more do. */
static int abuse_memory_count(struct abuse_memory *memory, unsigned long nr)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();
	long before = atomic_long_read(&user->locked_vm);

	do {
		if ((nr > limit || before > limit - nr) &&
		    !capable(CAP_IPC_LOCK))
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &before,
					  before + nr));
	if (!memory->user)
		memory->user = get_uid(user);
	memory->counted += nr;
	return 0;
}

/*
 * Another thread of the caller may have mapped something else meanwhile. Returns
 * whether none did. Of a huge page all is pinned, even if only a part is lent.
 */
static bool abuse_memory_is_of_file(const struct abuse_memory *memory,
				    unsigned long from, unsigned long *pinned)
{
	for (; from < memory->nr; from++) {
		struct folio *folio = page_folio(memory->pages[from]);

		if (READ_ONCE(folio->mapping) != memory->file->f_mapping)
			return false;
		if (!from || folio != page_folio(memory->pages[from - 1]))
			*pinned += folio_nr_pages(folio);
	}
	return true;
}

static int abuse_memory_pin_at(struct abuse_memory *memory,
			       unsigned long address, unsigned long nr)
{
	unsigned int flags = FOLL_LONGTERM | (memory->write ? FOLL_WRITE : 0);
	unsigned long pinned = 0;

	while (memory->nr < nr) {
		int n = min(nr - memory->nr, ABUSE_PIN_PAGES);

		n = pin_user_pages_fast(address + (memory->nr << PAGE_SHIFT), n,
					flags, memory->pages + memory->nr);
		/* There are no huge pages any more, or the file was cut. */
		if (!n || n == -EFAULT)
			return -ENOMEM;
		if (n < 0)
			return n;
		memory->nr += n;
		if (!abuse_memory_is_of_file(memory, memory->nr - n, &pinned))
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	/* At most the rest of the first and of the last huge page is more. */
	return abuse_memory_count(memory, pinned - nr);
}

/* What mapping a file may fail with that means something else for this call */
static int abuse_memory_map_error(int err)
{
	switch (err) {
	case -EPERM:	/* The file is sealed against writes. */
		return -EACCES;
	case -EAGAIN:	/* mlockall() would lock more than the process may. */
		return -ENOMEM;
	default:
		return err;
	}
}

/*
 * Only what is mapped into a process can be pinned for long, because pages may
 * have to move first. So the file is mapped for a moment, in units of its pages.
 */
static int abuse_memory_pin_pages(struct abuse_memory *memory, u64 offset,
				  u64 length)
{
	unsigned long unit = file_inode(memory->file)->i_sb->s_blocksize;
	unsigned long begin = round_down(offset, unit);
	unsigned long size = round_up(offset + length, unit) - begin;
	unsigned long prot = PROT_READ | (memory->write ? PROT_WRITE : 0);
	unsigned long skip = round_down(offset, PAGE_SIZE) - begin;
	unsigned long address;
	int err;

	address = vm_mmap(memory->file, 0, size, prot, MAP_SHARED, begin);
	if (IS_ERR_VALUE(address))
		return abuse_memory_map_error(address);
	err = abuse_memory_pin_at(memory, address + skip, memory->counted);
	vm_munmap(address, size);
	return err;
}

static int abuse_memory_check(struct file *file, u64 offset, u64 length,
			      bool write)
{
	struct inode *inode = file_inode(file);
	u64 size = i_size_read(inode);

	if (!S_ISREG(inode->i_mode) ||
	    (inode->i_sb->s_magic != TMPFS_MAGIC &&
	     inode->i_sb->s_magic != HUGETLBFS_MAGIC))
		return -EMEDIUMTYPE;
	if (!(file->f_mode & FMODE_READ) ||
	    (write && !(file->f_mode & FMODE_WRITE)))
		return -EACCES;
	return offset > size || length > size - offset ? -ENOSPC : 0;
}

/**
 * abuse_memory_pin() - keep a part of a file in memory
 * @file: a memfd, or a file of tmpfs or hugetlbfs
 * @offset: bytes, where the part begins
 * @length: bytes
 * @write: it may be changed
 *
 * Return: the memory, or an error pointer as the header of the ABI says.
 */
struct abuse_memory *abuse_memory_pin(struct file *file, u64 offset,
				      u64 length, bool write)
{
	struct abuse_memory *memory;
	u64 nr;
	int err;

	err = abuse_memory_check(file, offset, length, write);
	if (err)
		return ERR_PTR(err);
	nr = DIV_ROUND_UP(offset_in_page(offset) + length, PAGE_SIZE);
	if (nr > (INT_MAX - sizeof(*memory)) / sizeof(memory->pages[0]))
		return ERR_PTR(-ENOMEM);
	/* Otherwise a large file without pages would cost a large table. */
	if (nr > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT &&
	    !capable(CAP_IPC_LOCK))
		return ERR_PTR(-ENOMEM);
	memory = kvzalloc(struct_size(memory, pages, nr), GFP_KERNEL_ACCOUNT);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	/* Whoever lends it may close his own, or have it open for more. */
	memory->file = abuse_memory_reopen(file, write);
	if (IS_ERR(memory->file)) {
		err = PTR_ERR(memory->file);
		kvfree(memory);
		return ERR_PTR(err);
	}
	memory->write = write;
	memory->first = offset >> PAGE_SHIFT;
	err = abuse_memory_count(memory, nr);
	if (!err)
		err = abuse_memory_pin_pages(memory, offset, length);
	if (!err)
		return memory;
	abuse_memory_free(memory);
	return ERR_PTR(err);
}

/**
 * abuse_memory_free() - let memory go
 * @memory: from abuse_memory_pin(); nobody uses it any more
 */
void abuse_memory_free(struct abuse_memory *memory)
{
	while (memory->nr) {
		unsigned long n = min(memory->nr, ABUSE_PIN_PAGES);

		memory->nr -= n;
		unpin_user_pages_dirty_lock(memory->pages + memory->nr, n,
					    memory->write);
		cond_resched();
	}
	if (memory->user) {
		atomic_long_sub(memory->counted, &memory->user->locked_vm);
		free_uid(memory->user);
	}
	/* Its filesystem is not in use any more when a worker has let it go. */
	if (current->flags & PF_KTHREAD)
		__fput_sync(memory->file);
	else
		fput(memory->file);
	kvfree(memory);
}

/* The page that has a byte of the file */
static struct page *abuse_memory_page(const struct abuse_memory *memory, u64 at)
{
	return memory->pages[(at >> PAGE_SHIFT) - memory->first];
}

static void abuse_memory_copy_segment(const struct abuse_memory *memory, u64 at,
				      struct bio_vec bv, bool write)
{
	while (bv.bv_len) {
		struct page *page = abuse_memory_page(memory, at);
		size_t offset = offset_in_page(at);
		size_t n = min_t(size_t, bv.bv_len, PAGE_SIZE - offset);

		if (write) {
			memcpy_page(page, offset, bv.bv_page, bv.bv_offset, n);
			flush_dcache_page(page);
		} else {
			memcpy_page(bv.bv_page, bv.bv_offset, page, offset, n);
			flush_dcache_page(bv.bv_page);
		}
		bv.bv_offset += n;
		bv.bv_len -= n;
		at += n;
	}
}

/**
 * abuse_memory_copy() - carry out a read or write
 * @memory: the memory, which has all of its bytes
 * @at: byte of the file where they begin
 * @bio: the read or write
 */
void abuse_memory_copy(const struct abuse_memory *memory, u64 at,
		       struct bio *bio)
{
	bool write = op_is_write(bio_op(bio));
	unsigned int copied = 0;
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		abuse_memory_copy_segment(memory, at, bv, write);
		at += bv.bv_len;
		/* A bio is not cut, and may be of gigabytes. */
		copied += bv.bv_len;
		if (copied >= SZ_1M) {
			copied = 0;
			cond_resched();
		}
	}
}

/**
 * abuse_memory_zero() - carry out a discard, or a write of zeroes
 * @memory: the memory, which has all of these bytes
 * @at: byte of the file where they begin
 * @length: bytes
 */
void abuse_memory_zero(const struct abuse_memory *memory, u64 at, u64 length)
{
	while (length) {
		size_t n = min_t(u64, length, PAGE_SIZE - offset_in_page(at));

		memzero_page(abuse_memory_page(memory, at), offset_in_page(at), n);
		at += n;
		length -= n;
		if (IS_ALIGNED(at, SZ_1M))
			cond_resched();
	}
}
