import type { DeltaStream } from './delta-stream.ts';
import { resourceKinds } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

/** Whether a proxy runs its last snapshot; what it still has to answer, or its own words for what it refused. */
export type Acceptance =
  | { state: 'accepted' }
  | { state: 'rejected'; message: string }
  | { state: 'pending'; missing: readonly string[] };

/** Puts together what a proxy has said on its streams (one for ADS; one for each secret for SDS). */
export function acceptanceOf(snapshot: Snapshot, streams: readonly DeltaStream[]): Acceptance {
  for (const stream of streams) {
    const message = stream.rejection();
    if (message !== null) return { state: 'rejected', message };
  }
  const missing: string[] = [];
  for (const kind of resourceKinds) {
    for (const [name, { version }] of snapshot[kind]) {
      const listening = streams.filter((stream) => stream.wants(kind, name));
      const accepted =
        listening.length > 0 && listening.every((stream) => stream.acknowledged(kind).get(name) === version);
      if (!accepted) missing.push(`${kind} ${name}`);
    }
  }
  if (missing.length === 0 && streams.some((stream) => stream.isPending())) missing.push('removals');
  return missing.length === 0 ? { state: 'accepted' } : { state: 'pending', missing };
}
