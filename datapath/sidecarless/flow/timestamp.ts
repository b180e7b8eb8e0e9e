/** RFC 3339 in UTC with nine digits, from nanoseconds since 1970. */
export function timestamp(nanoseconds: bigint): string {
  const milliseconds = nanoseconds / 1_000_000n;
  const rest = Number(nanoseconds % 1_000_000n);
  return `${new Date(Number(milliseconds)).toISOString().slice(0, -1)}${String(rest).padStart(6, '0')}Z`;
}
