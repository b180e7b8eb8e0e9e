#!/bin/sh
# Runs the lab's own Docker daemon in a root of its own, in a mount namespace of its own: the tree below a layer in
# memory. $1: the tree, $2: the daemon's data, $3: the folder of its socket, the rest: its flags.
set -eu
tree=$1 data=$2 sockets=$3
shift 3
layers=$sockets/layers
root=$layers/root
mount --make-rprivate /
mkdir -p "$layers"
mount -t tmpfs datapath-lab "$layers"
mkdir "$layers/upper" "$layers/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$layers/upper,workdir=$layers/work" datapath-lab "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs datapath-lab "$root/run"
mount -t tmpfs datapath-lab "$root/tmp"
mkdir -p "$root/var/lib/docker" "$root/run/lab" "$root/lib/modules" "$root/old"
mount --bind "$data" "$root/var/lib/docker"
mount --bind "$sockets" "$root/run/lab"
[ ! -d /lib/modules ] || mount --bind /lib/modules "$root/lib/modules"
# Not chroot: what enters a container by its mount namespace alone would find itself outside of it.
cd "$root"
pivot_root . old
cd /
umount -l /old
exec dockerd "$@"
