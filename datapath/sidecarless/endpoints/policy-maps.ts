import { mapSizes, policyMap } from '../abi/maps.ts';
import { uint32, uint32At } from '../abi/record.ts';
import { type BpfMap, createPolicyMap, type MapEntry } from '../libbpf/map.ts';

/** As many as pods are usually started at once on a node. */
const spareCount = 8;

/** The policy of one endpoint, and the number by which the endpoint's record names it to programs. */
export type PolicyMap = { readonly id: number; readonly map: BpfMap };

/** Makes policies that programs can find, and takes them away. */
export type PolicyMaps = {
  /**
   * One with a number that no endpoint has. There are spare ones: making a map findable has the kernel wait for all
   * programs that run, which would be most of the time that connecting a pod takes.
   */
  take(entries: readonly MapEntry[]): Promise<PolicyMap>;
  /** One with a number that is in use, in place of the map that has it: programs find either the one or the other. */
  replace(id: number, entries: readonly MapEntry[]): Promise<PolicyMap>;
  /** When this resolves no program uses it any more. */
  remove(policy: PolicyMap): Promise<void>;
  /** Removes what an earlier agent has left, but for these numbers. */
  keepOnly(ids: ReadonlySet<number>): void;
};

/** @param policies the map of maps in which programs look. */
export function policyMaps(policies: BpfMap): PolicyMaps {
  const before: number[] = [];
  policies.scan((key) => before.push(uint32At(key)));
  let last = before.reduce((high, id) => Math.max(high, id), 0);

  const publish = async (id: number, entries: readonly MapEntry[]): Promise<PolicyMap> => {
    const map = createPolicyMap(`sl_policy_${id}`.slice(0, 15), {
      ...mapSizes(policyMap, 1),
      entries: policyMap.entries,
    });
    try {
      map.updateAll(entries);
      await policies.updateAside(uint32(id), uint32(map.fd));
    } catch (error) {
      map.close();
      throw error;
    }
    return { id, map };
  };
  const makeOne = (): Promise<PolicyMap> => publish(++last, []);
  const spares: Promise<PolicyMap>[] = [];
  const restock = (): void => {
    while (spares.length < spareCount) {
      const spare = makeOne();
      // Who takes it is told.
      spare.catch(() => undefined);
      spares.push(spare);
    }
  };
  restock();
  const remove = async ({ id, map }: PolicyMap): Promise<void> => {
    try {
      await policies.deleteAside(uint32(id));
    } finally {
      map.close();
    }
  };
  return {
    async take(entries) {
      const spare = spares.shift() ?? makeOne();
      // What kept a spare one from being made may be over by now.
      const taken = await spare.catch(makeOne);
      restock();
      try {
        taken.map.updateAll(entries);
      } catch (error) {
        await remove(taken);
        throw error;
      }
      return taken;
    },
    replace: publish,
    remove,
    keepOnly(ids) {
      policies.deleteAll(before.filter((id) => !ids.has(id)).map(uint32));
    },
  };
}
