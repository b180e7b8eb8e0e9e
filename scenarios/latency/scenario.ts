/** How long does one request take at a rate that every data plane sustains, and what does it cost in CPU time? */
export const scenario = {
  name: 'latency',
  question: 'How long does one small request take through each data plane, at a rate that all of them sustain?',
  measurements: [
    {
      name: 'latency',
      /** Requests are due at a constant rate, and latency counts from the instant at which one was due. */
      kind: 'open-loop',
      parameters: {
        rate: 1000,
        connections: 16,
        responseBytes: 1024,
        warmupSeconds: 0.25,
        seconds: 4,
        requestTimeoutSeconds: 2,
      },
    },
  ],
  blocks: 10,
  profiles: ['l4', 'l7'],
  placements: { all: ['cross-node', 'same-node'], default: ['cross-node'] },
  manifests: '../http.yaml',
  /** One traffic port of the workload for each way in which a data plane may carry it. */
  ports: [
    { profile: 'l4', encrypted: true, port: 8080 },
    { profile: 'l7', encrypted: true, port: 8081 },
    { profile: 'l4', encrypted: false, port: 8082 },
    { profile: 'l7', encrypted: false, port: 8083 },
  ],
} as const;
