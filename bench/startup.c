// SPDX-License-Identifier: Apache-2.0
/*
 * startup ROUNDS: measures how long programs take from fork to exit. Each line
 * of standard input has a name, a tab and a command; standard output gets the
 * name and the medians of real and processor time in microseconds. The commands
 * take turns, so that a busy machine affects all of them alike.
 */
#include <fcntl.h>
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

static void run(char **words, long *real, long *cpu)
{
	long start = now();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(words[0], words);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 2) {
		fprintf(stderr, "startup: %s does not run\n", words[0]);
		exit(1);
	}
	*real = now() - start;
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
