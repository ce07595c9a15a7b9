// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaces a file, as a program does that keeps its settings in it.
 *
 *	durable FOLDER TEXT [sync]	writes TEXT to FOLDER/new and renames that to FOLDER/settings; with sync it makes the
 *					data durable before that, and the name after it
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int folder, file, sync = argc == 4 && !strcmp(argv[3], "sync");
	ssize_t length;

	if (argc != 3 && !sync)
		errx(2, "usage: durable FOLDER TEXT [sync]");
	folder = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		err(1, "%s", argv[1]);
	file = openat(folder, "new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		err(1, "new");
	length = strlen(argv[2]);
	if (write(file, argv[2], length) != length || (sync && fsync(file)) || close(file))
		err(1, "new");
	if (renameat(folder, "new", folder, "settings"))
		err(1, "settings");
	if (sync && fsync(folder))
		err(1, "%s", argv[1]);
	return 0;
}
