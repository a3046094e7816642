#include "tests/system/load_question.h"

#include <argon2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

enum { SALT = 8, TAG = 32, HASH = 128, MEMORY_KIB = 64 };

/* Numbers differ within a run, passwords between runs and between programs. */
static unsigned next_number(void)
{
	static atomic_uint counter;

	return atomic_fetch_add(&counter, 1);
}

bool load_verify(const char *hash, const char *password)
{
	return argon2_verify(hash, password, strlen(password), Argon2_id) == ARGON2_OK;
}

static int put_get(char text[LOAD_REQUEST], const char *path, const char *rest,
    const struct load_question *question)
{
	return snprintf(text, LOAD_REQUEST,
	    "GET %s%s HTTP/1.1\r\nHost: load\r\nX-Request-Id: %s\r\n\r\n", path, rest,
	    question->id);
}

static int put_post(char text[LOAD_REQUEST], const char *path, const char *json,
    const struct load_question *question)
{
	return snprintf(text, LOAD_REQUEST,
	    "POST %s HTTP/1.1\r\nHost: load\r\nX-Request-Id: %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    path, question->id, strlen(json), json);
}

static int put_hash(
    char text[LOAD_REQUEST], const char *path, const struct load_question *question)
{
	return put_get(text, path, question->password, question);
}

static int put_plain(
    char text[LOAD_REQUEST], const char *path, const struct load_question *question)
{
	return put_get(text, path, "", question);
}

static int put_v1_hash(
    char text[LOAD_REQUEST], const char *path, const struct load_question *question)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"password\":\"%s\"}", question->password);
	return put_post(text, path, json, question);
}

/* Asks whether it is the password of a hash that is made here, of `real`. */
static int put_verify(char text[LOAD_REQUEST], const char *path,
    const struct load_question *question, const char *real)
{
	char json[384], hash[HASH], salt[SALT + 1];

	snprintf(salt, sizeof(salt), "%0*u", SALT, next_number() % 100000000);
	assert_int_equal(argon2id_hash_encoded(1, MEMORY_KIB, 1, real, strlen(real),
	                     salt, SALT, TAG, hash, sizeof(hash)),
	    ARGON2_OK);
	snprintf(json, sizeof(json), "{\"password\":\"%s\",\"hash\":\"%s\"}",
	    question->password, hash);
	return put_post(text, path, json, question);
}

static int put_right(
    char text[LOAD_REQUEST], const char *path, const struct load_question *question)
{
	return put_verify(text, path, question, question->password);
}

static int put_false(
    char text[LOAD_REQUEST], const char *path, const struct load_question *question)
{
	return put_verify(text, path, question, question->id);
}

static const struct kind {
	int (*put)(char text[LOAD_REQUEST], const char *path,
	    const struct load_question *question);
	const char *path;
	int status;
	const char *lead; /* how the answer's body begins */
	const char *name; /* what is before a hash in it, NULL: there is none */
} kinds[LOAD_KINDS] = {
    [LOAD_HASH] = {put_hash, "/hash/", 200, "Hashed password: ", ": "},
    [LOAD_RAYON] = {put_hash, "/hash_rayon/", 200, "Hashed password (Rayon): ", ": "},
    [LOAD_HELLO] = {put_plain, "/", 200, "Hello world!", NULL},
    [LOAD_KNOWN] = {put_plain, "/user/1", 200, "User data for ID 1", NULL},
    [LOAD_STRANGER] = {put_plain, "/user/2", 404, "User not found", NULL},
    [LOAD_V1_HASH] = {put_v1_hash, "/v1/hash", 200, "{", "\"hash\":\""},
    [LOAD_V1_RIGHT] = {put_right, "/v1/verify", 200, "{\"valid\":true,", NULL},
    [LOAD_V1_FALSE] = {put_false, "/v1/verify", 200, "{\"valid\":false,", NULL},
};

size_t load_question_make(
    struct load_question *question, enum load_kind kind, char text[LOAD_REQUEST])
{
	const unsigned number = next_number();
	int n;

	*question = (struct load_question){.kind = kind};
	snprintf(question->password, sizeof(question->password), "p%x-%u-q",
	    (unsigned)getpid(), number);
	snprintf(question->id, sizeof(question->id), "load-%x-%u", (unsigned)getpid(),
	    number);
	n = kinds[kind].put(text, kinds[kind].path, question);
	assert_in_range(n, 1, LOAD_REQUEST - 1);
	return (size_t)n;
}

static bool has_id(const struct load_question *question, const char *head)
{
	static const char name[] = "\r\nX-Request-Id: ";
	const char *at = strcasestr(head, name);
	const size_t n = strlen(question->id);

	return at != NULL && strncmp(at + sizeof(name) - 1, question->id, n) == 0 &&
	       at[sizeof(name) - 1 + n] == '\r';
}

/* The hash behind `name` is the password's. */
static bool has_hash(
    const struct load_question *question, const char *name, const char *body)
{
	const char *at = strstr(body, name);
	char hash[512];

	if (at == NULL || question->trusted)
		return at != NULL;
	at += strlen(name);
	snprintf(hash, sizeof(hash), "%.*s", (int)strcspn(at, "\"\r\n"), at);
	return load_verify(hash, question->password);
}

enum load_verdict load_question_judge(const struct load_question *question,
    const char *head, const char *body, int *status)
{
	const struct kind *kind = &kinds[question->kind];

	*status = 0;
	if (sscanf(head, "HTTP/1.1 %3d", status) != 1 || !has_id(question, head))
		return LOAD_MIXED_UP;
	if (*status != kind->status)
		return LOAD_DENIED;
	if (strncmp(body, kind->lead, strlen(kind->lead)) != 0 ||
	    (kind->name != NULL && !has_hash(question, kind->name, body)))
		return LOAD_MIXED_UP;
	return LOAD_ANSWERED;
}
