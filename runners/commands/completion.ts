import { bashCompletion } from '../cli/bash-completion.ts';
import { command } from '../cli/command.ts';

export const completion = command({
  description: 'Put this into ~/.bashrc: eval "$(lab completion bash)"',
  cluster: false,
  flags: {},
  positionals: [{ name: 'shell', description: 'bash', required: true, choices: async () => ['bash'] }],
  rest: 'none',
  async run({ commands, stdout }) {
    stdout.write(await bashCompletion(commands));
  },
});
