import { isIP } from 'node:net';
import { type PolicyEntity, policyEntities } from '../../datapath/policy-question.ts';
import { usageError } from '../cli/arguments.ts';
import { didYouMean } from '../cli/suggestion.ts';

/** One side of a connection as it is asked for. A name may be a pod's or a Service's. */
export type EndName =
  | { kind: 'name'; namespace: string; name: string }
  | { kind: 'address'; address: string }
  | { kind: 'entity'; entity: PolicyEntity };

/** @throws LabError LAB_USAGE about what is none of these. `flag` is what it was given to. */
export function parseEnd(flag: string, text: string | null): EndName {
  if (text === null) throw usageError('policy', `\`lab policy trace\` needs --${flag}: ${forms}`);
  if (isIP(text) !== 0 && !text.includes('%')) return { kind: 'address', address: text };
  const entity = policyEntities.find((one) => one === text);
  if (entity !== undefined) return { kind: 'entity', entity };
  const [namespace = '', name = '', ...rest] = text.split('/');
  if (namespace !== '' && name !== '' && rest.length === 0) return { kind: 'name', namespace, name };
  throw usageError(
    'policy',
    `--${flag} "${text}" is nothing that can be asked about${didYouMean(text, policyEntities)}: ${forms}`,
  );
}

const forms = `give NAMESPACE/POD, NAMESPACE/SERVICE, an address, or one of ${policyEntities.join(', ')}`;
