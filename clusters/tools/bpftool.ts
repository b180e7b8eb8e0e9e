/**
 * The beginning of a command line that runs bpftool. Ubuntu's program on PATH only looks for the one of exactly the
 * running kernel; to list programs any will do.
 */
export const bpftool = [
  'sh',
  '-c',
  'for file in bpftool /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool; do "$file" version >/dev/null 2>&1 && exec "$file" "$@"; done; echo "no bpftool runs here" >&2; exit 127',
  'bpftool',
] as const;
