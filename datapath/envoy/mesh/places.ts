/** ConfigMap of a namespace with what its proxies must know of the control plane, and its keys. */
export const meshConfigMap = { name: 'lab-mesh', root: 'root.pem', control: 'control' } as const;

/** The DNS name in the control plane's certificate. */
export const controlDnsName = 'control.lab.local';
