import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { maps } from '../abi/maps.ts';
import type { BpfMap } from '../libbpf/map.ts';
import { runsOf } from '../libbpf/program-information.ts';
import {
  attachToCgroup,
  attachToLink,
  attachToSockets,
  isAttachedToLink,
  linkPin,
  loadObject,
} from '../libbpf/programs.ts';
import { type RingReader, readRing } from '../libbpf/ring-buffer.ts';
import { openMap } from './open-map.ts';

/** The kernel's side of a node: every program loaded, every map that the agent uses. */
export type Datapath = {
  readonly config: BpfMap;
  readonly endpoints: BpfMap;
  readonly ipcache: BpfMap;
  readonly policies: BpfMap;
  readonly services: BpfMap;
  readonly backends: BpfMap;
  readonly connects: BpfMap;
  /** What sockets asked services for, by what they got. */
  readonly translated: BpfMap;
  readonly connections: BpfMap;
  /** Connections that left the cluster by the node's address: each on its way out, and on its way in. */
  readonly masqueraded: BpfMap;
  readonly counters: BpfMap;
  /** Connections that policy was asked about; see {@link verdictIndex}. */
  readonly verdicts: BpfMap;
  readonly shortcut: BpfMap;
  readonly lost: BpfMap;
  /** How often each program has run since this agent has loaded it, as the kernel counts; see {@link countRuns}. */
  runs(): Record<ProgramName, number>;
  attachPod(ifindex: number): void;
  /** Whether the programs of {@link Datapath.attachPod} are at a link. */
  isAttached(ifindex: number): boolean;
  attachUplink(ifindex: number): void;
  /** Services at connect time, and the short-cut, for all sockets below a cgroup. */
  attachCgroup(path: string): void;
  readEvents(handle: (record: Uint8Array) => void): RingReader;
};

/** Programs by their object files. */
const programs = {
  pod: ['sl_from_pod', 'sl_to_pod'],
  uplink: ['sl_from_net'],
  socket: [
    'sl_connect4',
    'sl_connect6',
    'sl_sendmsg4',
    'sl_sendmsg6',
    'sl_recvmsg4',
    'sl_recvmsg6',
    'sl_getpeer4',
    'sl_getpeer6',
    'sl_release',
  ],
  shortcut: ['sl_sockops', 'sl_msg'],
} as const;

export type ProgramName = (typeof programs)[keyof typeof programs][number];

/**
 * Loads the programs of `objects` (a folder of object files) and opens the maps, those of an earlier agent included, by
 * their pins in a folder of a bpffs.
 */
export function openDatapath(objects: string, pins: string): Datapath {
  mkdirSync(pins, { recursive: true });
  const load = (name: string) => loadObject(join(objects, `${name}.bpf.o`), pins);
  const pod = load('pod');
  const uplink = load('uplink');
  const socket = load('socket');
  const shortcut = load('shortcut');
  const podPrograms = { ingress: pod.programFd('sl_from_pod'), egress: pod.programFd('sl_to_pod') };
  return {
    config: openMap(pod, 'sl_config'),
    endpoints: openMap(pod, 'sl_pods'),
    ipcache: openMap(pod, 'sl_ipcache'),
    policies: openMap(pod, 'sl_policies'),
    services: openMap(socket, 'sl_services'),
    backends: openMap(socket, 'sl_backends'),
    connects: openMap(socket, 'sl_connects'),
    translated: openMap(socket, 'sl_translated'),
    connections: openMap(pod, 'sl_ct'),
    masqueraded: openMap(pod, 'sl_nat'),
    counters: openMap(pod, 'sl_counters'),
    verdicts: openMap(pod, 'sl_verdicts'),
    shortcut: openMap(shortcut, 'sl_shortcut'),
    lost: openMap(pod, 'sl_lost'),
    runs() {
      const objects = { pod, uplink, socket, shortcut };
      const each = Object.entries(programs).flatMap(([object, names]) =>
        names.map((name) => [name, runsOf(objects[object as keyof typeof programs].programFd(name))] as const),
      );
      return Object.fromEntries(each) as Record<ProgramName, number>;
    },
    attachPod: (ifindex) => attachToLink(ifindex, podPrograms),
    isAttached: (ifindex) => isAttachedToLink(ifindex, podPrograms),
    attachUplink: (ifindex) => attachToLink(ifindex, { ingress: uplink.programFd('sl_from_net') }),
    attachCgroup(path) {
      attachToSockets(shortcut.programFd('sl_msg'), openMap(shortcut, 'sl_sockets'));
      for (const name of programs.socket) attachToCgroup(socket.program(name), path, linkPin(pins, name));
      attachToCgroup(shortcut.program('sl_sockops'), path, linkPin(pins, 'sl_sockops'));
    },
    readEvents: (handle) => readRing(openMap(pod, 'sl_events'), maps.sl_events.entries, handle),
  };
}
