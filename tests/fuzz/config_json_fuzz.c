/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a configuration: it loads, or it is refused with a reason; never both, never neither. What
 * loads must load again from its own pretty-printed form, to the same form.
 */
#include "connector/mgmt/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cfg *load(struct cfg_context *c, const char *text)
{
	struct reason why;
	struct cfg *cfg = cfg_load_text(c, text, "fuzz.json", false, &why);

	if (!cfg != reason_is_set(&why))
		abort();
	return cfg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cfg_context *context; /* the schema is slow to load */
	char *text = malloc(size + 1);
	struct cfg *cfg, *again;

	if (!context)
		context =
		    cfg_context_new(CW_SOURCE_DIR "/connector/mgmt/yang", CW_SOURCE_DIR "/profiles", NULL);
	if (!context || !text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	cfg = load(context, text);
	if (cfg) {
		again = load(context, cfg->json);
		if (!again || strcmp(again->json, cfg->json) != 0)
			abort();
		cfg_free(again);
		cfg_free(cfg);
	}
	free(text);
	return 0;
}
