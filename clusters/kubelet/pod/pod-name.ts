import type { V1Pod } from '@kubernetes/client-node';

/** A pod as kubelet's messages name it: `name_namespace(uid)`. */
export function podNameOf({ metadata = {} }: V1Pod): string {
  const { name = '', namespace = '', uid = '' } = metadata;
  return `${name}_${namespace}(${uid})`;
}
