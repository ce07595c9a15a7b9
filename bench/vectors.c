// SPDX-License-Identifier: GPL-2.0
/*
 * vectors.c - makes requests whose memory is in many small pieces, which fio cannot do
 *
 *	vectors DEVICE r|w SIZE DEPTH PIECE MILLISECONDS
 *
 * The I/O is direct and sequential: DEPTH requests of SIZE bytes at a time, each in pieces of PIECE bytes with gaps as
 * large between them, so that no pieces can be merged. Prints results as fio's JSON has them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <linux/fs.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned int size, depth, piece, pieces, calls, vectors, i, k;
	uint64_t capacity, offset = 0, requests = 0, start, end, limit;
	struct io_uring_cqe *cqe;
	struct rusage usage;
	struct io_uring ring;
	struct iovec *iov;
	char *memory;
	int fd, err, writes;

	if (argc != 7)
		error(2, 0, "usage: vectors DEVICE r|w SIZE DEPTH PIECE MILLISECONDS");
	writes = *argv[2] == 'w';
	size = atoi(argv[3]);
	depth = atoi(argv[4]);
	piece = atoi(argv[5]);
	limit = atoi(argv[6]) * 1000000ull;
	/* A call takes IOV_MAX vectors. Calls that are submitted together for adjacent sectors are merged to a request. */
	pieces = size / piece;
	calls = (pieces + 255) / 256;
	vectors = pieces / calls;

	fd = open(argv[1], (writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &capacity))
		error(1, errno, "%s", argv[1]);
	memory = mmap(NULL, 2ul * size * depth, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	iov = calloc(pieces * depth, sizeof(*iov));
	if (memory == MAP_FAILED || !iov)
		error(1, errno, "memory");
	madvise(memory, 2ul * size * depth, MADV_HUGEPAGE);
	memset(memory, 'v', 2ul * size * depth);
	for (i = 0; i < pieces * depth; i++) {
		iov[i].iov_base = memory + 2ul * piece * i;
		iov[i].iov_len = piece;
	}
	err = io_uring_queue_init(calls * depth, &ring, 0);
	if (err)
		error(1, -err, "io_uring");

	start = now();
	do {
		for (i = 0; i < calls * depth; i++) {
			io_uring_prep_rw(writes ? IORING_OP_WRITEV : IORING_OP_READV, io_uring_get_sqe(&ring), fd,
					 iov + i * vectors, vectors, offset);
			offset = (offset + vectors * piece) % capacity;
		}
		err = io_uring_submit_and_wait(&ring, calls * depth);
		if (err != (int)(calls * depth))
			error(1, err < 0 ? -err : EIO, "%s: submit", argv[1]);
		for (k = 0; k < calls * depth; k++) {
			err = io_uring_wait_cqe(&ring, &cqe);
			if (err || cqe->res != (int)(vectors * piece))
				error(1, err ? -err : cqe->res < 0 ? -cqe->res : EIO, "%s: I/O", argv[1]);
			io_uring_cqe_seen(&ring, cqe);
		}
		requests += depth;
		end = now();
	} while (end - start < limit);

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"error\": 0, \"requests\": %ju, \"iops\": %.3f, \"bytes\": %.0f, \"switches\": %ld}\n", requests,
	       requests * 1e9 / (end - start), requests * 1e9 * size / (end - start), usage.ru_nvcsw + usage.ru_nivcsw);
	return 0;
}
