import { type MapName, mapSizes, maps } from '../abi/maps.ts';
import { libbpf } from '../libbpf/libbpf.ts';
import type { BpfMap } from '../libbpf/map.ts';
import type { BpfObject } from '../libbpf/programs.ts';

/** Opens a map that an object file's programs use. */
export function openMap(object: BpfObject, name: MapName): BpfMap {
  const { keySize, valueSize } = mapSizes(maps[name], libbpf().possibleCpus());
  return object.map(name, keySize, valueSize);
}
