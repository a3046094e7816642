/*
 * Streams of requests as clients, proxies and attackers send them, and what each comes
 * to (see test_http_verdicts.c).
 */
#ifndef TESTS_FRONTEND_HTTP_STREAMS_H
#define TESTS_FRONTEND_HTTP_STREAMS_H

#include <stddef.h>

#define HEAD(line) line " HTTP/1.1\r\nHost: a\r\n"
#define NEXT "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
#define H2C                                                                            \
	"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"                      \
	"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
#define CODED "Transfer-Encoding: chunked\r\n"
#define CHUNKS(text) HEAD("POST /") CODED "\r\n" text

#define STREAM(verdict, literal)                                                       \
	{                                                                              \
		literal, sizeof(literal) - 1, verdict                                  \
	}

static const struct stream {
	const char *text;
	size_t len;
	const char *verdict;
} streams[] = {
    /* requests */
    STREAM("GET GET", HEAD("GET /") "\r\n" NEXT),
    STREAM("GET!", "GET / HTTP/1.0\r\n\r\n" NEXT),
    STREAM("GET GET", "\r\n\r\n" NEXT "\r\n" NEXT),
    STREAM("HEAD DELETE", HEAD("HEAD /livez") "\r\n" HEAD("DELETE /x") "\r\n"),
    STREAM("OPTIONS GET", HEAD("OPTIONS *") "\r\n" NEXT),
    STREAM("OPTIONS!", "OPTIONS / HTTP/1.0\r\n\r\n"),
    STREAM("PUT+2 GET", HEAD("PUT /x") "Content-Length: 2\r\n\r\nab" NEXT),
    STREAM("GET+2 GET", HEAD("GET /x") "Content-Length: 2\r\n\r\nab" NEXT),
    STREAM("POST GET", HEAD("POST /x") "Content-Length: 0\r\n\r\n" NEXT),
    STREAM("POST GET", HEAD("POST /x") "\r\n" NEXT),
    STREAM("GET GET", "GET http://h:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n" NEXT),
    STREAM("GET GET", "GET https://[::1]/ HTTP/1.1\r\nHost: h\r\n\r\n" NEXT),
    STREAM("501", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" NEXT),
    STREAM("501", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n" H2C "\r\n" NEXT),
    STREAM("505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    STREAM("501", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n"),
    STREAM("501", HEAD("BREW /") "\r\n"),
    STREAM("501", HEAD("get /") "\r\n"),
    STREAM("501", HEAD("QUERY /") "\r\n"),
    STREAM("505", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    STREAM("505", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    STREAM("505", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    STREAM("400", "GET /\r\n\r\n"),
    STREAM("400", "GET / RTSP/1.0\r\n\r\n"),
    STREAM("400", "SOURCE / ICE/1.0\r\n\r\n"),
    STREAM("400", "HTTP/1.1 200 OK\r\n\r\n"),
    STREAM("400", HEAD("GET /") "Host: a\r\n\r\n"),
    STREAM("400", "GET / HTTP/1.1\r\n\r\n"),
    STREAM("...", "GET / HTTP/1.1\r\nHost: a\r\n"),

    /* an upgrade that is offered is ignored, and the connection goes on */
    STREAM("GET GET", HEAD("GET /") H2C "\r\n" NEXT),
    STREAM("GET GET GET", HEAD("GET /") H2C "\r\n" HEAD("GET /") H2C "\r\n" NEXT),
    STREAM("GET GET GET!", HEAD("GET /") "\r\n" HEAD("GET /") H2C "\r\n" HEAD("GET /")
                               H2C "Connection: close\r\n\r\n" NEXT),
    STREAM("HEAD GET", HEAD("HEAD /") H2C "\r\n" NEXT),
    STREAM("OPTIONS GET", HEAD("OPTIONS /") H2C "\r\n" NEXT),
    STREAM("OPTIONS GET", HEAD("OPTIONS *") H2C "\r\n" NEXT),
    STREAM("POST GET", HEAD("POST /") H2C "Content-Length: 0\r\n\r\n" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") H2C "Content-Length: 3\r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length: 3\r\n" H2C "\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") H2C CODED "\r\n3\r\nabc\r\n0\r\n\r\n" NEXT),
    STREAM("POST+3 GET",
        HEAD("POST /") H2C "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                    "Sec-WebSocket-Version: 13\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Upgrade: a\r\nUpgrade: b, c/1\r\nConnection: "
                                    "upgrade\r\nConnection: Upgrade\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Upgrade: TLS/1.0\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: upgrade\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: upgrade\r\nUpgrade:\r\n\r\n" NEXT),
    STREAM("GET!", "GET / HTTP/1.0\r\n" H2C "\r\n" NEXT),
    STREAM("GET GET", "GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\n"
                      "Upgrade: h2c\r\n\r\n" NEXT),
    STREAM(
        "GET!", HEAD("GET /") "Connection: close, Upgrade\r\nUpgrade: x\r\n\r\n" NEXT),
    STREAM(
        "GET!", HEAD("GET /") "Connection: Upgrade, close\r\nUpgrade: x\r\n\r\n" NEXT),
    STREAM("POST!+1", HEAD("POST /") "Connection: Upgrade\r\nConnection: close\r\n"
                                     "Upgrade: x\r\nContent-Length: 1\r\n\r\na" NEXT),
    STREAM("400", HEAD("POST /") H2C "Content-Length: 3\r\n" CODED "\r\n"),
    STREAM("413", HEAD("POST /") H2C "Content-Length: 65\r\n\r\n"),
    STREAM("417", HEAD("POST /") H2C "Expect: x\r\nContent-Length: 3\r\n\r\nabc"),

    /* Connection */
    STREAM("GET!", HEAD("GET /") "Connection: close\r\n\r\n" NEXT),
    STREAM("GET!", HEAD("GET /") "connection:CLOSE\r\n\r\n" NEXT),
    STREAM("GET!", HEAD("GET /") "Connection:\tclose\t\r\n\r\n" NEXT),
    STREAM("GET!", HEAD("GET /") "Connection: \t,\t, close\t,x \t\r\n\r\n" NEXT),
    STREAM("GET!", HEAD("GET /") "Connection: keep-alive, close\r\n\r\n" NEXT),
    STREAM("GET!",
        HEAD("GET /") "Connection: keep-alive\r\nConnection: close\r\n\r\n" NEXT),
    STREAM("GET!",
        HEAD("GET /") "Connection: close\r\nConnection: keep-alive\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: closed\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: x close\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: \"close\"\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection:\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: ,\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Proxy-Connection: close\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "X-Connection: close\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connectio: close\r\n\r\n" NEXT),
    STREAM("GET GET", HEAD("GET /") "Connection: Content-Length\r\n\r\n" NEXT),
    STREAM("GET GET", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT),
    STREAM("GET GET", "GET / HTTP/1.0\r\nConnection:\tx,Keep-Alive\t\r\n\r\n" NEXT),
    STREAM("GET!", "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n" NEXT),
    STREAM("GET!", "GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n" NEXT),

    /* white space around values */
    STREAM("GET GET", "GET / HTTP/1.1\r\nHost:a\r\n\r\n" NEXT),
    STREAM("GET GET", "GET / HTTP/1.1\r\nHost:\t \ta\t \t\r\n\r\n" NEXT),
    STREAM("400", "GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n" NEXT),
    STREAM("400", "GET / HTTP/1.1\r\nHost: \t\r\n\r\n" NEXT),
    STREAM("400", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n" NEXT),
    STREAM("400", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n" NEXT),
    STREAM("400", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    STREAM("400", "\r\nGET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    STREAM("400", "GET / HTTP/1.1\t\r\nHost: a\r\n\r\n" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length:3\r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length: 3 \r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length:\t3\r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length: 3\t\r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length:\t \t3 \t \r\n\r\nabc" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Content-Length: 003\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\t4\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3 4\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\tx\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: \t\r\n\r\n" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length:\r\n\r\n" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length\t: 3\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length : 3\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\r\n\t\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length:\r\n\t3\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3,\t3\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\v\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\xa0\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3_0\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3.0\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3;\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: \"3\"\r\n\r\nabc" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 18446744073709551616\r\n\r\n" NEXT),
    STREAM("413", HEAD("POST /") "Content-Length: 18446744073709551615\r\n\r\n" NEXT),
    STREAM("400", HEAD("POST /") "Content-Length: 3\r\ncontent-length: 3\r\n\r\n"),
    STREAM("400", "POST / HTTP/1.0\r\nContent-Length: 1\r\n" CODED "\r\n"),
    STREAM("POST+3 GET", HEAD("POST /") "Transfer-Encoding:\tchunked\r\n\r\n"
                                        "3\r\nabc\r\n0\r\n\r\n" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Transfer-Encoding: chunked\t\r\n\r\n"
                                        "3\r\nabc\r\n0\r\n\r\n" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Transfer-Encoding: chunked \r\n\r\n"
                                        "3\r\nabc\r\n0\r\n\r\n" NEXT),
    STREAM("POST+3 GET", HEAD("POST /") "Transfer-Encoding:\t \tCHUNKED \t \r\n\r\n"
                                        "3\r\nabc\r\n0\r\n\r\n" NEXT),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunked\tx\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: x\tchunked\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunk\ted\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunked\r\n \r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: gzip,\tchunked\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: ,\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: ,chunked,gzip\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunked,,chunked\r\n\r\n"
                                 "0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") CODED CODED "\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") CODED "Transfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") CODED "Content-Length:\t5\r\n\r\n0\r\n\r\n"),
    STREAM("400", HEAD("POST /") "Content-Length:\t5\r\n" CODED "\r\n0\r\n\r\n"),
    STREAM("POST GET",
        HEAD("POST /") "Transfer_Encoding: chunked\r\nContent_Length: 3\r\n\r\n" NEXT),
    STREAM("POST+1 GET",
        HEAD("POST /") "Expect:\t100-continue\t\r\nContent-Length: 1\r\n\r\na" NEXT),
    STREAM("POST+1 GET",
        HEAD("POST /") "Expect: ,100-continue\t,\r\nContent-Length: 1\r\n\r\na" NEXT),
    STREAM(
        "417", HEAD("POST /") "Expect: 100-continue,,x\r\nContent-Length: 1\r\n\r\n"),

    /* chunk extensions */
    STREAM("POST+5 GET", CHUNKS("5;a=b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;q=\"x\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;q=\"\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5 ; a = b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5\t;\ta\t=\tb\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5 \t; a = \"b\" ; c\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=b;c=\"d\";e\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a;b;c\r\nhello\r\n0;d=e\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=\"\\\"\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=\"x\\\\\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=\"\\a\\ \\\t\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=\"; b=c, \t:\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;a=\"\x80\xff\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("5;!#$%&'*+-.^_`|~=5\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("POST+5 GET", CHUNKS("0005;a=b\r\nhello\r\n000;a=b\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5; \r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;;a\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a= \r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;=b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a==b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b=c\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b c\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b \r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5 \r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\t\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS(" 5\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5 a\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5,a\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b\"c\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;\"a\"=b\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"b\\\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"b\n\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"b\r\n\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=\x80\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a=b\rhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;a\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5;\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\r\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\r\nhello0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\r\nhello\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\r\nhello\r0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("5\r\nhello\r\n\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("\r\n5\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS(";a=b\r\n") NEXT),
    STREAM("400", CHUNKS("5x\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0x5\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("+5\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("10000000000000005\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("413", CHUNKS("ffffffffffffffff\r\nhello\r\n0\r\n\r\n") NEXT),
    STREAM("413", CHUNKS("41;a=b\r\n") NEXT),

    /* trailers */
    STREAM("POST GET", CHUNKS("0\r\n\r\n") NEXT),
    STREAM("POST+1 GET", CHUNKS("1\r\nx\r\n0\r\nT: t\r\nX:\r\n\r\n") NEXT),
    STREAM("POST GET", CHUNKS("0\r\nT:\tt\t\x80\"\r\n\r\n") NEXT),
    STREAM("POST GET", CHUNKS("0\r\nX-Request-Id: a\r\nTrailer: b\r\n\r\n") NEXT),
    STREAM(
        "POST GET", CHUNKS("0\r\nContent-MD5: x\r\nContent-Length2: x\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nContent-Length: 5\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: t\r\ncontent-length:5\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nTransfer-Encoding: chunked\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\ntransfer-encoding:\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nHost: b\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nAuthorization: Bearer x\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nExpect: 100-continue\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\n: x\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: t\r\n:\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT : t\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT\t: t\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\n T: t\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: t\r\n folded\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: t\r\n\tfolded\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT(: t\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: \0\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: \x7f\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: a\rb\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: a\nb\r\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: a\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nT: a\r\n\n") NEXT),
    STREAM("400", CHUNKS("0\r\n\n") NEXT),
    STREAM("400", CHUNKS("0\r\n\rX") NEXT),
    STREAM("400", CHUNKS("0\n\r\n") NEXT),
    STREAM("400", CHUNKS("0\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")),
    STREAM("...", CHUNKS("0\r\n")),
    STREAM("...", CHUNKS("5;a=\"")),
    STREAM("...", CHUNKS("5\r\nhello\r\n0\r\nT: t\r\n\r")),
};

enum { STREAMS = sizeof(streams) / sizeof(streams[0]) };

#endif
