#include "frontend/reply.h"

#include <stdio.h>
#include <string.h>

/* Where the next header line goes. Everything that is written here is bounded: strings
 * of ours, numbers, and an id that was checked. */
struct pen {
	char *at;
};

static void put(struct pen *pen, const char *bytes, size_t n)
{
	memcpy(pen->at, bytes, n);
	pen->at += n;
}

#define PUT_LITERAL(pen, literal) put(pen, literal, sizeof(literal) - 1)

static void put_string(struct pen *pen, const char *string)
{
	put(pen, string, strlen(string));
}

static void put_number(struct pen *pen, uint64_t number)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(pen, digits + i, sizeof(digits) - i);
}

struct status_row {
	unsigned status;
	const char *reason;
};

/* The commonest first. */
static const struct status_row statuses[] = {
    {200, "OK"},
    {503, "Service Unavailable"},
    {404, "Not Found"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *reply_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].reason;
	return "Unknown";
}

void reply_date_set(struct reply_date *date, time_t now)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;
	int n;

	if (date->len > 0 && date->second == now)
		return;
	if (gmtime_r(&now, &tm) == NULL) /* a year that no int holds */
		return;
	/* not strftime: names of days must not depend on a locale */
	n = snprintf(date->text, sizeof(date->text),
	    "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	date->second = now;
	date->len = n > 0 && (size_t)n < sizeof(date->text) ? (size_t)n : 0;
}

static void put_status(struct pen *pen, unsigned status)
{
	if (status == 200) {
		PUT_LITERAL(pen, "HTTP/1.1 200 OK\r\n");
		return;
	}
	PUT_LITERAL(pen, "HTTP/1.1 ");
	put_number(pen, status);
	PUT_LITERAL(pen, " ");
	put_string(pen, reply_reason(status));
	PUT_LITERAL(pen, "\r\n");
}

static void put_ms(struct pen *pen, uint64_t ns)
{
	uint64_t us = ns / 1000;
	char fraction[3] = {(char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
	    (char)('0' + us % 10)};

	put_number(pen, us / 1000);
	PUT_LITERAL(pen, ".");
	put(pen, fraction, sizeof(fraction));
}

static void put_server_timing(struct pen *pen, const struct task_result *job)
{
	PUT_LITERAL(pen, "Server-Timing: queue;dur=");
	put_ms(pen, job->queue_ns);
	PUT_LITERAL(pen, ", work;dur=");
	put_ms(pen, job->work_ns);
	PUT_LITERAL(pen, "\r\n");
}

static void put_rare(struct pen *pen, const struct reply *reply)
{
	if (reply->allow != NULL) {
		PUT_LITERAL(pen, "Allow: ");
		put_string(pen, reply->allow);
		PUT_LITERAL(pen, "\r\n");
	}
	if (reply->status == 401) /* RFC 6750 section 3 */
		PUT_LITERAL(pen, "WWW-Authenticate: Bearer realm=\"argond\"\r\n");
	if (reply->retry_after > 0) {
		PUT_LITERAL(pen, "Retry-After: ");
		put_number(pen, reply->retry_after);
		PUT_LITERAL(pen, "\r\n");
	}
	if (reply->no_store || reply->job != NULL)
		PUT_LITERAL(pen, "Cache-Control: no-store\r\n");
	if (reply->job != NULL)
		put_server_timing(pen, reply->job);
}

size_t reply_head(char *buf, const struct reply *reply, const struct reply_frame *frame)
{
	struct pen pen = {buf};

	put_status(&pen, reply->status);
	put(&pen, frame->date->text, frame->date->len);
	PUT_LITERAL(&pen, "Content-Type: ");
	put_string(&pen, reply->type);
	PUT_LITERAL(&pen, "\r\nContent-Length: ");
	put_number(&pen, reply->len);
	PUT_LITERAL(&pen, "\r\nX-Request-Id: ");
	put(&pen, frame->request_id.at, frame->request_id.len);
	PUT_LITERAL(&pen, "\r\n");
	put_rare(&pen, reply);
	if (frame->close)
		PUT_LITERAL(&pen, "Connection: close\r\n");
	else if (frame->keep_alive)
		PUT_LITERAL(&pen, "Connection: keep-alive\r\n");
	PUT_LITERAL(&pen, "\r\n");
	return (size_t)(pen.at - buf);
}

static bool id_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool reply_id_valid(struct text id)
{
	if (id.len == 0 || id.len > REPLY_ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!id_byte(id.at[i]))
			return false;
	return true;
}

static void put_hex(struct pen *pen, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		*pen->at++ = digits[number >> shift & 15];
}

size_t reply_id_make(char *buf, uint64_t prefix, uint64_t number)
{
	struct pen pen = {buf};

	put_hex(&pen, prefix);
	put_hex(&pen, number);
	return (size_t)(pen.at - buf);
}
