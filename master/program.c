#include "master/program.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

/* The file that this process runs, as the kernel names it; without /proc, what was
 * executed. A file that was replaced since is named "PATH (deleted)": another one lies
 * at that path. */
static void program_read(char file[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	const ssize_t n = readlink("/proc/self/exe", file, PATH_MAX - 1);
	const size_t len = n > 0 ? (size_t)n : 0, end = sizeof(deleted) - 1;

	file[len] = '\0';
	if (n <= 0 && realpath((const char *)getauxval(AT_EXECFN), file) == NULL)
		file[0] = '\0';
	if (len > end && strcmp(file + len - end, deleted) == 0 &&
	    access(file, F_OK) != 0)
		file[len - end] = '\0';
}

/* The folder in which a path's last component lies, made absolute by getcwd(). The path
 * that is returned is relative to it: "./" and "../" at its beginning are resolved
 * here, for the folder that we are in may be removed. NULL: the path is too long, or
 * there is no such folder. */
static const char *program_folder(const char *name, char folder[PATH_MAX])
{
	if (getcwd(folder, PATH_MAX) == NULL || folder[0] != '/')
		return NULL;
	while (name[0] == '.') {
		if (strncmp(name, "../", 3) == 0) {
			*strrchr(folder, '/') = '\0';
			if (folder[0] == '\0')
				strlcpy(folder, "/", PATH_MAX);
		} else if (strncmp(name, "./", 2) != 0) {
			break;
		}
		name = strchr(name, '/') + 1;
	}
	return name;
}

static bool program_absolute(const char *name, char path[PATH_MAX])
{
	char folder[PATH_MAX] = "";

	if (name[0] != '/' && (name = program_folder(name, folder)) == NULL)
		return false;
	return snprintf(path, PATH_MAX, "%s%s%s", folder, folder[0] != '\0' ? "/" : "",
	           name) < PATH_MAX;
}

/* Names below /proc, as /dev/fd/N of fexecve(3), mean something else to every process.
 */
static bool program_is_passing(const char *path)
{
	char folder[PATH_MAX], real[PATH_MAX];

	strlcpy(folder, path, sizeof(folder));
	*strrchr(folder, '/') = '\0';
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/fd/", 8) == 0 ||
	       (realpath(folder, real) != NULL && strncmp(real, "/proc/", 6) == 0);
}

/* Were we started as the interpreter that its first line names? */
static bool program_is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char begin[2] = "";
	ssize_t n = fd >= 0 ? read(fd, begin, sizeof(begin)) : -1;

	if (fd >= 0)
		close(fd);
	return n == 2 && memcmp(begin, "#!", 2) == 0;
}

static bool program_is_running(const char *path)
{
	struct stat named, running;

	return stat(path, &named) == 0 && stat("/proc/self/exe", &running) == 0 &&
	       named.st_dev == running.st_dev && named.st_ino == running.st_ino;
}

/*
 * The path that execve() was called with, which the kernel tells (AT_EXECFN): argv[0]
 * is only what the caller wanted to be seen. Where that path means nothing later,
 * argv[0], if it names this file; else the file itself.
 */
static void program_find(struct program *program, const char *arg)
{
	const char *given = (const char *)getauxval(AT_EXECFN);

	if (given != NULL && given[0] != '\0' &&
	    program_absolute(given, program->path) &&
	    !program_is_passing(program->path) && !program_is_script(program->path))
		return;
	if (arg != NULL && strchr(arg, '/') != NULL &&
	    program_absolute(arg, program->path) &&
	    !program_is_passing(program->path) && program_is_running(program->path))
		return;
	strlcpy(program->path, program->file, sizeof(program->path));
}

void program_note(struct program *program, const char *arg)
{
	program_read(program->file);
	program_find(program, arg);
}

void program_dangling(const struct program *program, char path[PATH_MAX])
{
	struct stat st;
	size_t len = 0;

	while (program->path[len] != '\0') {
		len += 1 + strcspn(program->path + len + 1, "/");
		strlcpy(path, program->path, len + 1);
		if (lstat(path, &st) != 0)
			break;
		if (S_ISLNK(st.st_mode) && stat(path, &st) != 0)
			return;
	}
	path[0] = '\0';
}
