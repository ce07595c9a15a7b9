// SPDX-License-Identifier: GPL-2.0
/*
 * ublk.c - the peer: a ublk server that is as fast as its ABI allows
 *
 *	ublk SIZE QUEUES DEPTH null|PATH
 *
 * Serves a new /dev/ublkbN of SIZE bytes and prints its name once it is there. Ends with
 * SIGTERM or SIGINT, and the device with it.
 *
 * Each queue has one thread and one ring. The same system call makes the answers, the reads and
 * writes of the file, and the wait for the next requests. The ring belongs to the thread alone
 * (SINGLE_ISSUER), so completions run in that call and nowhere else (DEFER_TASKRUN), descriptors
 * need no lookup (fixed files), and the work of a batch is not run piece by piece.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ublk_cmd.h" /* of the kernel that is measured */

#define MAX_REQUEST (1 << 20)

enum { CHAR_DEVICE, IMAGE };	/* fixed files */

struct queue {
	pthread_t thread;
	int index;
	struct io_uring ring;
	const struct ublksrv_io_desc *requests;
	char *buffers;
};

static uint64_t size;
static unsigned int depth;
static int image = -1;
static struct ublksrv_ctrl_dev_info info;
static int char_device;
static struct io_uring control_ring;
static pthread_barrier_t fetching;

static void control(unsigned int op, void *address, unsigned int length, uint64_t data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&control_ring);
	struct ublksrv_ctrl_cmd *command = (void *)sqe->cmd;
	struct io_uring_cqe *cqe;

	io_uring_prep_nop(sqe);
	sqe->fd = 0;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = op;
	command->dev_id = info.dev_id;
	command->queue_id = op == UBLK_U_CMD_GET_QUEUE_AFFINITY ? data : (uint16_t)-1;
	command->addr = (uintptr_t)address;
	command->len = length;
	command->data[0] = data;
	io_uring_submit_and_wait(&control_ring, 1);
	io_uring_peek_cqe(&control_ring, &cqe);
	if (cqe->res < 0)
		error(1, -cqe->res, "control command 0x%x", op & 0xff);
	io_uring_cqe_seen(&control_ring, cqe);
}

/* The submission ring was made with room for every entry that there can be. */
static struct io_uring_sqe *new_sqe(struct queue *q, unsigned int tag, bool command)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	sqe->user_data = tag << 1 | command;
	return sqe;
}

static void answer(struct queue *q, unsigned int tag, unsigned int op, int result)
{
	struct io_uring_sqe *sqe = new_sqe(q, tag, true);
	struct ublksrv_io_cmd *command = (void *)sqe->cmd;

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->ioprio = 0;
	sqe->fd = CHAR_DEVICE;
	sqe->cmd_op = op;
	sqe->__pad1 = 0;
	sqe->rw_flags = 0;
	command->q_id = q->index;
	command->tag = tag;
	command->result = result;
	command->addr = (uintptr_t)q->buffers + (uint64_t)tag * MAX_REQUEST;
}

static void serve(struct queue *q, unsigned int tag)
{
	const struct ublksrv_io_desc *rq = &q->requests[tag];
	char *buffer = q->buffers + (uint64_t)tag * MAX_REQUEST;
	uint64_t offset = rq->start_sector << 9;
	unsigned int length = rq->nr_sectors << 9;
	struct io_uring_sqe *sqe;

	if (image < 0) {
		answer(q, tag, UBLK_U_IO_COMMIT_AND_FETCH_REQ, length);
		return;
	}
	sqe = new_sqe(q, tag, false);
	switch (ublksrv_get_op(rq)) {
	case UBLK_IO_OP_READ:
		io_uring_prep_read(sqe, IMAGE, buffer, length, offset);
		break;
	case UBLK_IO_OP_WRITE:
		io_uring_prep_write(sqe, IMAGE, buffer, length, offset);
		break;
	case UBLK_IO_OP_FLUSH:
		io_uring_prep_fsync(sqe, IMAGE, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, IMAGE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
					offset, length);
	}
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = tag << 1;
}

static void *run(void *argument)
{
	struct queue *q = argument;
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 2 * depth,
	};
	int files[] = { char_device, image };
	unsigned int live = depth, tag, head, seen;
	struct io_uring_cqe *cqe;
	cpu_set_t cpus;
	int err;

	if (info.nr_hw_queues > 1) {
		control(UBLK_U_CMD_GET_QUEUE_AFFINITY, &cpus, sizeof(cpus), q->index);
		pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	}
	err = io_uring_queue_init_params(2 * depth, &q->ring, &params);
	if (!err)
		err = io_uring_register_files(&q->ring, files, image < 0 ? 1 : 2);
	if (!err)
		err = io_uring_register_ring_fd(&q->ring) < 0;
	if (err)
		error(1, -err, "ring of queue %d", q->index);

	for (tag = 0; tag < depth; tag++)
		answer(q, tag, UBLK_U_IO_FETCH_REQ, -1);
	io_uring_submit(&q->ring);
	pthread_barrier_wait(&fetching);

	while (live) {
		io_uring_submit_and_wait(&q->ring, 1);
		seen = 0;
		io_uring_for_each_cqe(&q->ring, head, cqe) {
			seen++;
			tag = cqe->user_data >> 1;
			if (!(cqe->user_data & 1))
				answer(q, tag, UBLK_U_IO_COMMIT_AND_FETCH_REQ,
				       cqe->res < 0 || ublksrv_get_op(&q->requests[tag]) < 2 ?
				       cqe->res : (int)(q->requests[tag].nr_sectors << 9));
			else if (cqe->res == UBLK_IO_RES_OK)
				serve(q, tag);
			else
				live--;	/* the device is stopping */
		}
		io_uring_cq_advance(&q->ring, seen);
	}
	return NULL;
}

static void start_queue(struct queue *q)
{
	unsigned int page = sysconf(_SC_PAGESIZE);
	size_t bytes = (depth * sizeof(*q->requests) + page - 1) / page * page;

	q->requests = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, char_device,
			   UBLKSRV_CMD_BUF_OFFSET + q->index *
			   (UBLK_MAX_QUEUE_DEPTH * sizeof(*q->requests)));
	/* The kernel pins these pages for each request, so they are few and large. */
	q->buffers = aligned_alloc(2 << 20, (size_t)depth * MAX_REQUEST);
	if (q->requests == MAP_FAILED || !q->buffers)
		error(1, errno, "memory of queue %d", q->index);
	madvise(q->buffers, (size_t)depth * MAX_REQUEST, MADV_HUGEPAGE);
	memset(q->buffers, 0, (size_t)depth * MAX_REQUEST);
	pthread_create(&q->thread, NULL, run, q);
}

int main(int argc, char **argv)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQE128 };
	struct ublk_params limits = {
		.len = sizeof(limits),
		.types = UBLK_PARAM_TYPE_BASIC,
		.basic = {
			.logical_bs_shift = 12,
			.physical_bs_shift = 12,
			.io_opt_shift = 12,
			.io_min_shift = 12,
			.max_sectors = MAX_REQUEST >> 9,
		},
	};
	struct queue *queues;
	sigset_t ends;
	char path[32];
	int i, fd, err, signal;

	if (argc != 5)
		error(2, 0, "usage: ublk SIZE QUEUES DEPTH null|PATH");
	size = strtoull(argv[1], NULL, 0);
	depth = atoi(argv[3]);
	if (strcmp(argv[4], "null")) {
		image = open(argv[4], O_RDWR);
		if (image < 0)
			error(1, errno, "%s", argv[4]);
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	prctl(PR_SET_IO_FLUSHER, 1);

	fd = open("/dev/ublk-control", O_RDWR);
	if (fd < 0)
		error(1, errno, "/dev/ublk-control");
	err = io_uring_queue_init_params(4, &control_ring, &params);
	if (err || io_uring_register_files(&control_ring, &fd, 1))
		error(1, -err, "control ring");

	info = (struct ublksrv_ctrl_dev_info) {
		.nr_hw_queues = atoi(argv[2]),
		.queue_depth = depth,
		.max_io_buf_bytes = MAX_REQUEST,
		.dev_id = -1,
		.ublksrv_pid = getpid(),
		.flags = UBLK_F_CMD_IOCTL_ENCODE,
	};
	control(UBLK_U_CMD_ADD_DEV, &info, sizeof(info), 0);
	limits.basic.dev_sectors = size >> 9;
	control(UBLK_U_CMD_SET_PARAMS, &limits, sizeof(limits), 0);

	snprintf(path, sizeof(path), "/dev/ublkc%u", info.dev_id);
	for (i = 0; (char_device = open(path, O_RDWR)) < 0 && i < 100; i++)
		usleep(10000);	/* until devtmpfs or udev has made the node */
	if (char_device < 0)
		error(1, errno, "%s", path);

	queues = calloc(info.nr_hw_queues, sizeof(*queues));
	pthread_barrier_init(&fetching, NULL, 2);
	for (i = 0; i < info.nr_hw_queues; i++) {
		queues[i].index = i;
		start_queue(&queues[i]);
		pthread_barrier_wait(&fetching);
	}
	control(UBLK_U_CMD_START_DEV, NULL, 0, getpid());
	printf("/dev/ublkb%u\n", info.dev_id);
	fflush(stdout);

	sigwait(&ends, &signal);
	control(UBLK_U_CMD_STOP_DEV, NULL, 0, 0);
	for (i = 0; i < info.nr_hw_queues; i++)
		pthread_join(queues[i].thread, NULL);
	control(UBLK_U_CMD_DEL_DEV_ASYNC, NULL, 0, 0);
	return 0;
}
