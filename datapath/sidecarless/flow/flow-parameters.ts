import { z } from 'zod';
import { LabError } from '../../../clusters/error.ts';
import type { FlowFilter } from '../../flow-query.ts';

/** What a node's flows are asked for, as the query of a URL: `last=20&follow=true&pod=shop/web&verdict=DROPPED`. */
export type FlowParameters = {
  filter: FlowFilter;
  /** How many of those that have been. */
  last: number;
  follow: boolean;
  /** Where an earlier answer ended: `last` is then without meaning. Another agent's numbers are no place here. */
  after: { agent: string; sequence: number } | null;
};

/** Lists of a filter by their names in a URL, where each value stands by itself. */
const lists = {
  pods: 'pod',
  namespaces: 'namespace',
  from: 'from',
  to: 'to',
  verdicts: 'verdict',
  types: 'type',
  ports: 'port',
  protocols: 'protocol',
} as const satisfies Record<keyof FlowFilter, string>;

const count = z.coerce.number().int().min(0);
const Parameters = z.strictObject({
  pod: z.array(z.string()).optional(),
  namespace: z.array(z.string()).optional(),
  from: z.array(z.string()).optional(),
  to: z.array(z.string()).optional(),
  verdict: z.array(z.string()).optional(),
  type: z.array(z.string()).optional(),
  port: z.array(z.coerce.number()).optional(),
  protocol: z.array(z.string()).optional(),
  last: z.tuple([count]).default([100]),
  follow: z.tuple([z.enum(['true', 'false'])]).default(['false']),
  agent: z.tuple([z.string()]).optional(),
  after: z.tuple([count]).optional(),
});

/** Writes them as the query of a URL, without its question mark. */
export function writeFlowParameters({ filter, last, follow, after }: FlowParameters): string {
  const query = new URLSearchParams({ last: String(last), follow: String(follow) });
  for (const [list, name] of Object.entries(lists)) {
    for (const value of filter[list as keyof FlowFilter] ?? []) query.append(name, String(value));
  }
  if (after !== null) {
    query.set('agent', after.agent);
    query.set('after', String(after.sequence));
  }
  return query.toString();
}

/** @throws LabError LAB_FLOW_PARAMETERS (exit 2) about the first that is wrong. */
export function readFlowParameters(query: URLSearchParams): FlowParameters {
  const given = Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name)]));
  const result = Parameters.safeParse(given);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new LabError('LAB_FLOW_PARAMETERS', {
      message: `Flows cannot be asked for like this: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
      exitCode: 2,
    });
  }
  const { last, follow, agent, after, ...asked } = result.data;
  const filter = Object.fromEntries(
    Object.entries(lists).flatMap(([list, name]) => (asked[name] === undefined ? [] : [[list, asked[name]]])),
  );
  return {
    filter,
    last: last[0],
    follow: follow[0] === 'true',
    after: agent === undefined || after === undefined ? null : { agent: agent[0], sequence: after[0] },
  };
}
