import { attach } from '../../clusters/life/attach.ts';
import { policyEntities } from '../../datapath/policy-question.ts';
import { command } from '../cli/command.ts';
import { switchFlag, textFlag } from '../cli/flag.ts';
import { noCluster } from '../cli/no-cluster.ts';
import { askPolicy } from '../policy/ask.ts';
import { parseEnd } from '../policy/end.ts';
import { parsePort } from '../policy/port.ts';
import { traceText } from '../policy/trace-text.ts';

const entities = policyEntities.join(', ');

export const policy = command({
  description:
    'trace  says whether a connection would be allowed, and which rule of which object decides: at the pod that opens it, and\n' +
    '       at the pod that it is for. Asked is what is in force: the maps of the programs on the nodes of both. A Service is\n' +
    '       traced to each of its backends.\n' +
    'Exit code 0 where it is allowed, 1 where it is denied, to one backend at least.',
  cluster: true,
  flags: {
    from: textFlag({ placeholder: 'END', description: `who opens it: NAMESPACE/POD, an address, or ${entities}` }),
    to: textFlag({ placeholder: 'END', description: 'whom it is for: the same, or NAMESPACE/SERVICE' }),
    port: textFlag({ placeholder: 'PORT', description: '80, 80/TCP, 53/UDP, 80/SCTP, or for ICMP its type: 8/ICMP' }),
    json: switchFlag(
      'print one JSON object: {verdict, from, service, paths: [{to, port, verdict, judgements: [{…}]}]}',
    ),
  },
  positionals: [
    { name: 'ACTION', description: 'what to do', required: true, choices: () => Promise.resolve(['trace']) },
  ],
  rest: 'none',
  async run({ flags, signal, stdout }) {
    const [from, to, port] = [parseEnd('from', flags.from), parseEnd('to', flags.to), parsePort(flags.port)];
    const cluster = await attach();
    if (cluster === null) throw noCluster();
    const trace = await askPolicy(cluster, { from, to, port }, signal);
    stdout.write(flags.json ? `${JSON.stringify(trace)}\n` : traceText(trace));
    return trace.verdict === 'allowed' ? 0 : 1;
  },
});
