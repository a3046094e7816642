/*
 * GET /openapi.json: the file beside this one, as it was when this was built.
 */
#include "frontend/conn.h"
#include "frontend/route.h"

__asm__(".section .rodata\n"
        ".global openapi_text, openapi_text_end\n"
        "openapi_text:\n"
        ".incbin \"frontend/openapi.json\"\n"
        "openapi_text_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char openapi_text[], openapi_text_end[];

void openapi_get(struct conn *conn, struct request *request, struct text rest)
{
	(void)request;
	(void)rest;
	conn_reply(conn, &(struct reply){.status = 200,
	                     .type = REPLY_JSON,
	                     .body = openapi_text,
	                     .len = (size_t)((uintptr_t)openapi_text_end -
	                                     (uintptr_t)openapi_text)});
}
