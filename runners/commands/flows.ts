import { attach } from '../../clusters/life/attach.ts';
import type { FlowQuery } from '../../datapath/flow-query.ts';
import { flowProtocols, flowTypes, flowVerdicts } from '../../datapath/flow-query.ts';
import { command } from '../cli/command.ts';
import { listFlag, switchFlag, wholeNumberFlag, wholeNumbersFlag, wordsFlag } from '../cli/flag.ts';
import { noCluster } from '../cli/no-cluster.ts';
import { planesWith } from '../cli/planes-with.ts';
import { showFlows } from '../flows/show-flows.ts';

const ends = 'a pod, an address or an identity such as reserved:world';

export const flows = command({
  description:
    'Prints what the data planes’ programs have seen, in Hubble’s compact form, of all nodes in the order of time. Pods are\n' +
    'NAMESPACE/NAME, NAME in any namespace, or NAMESPACE/ for all of one; the name of a workload stands for its pods.\n' +
    'Of each list that is given, one must match. Interrupting --follow ends with exit code 130.',
  cluster: true,
  flags: {
    follow: switchFlag('go on with the flows that come, until Ctrl-C'),
    last: wholeNumberFlag({
      description: 'how many of the past; 20 when absent, and none with --follow, where it is of each node',
      min: 0,
      max: 4095,
      default: null,
    }),
    pod: wordsFlag({ placeholder: 'POD,POD', description: 'from or to these pods' }),
    namespace: wordsFlag({ placeholder: 'A,B', description: 'from or to pods of these namespaces' }),
    from: wordsFlag({ placeholder: 'END,END', description: `packets from ${ends}` }),
    to: wordsFlag({ placeholder: 'END,END', description: `packets to ${ends}` }),
    verdict: listFlag({ description: flowVerdicts.join(', '), choices: flowVerdicts, anyCase: true, default: [] }),
    type: listFlag({ description: flowTypes.join(', '), choices: flowTypes, anyCase: true, default: [] }),
    protocol: listFlag({ description: flowProtocols.join(', '), choices: flowProtocols, anyCase: true, default: [] }),
    port: wholeNumbersFlag({ description: 'from or to these ports', min: 1, max: 65535 }),
    'print-node-name': switchFlag('say which node saw it'),
    json: switchFlag('print one JSON object for each, as Hubble does: {flow: {…}, node_name, time}'),
  },
  positionals: [],
  rest: 'none',
  async run({ flags, signal, stdout, stderr }) {
    const cluster = await attach();
    if (cluster === null) throw noCluster();
    const pools = planesWith(cluster.pools, 'flows', 'sees flows');
    const { follow, json } = flags;
    const last = flags.last ?? (follow ? 0 : 20);
    const query: FlowQuery = {
      filter: {
        pods: flags.pod,
        namespaces: flags.namespace,
        from: flags.from,
        to: flags.to,
        verdicts: flags.verdict,
        types: flags.type,
        protocols: flags.protocol,
        ports: flags.port,
      },
      last,
      follow,
      colour: 'hasColors' in stdout && (stdout as NodeJS.WriteStream).hasColors(),
      nodeNames: flags['print-node-name'],
    };
    const context = { kube: cluster.kube, signal, progress: () => undefined };
    const sources = pools.map(
      ({ pool, member }) =>
        (tell: Parameters<typeof member>[3]) =>
          member(context, pool, query, tell),
    );
    return await showFlows({ sources, last, follow, json, signal, stdout, stderr });
  },
});
