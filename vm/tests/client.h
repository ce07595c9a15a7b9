/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands of the test client share. */
#ifndef CLIENT_H
#define CLIENT_H

#include "args.h"
#include "../../module/uapi/abuse.h"
#include <sys/ioctl.h>
#include <sys/mman.h>

typedef unsigned long long ull;

extern int fd;	/* the control node */

void *map(size_t size);
__u64 address(const void *p);
struct abuse_xfer empty_xfer(struct abuse_put *put, struct abuse_get *get);

void xfer(void);
void look(const char *device);
void copy_loop(void);
void stuck_put(void);
void stuck_get(void);
void failure_race(const char *device);
void run_server(const char *device);
void list(unsigned int call);
void map_extents(unsigned int call);
void lent(void);
void run_io(const char *disk);

#endif
