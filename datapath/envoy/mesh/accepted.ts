import { LabError } from '../../../clusters/error.ts';
import type { XdsServer } from '../xds-server.ts';
import type { MeshWatch } from './mesh-watch.ts';
import { type AcceptedAnswer, AcceptedRequest } from './status.ts';

/** Waits until the control plane has seen what the caller has, and the proxies run what follows from it. */
export async function acceptedAnswer(
  {
    xds,
    watch,
    nameOf,
    update,
    changed,
    signal,
  }: {
    xds: Pick<XdsServer, 'accepted'>;
    watch: Pick<MeshWatch, 'hasSeen' | 'policyError'>;
    /** How the proxy of a pod calls itself. */
    nameOf(pod: string): string;
    /** Gives the proxies what follows from what has been seen so far. */
    update(): void;
    /** Resolves when something new has been seen. */
    changed(signal: AbortSignal): Promise<unknown>;
    signal: AbortSignal;
  },
  body: unknown,
): Promise<AcceptedAnswer> {
  const { pods, seen, timeoutSeconds } = AcceptedRequest.parse(body);
  const deadlineMs = Date.now() + timeoutSeconds * 1000;
  const unseen = () => seen.filter(({ kind, name, resourceVersion }) => !watch.hasSeen(kind, name, resourceVersion));
  const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
  while (unseen().length > 0) {
    await changed(AbortSignal.any([signal, deadline])).catch(() => signal.throwIfAborted());
    if (!deadline.aborted) continue;
    const what = unseen().map(({ kind, name }) => `${kind}/${name}`);
    return failure(null, 'LAB_CONTROL_BEHIND', `The control plane has not seen ${what.join(', ')} as it is now`);
  }
  const policyError = watch.policyError();
  if (policyError !== null) {
    return failure(null, 'LAB_POLICY_INVALID', `policy.yaml of the ConfigMap authorization: ${policyError}`);
  }
  update();
  const failures = await Promise.all(
    pods.map(async (pod) => {
      try {
        const remaining = Math.max(0.1, (deadlineMs - Date.now()) / 1000);
        await xds.accepted(nameOf(pod), { signal, timeoutSeconds: remaining });
        return [];
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        return [{ pod, code: error.code, message: error.message }];
      }
    }),
  );
  return { failures: failures.flat() };
}

function failure(pod: string | null, code: string, message: string): AcceptedAnswer {
  return { failures: [{ pod, code, message }] };
}
