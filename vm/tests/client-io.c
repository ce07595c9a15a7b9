// SPDX-License-Identifier: GPL-2.0-only
/* The command "io" of the client. */
#define _GNU_SOURCE
#include "client.h"
#include <linux/fs.h>
#include <pthread.h>
#include <sys/uio.h>

/*
 * io DISK op=read|check|write|sync|discard|zeroes|size [offset=] [length=]
 *	[byte= | from=FILE] [vector=BYTES] [threads=] [stride=] [fua=1] [nowait=1] [buffered=1]
 * The data is that many of the byte, or what the file begins with, in one piece
 * of memory or in vectors with gaps as large between them. Thread N works at
 * offset + N * stride; the stride is the length if not given. Neighbours that
 * have to wait may become one request. Prints how many failed and how, and exits
 * with 1 if any did. It also says if a failed read changed the memory.
 */
static struct {
	int fd, flags, byte, failed, changed, error;
	const char *op;
	char *from;
	__u64 offset, length, stride, vector;
} io;

/* Returns where byte N of the data is. */
static char *io_place(char *memory, __u64 n)
{
	return memory + n + n / io.vector * io.vector;
}

static char io_byte(__u64 n)
{
	return io.from ? io.from[n] : io.byte;
}

static void *one_io(void *data)
{
	__u64 range[2] = { io.offset + (uintptr_t)data * io.stride, io.length };
	int nr = io.length / io.vector;
	struct iovec vecs[nr];
	char *memory = NULL;
	ssize_t ret;
	__u64 size;

	if (strchr("rcw", *io.op)) {
		memory = map(2 * io.length + 4096);
		memset(memory, 0x5a, 2 * io.length);
		for (int i = 0; i < nr; i++)
			vecs[i] = (struct iovec){ io_place(memory, i * io.vector), io.vector };
	}
	if (!strcmp(io.op, "read") || !strcmp(io.op, "check")) {
		ret = preadv2(io.fd, vecs, nr, range[0], io.flags);
		if (ret >= 0 && ret != (ssize_t)io.length) {
			ret = -1;
			errno = ENODATA;
		}
		for (__u64 n = 0; n < io.length; n++) {
			char byte = *io_place(memory, n);

			if (ret < 0 && byte != 0x5a)
				io.changed = 1;
			if (ret > 0 && *io.op == 'c' && byte != io_byte(n)) {
				fprintf(stderr, "byte %llu is %#x\n", (ull)(range[0] + n), byte & 0xff);
				ret = -1;
				errno = EILSEQ;
				break;
			}
		}
	} else if (!strcmp(io.op, "write")) {
		for (__u64 n = 0; n < io.length; n++)
			*io_place(memory, n) = io_byte(n);
		ret = pwritev2(io.fd, vecs, nr, range[0], io.flags);
	} else if (!strcmp(io.op, "sync")) {
		ret = fsync(io.fd);
	} else if (!strcmp(io.op, "discard")) {
		ret = ioctl(io.fd, BLKDISCARD, range);
	} else if (!strcmp(io.op, "zeroes")) {
		ret = ioctl(io.fd, BLKZEROOUT, range);
	} else if (!strcmp(io.op, "size")) {
		ret = ioctl(io.fd, BLKGETSIZE64, &size);
		printf("size=%llu\n", (ull)size);
	} else {
		usage(io.op);
	}
	if (ret < 0) {
		io.error = errno;
		__atomic_fetch_add(&io.failed, 1, __ATOMIC_RELAXED);
	}
	if (memory)
		munmap(memory, 2 * io.length + 4096);
	return NULL;
}

void run_io(const char *disk)
{
	unsigned int nr = num("threads", 1);
	pthread_t threads[1024];
	pthread_attr_t attr;

	io.op = arg("op", "read");
	io.fd = open_device(disk, (*io.op == 'r' || *io.op == 'c' ? O_RDONLY : O_RDWR) |
			    (arg("buffered", NULL) ? 0 : O_DIRECT));
	io.flags = (num("fua", 0) ? RWF_DSYNC : 0) | (num("nowait", 0) ? RWF_NOWAIT : 0);
	io.byte = num("byte", 0);
	io.offset = num("offset", 0);
	io.length = num("length", 4096);
	io.stride = num("stride", io.length);
	io.vector = num("vector", io.length);
	if (arg("from", NULL)) {
		io.from = map(io.length);
		read_file(arg("from", NULL), io.from, io.length);
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (unsigned int n = 1; n < nr; n++)
		if (pthread_create(&threads[n], &attr, one_io, (void *)(uintptr_t)n))
			die("thread");
	one_io(NULL);
	for (unsigned int n = 1; n < nr; n++)
		pthread_join(threads[n], NULL);
	if (io.failed) {
		fprintf(stderr, "%d failed: %s%s\n", io.failed, errname(io.error),
			io.changed ? ", and memory was changed" : "");
		exit(1);
	}
}
