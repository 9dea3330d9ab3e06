/* SPDX-License-Identifier: Apache-2.0 */
/* The restart record: whatever lies in the file, it is refused, or what is read of it is written the same
 * again. */
#include "connector/daemon/restart_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reason why;
	struct restart_record *r = restart_record_parse((const char *)data, size, &why), *again;
	char *text, *twice;
	size_t len, len2;

	if (!r)
		return 0;
	text = restart_record_build(r, &len);
	restart_record_free(r);
	if (!text)
		return 0;
	again = restart_record_parse(text, len, &why);
	if (!again)
		abort();
	twice = restart_record_build(again, &len2);
	if (twice && (len != len2 || memcmp(text, twice, len) != 0))
		abort();
	restart_record_free(again);
	free(text);
	free(twice);
	return 0;
}
