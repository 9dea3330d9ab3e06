/* SPDX-License-Identifier: Apache-2.0 */
/* Speakers and any interleaving: the input is a script of tests/support/bgp_script.h, with what must hold
 * after it. */
#include "tests/support/bgp_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bgp_script_run(data, size);
	return 0;
}
