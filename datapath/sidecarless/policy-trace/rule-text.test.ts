import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../policy/parse.ts';
import { ccnp, netpol } from '../tests/test-world.ts';
import { ruleText } from './rule-text.ts';

function texts(document: object): string[] {
  return parsePolicy(document).rules.flatMap((rule) => (rule.effect === 'isolate' ? [] : [ruleText(rule)]));
}

test('rules in words', () => {
  assert.deepEqual(
    texts(
      ccnp({
        endpointSelector: {},
        ingress: [
          { fromEntities: ['world', 'host'], toPorts: [{ ports: [{ port: '80', endPort: 90, protocol: 'TCP' }] }] },
          { fromEntities: ['all'] },
          {},
          { fromEntities: ['all'], icmps: [{ fields: [{ family: 'IPv4', type: 8 }] }] },
        ],
        egressDeny: [
          {
            toCIDRSet: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }],
            toPorts: [{ ports: [{ port: 'web', protocol: 'TCP' }] }],
          },
        ],
      }),
    ),
    [
      'from world or host, on TCP 80-90',
      'from everybody, on everything',
      'from nobody, on everything',
      'from everybody, on ICMP type 8',
      'to 10.0.0.0/8 but not 10.1.0.0/16, on TCP port "web"',
    ],
  );
  assert.deepEqual(
    texts(
      netpol({
        podSelector: {},
        ingress: [
          {
            from: [
              {
                podSelector: { matchLabels: { app: 'db' }, matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] },
              },
            ],
            ports: [{ protocol: 'UDP' }],
          },
        ],
      }),
    ),
    ['from pods with k8s:io.kubernetes.pod.namespace=shop and k8s:app=db and no k8s:x, on UDP, every port'],
  );
});
