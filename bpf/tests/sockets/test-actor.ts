import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProcess } from '../../../clusters/process.ts';

/** A program in a pod that makes the socket calls that a test asks for; see test-actor.py for them. */
export type Actor = {
  readonly pid: number;
  /** @throws SocketError with the errno's name where the call fails. */
  call<T>(name: string, parameters?: object): Promise<T>;
  /** Makes a call that ends with the program. */
  begin(name: string, parameters?: object): void;
  kill(): Promise<void>;
};

/** How a socket call failed: `code` is the errno's name. */
export class SocketError extends Error {
  override readonly name = 'SocketError';
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.code = code;
  }
}

const program = join(import.meta.dirname, 'test-actor.py');

/** Starts a program inside a network namespace and a cgroup: it is in both before it makes its first socket. */
export function startActor(netns: string, cgroup: string): Actor {
  const script = 'echo 0 > "$0" && exec nsenter --net="$1" python3 "$2"';
  const child = startProcess('sh', ['-c', script, join(cgroup, 'cgroup.procs'), netns, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  if (child.stdout === null || child.stdin === null) throw new Error('the program has no pipes');
  createInterface(child.stdout).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.stdin.on('error', () => undefined);
  void child.ended.then(() => {
    for (const [id, settle] of waiting) settle({ id, error: 'the program has ended' });
  });
  const ask = (name: string, parameters: object): Promise<Answer> => {
    const id = ++last;
    const answered = new Promise<Answer>((settle) => waiting.set(id, settle));
    child.stdin?.write(`${JSON.stringify({ id, call: name, ...parameters })}\n`);
    return answered;
  };
  return {
    pid: child.pid,
    begin: (name, parameters = {}) => void ask(name, parameters),
    async call<T>(name: string, parameters: object = {}): Promise<T> {
      const answer = await ask(name, parameters);
      if (answer.error !== undefined) throw new SocketError(name, answer.error);
      return answer.value as T;
    },
    async kill() {
      child.kill('SIGKILL');
      await child.ended;
    },
  };
}

type Answer = { id: number; value?: unknown; error?: string };
