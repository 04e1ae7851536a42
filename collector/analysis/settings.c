/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/analysis.h"

struct analysis_settings analysis_settings_default(void)
{
    return (struct analysis_settings){
#define X(name, standard, meaning) .name = (standard),
        ANALYSIS_SETTINGS(X)
#undef X
    };
}
