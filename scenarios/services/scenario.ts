/** Does a data plane get slower when the cluster has thousands of Services? */
export const scenario = {
  name: 'services',
  question:
    'What do 5,000 and 20,000 Services cost: how long does a request take, how many connections are opened in a second?',
  measurements: [
    {
      name: 'latency',
      kind: 'open-loop',
      parameters: {
        rate: 1000,
        connections: 16,
        responseBytes: 1024,
        warmupSeconds: 0.25,
        seconds: 1,
        requestTimeoutSeconds: 2,
        services: [0, 5000, 20_000],
      },
    },
    {
      name: 'connections',
      /** Each connection looks its Service up: that is what many of them make longer. */
      kind: 'connections',
      parameters: {
        connections: 16,
        responseBytes: 1,
        warmupSeconds: 0.25,
        seconds: 1,
        requestTimeoutSeconds: 10,
        services: [0, 5000, 20_000],
      },
    },
  ],
  blocks: 8,
  profiles: ['l4', 'l7'],
  placements: { all: ['cross-node', 'same-node'], default: ['cross-node'] },
  manifests: '../http.yaml',
  ports: [
    { profile: 'l4', encrypted: true, port: 8080 },
    { profile: 'l7', encrypted: true, port: 8081 },
    { profile: 'l4', encrypted: false, port: 8082 },
    { profile: 'l7', encrypted: false, port: 8083 },
  ],
} as const;
