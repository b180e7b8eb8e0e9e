import type { LibraryHandle } from 'koffi';
import koffi from 'koffi/indirect';
import { LabError } from '../../../clusters/error.ts';

/** A pointer to something of libbpf's own. */
export type Handle = unknown;

type Bytes = Uint8Array | null;

/** What of libbpf 1.x is used, as it is declared in `bpf.h` and `libbpf.h`. Negative results are errors: see {@link check}. */
export type Libbpf = {
  openFile(path: string, options: Bytes): Handle;
  load(object: Handle): number;
  close(object: Handle): void;
  mapFd(object: Handle, name: string): number;
  program(object: Handle, name: string): Handle;
  programFd(program: Handle): number;
  attachCgroup(program: Handle, cgroupFd: number): Handle;
  openLink(path: string): Handle;
  pinLink(link: Handle, path: string): number;
  updateLink(link: Handle, program: Handle): number;
  destroyLink(link: Handle): number;
  attachProgram(program: number, target: number, type: number, flags: number): number;
  createTcHook(hook: Bytes): number;
  attachTc(hook: Bytes, options: Bytes): number;
  queryTc(hook: Bytes, options: Bytes): number;
  createMap(type: number, name: string, key: number, value: number, entries: number, options: Bytes): number;
  getPinned(path: string): number;
  lookup(fd: number, key: Bytes, value: Bytes): number;
  update(fd: number, key: Bytes, value: Bytes, flags: number): number;
  remove(fd: number, key: Bytes): number;
  /** The same in another thread: a map of maps waits until no program uses the old value any more. */
  updateAside(fd: number, key: Uint8Array, value: Uint8Array, flags: number): Promise<number>;
  removeAside(fd: number, key: Uint8Array): Promise<number>;
  updateBatch(fd: number, keys: Bytes, values: Bytes, count: Uint32Array, options: Bytes): number;
  lookupBatch(
    fd: number,
    from: Bytes,
    next: Bytes,
    keys: Bytes,
    values: Bytes,
    count: Uint32Array,
    options: Bytes,
  ): number;
  testRun(program: number, options: Bytes): number;
  enableStatistics(type: number): number;
  information(fd: number, information: Bytes, size: Uint32Array): number;
  possibleCpus(): number;
  setPrint(print: Handle): Handle;
};

let loaded: Libbpf | null = null;

/**
 * The host's libbpf.
 * @throws LabError LAB_LIBBPF_MISSING (exit 3) where there is none of version 1.
 */
export function libbpf(): Libbpf {
  loaded ??= load();
  return loaded;
}

/**
 * The result of a call, if it is none of libbpf's errors.
 * @throws LabError LAB_BPF_FAILED naming the call and the error, with `code` (`ENOENT`) as its cause's code.
 */
export function resultOf(what: string, result: number): number {
  if (result >= 0) return result;
  throw failure(what, -result);
}

/** The same for calls that return a pointer, and tell of an error by errno. */
export function handleOf(what: string, handle: Handle): Handle {
  if (handle !== null) return handle;
  throw failure(what, koffi.errno());
}

/** Makes a call whose failure says nothing: libbpf does not write of it. */
export function quietly<T>(call: () => T): T {
  const print = libbpf().setPrint(null);
  try {
    return call();
  } finally {
    libbpf().setPrint(print);
  }
}

/** Address of bytes, for a struct that points to them. They must outlive the call. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes) as bigint;
}

function failure(what: string, errno: number): LabError {
  const name = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return new LabError('LAB_BPF_FAILED', {
    message: `${what}: ${name}`,
    cause: Object.assign(new Error(name), { code: name }),
  });
}

function load(): Libbpf {
  let library: LibraryHandle;
  try {
    library = koffi.load('libbpf.so.1');
  } catch (cause) {
    throw new LabError('LAB_LIBBPF_MISSING', {
      message: 'The sidecarless data plane needs libbpf 1.x, and this host has none',
      remedy: 'apt-get install libbpf1',
      exitCode: 3,
      cause,
    });
  }
  const of = (declaration: string) => library.func(declaration) as never;
  const aside = (declaration: string) => inOtherThread(library.func(declaration) as unknown as AsyncFunction) as never;
  return {
    openFile: of('void *bpf_object__open_file(const char *path, const void *opts)'),
    load: of('int bpf_object__load(void *obj)'),
    close: of('void bpf_object__close(void *obj)'),
    mapFd: of('int bpf_object__find_map_fd_by_name(void *obj, const char *name)'),
    program: of('void *bpf_object__find_program_by_name(void *obj, const char *name)'),
    programFd: of('int bpf_program__fd(void *prog)'),
    attachCgroup: of('void *bpf_program__attach_cgroup(void *prog, int cgroup_fd)'),
    openLink: of('void *bpf_link__open(const char *path)'),
    pinLink: of('int bpf_link__pin(void *link, const char *path)'),
    updateLink: of('int bpf_link__update_program(void *link, void *prog)'),
    destroyLink: of('int bpf_link__destroy(void *link)'),
    attachProgram: of('int bpf_prog_attach(int prog_fd, int fd, int type, uint32_t flags)'),
    createTcHook: of('int bpf_tc_hook_create(void *hook)'),
    attachTc: of('int bpf_tc_attach(const void *hook, void *opts)'),
    queryTc: of('int bpf_tc_query(const void *hook, void *opts)'),
    createMap: of(
      'int bpf_map_create(int type, const char *name, uint32_t key, uint32_t value, uint32_t entries, const void *opts)',
    ),
    getPinned: of('int bpf_obj_get(const char *path)'),
    updateAside: aside('int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)'),
    removeAside: aside('int bpf_map_delete_elem(int fd, const void *key)'),
    lookup: of('int bpf_map_lookup_elem(int fd, const void *key, void *value)'),
    update: of('int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)'),
    remove: of('int bpf_map_delete_elem(int fd, const void *key)'),
    updateBatch: of(
      'int bpf_map_update_batch(int fd, const void *keys, const void *values, void *count, const void *opts)',
    ),
    lookupBatch: of(
      'int bpf_map_lookup_batch(int fd, void *from, void *next, void *keys, void *values, void *count, const void *opts)',
    ),
    testRun: of('int bpf_prog_test_run_opts(int fd, void *opts)'),
    enableStatistics: of('int bpf_enable_stats(int type)'),
    information: of('int bpf_obj_get_info_by_fd(int fd, void *info, void *size)'),
    possibleCpus: of('int libbpf_num_possible_cpus(void)'),
    setPrint: of('void *libbpf_set_print(void *fn)'),
  };
}

type AsyncFunction = { async(...args: [...unknown[], (failure: Error | null, result: number) => void]): void };

/** The arguments live until the call has returned: what it answers to refers to them. */
function inOtherThread(call: AsyncFunction): (...args: unknown[]) => Promise<number> {
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (failure, result) => {
        if (failure === null && args.length > 0) resolve(result);
        else reject(failure);
      });
    });
}
