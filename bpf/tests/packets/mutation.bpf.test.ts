import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tryExec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { buildObjects, withObjects } from './programs.ts';

/** A check that is taken out of a copy of the sources: one stretch of text, which must be there once. */
type Mutant = { file: string; was: string; is: string; tests: readonly string[] };

const fuzzPackets = 8_000;
const fuzzTest = `${fuzzPackets} random packets fare as in the model`;

const mutants: Readonly<Record<string, Mutant>> = {
  'the policy lookup': {
    file: 'lib/policy.h',
    was: 'if (!(endpoint->flags & flag))',
    is: 'if (flag)',
    tests: [
      'default deny drops what no rule allows, in its own direction alone',
      'a rule allows its peer, protocol and port, and nothing beside',
      'a denial of a peer outdoes what is allowed to everybody',
      'with the next epoch a connection that is no longer allowed is cut in both directions',
    ],
  },
  'the lookup of everybody’s policy': {
    file: 'lib/policy.h',
    was: 'key.identity = IDENTITY_UNKNOWN;',
    is: '',
    tests: ['port ranges end where they say', 'a denial of a peer outdoes what is allowed to everybody'],
  },
  'the CT lookup': {
    file: 'lib/conntrack.h',
    was: 'known = entry && entry->expires > now;',
    is: 'known = 0;',
    tests: ['answers pass a default deny, and are told of as such', 'policy is asked once for a connection'],
  },
  'the CT check of answers': {
    file: 'lib/conntrack.h',
    was: 'if (is_answer(packet))',
    is: 'if (0)',
    tests: ['an answer to nothing opens nothing', 'an expired connection is none'],
  },
  'the CT check of age': {
    file: 'lib/conntrack.h',
    was: 'known = entry && entry->expires > now;',
    is: 'known = entry != NULL;',
    tests: ['an expired connection is none', 'datagrams are answered for a minute'],
  },
  'the CT check of the epoch': {
    file: 'lib/conntrack.h',
    was: 'return entry->epoch == crossing->epoch && !(entry->flags & CT_REVOKED);',
    is: 'return !!crossing && !(entry->flags & CT_REVOKED);',
    tests: ['with the next epoch a connection that is no longer allowed is cut in both directions'],
  },
  'the CT check of who sends a reset': {
    file: 'lib/conntrack.h',
    was: '(packet->tcp_flags & TCP_RST) && !agreed',
    is: '(packet->tcp_flags & TCP_RST) && agreed <= CT_REPLIED',
    tests: ['one side’s reset, which the other may ignore, has nobody forget what both have agreed to'],
  },
  'the anti-spoofing check at the pod': {
    file: 'pod.bpf.c',
    was: `endpoint = endpoint_find(&packet->source);
	if (!endpoint || endpoint->ifindex != skb->ifindex)`,
    is: `endpoint = endpoint_find(&packet->source);
	if (!endpoint)`,
    tests: ['a pod does not send in another’s name', 'a first fragment in another pod’s name is not noted'],
  },
  'the anti-spoofing check at the uplink': {
    file: 'lib/conntrack.h',
    was: 'if (crossing->from_network && peer.is_local)',
    is: 'if (0)',
    tests: ['the network does not send with this node’s address, or its pods’', 'nor by way of the node’s stack'],
  },
  'the anti-spoofing check of open connections': {
    file: 'lib/conntrack.h',
    was: 'return crossing->from_network && (entry->flags & CT_LOCAL);',
    is: 'return crossing->from_network && !entry;',
    tests: ['nor into a connection that is open'],
  },
  'the check of whom a pod tells of errors': {
    file: 'lib/conntrack.h',
    was: 'is_own = addr_equal(&quoted->source, &packet->destination) &&',
    is: 'is_own = (crossing->direction == EGRESS || addr_equal(&quoted->source, &packet->destination)) &&',
    tests: ['a pod tells only who has sent it something, and no third party'],
  },
};

const sources = join(import.meta.dirname, '../..');
const files = ['policy', 'connection', 'spoofing', 'fragment', 'icmp-error', 'fuzz'].map((name) =>
  join(import.meta.dirname, `${name}.bpf.test.ts`),
);

testInNamespaces(import.meta.filename, () => {
  let copy: string;

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'lab-bpf-mutant-'));
    for (const part of ['Makefile', 'lib', 'pod.bpf.c', 'uplink.bpf.c']) {
      await cp(join(sources, part), join(copy, part), { recursive: true });
    }
  });
  after(() => rm(copy, { recursive: true, force: true }));

  test('a copy of the sources as they are passes', async () => {
    assert.deepEqual(await failures(copy), []);
  });

  for (const [name, { file, was, is, tests }] of Object.entries(mutants)) {
    test(`without ${name} tests fail`, async () => {
      const path = join(copy, file);
      const text = await readFile(path, 'utf8');
      assert.equal(text.split(was).length, 2, `${file} has "${was}" once`);
      await writeFile(path, text.replace(was, is));
      try {
        const failed = await failures(copy);
        const expected = [fuzzTest, ...tests.flatMap((each) => [`${each} (v4)`, `${each} (v6)`])];
        assert.deepEqual(
          expected.filter((each) => !failed.includes(each)),
          [],
          `these fail: ${failed.join('; ')}`,
        );
      } finally {
        await writeFile(path, text);
      }
    });
  }
});

/** The packet tests that fail with the programs of a copy of bpf/. */
async function failures(copy: string): Promise<string[]> {
  const objects = await buildObjects(['pod.bpf.o', 'uplink.bpf.o'], copy);
  try {
    const args = ['--test', '--test-reporter=tap', '--test-concurrency=1', ...files];
    const env = { ...environment(), ...withObjects(objects.directory), LAB_FUZZ_PACKETS: `${fuzzPackets}` };
    const { stdout } = await tryExec(process.execPath, args, { env, extendEnv: false });
    const results = [...stdout.matchAll(/^\s*(not )?ok \d+ - (.*?)( #.*)?$/gm)];
    assert.ok(results.length > 50, stdout);
    return results.flatMap(([, failed, name = '']) => (failed === undefined ? [] : [name]));
  } finally {
    await objects.remove();
  }
}

/** This process's own, without what would keep Node from running tests inside a test. */
function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (pair): pair is [string, string] => pair[1] !== undefined && pair[0] !== 'NODE_TEST_CONTEXT',
    ),
  );
}
