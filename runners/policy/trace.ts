import { LabError } from '../../clusters/error.ts';
import type { PolicyAnswer, PolicyDirection, PolicyPeer, PolicyQuestion } from '../../datapath/policy-question.ts';
import type { TracedPort } from './port.ts';
import type { End, Targets } from './resolve.ts';

/** What policy says at one side of a connection; or why nobody asks there. */
export type Judgement =
  | ({ direction: PolicyDirection; policed: true } & PolicyAnswer)
  | { direction: PolicyDirection; policed: false; verdict: 'allowed'; why: string };

/** One way that a connection may take. */
export type Path = { to: End; port: TracedPort; verdict: 'allowed' | 'denied'; judgements: readonly Judgement[] };

/** `partly` where it depends on the backend that a Service chooses. */
export type Trace = {
  verdict: 'allowed' | 'denied' | 'partly';
  from: End;
  service: Targets['service'];
  paths: readonly Path[];
};

/** Asks the data plane of a pod's node. Null where it enforces no policies; `dataPlane` is what it is called. */
export type Judge = (node: string) => {
  dataPlane: string;
  ask: ((question: PolicyQuestion) => Promise<PolicyAnswer>) | null;
};

/** Follows a connection along every way that it may take: out of its pod, and into the other. */
export async function traceConnection(from: End, { service, targets }: Targets, judge: Judge): Promise<Trace> {
  const paths = await Promise.all(targets.map((target) => tracePath(from, target, judge)));
  const verdicts = new Set(paths.map(({ verdict }) => verdict));
  const [verdict = 'denied'] = verdicts;
  return { verdict: verdicts.size > 1 ? 'partly' : verdict, from, service, paths };
}

async function tracePath(from: End, { end: to, port }: Targets['targets'][number], judge: Judge): Promise<Path> {
  const judgements = await Promise.all([
    judgeSide('egress', { subject: from, peer: to, port }, judge),
    judgeSide('ingress', { subject: to, peer: from, port }, judge),
  ]);
  const isAllowed = judgements.every(({ verdict }) => verdict === 'allowed');
  return { to, port, verdict: isAllowed ? 'allowed' : 'denied', judgements };
}

async function judgeSide(
  direction: PolicyDirection,
  { subject, peer, port }: { subject: End; peer: End; port: TracedPort },
  judge: Judge,
): Promise<Judgement> {
  const unpoliced = (why: string): Judgement => ({ direction, policed: false, verdict: 'allowed', why });
  if (subject.kind === 'node') return unpoliced(`the node ${subject.name} itself is not policed`);
  if (subject.kind !== 'pod') return unpoliced('outside the cluster there is no policy');
  if (peer.kind === 'pod' && peer.namespace === subject.namespace && peer.name === subject.name) {
    return unpoliced('it does not leave the pod');
  }
  const { dataPlane, ask } = judge(subject.node);
  if (ask === null) return unpoliced(`the node ${subject.node} is on ${dataPlane}, which enforces no policies`);
  const { namespace, name, node } = subject;
  const question = { pod: { namespace, name }, node, direction, peer: peerOf(subject, peer), ...port };
  return { direction, policed: true, ...(await ask(question)) };
}

/** The peer by its address of a family that the pod has too. */
function peerOf(subject: Extract<End, { kind: 'pod' }>, peer: End): PolicyPeer {
  if (peer.kind === 'entity') return { entity: peer.entity };
  const isIPv6 = (address: string): boolean => address.includes(':');
  const address = peer.addresses.find((one) => subject.addresses.some((own) => isIPv6(own) === isIPv6(one)));
  if (address !== undefined) return { address };
  throw new LabError('LAB_NO_COMMON_FAMILY', {
    message: `${subject.namespace}/${subject.name} has ${subject.addresses.join(', ')}, and cannot talk to ${peer.addresses.join(', ') || 'what has no address'}`,
    exitCode: 2,
  });
}
