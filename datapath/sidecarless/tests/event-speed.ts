import { numbers } from '../abi/numbers.ts';
import { protocols } from '../abi/protocols.ts';
import { tcpFlags } from '../abi/tcp-flags.ts';
import { decodeEvent, isEvent } from '../flow/event.ts';
import { FlowTally } from '../flow/flow-tally.ts';
import { type TestEvent, testEvent } from './test-event.ts';

// How fast events are read: `node datapath/sidecarless/tests/event-speed.ts`. It prints, as JSON, events per second that
// are counted (each is) and that are decoded (those of which flows are made), the median of so many rounds. To compare
// two versions, run them in turn.

const { EVENT_FLOW, EVENT_POLICY_VERDICT } = numbers.event_type;
const { TO_ENDPOINT, FROM_ENDPOINT } = numbers.observation_point;
const { INGRESS } = numbers.direction;
const rounds = 9;
const events = 200_000;
const kinds = 512;

/** Of IPv4 and IPv6, of several kinds, one behind the other as in the ring buffer. */
const records = Array.from({ length: kinds }, (_, number): TestEvent => {
  const isV6 = number % 4 === 0;
  return {
    time: BigInt(number) * 1_000_003n,
    source: isV6 ? `fd00:7::${(number + 1).toString(16)}` : `10.7.0.${number % 250}`,
    destination: isV6 ? 'fd00:7:1::2' : `10.7.1.${number % 250}`,
    ports: [32_768 + number, 8080],
    identities: [300 + (number % 16), 301],
    endpoint: 7,
    rule: number % 5,
    length: 1200,
    type: number % 8 === 0 ? EVENT_POLICY_VERDICT : EVENT_FLOW,
    direction: number % 2,
    protocol: number % 16 === 0 ? protocols.UDP : protocols.TCP,
    tcpFlags: number % 16 === 0 ? 0 : tcpFlags.ACK,
    point: number % 2 === INGRESS ? TO_ENDPOINT : FROM_ENDPOINT,
  };
}).map(testEvent);
const size = records[0]?.length ?? 0;
const ring = new Uint8Array(kinds * (size + 8));
const views = records.map((record, index) => {
  ring.set(record, index * (size + 8));
  return ring.subarray(index * (size + 8), index * (size + 8) + size);
});

const counted = rate(() => {
  const tally = new FlowTally();
  return (record) => {
    if (isEvent(record)) tally.add(record);
  };
});
let lengthBytes = 0;
const decoded = rate(() => (record) => {
  lengthBytes += decodeEvent(record).lengthBytes;
});
if (lengthBytes === 0) throw new Error('nothing was decoded');
process.stdout.write(`${JSON.stringify({ countedPerSecond: counted, decodedPerSecond: decoded })}\n`);

/** Events per second, the median of all rounds but the first, in which the code is compiled. */
function rate(begin: () => (record: Uint8Array) => void): number {
  const rates = Array.from({ length: rounds + 1 }, () => {
    const handle = begin();
    const began = process.hrtime.bigint();
    for (let count = 0; count < events; count++) handle(views[count % kinds] as Uint8Array);
    return (events * 1e9) / Number(process.hrtime.bigint() - began);
  });
  const sorted = rates.slice(1).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}
