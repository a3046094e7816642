#include "tests/system/hostile.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/job.h"
#include "tests/system/harness.h"

/* Offsets as in common/job.c: magic 0, status 2, zero 3, flight 4, id 8, time 16,
 * text's length 24, text 28. */
const struct hostile hostile_replies[] = {
    {"empty", 0, -1, 0},
    {"one byte", 1, -1, 0},
    {"half a header", 13, -1, 0},
    {"a header alone", 28, -1, 0},
    {"a byte short", HOSTILE_KEEP - 1, -1, 0},
    {"a byte long", HOSTILE_KEEP + 1, -1, 0},
    {"longer than any reply", JOB_REPLY_MAX + 1, -1, 0},
    {"60 kB", 60000, -1, 0},
    {"wrong magic", HOSTILE_KEEP, 0, 0xff},
    {"status 0", HOSTILE_KEEP, 2, 0},
    {"status 255", HOSTILE_KEEP, 2, 255},
    {"a byte that must be zero", HOSTILE_KEEP, 3, 1},
    {"flight out of range", HOSTILE_KEEP, 7, 0xff},
    {"lie about the length", HOSTILE_KEEP, 24, 0xff},
    {"big lie about the length", HOSTILE_KEEP, 27, 0xff},
    {"CR in the text", HOSTILE_KEEP, 28, '\r'},
    {"LF in the text", HOSTILE_KEEP, 29, '\n'},
    {"NUL in the text", HOSTILE_KEEP, 30, '\0'},
    {"8 bits in the text", HOSTILE_KEEP, 28, 0x80},
    {"unknown id", HOSTILE_KEEP, 15, 0x7f},
    {NULL, 0, 0, 0},
};

/* magic 0, kind 2, alone 3, flight 4, id 8, deadline 16, profile 24, rehash 25, hash's
 * length 26, hash 28, password's length after it. */
const struct hostile hostile_jobs[] = {
    {"empty", 0, -1, 0},
    {"one byte", 1, -1, 0},
    {"a header alone", 28, -1, 0},
    {"a byte short", HOSTILE_KEEP - 1, -1, 0},
    {"a byte long", HOSTILE_KEEP + 1, -1, 0},
    {"longer than any job", JOB_MESSAGE_MAX + 1, -1, 0},
    {"60 kB", 60000, -1, 0},
    {"wrong magic", HOSTILE_KEEP, 0, 0xff},
    {"kind 0", HOSTILE_KEEP, 2, 0},
    {"kind 255", HOSTILE_KEEP, 2, 255},
    {"alone 2", HOSTILE_KEEP, 3, 2},
    {"flight out of range", HOSTILE_KEEP, 7, 0xff},
    {"an unknown flag", HOSTILE_KEEP, 25, 4},
    {"lie about the hash's length", HOSTILE_KEEP, 26, 0xff},
    {"big lie about the hash's length", HOSTILE_KEEP, 27, 0xff},
    {"lie about the password's length", HOSTILE_KEEP, 28 + 48, 0xff},
    {"big lie about the password's length", HOSTILE_KEEP, 28 + 48 + 3, 0xff},
    {NULL, 0, 0, 0},
};

size_t hostile_reply(uint8_t *packet, uint64_t id, uint32_t flight, const char *text)
{
	const struct job_reply reply = {.id = id,
	    .flight = flight,
	    .status = JOB_OK,
	    .work_ns = 1000000,
	    .text = text,
	    .text_len = strlen(text)};
	ssize_t len = job_reply_encode(&reply, packet, HOSTILE_MAX);

	assert_true(len > 0);
	return (size_t)len;
}

size_t hostile_job(uint8_t *packet, uint64_t id, uint32_t flight, uint32_t memory_kib)
{
	char hash[80];
	const struct job job = {.id = id,
	    .deadline_ns = clock_ns() + 60 * NS_PER_SEC,
	    .flight = flight,
	    .kind = JOB_VERIFY,
	    .hash = hash,
	    .hash_len = (size_t)snprintf(hash, sizeof(hash),
	        "$argon2id$v=19$m=%u,t=1,p=1$c29tZXNhbHQ$AAAAAAAA", memory_kib),
	    .password = (const uint8_t *)"hostile",
	    .password_len = 7};
	ssize_t len = job_encode(&job, packet, HOSTILE_MAX);

	assert_true(len > 0);
	return (size_t)len;
}

size_t hostile_change(const struct hostile *row, uint8_t *packet, size_t len)
{
	size_t changed = row->length >= 0
	                     ? (size_t)row->length
	                     : (size_t)((long)len + row->length - HOSTILE_KEEP);

	if (changed > len)
		memset(packet + len, 'x', changed - len);
	if (row->offset >= 0)
		packet[row->offset] = row->value;
	return changed;
}

bool hostile_try(int fd, const uint8_t *packet, size_t len)
{
	return send(fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

bool hostile_send(int fd, const uint8_t *packet, size_t len)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	while (!hostile_try(fd, packet, len))
		if (errno != EAGAIN || poll(&poll_fd, 1, harness_limit_ms()) < 1)
			return false;
	return true;
}

bool hostile_send_fd(int fd, const uint8_t *packet, size_t len, int attached)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)packet, .iov_len = len};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &attached, sizeof(int));
	return sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)len;
}
