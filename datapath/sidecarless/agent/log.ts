/** Writes one line of JSON to standard error. */
export function log(level: 'info' | 'warning' | 'error', message: string, facts: object = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...facts })}\n`);
}
