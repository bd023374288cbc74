/* SPDX-License-Identifier: Apache-2.0
 * Billing in httpd's expressions: the function billing('KEY'), which yields "1" where the feature is allowed to the
 * request and "" where it is not, and the variables BILLING_ORG, BILLING_PLAN and BILLING_STATUS.
 *
 * They may be asked at any moment. Before httpd has authenticated (<If>, RewriteCond of a server, `Require expr`
 * without REMOTE_USER) an identity that needs authentication is none, so the request has no org then. */
#ifndef BILLING_GATE_EXPRESSION_H
#define BILLING_GATE_EXPRESSION_H

/** While hooks are registered. */
void expression_register(void);

#endif
