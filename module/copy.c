// SPDX-License-Identifier: GPL-2.0
/*
 * User memory: copies to and from requests that take no page fault, and the
 * page faults that make the next attempt succeed. It must not know slots.
 */
#include <linux/blk-mq.h>
#include <linux/bvec.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "copy.h"

/* Without high memory the kernel sees the pages of a bvec as one piece, too. */
#ifdef CONFIG_HIGHMEM
#define abuse_piece_at(bio, iter)	bio_iter_iovec(bio, iter)
#else
#define abuse_piece_at(bio, iter)	mp_bvec_iter_bvec((bio)->bi_io_vec, iter)
#endif

/* Pages that lie side by side may have their struct pages far apart. */
static void abuse_flush_dcache(const struct bio_vec *bv, u32 length)
{
	unsigned long pfn = page_to_pfn(bv->bv_page);
	u32 first = bv->bv_offset >> PAGE_SHIFT;
	u32 end = DIV_ROUND_UP(bv->bv_offset + length, PAGE_SIZE);

	for (; first < end; first++)
		flush_dcache_page(pfn_to_page(pfn + first));
}

/**
 * abuse_rq_copy() - copy between a request and user memory, without a page fault
 * @rq: a read or a write
 * @offset: where to begin in the request, bytes
 * @length: bytes, at least one; all of them are in the request
 * @user: the source of a read, the destination of a write
 *
 * Data may be copied in many parts, so what is before @offset is skipped as
 * cheaply as possible.
 *
 * Return: how many bytes were copied.
 */
u32 abuse_rq_copy(struct request *rq, u32 offset, u32 length,
		  void __user *user)
{
	bool to_rq = req_op(rq) == REQ_OP_READ;
	struct bio *bio = rq->bio;
	struct iov_iter memory;
	struct bvec_iter iter;
	u32 done = 0;

	iov_iter_ubuf(&memory, to_rq ? ITER_SOURCE : ITER_DEST, user, length);
	for (; offset >= bio->bi_iter.bi_size; bio = bio->bi_next)
		offset -= bio->bi_iter.bi_size;
	iter = bio->bi_iter;
	bvec_iter_advance(bio->bi_io_vec, &iter, offset);

	pagefault_disable();
	for (;;) {
		struct bio_vec bv = abuse_piece_at(bio, iter);
		u32 copied, n = min(bv.bv_len, length - done);
		char *kaddr = bvec_kmap_local(&bv);

		if (to_rq)
			copied = _copy_from_iter(kaddr, n, &memory);
		else
			copied = _copy_to_iter(kaddr, n, &memory);
		kunmap_local(kaddr);
		if (to_rq)
			abuse_flush_dcache(&bv, copied);
		done += copied;
		if (copied < n || done == length)
			break;
		bvec_iter_advance_single(bio->bi_io_vec, &iter, n);
		if (!iter.bi_size) {
			bio = bio->bi_next;
			iter = bio->bi_iter;
		}
	}
	pagefault_enable();
	return done;
}

/**
 * abuse_fault_in() - make memory present that a copy could not reach
 * @user: where it starts
 * @length: bytes
 * @from_user: whether the copy reads it
 *
 * Return: 0 if the copy may go on, -EFAULT, -EINTR when the caller is being
 * killed.
 */
int abuse_fault_in(void __user *user, u32 length, bool from_user)
{
	size_t missing;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!access_ok(user, length))
		return -EFAULT;
	missing = from_user ? fault_in_readable(user, length) :
			      fault_in_safe_writeable(user, length);
	cond_resched();
	return missing == length ? -EFAULT : 0;
}

/**
 * abuse_read_piece() - read one element of an array of pieces
 * @piece: out
 * @address: of the array
 * @i: which one
 * @no_fault: fail with -EAGAIN rather than wait for memory
 *
 * Return: 0, -EFAULT, -EAGAIN.
 */
int abuse_read_piece(struct abuse_piece *piece, u64 address, u32 i,
		     bool no_fault)
{
	struct abuse_piece __user *user = abuse_user_ptr(address);
	unsigned long left;

	if (!no_fault)
		return copy_from_user(piece, &user[i], sizeof(*piece)) ?
		       -EFAULT : 0;
	if (!access_ok(&user[i], sizeof(*piece)))
		return -EFAULT;
	pagefault_disable();
	left = __copy_from_user_inatomic(piece, &user[i], sizeof(*piece));
	pagefault_enable();
	return left ? -EAGAIN : 0;
}
