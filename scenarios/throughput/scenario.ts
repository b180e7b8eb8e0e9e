/** How much of everything goes through a data plane when the generator sends as much as it can? */
export const scenario = {
  name: 'throughput',
  question: 'How many bytes, connections and requests go through each data plane in a second, and what does each cost?',
  measurements: [
    {
      name: 'bulk',
      kind: 'bulk',
      parameters: { streams: [1, 4], writeBytes: 65_536, warmupSeconds: 0.5, seconds: 1.5 },
      /** iperf3 is no HTTP: only a data plane that carries connections as they are has test cases of it. */
      ports: [
        { profile: 'l4', encrypted: true, port: 5201 },
        { profile: 'l4', encrypted: false, port: 5202 },
      ],
    },
    {
      name: 'downloads',
      kind: 'download',
      parameters: {
        connections: [1, 4],
        responseBytes: 16_777_216,
        warmupSeconds: 0.25,
        seconds: 1,
        requestTimeoutSeconds: 10,
      },
    },
    {
      name: 'connections',
      kind: 'connections',
      parameters: { connections: 16, responseBytes: 1, warmupSeconds: 0.25, seconds: 1, requestTimeoutSeconds: 10 },
    },
    {
      name: 'requests',
      kind: 'closed-loop',
      parameters: {
        generator: 'autocannon',
        connections: [1, 16, 256],
        workers: 1,
        responseBytes: 1024,
        warmupSeconds: 0.25,
        seconds: 1,
        requestTimeoutSeconds: 10,
      },
    },
    {
      name: 'saturation',
      kind: 'closed-loop',
      /** The lab's own generator takes less of the processors than autocannon, and so leaves more to the data plane. */
      parameters: {
        generator: 'flood',
        connections: [16, 64],
        responseBytes: 1024,
        warmupSeconds: 0.25,
        seconds: 1,
        requestTimeoutSeconds: 10,
      },
    },
  ],
  blocks: 10,
  profiles: ['l4', 'l7'],
  placements: { all: ['cross-node', 'same-node'], default: ['cross-node'] },
  manifests: 'manifests.yaml',
  ports: [
    { profile: 'l4', encrypted: true, port: 8080 },
    { profile: 'l7', encrypted: true, port: 8081 },
    { profile: 'l4', encrypted: false, port: 8082 },
    { profile: 'l7', encrypted: false, port: 8083 },
  ],
} as const;
