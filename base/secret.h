/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets have a type: cleansed on free, compared in constant time, and no format prints them. */
#ifndef CW_BASE_SECRET_H
#define CW_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *data;
	size_t len;
};

/* 0, or -1 when memory is out. data may be NULL: the bytes are zero then, for the caller to fill. */
int secret_set(struct secret *s, const void *data, size_t len);
int secret_copy(struct secret *s, const struct secret *from);
/* Cleanses and frees; s is empty afterwards. Legal on an empty or zeroed secret. */
void secret_clear(struct secret *s);
bool secret_eq(const struct secret *a, const struct secret *b);
/* For key material in arrays. */
void cleanse(void *p, size_t len);
bool bytes_eq_ct(const void *a, const void *b, size_t len);

#endif
