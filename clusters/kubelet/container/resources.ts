import type { V1ResourceRequirements } from '@kubernetes/client-node';
import { parseQuantity } from '../quantity.ts';

/** What cgroups are told of a container's requests and limits; null where the pod says nothing. */
export type CgroupLimits = {
  cpuShares: number;
  /** Microseconds of CPU time in each period. */
  cpuQuota: number | null;
  cpuPeriod: number;
  memoryBytes: number | null;
};

/** The conversion that kubelet makes (`pkg/kubelet/cm/helpers_linux.go`): 1024 shares a core, at least 2; 100 ms periods. */
export function cgroupLimits(resources: V1ResourceRequirements | undefined): CgroupLimits {
  const quantity = (list: Record<string, string> | undefined, name: string): number | null => {
    const text = list?.[name];
    return text === undefined ? null : parseQuantity(text);
  };
  const limit = quantity(resources?.limits, 'cpu');
  const request = quantity(resources?.requests, 'cpu') ?? limit ?? 0;
  const memory = quantity(resources?.limits, 'memory');
  const period = 100_000;
  return {
    cpuShares: Math.min(262_144, Math.max(2, Math.floor(request * 1024))),
    cpuQuota: limit === null || limit === 0 ? null : Math.max(1000, Math.round(limit * period)),
    cpuPeriod: period,
    memoryBytes: memory === null || memory === 0 ? null : Math.floor(memory),
  };
}
