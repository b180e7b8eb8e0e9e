import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { longDelay } from '../long-delay.ts';
import { probeCounter } from './counter.ts';
import type { ProbeResult } from './probe-request.ts';

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

/** What probing a container brings about. */
export type ProbeEvents = {
  /** The container has started: at once without a startup probe. */
  onStarted(): void;
  /** Only on change. */
  onReady(ready: boolean): void;
  /** One failed look, whether or not it decides anything. `errored`: it found nothing out, and so decides nothing. */
  onFailedProbe(kind: ProbeKind, message: string, errored: boolean): void;
  /** The container is to be killed. */
  onUnhealthy(kind: ProbeKind, probe: V1Probe): void;
};

/**
 * Probes a running container until the signal aborts: the startup probe alone first, then readiness and liveness side
 * by side, each with its own delay, period and thresholds (https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/).
 */
export async function probeContainer(
  {
    startupProbe,
    readinessProbe,
    livenessProbe,
  }: Pick<V1Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'>,
  look: (probe: V1Probe) => Promise<ProbeResult>,
  events: ProbeEvents,
  /** Liveness and startup end with the first request to stop; readiness goes on while the container runs. */
  { running, stopping, startedAtMs }: { running: AbortSignal; stopping: AbortSignal; startedAtMs: number },
): Promise<void> {
  const observe = (kind: ProbeKind, probe: V1Probe, signal: AbortSignal, decide: (success: boolean) => boolean) =>
    probeLoop(probe, look, {
      signal,
      startedAtMs,
      onFailedProbe: (message, errored) => events.onFailedProbe(kind, message, errored),
      decide,
    });
  const killing = AbortSignal.any([running, stopping]);
  if (startupProbe !== undefined) {
    let started = false;
    await observe('Startup', startupProbe, killing, (success) => {
      started = success;
      if (!success) events.onUnhealthy('Startup', startupProbe);
      return true;
    });
    if (!started) return;
  }
  events.onStarted();
  const loops: Promise<void>[] = [];
  if (readinessProbe === undefined) events.onReady(true);
  else {
    let ready = false;
    loops.push(
      observe('Readiness', readinessProbe, running, (success) => {
        if (success !== ready) events.onReady(success);
        ready = success;
        return false;
      }),
    );
  }
  if (livenessProbe !== undefined) {
    loops.push(
      observe('Liveness', livenessProbe, killing, (success) => {
        if (!success) events.onUnhealthy('Liveness', livenessProbe);
        return !success;
      }),
    );
  }
  await Promise.all(loops);
}

async function probeLoop(
  probe: V1Probe,
  look: (probe: V1Probe) => Promise<ProbeResult>,
  {
    signal,
    startedAtMs,
    onFailedProbe,
    decide,
  }: {
    signal: AbortSignal;
    startedAtMs: number;
    onFailedProbe: (message: string, errored: boolean) => void;
    /** Takes a verdict; true ends the loop. */
    decide: (success: boolean) => boolean;
  },
): Promise<void> {
  const counter = probeCounter(probe);
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  let nextMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
  while (!signal.aborted) {
    await longDelay(nextMs - Date.now(), signal);
    if (signal.aborted) return;
    nextMs = Date.now() + periodMs;
    const result = await look(probe);
    if (signal.aborted) return;
    if (!result.success) onFailedProbe(result.message, result.errored === true);
    if (result.errored) continue;
    const verdict = counter.observe(result.success);
    if (verdict !== null && decide(verdict === 'success')) return;
  }
}
