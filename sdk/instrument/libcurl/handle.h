/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each easy handle: those of its options that make the request and take the answer. A table
 * by CURL* under one mutex; an entry is found under it and then used without, by the one thread that uses the
 * handle, as libcurl asks. Strings that libcurl copies are copied here, those that it borrows are borrowed as
 * long.
 */
#ifndef WEIR_LIBCURL_HANDLE_H
#define WEIR_LIBCURL_HANDLE_H

#include "sdk/instrument/pointer_table.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* One option's value; which member counts follows from the option's number. */
union option_value {
    long number;
    curl_off_t offset;
    void *pointer;
    void (*function)(void);
};

struct multi;
struct transfer;

/* The program's own, as it set them; all but entry, url and copied_body are plain values. Then what is going on. */
struct handle {
    struct pointer_entry entry; /* first; by CURL* */
    char *url;                  /* copied; NULL: not set */
    CURLU *url_parts;           /* CURLOPT_CURLU, borrowed; counts before url */
    const char *method;         /* static; what the options say, before custom_method */
    const char *custom_method;  /* static; NULL: none */
    const char *body;           /* borrowed, or copied_body; NULL: none, or from a callback */
    char *copied_body;
    curl_off_t body_bytes; /* -1: up to the 0 */
    struct curl_slist *headers;
    curl_write_callback write;  /* NULL: fwrite */
    void *write_to;             /* stdout at first */
    curl_write_callback header; /* NULL: see transfer.c */
    void *header_to;
    bool answer_has_headers; /* CURLOPT_HEADER */

    struct transfer *transfer; /* NULL: none under way that is a call */
    struct multi *queue;       /* where its message waits to be read (multi.c); NULL: there is none */
    CURLMsg *message;
    struct handle *next_message;
};

/* The entry of a handle; made when there is none. NULL when out of memory. */
struct handle *handle_of(CURL *key);

/* A new handle's entry, in place of what an older handle at this address left; `like` may be NULL. */
void handle_add(CURL *key, const CURL *like);
void handle_remove(CURL *key);

/* All options as in a new handle. */
void handle_reset(struct handle *handle);

/* Notes an option that libcurl has accepted. */
void handle_note(struct handle *handle, CURLoption option, union option_value value);

/* Whether this option is weir's for the time of a transfer: the program's is noted, and goes into weir's. */
bool handle_holds(const struct handle *handle, CURLoption option);

/* The URL that will be asked, to be freed; NULL when it is not http or https, or not known. */
char *handle_http_url(const struct handle *handle);

const char *handle_method(const struct handle *handle);

/* The body that will be sent, where it is in memory; else NULL. */
const char *handle_body(const struct handle *handle);
size_t handle_body_bytes(const struct handle *handle);

#endif
