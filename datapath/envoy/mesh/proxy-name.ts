/** How a proxy calls itself to the control plane: its data plane's kind of proxy, and its pod, as Istio's do. */
export function proxyName(kind: string, pod: string, namespace: string): string {
  return `${kind}~${pod}.${namespace}`;
}

/** The pod of {@link proxyName} in this namespace; null for any other name. */
export function podOfProxy(kind: string, name: string, namespace: string): string | null {
  const [start, end] = [`${kind}~`, `.${namespace}`];
  const pod = name.slice(start.length, -end.length);
  return name === `${start}${pod}${end}` && pod !== '' ? pod : null;
}
