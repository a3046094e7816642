#include "common/job.h"

#include <string.h>

enum { JOB_MAGIC = 0x4a4f, REPLY_MAGIC = 0x5245 };

/* Of a verification, or-ed. */
enum { FLAG_REHASH = 1, FLAG_NOBODY = 2, FLAGS = FLAG_REHASH | FLAG_NOBODY };

/* Reads or writes from the front; once something did not fit, everything after fails.
 */
struct cursor {
	uint8_t *to;
	const uint8_t *from;
	size_t left;
	bool failed;
};

static void put(struct cursor *c, uint64_t value, size_t bytes)
{
	if (c->failed || c->left < bytes) {
		c->failed = true;
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		c->to[i] = (uint8_t)(value >> (8 * i));
	c->to += bytes;
	c->left -= bytes;
}

static void put_bytes(struct cursor *c, const void *bytes, size_t n)
{
	if (c->failed || c->left < n) {
		c->failed = true;
		return;
	}
	if (n > 0)
		memcpy(c->to, bytes, n);
	c->to += n;
	c->left -= n;
}

static uint64_t get(struct cursor *c, size_t bytes)
{
	uint64_t value = 0;

	if (c->failed || c->left < bytes) {
		c->failed = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)c->from[i] << (8 * i);
	c->from += bytes;
	c->left -= bytes;
	return value;
}

static uint32_t get32(struct cursor *c)
{
	return (uint32_t)get(c, 4);
}

/* What makes no sense, whoever says it; NULL where all is well. What profiles there are
 * and what a hash may cost is the hasher's to check. */
static const char *job_wrong(const struct job *job)
{
	if (job->id == 0)
		return "no job id";
	if (job->flight >= LIMIT_FLIGHTS)
		return "flight out of range";
	if (job->kind == JOB_LOOKUP)
		return job->password_len == 0 ? NULL : "a look-up with a password";
	if (job->kind != JOB_HASH && job->kind != JOB_VERIFY)
		return "unknown kind";
	if (job->password_len > LIMIT_PASSWORD)
		return "password too long";
	if (job->kind == JOB_VERIFY &&
	    (job->hash_len == 0 || job->hash_len > LIMIT_TEXT))
		return "no hash, or one too long";
	return NULL;
}

static void put_task(struct cursor *c, const struct job *job)
{
	if (job->kind == JOB_LOOKUP) {
		put(c, (uint64_t)job->user, 8);
		return;
	}
	put(c, job->profile, 1);
	if (job->kind == JOB_VERIFY) {
		put(c,
		    (job->rehash ? FLAG_REHASH : 0) | (job->nobody ? FLAG_NOBODY : 0),
		    1);
		put(c, job->hash_len, 2);
		put_bytes(c, job->hash, job->hash_len);
	}
}

static void get_task(struct cursor *c, struct job *job)
{
	uint64_t flags;

	if (job->kind == JOB_LOOKUP) {
		job->user = (int64_t)get(c, 8);
		return;
	}
	job->profile = (uint8_t)get(c, 1);
	if (job->kind != JOB_VERIFY)
		return;
	flags = get(c, 1);
	job->rehash = (flags & FLAG_REHASH) != 0;
	job->nobody = (flags & FLAG_NOBODY) != 0;
	job->hash_len = get(c, 2);
	job->hash = (const char *)c->from;
	if (flags > FLAGS || c->left < job->hash_len) {
		c->failed = true;
		return;
	}
	c->from += job->hash_len;
	c->left -= job->hash_len;
}

ssize_t job_encode(const struct job *job, uint8_t *buf, size_t cap)
{
	struct cursor c = {.to = buf, .left = cap};

	if (job_wrong(job) != NULL)
		return -1;
	put(&c, JOB_MAGIC, 2);
	put(&c, job->kind, 1);
	put(&c, job->alone, 1);
	put(&c, job->flight, 4);
	put(&c, job->id, 8);
	put(&c, job->deadline_ns, 8);
	put_task(&c, job);
	put(&c, job->password_len, 4);
	put_bytes(&c, job->password, job->password_len);
	return c.failed ? -1 : (ssize_t)(cap - c.left);
}

int job_decode(struct job *job, const uint8_t *buf, size_t len, const char **why)
{
	struct cursor c = {.from = buf, .left = len};
	uint64_t alone;

	*job = (struct job){0};
	*why = "not a job";
	if (get(&c, 2) != JOB_MAGIC)
		return -1;
	job->kind = (uint8_t)get(&c, 1);
	alone = get(&c, 1);
	job->alone = alone != 0;
	job->flight = get32(&c);
	job->id = get(&c, 8);
	job->deadline_ns = get(&c, 8);
	get_task(&c, job);
	job->password_len = get32(&c);
	job->password = c.from;
	*why = "wrong length";
	if (c.failed || c.left != job->password_len || alone > 1)
		return -1;
	*why = job_wrong(job);
	return *why == NULL ? 0 : -1;
}

static const char *reply_wrong(const struct job_reply *reply)
{
	if (reply->id == 0)
		return "no job id";
	if (reply->flight >= LIMIT_FLIGHTS)
		return "flight out of range";
	if (reply->status == 0 || reply->status >= JOB_STATUS_END)
		return "unknown status";
	if (reply->text_len > LIMIT_TEXT)
		return "text too long";
	if (reply->status == JOB_OK ? reply->text_len == 0
	                            : reply->status != JOB_VALID && reply->text_len > 0)
		return "text and status differ";
	for (size_t i = 0; i < reply->text_len; i++)
		if (reply->text[i] < 0x20 || reply->text[i] > 0x7e)
			return "text is not printable";
	return NULL;
}

ssize_t job_reply_encode(const struct job_reply *reply, uint8_t *buf, size_t cap)
{
	struct cursor c = {.to = buf, .left = cap};

	if (reply_wrong(reply) != NULL)
		return -1;
	put(&c, REPLY_MAGIC, 2);
	put(&c, reply->status, 1);
	put(&c, 0, 1);
	put(&c, reply->flight, 4);
	put(&c, reply->id, 8);
	put(&c, reply->work_ns, 8);
	put(&c, reply->text_len, 4);
	put_bytes(&c, reply->text, reply->text_len);
	return c.failed ? -1 : (ssize_t)(cap - c.left);
}

int job_reply_decode(
    struct job_reply *reply, const uint8_t *buf, size_t len, const char **why)
{
	struct cursor c = {.from = buf, .left = len};
	uint64_t zero;

	*reply = (struct job_reply){0};
	*why = "not a reply";
	if (get(&c, 2) != REPLY_MAGIC)
		return -1;
	reply->status = (uint8_t)get(&c, 1);
	zero = get(&c, 1);
	reply->flight = get32(&c);
	reply->id = get(&c, 8);
	reply->work_ns = get(&c, 8);
	reply->text_len = get32(&c);
	reply->text = (const char *)c.from;
	*why = "wrong length";
	if (c.failed || c.left != reply->text_len || zero != 0)
		return -1;
	*why = reply_wrong(reply);
	return *why == NULL ? 0 : -1;
}
