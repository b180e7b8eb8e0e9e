import type { PolicyEntry } from '../policy/compile.ts';
import { definitions } from './numbers.ts';
import { offsetsOf } from './offsets.ts';
import { newRecord, uint32At } from './record.ts';
import { structs } from './structs.ts';

const policyKeyAt = offsetsOf('policy_key');
const policyEntryAt = offsetsOf('policy_entry');

export function policyKey({ identity, direction, protocol, port, prefixBits }: PolicyEntry): Uint8Array {
  const { bytes, view } = newRecord(structs.policy_key.size);
  view.setUint32(policyKeyAt.prefixlen, definitions.POLICY_STATIC_BITS + prefixBits, true);
  view.setUint32(policyKeyAt.identity, identity, true);
  bytes[policyKeyAt.direction] = direction;
  bytes[policyKeyAt.protocol] = protocol;
  view.setUint16(policyKeyAt.port, port);
  return bytes;
}

export function policyRecord({ rule, deny }: Pick<PolicyEntry, 'rule' | 'deny'>): Uint8Array {
  const { bytes, view } = newRecord(structs.policy_entry.size);
  view.setUint32(policyEntryAt.rule, rule, true);
  bytes[policyEntryAt.deny] = deny ? 1 : 0;
  return bytes;
}

/** What a record of a policy says. */
export function decisionOf(record: Uint8Array): Pick<PolicyEntry, 'rule' | 'deny'> {
  return { rule: uint32At(record, policyEntryAt.rule), deny: record[policyEntryAt.deny] !== 0 };
}
