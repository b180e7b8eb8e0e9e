import { type Config, configRecord, epochOf } from '../abi/config.ts';
import { numbers } from '../abi/numbers.ts';
import { uint32 } from '../abi/record.ts';
import { structs } from '../abi/structs.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import type { Settings } from '../cluster/settings.ts';
import type { BpfMap } from '../libbpf/map.ts';
import type { Uplink } from '../node/uplink.ts';

/** What of a node's configuration never changes while its agent runs. */
export type NodeConfiguration = Pick<Config, 'nodeV4' | 'nodeV6' | 'uplink' | 'reportMs'>;

export function nodeConfiguration(
  { addresses }: Pick<NodeFacts, 'addresses'>,
  { ifindex }: Pick<Uplink, 'ifindex'>,
  reportMs: number,
): NodeConfiguration {
  const isV6 = (address: string): boolean => address.includes(':');
  return {
    nodeV4: addresses.find((address) => !isV6(address)) ?? null,
    nodeV6: addresses.find(isV6) ?? null,
    uplink: ifindex,
    reportMs,
  };
}

/**
 * The programs' configuration: its one entry is written whole, at every change. Nothing is to be changed before the
 * settings are set.
 */
export class Configuration {
  readonly #map: BpfMap;
  readonly #node: NodeConfiguration;
  #epoch: number;
  #settings: Settings = { shortcut: true };
  #isSet = false;

  /** Goes on with an earlier agent's epoch: connections know it. */
  constructor(map: BpfMap, node: NodeConfiguration) {
    this.#map = map;
    this.#node = node;
    this.#epoch = epochOf(map.lookup(uint32(0)) ?? new Uint8Array(structs.config.size));
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Whether the settings have been set, and all of it written. */
  get isSet(): boolean {
    return this.#isSet;
  }

  set(settings: Settings): void {
    this.#settings = settings;
    this.#write();
    this.#isSet = true;
  }

  /** Has policy asked again about every connection, at its next packet. */
  nextEpoch(): void {
    this.#epoch = (this.#epoch + 1) >>> 0;
    this.#write();
  }

  #write(): void {
    const { CONFIG_SHORTCUT, CONFIG_MASQUERADE, CONFIG_EVENTS } = numbers.config_flag;
    const flags = (this.#settings.shortcut ? CONFIG_SHORTCUT : 0) | CONFIG_MASQUERADE | CONFIG_EVENTS;
    this.#map.update(uint32(0), configRecord({ ...this.#node, flags, epoch: this.#epoch }));
  }
}
