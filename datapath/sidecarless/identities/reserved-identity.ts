/** Identities that every cluster has, by their numbers in `enum identity` of bpf/lib/abi.h and with Cilium's names. */
export const reservedIdentities: ReadonlyMap<number, string> = new Map([
  [0, 'unknown'],
  [1, 'host'],
  [2, 'world'],
  [4, 'health'],
  [5, 'init'],
  [6, 'remote-node'],
  [7, 'kube-apiserver'],
]);
