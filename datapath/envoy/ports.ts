/** Ports that Envoy and its agent use in a pod: Istio's, so that those who know them need not learn new ones. */
export const envoyPorts = { admin: 15000, outbound: 15001, inbound: 15006, agent: 15020, ready: 15021, stats: 15090 };

/** Ports of the control plane: configuration, certificates, status. */
export const controlPorts = { xds: 15012, certificates: 15013, status: 15014 };
