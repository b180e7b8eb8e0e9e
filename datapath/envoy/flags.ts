/** Worker threads of every Envoy of the lab: Istio's default for sidecars. */
export const envoyConcurrency = 2;

/** Seconds in which Envoy winds its connections down once it is told to drain. */
export const envoyDrainSeconds = 3;

/** The command line of every Envoy of the lab, in all data planes: where the proxy stands is all that may differ. */
export function envoyFlags(bootstrap: string): string[] {
  return [
    '--config-yaml',
    bootstrap,
    '--concurrency',
    String(envoyConcurrency),
    '--drain-time-s',
    String(envoyDrainSeconds),
    '--drain-strategy',
    'immediate',
    '--disable-hot-restart',
    '--log-level',
    'warning',
  ];
}
