#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a folder with a Debian that holds a real Blender, X server and mouse: make_blender.sh FOLDER [SUITE]
# Needs root, debootstrap and 2 GB; takes about five minutes. SUITE is sid (the newest Blender) or trixie.
# Packages come from wherever this machine's own apt gets them. Then: AVANIM_GUI_ROOT=FOLDER pytest tests/gui
set -eu
root=${1:?usage: make_blender.sh FOLDER [SUITE]}
suite=${2:-sid}

# The first address in apt's own configuration, in the old one-line format or the new one.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\([a-z+]*:[^ ]*\).*/\2/p' -e 's/^URIs: *\([^ ]*\).*/\1/p' |
    grep '/debian/*$' | head -n 1)
test -n "$mirror" || { echo "No Debian mirror in /etc/apt" >&2; exit 1; }

command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror"
# Proxies and certificates that this machine's apt uses.
cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends \
    blender xvfb xauth libegl1 libgl1-mesa-dri libgl1 xdotool imagemagick \
    python3-numpy python3-cattr python3-requests python3-zstandard
chroot "$root" blender --version | head -n 1
