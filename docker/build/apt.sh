#!/bin/sh
# apt.sh PACKAGE...: installs packages and leaves no lists behind. APT_MIRROR takes the place of Debian's mirror.
set -eu
if [ -n "${APT_MIRROR:-}" ]; then
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [ -f "$list" ] && sed -i -E "s#https?://deb\.debian\.org/debian( |\$)#$APT_MIRROR\1#" "$list"
    done
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin
