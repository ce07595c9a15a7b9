/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test clients share: arguments of the form KEY=VALUE; a device that
 * is a path, or @N for an open file that the shell already has as descriptor N;
 * and failures that end with the errno's name on stderr and exit status 1.
 */
#ifndef ARGS_H
#define ARGS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_ADDRESS 0x10	/* nothing is ever mapped there */
#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

extern char **args;	/* of main() */

const char *errname(int err);
_Noreturn void die(const char *what);
_Noreturn void usage(const char *what);

/* The value of KEY=VALUE, the last one if it is given more than once */
const char *arg(const char *key, const char *otherwise);

/* A number in any base of C, which may end with K, M, G or T */
uint64_t number(const char *text);

uint64_t num(const char *key, uint64_t otherwise);
int open_device(const char *name, int flags);
void write_file(const char *name, const void *data, size_t len);

/* At most `len` bytes */
void read_file(const char *name, void *data, size_t len);

/*
 * The VM's own time in milliseconds, which goes on only while the machine lets
 * it run; see vm/run.sh. It is for limits; outside such a VM it is the clock.
 */
uint64_t vm_ms(void);

#endif
