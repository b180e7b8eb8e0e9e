import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvidenceRecord, evidenceRecord, noEvidence } from './evidence-record.ts';

const check = {
  claim: 'each request passes Envoy',
  counter: 'rq',
  expected: '100',
  measured: 100,
  unread: null,
  held: true,
};
const seen = { where: 'between the nodes', packets: 40, payloadBytes: 9000, requestBytes: 9000 };
const capture = { ...seen, expected: 'ciphertext' as const, plaintextFound: false };
const twin = { ...seen, expected: 'plaintext' as const, plaintextFound: true };

test('evidence whose checks and captures hold is valid', () => {
  const record = EvidenceRecord.parse(evidenceRecord([check], [capture, twin]));
  assert.equal(record.valid, true);
  assert.deepEqual(record.reasons, []);
});

test('a check that does not hold says what was expected and what was found', () => {
  const { valid, reasons } = EvidenceRecord.parse(evidenceRecord([{ ...check, measured: 0, held: false }, check], []));
  assert.equal(valid, false);
  assert.deepEqual(reasons, [
    'The claim "each request passes Envoy" does not hold: rq had to grow by 100, but it grew by 0.',
  ]);
  const unread = evidenceRecord([{ ...check, measured: null, held: false }], []);
  assert.match(unread.reasons.join(), /could not be read/);
});

test('no check at all proves nothing', () => {
  assert.equal(EvidenceRecord.parse(evidenceRecord([], [capture, twin])).valid, false);
});

for (const [what, broken, reason] of [
  ['plaintext on the wire', { ...capture, plaintextFound: true }, /found plaintext/],
  ['a twin that is blind', { ...twin, plaintextFound: false }, /would not have noticed/],
  ['a capture of nothing', { ...capture, packets: 0 }, /saw no packet/],
  ['a capture of less than was sent', { ...capture, payloadBytes: 8999 }, /saw 8999 bytes .* had 9000: .*another way/],
  ['a twin that saw less than was sent', { ...twin, payloadBytes: 8999 }, /saw 8999 bytes/],
] as const) {
  test(`${what} makes evidence invalid`, () => {
    const { valid, reasons } = EvidenceRecord.parse(evidenceRecord([check], [broken]));
    assert.equal(valid, false);
    assert.match(reasons.join(), reason);
  });
}

test('evidence that could not be had is not valid, for that reason', () => {
  const { valid, reasons } = EvidenceRecord.parse(noEvidence('The kernel dropped 1 packet.'));
  assert.deepEqual([valid, reasons], [false, ['The kernel dropped 1 packet.']]);
});

test('a record that contradicts itself is refused', () => {
  const record = evidenceRecord([check], [capture, twin]);
  assert.ok(EvidenceRecord.safeParse(record).success);
  for (const contradiction of [
    { ...record, checks: [{ ...check, held: false }] },
    { ...record, captures: [{ ...capture, held: false }] },
    { ...record, reasons: ['something is wrong'] },
    { ...record, valid: false },
  ]) {
    assert.equal(EvidenceRecord.safeParse(contradiction).error?.issues[0]?.path.join('.'), 'valid');
  }
});
