import type { PolicyAnswer, PolicyObject } from '../../datapath/policy-question.ts';
import { portText } from './port.ts';
import type { End } from './resolve.ts';
import type { Judgement, Path, Trace } from './trace.ts';

/** A trace for people: the verdict of each way, and below it what decides at either side. Ends in a newline. */
export function traceText({ verdict, from, service, paths }: Trace): string {
  const lines = paths.flatMap((path) => pathLines(from, path));
  if (service === null) return `${lines.join('\n')}\n`;
  const summary = { allowed: 'ALLOWED', denied: 'DENIED', partly: 'ALLOWED to some backends, DENIED to others' }[
    verdict
  ];
  const count = `${paths.length} ${paths.length === 1 ? 'backend' : 'backends'}`;
  const head = `Service ${service.namespace}/${service.name}, ${count}: ${summary}`;
  return `${[head, ...lines].join('\n')}\n`;
}

function pathLines(from: End, { to, port, verdict, judgements }: Path): string[] {
  const head = `${endText(from)} -> ${endText(to)}, ${portText(port)}: ${verdict.toUpperCase()}`;
  const subjects = { egress: from, ingress: to };
  return [head, ...judgements.flatMap((judgement) => judgementLines(judgement, subjects[judgement.direction]))];
}

/** `shop/web (10.0.0.1)`. */
function endText(end: End): string {
  switch (end.kind) {
    case 'pod':
      return `${end.namespace}/${end.name} (${end.addresses[0]})`;
    case 'node':
      return `node ${end.name} (${end.addresses[0]})`;
    case 'address':
      return `${end.addresses[0]}`;
    case 'entity':
      return end.entity;
  }
}

function judgementLines(judgement: Judgement, subject: End): string[] {
  const { direction, verdict } = judgement;
  const whose = subject.kind === 'pod' ? ` of ${subject.namespace}/${subject.name}` : '';
  const head = `  ${direction}${whose}: ${verdict}`;
  if (!judgement.policed) return [`${head}, ${judgement.why}`];
  const { peer, source, disagreement } = judgement;
  const [reason, ...details] = reasons(judgement);
  return [
    `${head}${reason}`,
    ...details.map((detail) => `    ${detail}`),
    `    ${direction === 'egress' ? 'destination' : 'source'} is (${peer.name}); found in ${source}`,
    ...(disagreement === null ? [] : [`    WARNING: ${disagreement}`]),
  ];
}

function reasons({ decidedBy, rule, selectedBy }: PolicyAnswer): string[] {
  switch (decidedBy) {
    case 'rule':
      return rule === null
        ? [' by a rule']
        : [` by ${objectText(rule)}, ${rule.path}`, ...(rule.says === '' ? [] : [rule.says])];
    case 'implicit':
      return [`, ${rule?.says ?? ''}`];
    case 'no-policy':
      return [', no policy selects the pod'];
    case 'no-denial':
      return [', no rule denies it, and no policy puts the pod in default deny'];
    case 'default-deny':
      return [
        ', no rule allows it, and the pod is in default deny',
        ...selectedBy.flatMap((object) => [
          `by ${objectText(object)}`,
          ...object.problems.map(
            (problem) => `  which allows nothing, as it cannot be enforced as written: ${problem}`,
          ),
        ]),
      ];
  }
}

function objectText({ kind, namespace, name }: PolicyObject): string {
  return `${kind} ${namespace === null ? '' : `${namespace}/`}${name}`;
}
