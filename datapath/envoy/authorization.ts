import { z } from 'zod';
import type { EnvoyJson } from './api.ts';
import { spiffeId } from './spiffe.ts';

const Path = z
  .string()
  .regex(/^\/[^*]*\*?$/, 'a path begins with / and may end with *, which then stands for anything');

/** Who may call one port: service accounts of the same namespace, and on HTTP ports with which methods and paths. */
export const AuthorizationRule = z.strictObject({
  port: z.int().min(1).max(65535),
  from: z.array(z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a service account')).min(1),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, 'an HTTP method in capitals'))
    .min(1)
    .optional(),
  paths: z.array(Path).min(1).optional(),
});
export type AuthorizationRule = z.infer<typeof AuthorizationRule>;

/** `policy.yaml` of the ConfigMap `authorization`. A port without a rule admits nobody. */
export const AuthorizationPolicy = z.strictObject({ rules: z.array(AuthorizationRule) });
export type AuthorizationPolicy = z.infer<typeof AuthorizationPolicy>;

type Scope = { namespace: string; port: number; statPrefix: string };

/** A filter that closes connections from identities that no rule admits. Methods and paths are beyond it: they deny. */
export function networkAuthorization(policy: AuthorizationPolicy, { namespace, port, statPrefix }: Scope): EnvoyJson {
  const rules = policy.rules.filter((rule) => rule.methods === undefined && rule.paths === undefined);
  return {
    name: 'rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC',
      stat_prefix: `${statPrefix}.`,
      rules: allow(rules, { namespace, port }, () => [{ any: true }]),
    },
  };
}

/**
 * A filter that answers 403 to requests that no rule admits. It denies all; the rules stand beside the route
 * ({@link routeAuthorization}), so that a change of them holds for connections that are open already.
 */
export const httpAuthorization: EnvoyJson = {
  name: 'rbac',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
    rules: { action: 'ALLOW', policies: {} },
  },
};

/** What {@link httpAuthorization} admits, for a route table's `typed_per_filter_config`. */
export function routeAuthorization(policy: AuthorizationPolicy, scope: Pick<Scope, 'namespace' | 'port'>): EnvoyJson {
  const rules = allow(policy.rules, scope, ({ methods, paths }) => [
    {
      and_rules: {
        rules: [
          ...(methods === undefined ? [] : [anyOf(methods.map(methodIs))]),
          ...(paths === undefined ? [] : [anyOf(paths.map(pathIs))]),
          { any: true },
        ],
      },
    },
  ]);
  return {
    rbac: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
      rbac: { rules },
    },
  };
}

function allow(
  rules: readonly AuthorizationRule[],
  { namespace, port }: { namespace: string; port: number },
  permissions: (rule: AuthorizationRule) => EnvoyJson[],
): EnvoyJson {
  const policies = rules
    .filter((rule) => rule.port === port)
    .map((rule, index): [string, EnvoyJson] => [
      `rule-${index}`,
      {
        permissions: permissions(rule),
        principals: rule.from.map((serviceAccount) => ({
          authenticated: { principal_name: { exact: spiffeId({ namespace, serviceAccount }) } },
        })),
      },
    ]);
  return { action: 'ALLOW', policies: Object.fromEntries(policies) };
}

function anyOf(rules: EnvoyJson[]): EnvoyJson {
  return { or_rules: { rules } };
}

function methodIs(method: string): EnvoyJson {
  return { header: { name: ':method', string_match: { exact: method } } };
}

function pathIs(path: string): EnvoyJson {
  const match = path.endsWith('*') ? { prefix: path.slice(0, -1) } : { exact: path };
  return { url_path: { path: match } };
}
