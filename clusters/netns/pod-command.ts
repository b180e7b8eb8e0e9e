import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { LabError } from '../error.ts';
import type { ExecRequest } from '../kubelet/exec-command.ts';
import { readJournal } from '../life/journal.ts';
import { supervisorSocket } from '../life/paths.ts';

const Answer = z.strictObject({ file: z.string(), args: z.array(z.string()) });
const Refusal = z.object({ message: z.string(), code: z.string().nullable(), remedy: z.string().nullable() });

/**
 * The command line that runs a command in a container of the embedded cluster, from the host: it enters the
 * supervisor's namespaces first.
 * @throws LabError when there is no such pod or container, or it does not run.
 */
export async function embeddedPodCommand(body: ExecRequest): Promise<{ file: string; args: string[] }> {
  // Every command that might run another in a container loads this file.
  const { Agent, request } = await import('undici');
  const dispatcher = new Agent({ connect: { socketPath: supervisorSocket } });
  try {
    const response = await request('http://supervisor/exec', {
      method: 'POST',
      body: JSON.stringify(body),
      dispatcher,
    });
    const answer: unknown = await response.body.json();
    if (response.statusCode !== 200) throw refused(Refusal.parse(answer));
    const { file, args } = Answer.parse(answer);
    const init = await supervisorInit();
    return { file: 'nsenter', args: ['--target', String(init), '--mount', '--net', '--pid', '--', file, ...args] };
  } finally {
    await dispatcher.close();
  }
}

/** The first process of the supervisor's pid namespace: the only child of the one that the journal names. */
async function supervisorInit(): Promise<number> {
  const pid = (await readJournal())?.supervisor?.pid;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}

function refused({ message, code, remedy }: z.infer<typeof Refusal>): LabError {
  return new LabError((code as `LAB_${string}` | null) ?? 'LAB_EXEC_REFUSED', {
    message,
    ...(remedy === null ? {} : { remedy }),
  });
}
