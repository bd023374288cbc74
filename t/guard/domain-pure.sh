#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The domain knows nobody: no httpd, APR, HTTP client, JSON or database header in it, and no other part of the module.
# usage: domain-pure.sh [folder]; the folder is that of the source tree unless named.
folder=${1:-${srcdir:-.}/mod_billing/domain}

set -- "$folder"/*.c "$folder"/*.h
if [ ! -f "$1" ]; then
    echo "no C source in $folder" >&2
    exit 1
fi
# What the domain may include, so that a stranger nobody thought of is found too.
allowed='<(openssl/sha|stdbool|stddef|stdint|string)\.h>|"domain/[a-z_]+\.h"'
if grep -nE '^[[:space:]]*#[[:space:]]*include' "$@" /dev/null | grep -vE "include[[:space:]]*($allowed)"; then
    echo "the domain is plain C: it may not include these" >&2
    exit 1
fi
