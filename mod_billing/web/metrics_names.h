/* SPDX-License-Identifier: Apache-2.0
 * The words for what is counted, in labels and in mod_status's section. */
#ifndef BILLING_WEB_METRICS_NAMES_H
#define BILLING_WEB_METRICS_NAMES_H

#include "service/metrics.h"

extern const char *const decision_result_names[DECISION_RESULTS];
extern const char *const lookup_result_names[LOOKUP_RESULTS];
extern const char *const webhook_outcome_names[WEBHOOK_OUTCOMES];
extern const char *const provider_operation_names[PROVIDER_OPERATIONS];
extern const char *const provider_outcome_labels[PROVIDER_OUTCOMES];
extern const char *const database_end_names[DATABASE_ENDS];

#endif
