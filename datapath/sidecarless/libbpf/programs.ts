import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, type Handle, handleOf, libbpf, quietly, resultOf } from './libbpf.ts';
import { type BpfMap, bpfMap } from './map.ts';
import { programId } from './program-information.ts';

/** A loaded object file: its programs and maps. Closing it leaves what is pinned or attached. */
export type BpfObject = {
  program(name: string): Handle;
  programFd(name: string): number;
  map(name: string, keySize: number, valueSize: number): BpfMap;
  close(): void;
};

/**
 * Loads an object file into the kernel. Maps that are to be pinned are taken from `pins` (a directory of a bpffs) where they
 * are there already.
 * @throws LabError LAB_BPF_FAILED; the verifier's words are on standard error then.
 */
export function loadObject(path: string, pins: string): BpfObject {
  const bpf = libbpf();
  const root = Buffer.from(`${pins}\0`);
  // struct bpf_object_open_opts: its size, a name, a flag, and the folder of pins.
  const options = new DataView(new ArrayBuffer(80));
  options.setBigUint64(0, 80n, true);
  options.setBigUint64(24, addressOf(root), true);
  const opened = bpf.openFile(path, new Uint8Array(options.buffer));
  // Only an address was passed on: until here the bytes must not be collected.
  if (root.length === 0) throw new Error('no pins');
  const object = handleOf(`open ${path}`, opened);
  const loaded = bpf.load(object);
  if (loaded < 0) bpf.close(object);
  resultOf(`load ${path}`, loaded);
  const program = (name: string): Handle => handleOf(`program ${name}`, bpf.program(object, name));
  return {
    program,
    programFd: (name) => bpf.programFd(program(name)),
    map: (name, keySize, valueSize) =>
      bpfMap(name, resultOf(`map ${name}`, bpf.mapFd(object, name)), keySize, valueSize),
    close: () => bpf.close(object),
  };
}

/**
 * Attaches a cgroup program by a link that is pinned, so that it stays when this process ends; a link that is there gets
 * the new program, between two packets.
 */
export function attachToCgroup(program: Handle, cgroup: string, pin: string): void {
  const bpf = libbpf();
  const pinned = existsSync(pin) ? handleOf(`open ${pin}`, bpf.openLink(pin)) : null;
  if (pinned !== null) {
    const updated = bpf.updateLink(pinned, program);
    bpf.destroyLink(pinned);
    resultOf(`update ${pin}`, updated);
    return;
  }
  const fd = openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const link = handleOf(`attach to ${cgroup}`, bpf.attachCgroup(program, fd));
    const result = bpf.pinLink(link, pin);
    // Of a pinned link this is no more than its descriptor.
    bpf.destroyLink(link);
    resultOf(`pin ${pin}`, result);
  } finally {
    closeSync(fd);
  }
}

/** Where tc programs are attached: enum bpf_tc_attach_point. */
export const tcPoints = { ingress: 1, egress: 2 } as const;

/** Priority and handle of the lab's filters: the same again replaces the program without a gap. */
const tcPriority = 1;
const tcHandle = 1;
const tcReplace = 1;
const exists = -17;

/** Attaches tc programs, by their descriptors, to a link of this network namespace, in place of those that are there. */
export function attachToLink(ifindex: number, programs: Partial<Record<keyof typeof tcPoints, number>>): void {
  // It may be there already, which libbpf would tell of on standard error.
  const created = quietly(() => libbpf().createTcHook(tcHook(ifindex, tcPoints.ingress | tcPoints.egress)));
  if (created !== exists) resultOf(`clsact on link ${ifindex}`, created);
  for (const point of ['ingress', 'egress'] as const) {
    const programFd = programs[point];
    if (programFd === undefined) continue;
    const attached = libbpf().attachTc(tcHook(ifindex, tcPoints[point]), tcOptions(programFd));
    resultOf(`tc on link ${ifindex}`, attached);
  }
}

/** Whether these programs are where {@link attachToLink} has put them. */
export function isAttachedToLink(ifindex: number, programs: Partial<Record<keyof typeof tcPoints, number>>): boolean {
  return (['ingress', 'egress'] as const).every((point) => {
    const programFd = programs[point];
    if (programFd === undefined) return true;
    const options = tcOptions(0, 0);
    // That there is none is an answer, which libbpf would tell of on standard error.
    const found = quietly(() => libbpf().queryTc(tcHook(ifindex, tcPoints[point]), options));
    return found === 0 && new DataView(options.buffer).getUint32(16, true) === programId(programFd);
  });
}

/** struct bpf_tc_opts: its size, the program, flags, its id, handle and priority. */
function tcOptions(programFd: number, flags = tcReplace): Uint8Array {
  const options = new DataView(new ArrayBuffer(32));
  options.setBigUint64(0, 32n, true);
  options.setInt32(8, programFd, true);
  options.setUint32(12, flags, true);
  options.setUint32(20, tcHandle, true);
  options.setUint32(24, tcPriority, true);
  return new Uint8Array(options.buffer);
}

/** struct bpf_tc_hook: its size, the interface, the attach point and the parent. */
function tcHook(ifindex: number, attachPoint: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(24));
  view.setBigUint64(0, 24n, true);
  view.setInt32(8, ifindex, true);
  view.setInt32(12, attachPoint, true);
  return new Uint8Array(view.buffer);
}

const skMsgVerdict = 7;

/** Attaches an sk_msg program to a map of sockets; it stays with the map. */
export function attachToSockets(programFd: number, map: BpfMap): void {
  resultOf(`attach to ${map.name}`, libbpf().attachProgram(programFd, map.fd, skMsgVerdict, 0));
}

/** The pin of a link by its program's name. */
export function linkPin(pins: string, program: string): string {
  return join(pins, `link_${program}`);
}
