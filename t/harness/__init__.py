# SPDX-License-Identifier: Apache-2.0
"""What tests, the demo and the benchmark stand on: private PostgreSQL clusters, httpds and clients. Standard library only."""
