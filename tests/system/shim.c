#include "tests/system/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool shim_find(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 64);
	char *slash;

#ifdef __SANITIZE_ADDRESS__
	n = -1; /* the sanitizer wants to be loaded first */
#endif
	if (n < 0 || harness_wrapped())
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash != NULL ? slash + 1 : path, 64, "shim_%s.so", name);
	return access(path, R_OK) == 0;
}

void *shim_share(struct daemon *d, const char *variable, size_t bytes)
{
	char path[96];
	void *at;
	int fd;

	d->files_expected = true;
	harness_path(path, d->dir, variable);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, (off_t)bytes), errno);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_return_code(setenv(variable, path, 1), errno);
	return at;
}
