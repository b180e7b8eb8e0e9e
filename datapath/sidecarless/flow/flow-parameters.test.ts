import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import { type FlowParameters, readFlowParameters, writeFlowParameters } from './flow-parameters.ts';

const read = (text: string) => readFlowParameters(new URLSearchParams(text));

test('what one side writes the other reads', () => {
  const all: FlowParameters = {
    filter: {
      pods: ['shop/web', 'client&last=3'],
      namespaces: ['shop'],
      from: ['reserved:world'],
      to: ['10.0.0.1', 'fd00::1'],
      verdicts: ['DROPPED'],
      types: ['drop'],
      ports: [80, 443],
      protocols: ['tcp'],
    },
    last: 0,
    follow: true,
    after: { agent: 'a1', sequence: 17 },
  };
  assert.deepEqual(read(writeFlowParameters(all)), all);
  const few: FlowParameters = { filter: {}, last: 20, follow: false, after: null };
  assert.deepEqual(read(writeFlowParameters(few)), few);
});

test('what is not said has a default', () => {
  assert.deepEqual(read(''), { filter: {}, last: 100, follow: false, after: null });
});

test('what is wrong is refused', () => {
  for (const text of ['last=many', 'last=-1', 'last=1&last=2', 'follow=yes', 'port=http', 'verdicts=DROPPED']) {
    assert.throws(
      () => read(text),
      (error) => error instanceof LabError && error.code === 'LAB_FLOW_PARAMETERS',
      text,
    );
  }
});
