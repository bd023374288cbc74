# SPDX-License-Identifier: Apache-2.0
# A simulated Stripe account for tests and demonstrations.
