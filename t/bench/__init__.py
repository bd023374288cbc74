# SPDX-License-Identifier: Apache-2.0
"""make bench: how good the module is, as ratios measured in interleaved pairs in one run. Standard library only."""
