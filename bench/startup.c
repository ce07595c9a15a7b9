// SPDX-License-Identifier: Apache-2.0
/*
 * startup ROUNDS: measures how long programs take from fork to exit. Each line
 * of standard input has a name, a tab and a command; standard output gets the
 * name and the medians of real and processor time in microseconds. The commands
 * take turns, so that a busy machine affects all of them alike.
 *
 * With a word @DISK ahead of it, a command is a server of that disk, measured
 * until it has answered a read that waits for it, and then killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CASES 32
#define MAX_WORDS 32
#define MAX_ROUNDS 1000

static struct {
	char *name, *words[MAX_WORDS + 1];
	long real[MAX_ROUNDS], cpu[MAX_ROUNDS];
} cases[MAX_CASES];

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long micros(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

static void fail(const char *what)
{
	fprintf(stderr, "startup: %s does not run\n", what);
	exit(1);
}

static pid_t start(char **words)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(words[0], words);
		_exit(127);
	}
	if (pid < 0)
		fail(words[0]);
	return pid;
}

/* Starts a process that ends well once the disk has answered. */
static pid_t start_reader(const char *disk)
{
	pid_t pid = fork();

	if (pid == 0) {
		static char block[4096] __attribute__((aligned(4096)));
		int fd = open(disk, O_RDONLY | O_DIRECT);

		_exit(fd < 0 || pread(fd, block, sizeof(block), 0) != sizeof(block));
	}
	if (pid < 0)
		fail(disk);
	return pid;
}

/* A server must not end before the reader does. */
static void await_answer(pid_t reader, pid_t server, const char *what)
{
	int status;
	pid_t first = wait(&status);

	if (first == reader && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	kill(first == reader ? server : reader, SIGKILL);
	fail(what);
}

static void run(char **words, long *real, long *cpu)
{
	const char *disk = words[0][0] == '@' ? words[0] + 1 : NULL;
	pid_t reader = disk ? start_reader(disk) : 0, pid;
	struct rusage usage;
	int status;
	long begin;

	words += !!disk;
	begin = now();
	pid = start(words);
	if (disk) {
		await_answer(reader, pid, words[0]);
		*real = now() - begin;
		kill(pid, SIGKILL);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		fail(words[0]);
	if (!disk) {
		*real = now() - begin;
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 2)
			fail(words[0]);
	}
	*cpu = micros(usage.ru_utime) + micros(usage.ru_stime);
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static long median(long *times, int count)
{
	qsort(times, count, sizeof(*times), compare);
	return (times[(count - 1) / 2] + times[count / 2]) / 2;
}

int main(int argc, char **argv)
{
	int rounds = argc == 2 ? atoi(argv[1]) : 0, count = 0;
	char *line = NULL;
	size_t room = 0;

	if (rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: startup ROUNDS <CASES\n");
		return 2;
	}
	for (; count < MAX_CASES && getline(&line, &room, stdin) > 0; count++, line = NULL) {
		int n = 0;

		cases[count].name = strtok(line, "\t\n");
		while (n < MAX_WORDS && (cases[count].words[n] = strtok(NULL, " \n")))
			n++;
	}
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			run(cases[i].words, &cases[i].real[round], &cases[i].cpu[round]);
	for (int i = 0; i < count; i++)
		printf("%s\t%ld\t%ld\n", cases[i].name, median(cases[i].real, rounds), median(cases[i].cpu, rounds));
	return 0;
}
