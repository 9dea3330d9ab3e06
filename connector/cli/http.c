/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client half of the management API, by libcurl. The connection is kept between requests, so that waits
 * and
 * --watch don't connect anew each time. A daemon that takes the connection but is silent for STALL_SECONDS
 * counts as not reachable; a stream may take as long as it likes while bytes come.
 *
 * RFC 8040 7.1 errors become reasons: error-app-tag is our reason's id, error-message its text.
 */
#include "connector/cli/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#define CONNECT_SECONDS 5L
#define STALL_SECONDS   30L

struct http {
	CURL *curl;
	struct curl_slist *headers;
	char *socket;
	char error[CURL_ERROR_SIZE];
	/* of the request under way */
	http_sink sink;
	void *ctx;
	bool stopped; /* by the sink */
	mtime deadline;
	char *fault; /* an error's body */
	size_t fault_len;
};

struct http *http_new(const char *socket)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->curl = curl_easy_init();
	h->deadline = MTIME_NEVER;
	h->socket = strdup(socket);
	h->headers = curl_slist_append(NULL, "Content-Type: application/yang-data+json");
	if (!h->curl || !h->socket || !h->headers) {
		http_free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	free(h->socket);
	free(h->fault);
	free(h);
}

void http_deadline(struct http *h, mtime deadline)
{
	if (h)
		h->deadline = deadline;
}

static mtime now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mtime_add((mtime){ ts.tv_nsec }, mdur_s(ts.tv_sec));
}

static long status_of(struct http *h)
{
	long code = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &code);
	return code;
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	size_t len = size * n;

	if (status_of(h) / 100 == 2) {
		h->stopped = h->stopped || (h->sink && h->sink(h->ctx, data, len));
		return h->stopped ? 0 : len;
	}
	/* An error's body is small; what exceeds the cap is dropped and the message is cut. */
	size_t take = len < HTTP_ERROR_BODY_MAX - h->fault_len ? len : HTTP_ERROR_BODY_MAX - h->fault_len;
	char *p = take ? realloc(h->fault, h->fault_len + take) : NULL;
	if (p) {
		h->fault = p;
		memcpy(h->fault + h->fault_len, data, take);
		h->fault_len += take;
	}
	return len;
}

static enum cli_exit unreachable(const struct http *h, int err, struct reason *ret_reason)
{
	reason_set(ret_reason, "daemon-unreachable", "the daemon can't be reached at %s: ", h->socket);
	switch (err) {
	case ENOENT:
		reason_add(ret_reason, "there is no such socket. Is causewayd running (systemctl status "
		                       "causewayd), and with this "
		                       "socket? Another one is named by -s PATH or CAUSEWAY_SOCKET");
		break;
	case ECONNREFUSED:
		reason_add(ret_reason,
		    "nobody listens there any more. causewayd has stopped or crashed: see its log "
		    "(journalctl -u causewayd) and start it again");
		break;
	case EACCES:
	case EPERM:
		reason_add(ret_reason,
		    "permission denied. The socket is for its owner and group only: use sudo, or join the "
		    "group that owns it (ls -l shows which)");
		break;
	default:
		reason_add(ret_reason, "%s. Is causewayd running, and is this its socket?",
		    err ? strerror(err) : h->error);
		break;
	}
	return CLI_UNREACHABLE;
}

static enum cli_exit transfer_failed(struct http *h, CURLcode rc, struct reason *ret_reason)
{
	long os_errno = 0;

	if (h->stopped)
		return CLI_FAILED;
	curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &os_errno);
	if (rc == CURLE_OPERATION_TIMEDOUT && mtime_reached(h->deadline, now())) {
		reason_set(ret_reason, "daemon-silent",
		    "the daemon at %s did not answer in the time given: it is busy, stuck or stopped; see "
		    "its log",
		    h->socket);
		return CLI_TIMED_OUT;
	}
	if (rc == CURLE_OPERATION_TIMEDOUT && !status_of(h)) {
		reason_set(ret_reason, "daemon-silent",
		    "the daemon at %s takes connections but does not answer within %ld s: it is stuck or "
		    "stopped; see its log",
		    h->socket, STALL_SECONDS);
		return CLI_UNREACHABLE;
	}
	if (!status_of(h))
		return unreachable(h, rc == CURLE_COULDNT_CONNECT ? (int)os_errno : 0, ret_reason);
	reason_set(ret_reason, "answer-cut",
	    "the daemon's answer broke off (%s): what was shown is not all; it may have stopped just now",
	    h->error[0] ? h->error : curl_easy_strerror(rc));
	return CLI_FAILED;
}

static enum cli_exit exit_of_status(long status)
{
	switch (status) {
	case 404: return CLI_NOT_FOUND;
	case 409: return CLI_REFUSED;
	default: return CLI_FAILED;
	}
}

static enum cli_exit refused(struct http *h, const char *path, struct reason *ret_reason)
{
	long status = status_of(h);
	json_t *doc = json_loadb(h->fault ? h->fault : "", h->fault_len, 0, NULL);
	const json_t *e =
	    json_array_get(json_object_get(json_object_get(doc, "ietf-restconf:errors"), "error"), 0);
	const char *id = json_string_value(json_object_get(e, "error-app-tag"));
	const char *text = json_string_value(json_object_get(e, "error-message"));

	if (!id)
		id = json_string_value(json_object_get(e, "error-tag"));
	if (text)
		reason_set(ret_reason, id ? id : "failed", "%s", text);
	else
		reason_set(ret_reason, id ? id : "http-error",
		    "the daemon answered %s with HTTP status %ld%s", path, status,
		    status == 404 ? ": it knows no such object, or is of another version than this program"
		                  : "");
	json_decref(doc);
	return exit_of_status(status);
}

static void prepare(struct http *h, const char *url, const char *body)
{
	CURL *c = h->curl;

	curl_easy_reset(c); /* keeps the connection */
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->socket);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	if (!mtime_is_never(h->deadline)) {
		int64_t ms = mdur_to_ms(mtime_since(h->deadline, now()));

		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms > 0 ? (long)ms + 1 : 1L);
	}
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	if (body) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
	}
}

enum cli_exit http_request(
    struct http *h, const char *path, const char *body, http_sink sink, void *ctx, struct reason *ret_reason)
{
	char url[2048];

	if (!h) {
		reason_set(ret_reason, "no-memory", "out of memory");
		return CLI_FAILED;
	}
	if (strlen(h->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		reason_set(ret_reason, "socket-path-too-long",
		    "the socket path %s is too long: the system allows %zu bytes", h->socket,
		    sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return CLI_UNREACHABLE;
	}
	if ((size_t)snprintf(url, sizeof(url), "http://causeway%s", path) >= sizeof(url)) {
		reason_set(ret_reason, "argument-too-long", "an argument is too long");
		return CLI_USAGE;
	}
	h->sink = sink;
	h->ctx = ctx;
	h->stopped = false;
	h->fault_len = 0;
	h->error[0] = '\0';
	prepare(h, url, body);
	CURLcode rc = curl_easy_perform(h->curl);
	if (rc != CURLE_OK)
		return transfer_failed(h, rc, ret_reason);
	return status_of(h) / 100 == 2 ? CLI_OK : refused(h, path, ret_reason);
}

const char *http_escape(const char *s, char *ret, size_t cap)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t n = 0;

	for (; *s; s++) {
		size_t need = strchr(unreserved, *s) ? 1 : 3;

		if (n + need + 1 > cap)
			return NULL;
		if (need == 1)
			ret[n] = *s;
		else
			snprintf(ret + n, cap - n, "%%%02X", (unsigned char)*s);
		n += need;
	}
	if (n >= cap)
		return NULL;
	ret[n] = '\0';
	return ret;
}
